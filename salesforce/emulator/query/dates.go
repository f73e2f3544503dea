package query

import (
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

// relativeDate gives the days [first, after) that a literal such as TODAY means,
// in UTC, which is the zone of the org's user.
func relativeDate(v soql.Value, now time.Time) (first, after time.Time) {
	y, m, d := now.Date()
	day := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	switch v.Text {
	case "YESTERDAY":
		return day(y, m, d-1), day(y, m, d)
	case "TOMORROW":
		return day(y, m, d+1), day(y, m, d+2)
	case "LAST_MONTH":
		return day(y, m-1, 1), day(y, m, 1)
	case "THIS_MONTH":
		return day(y, m, 1), day(y, m+1, 1)
	case "NEXT_MONTH":
		return day(y, m+1, 1), day(y, m+2, 1)
	case "LAST_YEAR":
		return day(y-1, 1, 1), day(y, 1, 1)
	case "THIS_YEAR":
		return day(y, 1, 1), day(y+1, 1, 1)
	case "NEXT_YEAR":
		return day(y+1, 1, 1), day(y+2, 1, 1)
	case "LAST_N_DAYS": // today counts
		return day(y, m, d-v.N), day(y, m, d+1)
	case "NEXT_N_DAYS":
		return day(y, m, d+1), day(y, m, d+v.N+1)
	}
	return day(y, m, d), day(y, m, d+1)
}
