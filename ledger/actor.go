package ledger

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// ActorSalesforce is who decided on what Salesforce states, as far as we are told: no
// person.
const ActorSalesforce = "Salesforce"

// IsSameActor says whether two names are of one person, as far as names tell: capitals,
// blanks, the forms in which a letter can be written and what is not shown make no
// difference. Whoever is asked to approve what another entered must not be the same (R8.5).
func IsSameActor(a, b string) bool { return actorKey(a) == actorKey(b) }

// actorKey is what names of one person have in common.
func actorKey(name string) string {
	shown := strings.Map(func(r rune) rune {
		if !unicode.IsSpace(r) && unicode.In(r, unicode.C, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	return strings.Join(strings.Fields(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(shown)))), " ")
}

// alike are the alphabets whose letters can be taken for each other's.
var alike = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee}

// IsActorName says whether a name can be told from others by looking at it: it has nothing
// that is not shown (RFC 8266), and does not mix alphabets that look alike
// (https://www.unicode.org/reports/tr39/#Restriction_Level_Detection).
func IsActorName(name string) bool {
	if _, err := precis.Nickname.String(name); err != nil {
		return false
	}
	alphabets := 0
	for _, alphabet := range alike {
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(alphabet, r) }) {
			alphabets++
		}
	}
	return alphabets <= 1
}
