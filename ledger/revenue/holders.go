package revenue

import (
	"cmp"
	"slices"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
)

// space is a Space that an opportunity may earn by, with its Partner ID history.
type space struct {
	id, name  string
	createdAt time.Time
	// joinedAt is when it became a Space of the opportunity's customer: at its
	// creation, or when a merge brought its customer to the opportunity's.
	joinedAt time.Time
	changes  []change // in order of instants
}

// change is one change point of a Space's Partner ID.
type change struct {
	at        time.Time
	partnerID string
	malformed bool
	cause     string
	rules     []string
}

// choose gives the Spaces by which an opportunity earns, and how it found them
// (R3.3): the one that it names; else those that were its customer's by the end of
// CloseDate; else the first to become its customer's later. Spaces are in no order.
func choose(named string, closeDate clock.Date, zone *time.Location, ofCustomer []space, byID func(string) (space, bool)) ([]space, string) {
	if named != "" {
		if s, ok := byID(named); ok {
			return []space{s}, "named by the opportunity"
		}
		return nil, ""
	}
	sorted := slices.Clone(ofCustomer)
	slices.SortFunc(sorted, func(a, b space) int {
		return cmp.Or(a.joinedAt.Compare(b.joinedAt), a.createdAt.Compare(b.createdAt), cmp.Compare(a.id, b.id))
	})
	end := closeDate.End(zone)
	n := 0
	for n < len(sorted) && sorted[n].joinedAt.Before(end) {
		n++
	}
	switch {
	case n == 1:
		return sorted[:1], "the only Space of its customer when it closed"
	case n > 1:
		return sorted[:n], "one of the Spaces of its customer when it closed"
	case len(sorted) > 0:
		return sorted[:1], "the first Space of its customer after it closed"
	}
	return nil, ""
}

// stretches turns the histories of the chosen Spaces into runs of days. The
// holder of a day is whoever is on the Space at the last instant before the next
// midnight (R3.4), so a change counts from the day on which it happens. Of several
// Spaces a day belongs to the ID that all of them hold (R3.3).
func stretches(spaces []space, zone *time.Location) []commission.Stretch {
	perSpace := make([][]commission.Stretch, len(spaces))
	var starts []clock.Date
	for i, s := range spaces {
		perSpace[i] = daysOf(s, zone)
		for _, st := range perSpace[i] {
			starts = append(starts, st.From)
		}
	}
	if len(spaces) == 1 {
		return perSpace[0]
	}
	slices.SortFunc(starts, func(a, b clock.Date) int { return a.DaysSince(b) })
	starts = slices.Compact(starts)
	out := make([]commission.Stretch, 0, len(starts))
	for _, day := range starts {
		out = append(out, agreed(perSpace, day))
	}
	return out
}

// daysOf gives the runs of days of one Space. Of the changes of one day the last counts.
func daysOf(s space, zone *time.Location) []commission.Stretch {
	out := make([]commission.Stretch, 0, len(s.changes))
	for _, c := range s.changes {
		st := commission.Stretch{
			From: clock.DateIn(c.at, zone), PartnerID: c.partnerID, Malformed: c.malformed,
			SpaceID: s.id, At: c.at, Cause: c.cause, Rules: c.rules,
		}
		if n := len(out); n > 0 && out[n-1].From == st.From {
			out[n-1] = st
			continue
		}
		out = append(out, st)
	}
	return out
}

// agreed gives what all Spaces hold on a day, or says that they differ.
func agreed(perSpace [][]commission.Stretch, day clock.Date) commission.Stretch {
	var out commission.Stretch
	for i, list := range perSpace {
		var here commission.Stretch
		for _, st := range list {
			if !st.From.After(day) {
				here = st
			}
		}
		if i == 0 {
			out = here
		} else if here.PartnerID != out.PartnerID || here.Malformed != out.Malformed {
			return commission.Stretch{From: day, Disagree: true}
		}
	}
	out.From = day
	return out
}
