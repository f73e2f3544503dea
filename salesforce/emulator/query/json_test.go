package query

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

func TestStringsComeBackFromJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,40}`), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		var got string
		b := AppendString([]byte("x"), s)
		if err := json.Unmarshal(b[1:], &got); err != nil || b[0] != 'x' {
			t.Fatalf("%q: %v in %s", s, err, b)
		}
		if utf8.ValidString(s) && got != s || !utf8.ValidString(s) && got != string([]rune(s)) {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

// Whatever was printed before, an instant prints as the schema prints it.
func TestInstantsPrintAsTheSchemaPrintsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c calendar
		seconds := rapid.Int64Range(time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(4000, 12, 31, 0, 0, 0, 0, time.UTC).Unix())
		near := rapid.Int64Range(-2*secondsADay, 2*secondsADay)
		for range 20 {
			unix := rapid.OneOf(seconds, near).Draw(t, "seconds")
			if got, want := string(c.append(nil, unix)), strings.TrimSuffix(schema.DateTimeText(unix), ".000+0000"); got != want {
				t.Fatalf("%d prints as %s, want %s", unix, got, want)
			}
		}
	})
}
