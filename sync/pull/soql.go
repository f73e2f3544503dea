package pull

import (
	"strings"
	"time"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// position is a place in the order of (stamp, id). Behind it come the records of
// its stamp with a larger id, and those of later stamps; with no id, all of its
// stamp too. The zero position is before everything.
type position struct {
	at time.Time
	id string
}

// condition is what a record behind the position meets, or "".
func (p position) condition(stamp string) string {
	at := salesforce.DateTime(p.at)
	switch {
	case p.at.IsZero():
		return ""
	case p.id == "":
		return stamp + " >= " + at
	}
	return "((" + stamp + " = " + at + " AND Id > " + salesforce.Quote(p.id) + ") OR " + stamp + " > " + at + ")"
}

// soql asks for the records behind a position, before until if that is set.
func soql(r mapping.Reading, from position, until time.Time) string {
	return "SELECT " + strings.Join(r.Fields, ", ") + " FROM " + r.Object + where(r, from, until) +
		" ORDER BY " + r.Stamp + ", Id"
}

// countSOQL asks for the number of records behind a position.
func countSOQL(r mapping.Reading, from position) string {
	return "SELECT COUNT() FROM " + r.Object + where(r, from, time.Time{})
}

// oldestSOQL asks for the instant of the oldest row of a history object, whatever
// field it is about.
func oldestSOQL(r mapping.Reading) string {
	return "SELECT " + r.At + " FROM " + r.Object + " ORDER BY " + r.At + " ASC NULLS LAST LIMIT 1"
}

func where(r mapping.Reading, from position, until time.Time) string {
	var all []string
	if r.Filter != "" {
		all = append(all, r.Filter)
	}
	if c := from.condition(r.Stamp); c != "" {
		all = append(all, c)
	}
	if !until.IsZero() {
		all = append(all, r.Stamp+" < "+salesforce.DateTime(until))
	}
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}
