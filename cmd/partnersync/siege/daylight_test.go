package siege_test

import (
	"testing"
	"time"

	"github.com/partnersync/partnersync/sync/schedule"
)

// TestDaylightSaving walks through both changes of Berlin's clock: each instant of a
// line comes once, in order, and looking back from any of them finds it. The day of
// 23 hours has as many runs as it has room for, and so has that of 25.
func TestDaylightSaving(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	for _, c := range []struct {
		day, line string
		want      int
	}{
		{"2026-03-29", "*/30 * * * *", 46}, {"2026-10-25", "*/30 * * * *", 50}, {"2026-10-26", "*/30 * * * *", 48},
		{"2026-03-29", "@every 5m", 23 * 12}, {"2026-10-25", "@every 5m", 25 * 12},
		{"2026-03-29", "15 3 * * *", 1}, {"2026-10-25", "15 3 * * *", 1},
		{"2026-03-29", "0 0 * * *", 1}, {"2026-10-25", "0 0 * * *", 1},
	} {
		s, err := schedule.Parse(c.line, berlin)
		must(t, err)
		begin, err := time.ParseInLocation(time.DateOnly, c.day, berlin)
		must(t, err)
		end := begin.AddDate(0, 0, 1)
		n := 0
		for at := s.Next(begin.Add(-time.Second)); at.Before(end); at = s.Next(at) {
			if last := schedule.Previous(s, at.Add(700*time.Millisecond)); !last.Equal(at) {
				t.Errorf("%s on %s: looking back from %s finds %s", c.line, c.day, at, last)
			}
			if n++; n > 1000 {
				t.Fatalf("%s does not move on at %s", c.line, at)
			}
		}
		if n != c.want {
			t.Errorf("%s on %s comes due %d times, want %d", c.line, c.day, n, c.want)
		}
	}
}
