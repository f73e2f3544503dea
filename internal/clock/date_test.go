package clock_test

import (
	"encoding/json"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
)

func day(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDatesCountAsTheCalendarDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 4_000_000).Draw(rt, "day"))
		d := clock.NewDate(at.Year(), at.Month(), at.Day())
		if d.String() != at.Format(time.DateOnly) || d.IsZero() {
			rt.Fatalf("%s is written %s", at, d)
		}
		if m := d.Month(); m.String() != at.Format("2006-01") {
			rt.Fatalf("the month of %s is written %s", at, m)
		}
		n := rapid.IntRange(-1000, 1000).Draw(rt, "n")
		if later := d.AddDays(n); later.DaysSince(d) != n || later.After(d) != (n > 0) {
			rt.Fatalf("%s + %d = %s", d, n, later)
		}
	})
}

func TestParseDateRefusesWhatIsNone(t *testing.T) {
	for _, s := range []string{"", "2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "2026-01-01T00:00:00Z"} {
		if d, err := clock.ParseDate(s); err == nil {
			t.Errorf("%q is taken for %s", s, d)
		}
	}
	if d := day(t, "0001-01-01"); d.IsZero() {
		t.Error("the first day of the calendar is taken for no date")
	}
}

func TestADayOfTheCompanyZone(t *testing.T) {
	for _, c := range []struct{ zone, date, start, end string }{
		{"UTC", "2026-03-15", "2026-03-15T00:00:00Z", "2026-03-16T00:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},     // 23 hours
		{"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},     // 25 hours
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}, // its midnight did not exist
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},      // the day before did not exist
	} {
		z := zone(t, c.zone)
		d := day(t, c.date)
		if got := d.Start(z).Format(time.RFC3339); got != c.start {
			t.Errorf("%s in %s starts at %s, want %s", d, z, got, c.start)
		}
		if got := d.End(z).Format(time.RFC3339); got != c.end {
			t.Errorf("%s in %s ends at %s, want %s", d, z, got, c.end)
		}
		if got := clock.DateIn(d.Start(z), z); got != d {
			t.Errorf("the start of %s in %s lies in %s", d, z, got)
		}
		if got := clock.DateIn(d.Start(z).Add(-time.Nanosecond), z); !got.Before(d) {
			t.Errorf("the instant before %s in %s lies in %s", d, z, got)
		}
	}
}

func TestMonths(t *testing.T) {
	m := day(t, "2024-02-10").Month()
	if m.String() != "2024-02" || m.First() != day(t, "2024-02-01") || m.Last() != day(t, "2024-02-29") || m.Next().String() != "2024-03" {
		t.Errorf("%s: %s to %s, then %s", m, m.First(), m.Last(), m.Next())
	}
	if dec := day(t, "2024-12-31").Month(); dec.Next().String() != "2025-01" || !m.Before(dec) {
		t.Errorf("after %s comes %s", dec, dec.Next())
	}
}

func TestDatesAsJSON(t *testing.T) {
	type doc struct {
		On    clock.Date  `json:"on"`
		Month clock.Month `json:"month"`
	}
	for _, d := range []doc{{}, {On: day(t, "2026-10-31"), Month: day(t, "2026-10-31").Month()}} {
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back doc
		if err := json.Unmarshal(raw, &back); err != nil || back != d {
			t.Errorf("%s reads back as %+v (%v)", raw, back, err)
		}
	}
}
