package soql

import (
	"strings"
	"time"
)

// relative says which days a relative date means: a number of units, from the
// unit that lies so many after the present one. Where counted is true the
// number after the colon takes part.
type relative struct {
	unit    string
	counted bool
	span    func(n int) (from, units int)
}

// relativeDates are the language's relative dates. Fiscal ones are the same as
// those of the calendar, as in an org with a standard fiscal year from January.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm
var relativeDates = buildRelativeDates()

func buildRelativeDates() map[string]relative {
	at := func(from, units int) func(int) (int, int) { return func(int) (int, int) { return from, units } }
	out := map[string]relative{
		"YESTERDAY": {"DAY", false, at(-1, 1)}, "TODAY": {"DAY", false, at(0, 1)}, "TOMORROW": {"DAY", false, at(1, 1)},
		// The last days count today in, the next days do not.
		"LAST_90_DAYS": {"DAY", false, at(-90, 91)}, "NEXT_90_DAYS": {"DAY", false, at(1, 90)},
		"LAST_N_DAYS": {"DAY", true, func(n int) (int, int) { return -n, n + 1 }},
		"NEXT_N_DAYS": {"DAY", true, func(n int) (int, int) { return 1, n }},
		"N_DAYS_AGO":  {"DAY", true, func(n int) (int, int) { return -n, 1 }},
	}
	for _, unit := range []string{"WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"} {
		calendar := strings.TrimPrefix(unit, "FISCAL_")
		out["LAST_"+unit] = relative{calendar, false, at(-1, 1)}
		out["THIS_"+unit] = relative{calendar, false, at(0, 1)}
		out["NEXT_"+unit] = relative{calendar, false, at(1, 1)}
		out["LAST_N_"+unit+"S"] = relative{calendar, true, func(n int) (int, int) { return -n, n }}
		out["NEXT_N_"+unit+"S"] = relative{calendar, true, func(n int) (int, int) { return 1, n }}
		out["N_"+unit+"S_AGO"] = relative{calendar, true, func(n int) (int, int) { return -n, 1 }}
	}
	return out
}

// Days gives the days [first, after) that a DateLiteral means at the instant
// now, in UTC. Weeks begin on Sunday.
func (v Value) Days(now time.Time) (first, after time.Time) {
	r := relativeDates[v.Text]
	from, units := 0, 1
	if r.span != nil {
		from, units = r.span(v.N)
	}
	y, m, d := now.UTC().Date()
	start := func(n int) time.Time {
		switch r.unit {
		case "WEEK":
			return time.Date(y, m, d-int(now.UTC().Weekday())+7*n, 0, 0, 0, 0, time.UTC)
		case "MONTH":
			return time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		case "QUARTER":
			return time.Date(y, m-(m-1)%3+time.Month(3*n), 1, 0, 0, 0, 0, time.UTC)
		case "YEAR":
			return time.Date(y+n, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		return time.Date(y, m, d+n, 0, 0, 0, 0, time.UTC)
	}
	return start(from), start(from + units)
}
