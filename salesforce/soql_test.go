package salesforce

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQuoteEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"":                  `''`,
		"O'Hara":            `'O\'Hara'`,
		`a\`:                `'a\\'`,
		`\'`:                `'\\\''`,
		"x\n\r\t\b\f":       `'x\n\r\t\b\f'`,
		`%_"é`:              `'%_"é'`,
		"' OR Name != '":    `'\' OR Name != \''`,
		"AB1234' LIMIT 0--": `'AB1234\' LIMIT 0--'`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// TestNothingEndsAQuotedLiteral reads literals back as SOQL does.
func TestNothingEndsAQuotedLiteral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		q := Quote(in)
		body := q[1 : len(q)-1]
		var out strings.Builder
		for i := 0; i < len(body); i++ {
			switch {
			case body[i] == '\'':
				t.Fatalf("%s ends at %d", q, i)
			case body[i] == '\\':
				i++
				plain := strings.IndexByte(`nrtbf`, body[i])
				if plain >= 0 {
					out.WriteByte("\n\r\t\b\f"[plain])
					continue
				}
			}
			out.WriteByte(body[i])
		}
		if out.String() != in {
			t.Fatalf("%s reads as %q, want %q", q, out.String(), in)
		}
	})
}

func TestDateTimeIsUTCToTheMillisecondAndNeverRoundedUp(t *testing.T) {
	at := time.Date(2026, 11, 20, 14, 0, 0, 999_999_999, time.FixedZone("", 2*3600))
	if got := DateTime(at); got != "2026-11-20T12:00:00.999Z" {
		t.Error(got)
	}
}

func TestParseTimeReadsThePlatformsForms(t *testing.T) {
	want := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, s := range []string{"2026-11-20T12:00:00.000+0000", "2026-11-20T14:30:00.000+0230", "2026-11-20T12:00:00.000Z", "2026-11-20T12:00:00Z"} {
		got, err := ParseTime(s)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "2026-11-20", "2026-11-20 12:00:00", "2026-13-20T12:00:00.000+0000", "null", "2026-11-20T12:00:00.000+0000x"} {
		if got, err := ParseTime(s); err == nil {
			t.Errorf("%q is read as %s", s, got)
		}
	}
}
