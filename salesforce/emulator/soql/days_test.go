package soql_test

import (
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

// The day is Wednesday, 20 May 2026.
func TestRelativeDates(t *testing.T) {
	now := time.Date(2026, 5, 20, 13, 14, 15, 0, time.UTC)
	for literal, want := range map[string]string{
		"YESTERDAY": "2026-05-19 2026-05-20", "TODAY": "2026-05-20 2026-05-21", "TOMORROW": "2026-05-21 2026-05-22",
		"LAST_WEEK": "2026-05-10 2026-05-17", "THIS_WEEK": "2026-05-17 2026-05-24", "NEXT_WEEK": "2026-05-24 2026-05-31",
		"LAST_MONTH": "2026-04-01 2026-05-01", "THIS_MONTH": "2026-05-01 2026-06-01", "NEXT_MONTH": "2026-06-01 2026-07-01",
		"LAST_90_DAYS": "2026-02-19 2026-05-21", "NEXT_90_DAYS": "2026-05-21 2026-08-19",
		"LAST_N_DAYS:3": "2026-05-17 2026-05-21", "NEXT_N_DAYS:3": "2026-05-21 2026-05-24", "N_DAYS_AGO:3": "2026-05-17 2026-05-18", "LAST_N_DAYS:0": "2026-05-20 2026-05-21",
		"LAST_N_WEEKS:2": "2026-05-03 2026-05-17", "NEXT_N_WEEKS:2": "2026-05-24 2026-06-07", "N_WEEKS_AGO:2": "2026-05-03 2026-05-10",
		"LAST_N_MONTHS:6": "2025-11-01 2026-05-01", "NEXT_N_MONTHS:2": "2026-06-01 2026-08-01", "N_MONTHS_AGO:6": "2025-11-01 2025-12-01",
		"LAST_QUARTER": "2026-01-01 2026-04-01", "THIS_QUARTER": "2026-04-01 2026-07-01", "NEXT_QUARTER": "2026-07-01 2026-10-01",
		"LAST_N_QUARTERS:2": "2025-10-01 2026-04-01", "NEXT_N_QUARTERS:3": "2026-07-01 2027-04-01", "N_QUARTERS_AGO:2": "2025-10-01 2026-01-01",
		"LAST_YEAR": "2025-01-01 2026-01-01", "THIS_YEAR": "2026-01-01 2027-01-01", "NEXT_YEAR": "2027-01-01 2028-01-01",
		"LAST_N_YEARS:2": "2024-01-01 2026-01-01", "NEXT_N_YEARS:2": "2027-01-01 2029-01-01", "N_YEARS_AGO:1": "2025-01-01 2026-01-01",
		"THIS_FISCAL_QUARTER": "2026-04-01 2026-07-01", "LAST_FISCAL_YEAR": "2025-01-01 2026-01-01", "N_FISCAL_QUARTERS_AGO:1": "2026-01-01 2026-04-01",
		"LAST_N_FISCAL_YEARS:1": "2025-01-01 2026-01-01", "NEXT_N_FISCAL_QUARTERS:1": "2026-07-01 2026-10-01",
	} {
		q, err := soql.Parse("SELECT Id FROM A WHERE B = " + literal)
		if err != nil {
			t.Errorf("%s: %v", literal, err)
			continue
		}
		first, after := q.Where.(*soql.Compare).Values[0].Days(now)
		if got := first.Format(time.DateOnly) + " " + after.Format(time.DateOnly); got != want {
			t.Errorf("%s: got %s, want %s", literal, got, want)
		}
	}
}

func TestDateParts(t *testing.T) {
	at := time.Date(2026, 5, 20, 13, 14, 15, 0, time.UTC)
	for f, want := range map[soql.Func]int{
		soql.CalendarMonth: 5, soql.CalendarQuarter: 2, soql.CalendarYear: 2026, soql.DayInMonth: 20, soql.DayInWeek: 4, soql.DayInYear: 140,
		soql.FiscalMonth: 5, soql.FiscalQuarter: 2, soql.FiscalYear: 2026, soql.HourInDay: 13, soql.WeekInMonth: 3, soql.WeekInYear: 20,
	} {
		if got := soql.DatePart(f, at); got != want {
			t.Errorf("%s: got %d, want %d", f, got, want)
		}
	}
}
