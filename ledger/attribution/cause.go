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
	// At is the instant of that record, where it is not the one from which the value
	// is held: of an invitation, and of a change dated before the subject's origin.
	At *time.Time `json:"at,omitempty"`
	// From is the subject upstream that it came from: of an invitation the Space,
	// of a creation the creator's profile.
	From string `json:"from,omitempty"`
	// FromAt is the instant since which the subject upstream held it.
	FromAt *time.Time `json:"from_at,omitempty"`
	// Via is why the subject upstream held it: one step, without its own Via.
	Via *Cause `json:"via,omitempty"`
}

// inherited gives the cause of what came from a point upstream.
func inherited(kind CauseKind, id, from string, held Point) Cause {
	at, via := held.At, held.Cause
	via.Via = nil
	return Cause{Kind: kind, ID: id, From: from, FromAt: &at, Via: &via}
}

// Rules are the numbers of the rules by which it came, nearest first.
func (c Cause) Rules() []string {
	var out []string
	switch c.Kind {
	case CauseInvitation:
		out = []string{"R2.1"}
	case CauseCreation:
		out = []string{"R2.2"}
	case CauseStated, CauseObserved:
		out = []string{"R2.6"}
	case CauseHistory:
		out = []string{"R2.5"}
	}
	if c.Via != nil {
		out = append(out, c.Via.Rules()...)
	}
	return out
}

// String says it for a person, without anybody's e-mail address.
func (c Cause) String() string {
	switch c.Kind {
	case CauseInvitation:
		return fmt.Sprintf("the user registered after invitation %s to Space %s", c.ID, c.From)
	case CauseCreation:
		const held = "its creator's profile held it when the Space was created"
		if c.Via == nil || c.Via.Kind == CauseNone {
			return held
		}
		return held + ", because " + c.Via.String()
	case CauseStated:
		return "Salesforce states it as the initial value (" + c.ID + ")"
	case CauseHistory:
		return "it was changed in Salesforce (history row " + c.ID + ")"
	case CauseObserved:
		return "a pull found it changed (" + c.ID + ")"
	}
	return "nothing brought a Partner ID"
}
