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

// before says whether p comes before q in the order.
func (p position) before(q position) bool {
	return p.at.Before(q.at) || p.at.Equal(q.at) && p.id < q.id
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

// soql asks for the records behind a position and before until, in their order.
func soql(r mapping.Reading, from position, until time.Time) string {
	return bulkSOQL(r, from, until) + " ORDER BY " + r.Stamp + ", Id"
}

// bulkSOQL asks for them in any order: one would keep the platform from working on
// parts of the object at once.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_create_job.htm
func bulkSOQL(r mapping.Reading, from position, until time.Time) string {
	return "SELECT " + strings.Join(r.Fields, ", ") + " FROM " + r.Object + where(r, from, until)
}

// countSOQL asks for the number of records behind a position and before until.
func countSOQL(r mapping.Reading, from position, until time.Time) string {
	return "SELECT COUNT() FROM " + r.Object + where(r, from, until)
}

// firstSOQL asks for the earliest stamp before until. Where stamps have an index that is one
// look into it, and MIN would go through all records.
func firstSOQL(r mapping.Reading, until time.Time) string {
	return "SELECT " + r.Stamp + " FROM " + r.Object + where(r, position{}, until) + " ORDER BY " + r.Stamp + " LIMIT 1"
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
	all = append(all, r.Stamp+" < "+salesforce.DateTime(until))
	return " WHERE " + strings.Join(all, " AND ")
}
