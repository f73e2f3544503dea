package clock

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a calendar date without a zone: a CloseDate, a day of a term. Two
// Dates are compared with ==, Before and After. The zero Date is "no date";
// the calendar runs from 0001-01-01 to 9999-12-31.
type Date struct {
	// n is 1 + the number of days since 0001-01-01 (proleptic Gregorian), so
	// that the zero value is free to mean "none".
	n int32
}

// Month is a calendar month, written "2026-10". The zero Month is "no month".
type Month struct {
	year int32
	mon  time.Month
}

const (
	dateLayout  = "2006-01-02"
	monthLayout = "2006-01"
	secondsADay = 86400
)

// dayOne is 0001-01-01 in Unix seconds.
var dayOne = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// NewDate gives the date of a year, month and day; days beyond the month's end
// run over into the next, as time.Date does.
func NewDate(year int, month time.Month, day int) Date {
	return dateOfUnix(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix())
}

func dateOfUnix(s int64) Date {
	return Date{n: int32((s-dayOne)/secondsADay) + 1}
}

// ParseDate reads "2026-10-31". It refuses anything else.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date like 2026-10-31", s)
	}
	return dateOfUnix(t.Unix()), nil
}

// DateIn gives the calendar date of an instant in a zone.
func DateIn(t time.Time, zone *time.Location) Date {
	y, m, d := t.In(zone).Date()
	return NewDate(y, m, d)
}

func (d Date) utc() time.Time {
	return time.Unix(dayOne+int64(d.n-1)*secondsADay, 0).UTC()
}

// IsZero says whether there is no date.
func (d Date) IsZero() bool { return d.n == 0 }

// String gives "2026-10-31", or "" for no date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	y, m, day := d.utc().Date()
	if y < 0 || y > 9999 {
		return d.utc().Format(dateLayout)
	}
	b := [len(dateLayout)]byte{4: '-', 7: '-'}
	digits(b[:4], y)
	digits(b[5:7], int(m))
	digits(b[8:], day)
	return string(b[:])
}

// digits writes a number with leading zeros. A line of the book writes a dozen dates,
// so they are not left to time's general way with layouts.
func digits(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

// Before says whether d is an earlier date than e.
func (d Date) Before(e Date) bool { return d.n < e.n }

// After says whether d is a later date than e.
func (d Date) After(e Date) bool { return d.n > e.n }

// AddDays gives the date n days later (earlier, if n is negative).
func (d Date) AddDays(n int) Date { return Date{n: d.n + int32(n)} }

// DaysSince counts the days from e to d: 0 for the same date.
func (d Date) DaysSince(e Date) int { return int(d.n - e.n) }

// Year is the date's year.
func (d Date) Year() int { return d.utc().Year() }

// Month is the date's calendar month.
func (d Date) Month() Month {
	y, m, _ := d.utc().Date()
	return Month{year: int32(y), mon: m}
}

// Start is the first instant of the date in a zone: the midnight with which it
// begins, or the first instant after a gap that swallows that midnight.
func (d Date) Start(zone *time.Location) time.Time {
	y, m, day := d.utc().Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, zone)
	// time.Date resolves a midnight that does not exist with one of the two
	// offsets; step on until the date is really d.
	for DateIn(t, zone).Before(d) {
		t = t.Add(15 * time.Minute)
	}
	return t.UTC()
}

// End is the instant at which the date is over in a zone: the Start of the next.
func (d Date) End(zone *time.Location) time.Time { return d.AddDays(1).Start(zone) }

// MinDate gives the earlier of two dates.
func MinDate(a, b Date) Date {
	if b.Before(a) {
		return b
	}
	return a
}

// MaxDate gives the later of two dates.
func MaxDate(a, b Date) Date {
	if b.After(a) {
		return b
	}
	return a
}

// MarshalText gives "2026-10-31", or nothing for no date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Value stores the date as Postgres' date; no date is NULL.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.String(), nil
}

// Scan reads Postgres' date; NULL is no date.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
	case time.Time:
		y, m, day := v.Date()
		*d = NewDate(y, m, day)
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	default:
		return fmt.Errorf("cannot read a date from %T", src)
	}
	return nil
}

// ParseMonth reads "2026-10".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthLayout, s)
	if err != nil {
		return Month{}, fmt.Errorf("%q is not a month like 2026-10", s)
	}
	return Month{year: int32(t.Year()), mon: t.Month()}, nil
}

// IsZero says whether there is no month.
func (m Month) IsZero() bool { return m.mon == 0 }

// String gives "2026-10", or "" for no month.
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	if m.year < 0 || m.year > 9999 {
		return m.First().utc().Format(monthLayout)
	}
	b := [len(monthLayout)]byte{4: '-'}
	digits(b[:4], int(m.year))
	digits(b[5:], int(m.mon))
	return string(b[:])
}

// First is the month's first day.
func (m Month) First() Date { return NewDate(int(m.year), m.mon, 1) }

// Last is the month's last day.
func (m Month) Last() Date { return NewDate(int(m.year), m.mon+1, 0) }

// Next is the month after.
func (m Month) Next() Month { return m.Last().AddDays(1).Month() }

// Before says whether m is earlier than o.
func (m Month) Before(o Month) bool {
	return m.year < o.year || m.year == o.year && m.mon < o.mon
}

// MarshalText gives "2026-10", or nothing for no month.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (m *Month) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*m = Month{}
		return nil
	}
	v, err := ParseMonth(string(b))
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// Value stores the month as text; no month is NULL.
func (m Month) Value() (driver.Value, error) {
	if m.IsZero() {
		return nil, nil
	}
	return m.String(), nil
}

// Scan reads what Value stores.
func (m *Month) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*m = Month{}
		return nil
	case string:
		return m.UnmarshalText([]byte(v))
	case []byte:
		return m.UnmarshalText(v)
	}
	return fmt.Errorf("cannot read a month from %T", src)
}
