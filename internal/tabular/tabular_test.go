package tabular

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNoTextIsAFormula, however it begins, and it stays readable.
func TestNoTextIsAFormula(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"Acme":                     "Acme",
		"=1+1":                     "'=1+1",
		"+49 30":                   "'+49 30",
		"-Minus":                   "'-Minus",
		"@x":                       "'@x",
		"\t=1":                     "' =1",
		"\rx":                      "' x",
		"\nx":                      "' x",
		" =1":                      "' =1",
		"\u00a0=1":                 "'\u00a0=1",
		"\u200b=1":                 "'\u200b=1",
		"＝1":                       "'＝1",
		"a\nb":                     "a b",
		"a=b":                      "a=b",
		"'=1":                      "'=1",
		"東京":                       "東京",
		"bad \xff end":             "bad \uFFFD end",
		"Acme; Sons":               "Acme; Sons",
		"Acme;=cmd|'/C calc'!A0;":  "Acme;'=cmd|'/C calc'!A0;",
		"Acme; \u200b-1;\t+2":      "Acme; \u200b'-1; '+2",
		"Acme;\"=1+1;\"\"\n@x;;＋1": "Acme;\"'=1+1;\"\" '@x;;'＋1",
		"=a;=b":                    "'=a;'=b",
	} {
		if got := Text(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestAnyTextIsOneHarmlessCell: whatever the text, the cell begins with no sign of a formula, nor does what
// stands behind a semicolon of it, and it is one line of UTF-8.
func TestAnyTextIsOneHarmlessCell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ ;"\t\r\n=+@-]{0,8}.{0,5}`)).Draw(t, "text")
		got := Text(s)
		if strings.ContainsAny(got, "\r\n") {
			t.Fatalf("%q has more than one line", got)
		}
		for i, part := range strings.Split(got, ";") {
			if i > 0 {
				part = strings.TrimLeft(part, ` "`)
			}
			if part = strings.TrimSpace(part); part != "" && strings.ContainsRune(formulas, []rune(part)[0]) {
				t.Fatalf("%q would be worked out", got)
			}
		}
	})
}
