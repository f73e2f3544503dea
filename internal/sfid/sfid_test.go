package sfid_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/sfid"
)

func TestR1_3_TheTwoFormsOfAnIDAreOne(t *testing.T) {
	for short, full := range map[string]string{
		"0065g00000XyZAb": "0065g00000XyZAbAAN", // the rulebook's own
		"00D0E000000Abcd": "00D0E000000AbcdUAC",
		"000000000000000": "000000000000000AAA",
		"ABCDEFGHIJKLMNO": "ABCDEFGHIJKLMNO555",
	} {
		for _, form := range []string{short, full, " " + short + "\n"} {
			if got, err := sfid.Parse(form); err != nil || got != full {
				t.Errorf("%q: %q (%v), want %q", form, got, err, full)
			}
		}
	}
}

func TestADamagedIDIsRefused(t *testing.T) {
	for _, id := range []string{
		"", "0065g", "0065g00000XyZAbAA", "0065g00000XyZAbAAA", strings.ToLower("0065g00000XyZAbAAN"), "0065g00000XyZA-", "0065g00000XyZAé",
	} {
		if got, err := sfid.Parse(id); err == nil {
			t.Errorf("%q is taken for %q", id, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0065g00000XyZAbAAN")
	f.Fuzz(func(t *testing.T, s string) {
		full, err := sfid.Parse(s)
		if err != nil {
			return
		}
		if again, err := sfid.Parse(full); err != nil || again != full || !strings.HasPrefix(full, strings.TrimSpace(s)[:15]) {
			t.Errorf("%q → %q → %q (%v)", s, full, again, err)
		}
	})
}
