package soql

import "time"

// Func is a function by its name in capitals.
type Func string

// The functions of the language.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_agg_functions.htm
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_date_functions.htm
const (
	Count         Func = "COUNT"
	CountDistinct Func = "COUNT_DISTINCT"
	Sum           Func = "SUM"
	Avg           Func = "AVG"
	Min           Func = "MIN"
	Max           Func = "MAX"
	// GroupingOf tells whether a row of ROLLUP or CUBE is a subtotal over a field.
	GroupingOf Func = "GROUPING"

	CalendarMonth   Func = "CALENDAR_MONTH"
	CalendarQuarter Func = "CALENDAR_QUARTER"
	CalendarYear    Func = "CALENDAR_YEAR"
	DayInMonth      Func = "DAY_IN_MONTH"
	DayInWeek       Func = "DAY_IN_WEEK"
	DayInYear       Func = "DAY_IN_YEAR"
	DayOnly         Func = "DAY_ONLY"
	FiscalMonth     Func = "FISCAL_MONTH"
	FiscalQuarter   Func = "FISCAL_QUARTER"
	FiscalYear      Func = "FISCAL_YEAR"
	HourInDay       Func = "HOUR_IN_DAY"
	WeekInMonth     Func = "WEEK_IN_MONTH"
	WeekInYear      Func = "WEEK_IN_YEAR"

	Format          Func = "FORMAT"
	ToLabel         Func = "TOLABEL"
	ConvertCurrency Func = "CONVERTCURRENCY"

	convertTimezone Func = "CONVERTTIMEZONE"
	fieldsFunc      Func = "FIELDS"
)

type funcClass int

const (
	aggregateFunc funcClass = iota + 1
	dateFunc
	wrapFunc
)

var funcClasses = map[Func]funcClass{
	Count: aggregateFunc, CountDistinct: aggregateFunc, Sum: aggregateFunc, Avg: aggregateFunc,
	Min: aggregateFunc, Max: aggregateFunc, GroupingOf: aggregateFunc,
	CalendarMonth: dateFunc, CalendarQuarter: dateFunc, CalendarYear: dateFunc, DayInMonth: dateFunc,
	DayInWeek: dateFunc, DayInYear: dateFunc, DayOnly: dateFunc, FiscalMonth: dateFunc, FiscalQuarter: dateFunc,
	FiscalYear: dateFunc, HourInDay: dateFunc, WeekInMonth: dateFunc, WeekInYear: dateFunc,
	Format: wrapFunc, ToLabel: wrapFunc, ConvertCurrency: wrapFunc,
}

// IsAggregate says whether the function makes one value of many records.
func (f Func) IsAggregate() bool { return funcClasses[f] == aggregateFunc }

// IsDate says whether the function takes a part of a date.
func (f Func) IsDate() bool { return funcClasses[f] == dateFunc }

// NeedsTime says whether the function is for instants only, not for dates.
func (f Func) NeedsTime() bool { return f == HourInDay || f == DayOnly }

// DatePart gives what a date function other than DayOnly makes of an instant in
// UTC. Weeks count from the first day of the month or year, days of the week
// from Sunday, and the fiscal year is the calendar year.
func DatePart(f Func, t time.Time) int {
	switch f {
	case CalendarMonth, FiscalMonth:
		return int(t.Month())
	case CalendarQuarter, FiscalQuarter:
		return (int(t.Month())-1)/3 + 1
	case CalendarYear, FiscalYear:
		return t.Year()
	case DayInMonth:
		return t.Day()
	case DayInWeek:
		return int(t.Weekday()) + 1
	case DayInYear:
		return t.YearDay()
	case HourInDay:
		return t.Hour()
	case WeekInMonth:
		return (t.Day()-1)/7 + 1
	case WeekInYear:
		return (t.YearDay()-1)/7 + 1
	}
	return 0
}
