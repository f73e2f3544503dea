package attribution

import (
	"fmt"
	"time"
)

// CauseKind says what brought a value onto a profile or a Space.
type CauseKind string

// The causes.
const (
	// CauseInvitation: registered after an invitation to a Space (R2.1).
	CauseInvitation CauseKind = "invitation"
	// CauseCreation: created by somebody whose profile held it (R2.2).
	CauseCreation CauseKind = "creation"
	// CauseStated: Salesforce states it as the record's initial value (R2.6).
	CauseStated CauseKind = "stated"
	// CauseHistory: changed by somebody, says a history row (R2.4, R2.5).
	CauseHistory CauseKind = "history"
	// CauseObserved: changed between two pulls; no history row tells when (R2.6).
	CauseObserved CauseKind = "observed"
	// CauseNone: nothing brought anything.
	CauseNone CauseKind = "none"
)

// Cause says why a point of a history holds what it holds.
type Cause struct {
	Kind CauseKind `json:"kind"`
	// ID is the Salesforce id of the record that states it: the invitation, the
	// history row, the record itself.
	ID string `json:"id,omitempty"`
	// From is the subject upstream that it came from: of an invitation the Space,
	// of a creation the creator's profile.
	From string `json:"from,omitempty"`
	// FromAt is the instant since which the subject upstream held it.
	FromAt *time.Time `json:"from_at,omitempty"`
}

// String says it for a person, without anybody's e-mail address.
func (c Cause) String() string {
	switch c.Kind {
	case CauseInvitation:
		return fmt.Sprintf("the user registered after invitation %s to Space %s", c.ID, c.From)
	case CauseCreation:
		return "its creator's profile held it when the Space was created"
	case CauseStated:
		return "Salesforce states it as the initial value (" + c.ID + ")"
	case CauseHistory:
		return "it was changed in Salesforce (history row " + c.ID + ")"
	case CauseObserved:
		return "a pull found it changed (" + c.ID + ")"
	}
	return "nothing brought a Partner ID"
}
