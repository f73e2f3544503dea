package ledger

import "strings"

// IsSameActor says whether two names are of one person, as far as names tell: blanks
// around them and capitals make no difference. Whoever is asked to approve what
// another entered must not be the same (R8.5).
func IsSameActor(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
