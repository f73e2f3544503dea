package attribution

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/partnersync/partnersync/ledger"
)

// profileFacts is all that decides about one profile.
type profileFacts struct {
	key         string
	records     []profileRecord
	quickStarts []time.Time  // instants of the QuickStarts that its user ran (R2.3)
	invitations []invitation // to any of its addresses
	horizon     time.Time    // how far back history of user records goes (R2.6); zero if nothing tells
}

// profileRecord is one user record of the profile.
type profileRecord struct {
	ID           string    `db:"id"`
	Profile      string    `db:"profile"`
	RegisteredAt time.Time `db:"registered_at"`
	RecordedAt   time.Time `db:"recorded_at"` // when it was made in Salesforce, or else RegisteredAt
	IsDeleted    bool      `db:"is_deleted"`
	statements   []Statement
}

// invitation is one invitation with the Space that it invites to.
type invitation struct {
	id, spaceID, spaceKey string
	at                    time.Time
	spaceCreatedAt        time.Time
	spaceHistory          []Point
}

// spaceFacts is all that decides about one Space.
type spaceFacts struct {
	id            string
	createdAt     time.Time
	recordedAt    time.Time // when its record was made in Salesforce, or else createdAt
	isQuickStart  bool
	creator       string // e-mail key that the Space states
	installLead   string // e-mail key of its install's Lead
	profile       string // the profile of whoever created it; "" if unknown
	profilePoints []Point
	statements    []Statement
	horizon       time.Time // how far back history of Spaces goes (R2.6); zero if nothing tells
}

// derived is the outcome for one subject.
type derived struct {
	points       []Point
	registeredAt time.Time // of a profile; the zero Time if it does not exist
	found        []ledger.Discrepancy
}

// deriveProfile works out a profile's history (R2.1, R2.3, R2.6, R2.7, R2.10).
func deriveProfile(f profileFacts) derived {
	slices.SortFunc(f.records, func(a, b profileRecord) int {
		return cmp.Or(a.RegisteredAt.Compare(b.RegisteredAt), cmp.Compare(a.ID, b.ID))
	})
	registered, exists := f.registration()
	if !exists {
		return derived{}
	}
	out := derived{registeredAt: registered}
	if n := f.living(); n > 1 {
		out.found = append(out.found, discrepancy("profile", f.key, "duplicate_profile", "R2.10", false,
			"%d user records share this e-mail address; %s, registered first, states the Partner ID. Merge them.",
			n, f.records[0].ID))
	}
	first := f.fromInvitation(registered)
	var says stated
	if len(f.records) > 0 {
		says = readStatements(f.records[0].statements)
		r := f.records[0]
		first = initial(first, says, r.ID, "profile", f.key, &out)
		out.found = append(out.found, incomplete("profile", f.key, "user record", r.RecordedAt, f.horizon, r.statements)...)
	}
	out.points = assemble(registered, first, says.changes)
	out.found = append(out.found, malformed("profile", f.key, out.points)...)
	return out
}

// living counts the records that are not deleted.
func (f profileFacts) living() int {
	n := 0
	for _, r := range f.records {
		if !r.IsDeleted {
			n++
		}
	}
	return n
}

// registration is the earliest of the profile's records and QuickStarts (R2.10).
func (f profileFacts) registration() (time.Time, bool) {
	var all []time.Time
	for _, r := range f.records {
		all = append(all, r.RegisteredAt)
	}
	all = append(all, f.quickStarts...)
	if len(all) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(all, time.Time.Compare), true
}

// fromInvitation gives what a new user takes from the earliest invitation at or
// before registration; a tie goes to the smaller Space key (R2.1). A Space that
// is created at that very instant comes after the registration (R2.9).
func (f profileFacts) fromInvitation(registered time.Time) Point {
	none := Point{Cause: Cause{Kind: CauseNone}}
	var chosen *invitation
	for i := range f.invitations {
		v := &f.invitations[i]
		if v.at.After(registered) {
			continue
		}
		if chosen == nil || v.at.Before(chosen.at) ||
			v.at.Equal(chosen.at) && (v.spaceKey < chosen.spaceKey || v.spaceKey == chosen.spaceKey && v.id < chosen.id) {
			chosen = v
		}
	}
	if chosen == nil || !chosen.spaceCreatedAt.Before(registered) {
		return none
	}
	held, ok := valueAt(chosen.spaceHistory, registered)
	if !ok || held.IsBlank() {
		return none
	}
	cause, invited := inherited(CauseInvitation, chosen.id, chosen.spaceID, held), chosen.at
	cause.At = &invited
	return Point{Value: held.Value, Cause: cause}
}

// deriveSpace works out a Space's history (R2.2, R2.3, R2.6, R2.7).
func deriveSpace(f spaceFacts) derived {
	var out derived
	if f.isQuickStart && f.creator != "" && f.installLead != "" && f.creator != f.installLead {
		out.found = append(out.found, discrepancy("Space", f.id, "creator_mismatch", "R2.3", false,
			"The Space's creator e-mail is not that of the Lead of its org's install; the Space's counts. Check who ran the QuickStart."))
	}
	first := Point{Cause: Cause{Kind: CauseNone}}
	if held, ok := valueAt(f.profilePoints, f.createdAt); !ok {
		out.found = append(out.found, discrepancy("Space", f.id, "space_without_creator", "R2.2", false,
			"The Space names no creator who had a profile when it was created, so no Partner ID could come with its creation. Fill in its creator e-mail, or state its Partner ID."))
	} else if !held.IsBlank() {
		first = Point{Value: held.Value, Cause: inherited(CauseCreation, "", f.profile, held)}
	}
	says := readStatements(f.statements)
	first = initial(first, says, f.id, "Space", f.id, &out)
	out.found = append(out.found, incomplete("Space", f.id, "Space", f.recordedAt, f.horizon, f.statements)...)
	out.points = assemble(f.createdAt, first, says.changes)
	out.found = append(out.found, malformed("Space", f.id, out.points)...)
	return out
}

// initial lets a stated initial value win over the derived one, and a blank yield
// to it; either difference is noted (R2.7).
func initial(first Point, says stated, recordID, object, subject string, out *derived) Point {
	switch {
	case !says.isStated || says.initial == first.Value:
		return first
	case says.initial.IsBlank():
		out.found = append(out.found, discrepancy(object, subject, "partner_id_missing_in_salesforce", "R2.7", false,
			"Salesforce states no initial Partner ID here, where %s follows: %s. Enter it, or clear it on purpose.",
			first.PartnerID, first.Cause))
		return first
	}
	if !first.IsBlank() {
		out.found = append(out.found, discrepancy(object, subject, "partner_id_mismatch", "R2.7", false,
			"Salesforce states %s, where %s follows: %s. What Salesforce states counts; check which is right.",
			says.initial.PartnerID, first.PartnerID, first.Cause))
	}
	return Point{Value: says.initial, Cause: Cause{Kind: CauseStated, ID: recordID}}
}

func malformed(object, subject string, points []Point) []ledger.Discrepancy {
	for _, p := range points {
		if p.Malformed {
			return []ledger.Discrepancy{discrepancy(object, subject, "malformed_partner_id", "R1.1", true,
				"%q is not a Partner ID: that is two letters and four digits, such as FG3877. Correct it in Salesforce.", p.PartnerID)}
		}
	}
	return nil
}

func discrepancy(object, subject, kind, rule string, isHold bool, format string, args ...any) ledger.Discrepancy {
	return ledger.Discrepancy{
		Kind: kind, Subject: subject, Object: object, Rule: rule, IsHold: isHold, Detail: fmt.Sprintf(format, args...),
	}
}
