package deal

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/ledger/commission"
)

// ParseStatus reads a status as it was stated. It may be any state of R5.2 in
// either case; a blank, or any other word, gives false: nobody guesses what it
// may have meant.
func ParseStatus(stated string) (commission.State, bool) {
	s := commission.State(strings.ToLower(strings.TrimSpace(stated)))
	_, known := after[s]
	return s, known
}

// after lists the states that may follow each state (R5.2).
var after = map[commission.State][]commission.State{
	commission.Draft:     {commission.Submitted},
	commission.Submitted: {commission.Approved, commission.Rejected, commission.Conflict, commission.Withdrawn},
	commission.Conflict:  {commission.Approved, commission.Rejected, commission.Withdrawn},
	commission.Approved:  {commission.Won, commission.Lost, commission.Expired, commission.Revoked},
	commission.Won:       {commission.Revoked},
	commission.Rejected:  nil,
	commission.Withdrawn: nil,
	commission.Lost:      nil,
	commission.Expired:   nil,
	commission.Revoked:   nil,
}

// MayFollow says whether a registration may go from one state to another (R5.2).
func MayFollow(from, to commission.State) bool { return slices.Contains(after[from], to) }

// decided gives what a person decided of a registration of a stated state. Conflict,
// won, lost and expired are worked out from facts: who states one of them has
// submitted, or approved, the registration.
func decided(stated commission.State) commission.State {
	switch stated {
	case commission.Conflict:
		return commission.Submitted
	case commission.Won, commission.Lost, commission.Expired:
		return commission.Approved
	}
	return stated
}
