package commission

import (
	"fmt"
	"strconv"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
)

// rewardSpan is one calendar month, quarter or year.
type rewardSpan struct {
	period RewardPeriod
	first  clock.Date
}

// spanOf gives the period that a day is in.
func (p RewardPeriod) spanOf(d clock.Date) rewardSpan {
	t := d.Start(time.UTC)
	month := t.Month()
	switch p {
	case PerQuarter:
		month -= (month - 1) % 3
	case PerYear:
		month = time.January
	}
	return rewardSpan{period: p, first: clock.NewDate(t.Year(), month, 1)}
}

func (p RewardPeriod) isKnown() bool { return p == PerMonth || p == PerQuarter || p == PerYear }

// String names the period in a sentence: "March 2026", "January to March 2026", "2026".
func (s rewardSpan) String() string {
	switch s.period {
	case PerQuarter:
		last := s.first.Month().Next().Next()
		return fmt.Sprintf("%s to %s", s.first.Start(time.UTC).Month(), monthName(last))
	case PerYear:
		return strconv.Itoa(s.first.Year())
	}
	return monthName(s.first.Month())
}

// monthsLater gives the day on which n months from d are over. Where the month that is
// reached has no such day, they last until it ends.
func monthsLater(d clock.Date, n int) clock.Date {
	t := d.Start(time.UTC)
	reached := clock.NewDate(t.Year(), t.Month()+time.Month(n), 1)
	day := reached.AddDays(t.Day() - 1)
	if last := reached.Month().Last(); day.After(last) {
		return last.AddDays(1)
	}
	return day
}
