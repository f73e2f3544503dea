package schedule

import (
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestParseGivesTheNextInstant(t *testing.T) {
	for _, tc := range []struct{ line, zone, from, want string }{
		{"*/15 * * * *", "UTC", "2026-11-20T10:01:00Z", "2026-11-20T10:15:00Z"},
		{"  30   2 * * *  ", "Europe/Berlin", "2026-11-20T10:00:00Z", "2026-11-21T01:30:00Z"},
		{"TZ=Asia/Tokyo 0 9 * * *", "Europe/Berlin", "2026-11-20T10:00:00Z", "2026-11-21T00:00:00Z"},
		{"CRON_TZ=Asia/Tokyo\t0 9 * * *", "UTC", "2026-11-20T10:00:00Z", "2026-11-21T00:00:00Z"},
		{"@hourly", "UTC", "2026-11-20T10:01:00Z", "2026-11-20T11:00:00Z"},
		{"TZ=Asia/Tokyo @daily", "UTC", "2026-11-20T10:01:00Z", "2026-11-20T15:00:00Z"},
		{"@every 10m", "Europe/Berlin", "2026-11-20T10:01:00.5Z", "2026-11-20T10:10:00Z"},
		{"@every 10m", "UTC", "2026-11-20T10:10:00Z", "2026-11-20T10:20:00Z"},
		{"@every 24h", "Europe/Berlin", "2026-11-20T10:10:00Z", "2026-11-21T00:00:00Z"},
		{"0 0 29 2 *", "UTC", "2026-11-20T10:10:00Z", "2028-02-29T00:00:00Z"},
		// The hour that Berlin skips has no instant; the one it repeats has two.
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", "2026-03-30T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
	} {
		s, err := Parse(tc.line, zone(t, tc.zone))
		if err != nil {
			t.Errorf("%q: %v", tc.line, err)
			continue
		}
		if got := s.Next(instant(t, tc.from)); !got.Equal(instant(t, tc.want)) {
			t.Errorf("%q in %s after %s: got %s, want %s", tc.line, tc.zone, tc.from, got.UTC(), tc.want)
		}
	}
}

func TestParseRefusesWithAReason(t *testing.T) {
	for _, line := range []string{
		"", "   ", "TZ=0", "TZ=UTC", "CRON_TZ=UTC ", "TZ= 0 0 * * *", "TZ=Local 0 0 * * *", "TZ=Nowhere/Here 0 0 * * *",
		"TZ=../../etc/passwd 0 0 * * *", "TZ=UTC TZ=UTC", "TZ=UTC CRON_TZ=UTC 0 0 * * *",
		"0 0 30 2 *", "0 0 31 4,6,9,11 *", ", * * * *", "* * * *", "* * * * * *", "60 * * * *", "*/0 * * * *",
		"@never", "@every", "@every 1h 2m", "@every x", "@every 0s", "@every -1h", "@every 1500ms", "@every 100000h",
		"a b c d e", "* * * * MOO", "1-2-3 * * * *",
	} {
		_, err := Parse(line, time.UTC)
		if err == nil {
			t.Errorf("%q was accepted", line)
			continue
		}
		if errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
			t.Errorf("%q: kind %q, hint %q: %v", line, errs.KindOf(err), errs.HintOf(err), err)
		}
	}
}

func TestPreviousIsTheLastInstantThatWasDue(t *testing.T) {
	for _, tc := range []struct{ line, now, want string }{
		{"*/15 * * * *", "2026-11-20T10:14:59Z", "2026-11-20T10:00:00Z"},
		{"*/15 * * * *", "2026-11-20T10:15:00Z", "2026-11-20T10:15:00Z"},
		{"*/15 * * * *", "2026-11-20T10:15:00.2Z", "2026-11-20T10:15:00Z"},
		{"30 2 * * *", "2026-11-20T02:29:59.999Z", "2026-11-19T02:30:00Z"},
		{"* 0 * * *", "2026-11-20T23:10:00Z", "2026-11-20T00:59:00Z"},
		{"* * * 1 *", "2026-12-20T23:10:00Z", "2026-01-31T23:59:00Z"},
		{"0 0 29 2 *", "2026-12-20T23:10:00Z", "2024-02-29T00:00:00Z"},
		{"@every 1s", "2026-12-20T23:10:00.7Z", "2026-12-20T23:10:00Z"},
		{"@every 7m", "1970-01-01T00:20:00Z", "1970-01-01T00:14:00Z"},
		{"@yearly", "2026-12-20T23:10:00Z", "2026-01-01T00:00:00Z"},
	} {
		s, err := Parse(tc.line, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if got := Previous(s, instant(t, tc.now)); !got.Equal(instant(t, tc.want)) {
			t.Errorf("%q at %s: got %s, want %s", tc.line, tc.now, got, tc.want)
		}
	}
}

// FuzzParse holds that no line panics, and that a line that is accepted has
// instants after and before any moment, which lie where they should.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"TZ=0", "*/5 * * * *", "TZ=Europe/Berlin 0 2 * * 1-5", "@every 90s", "@hourly", "0 0 29 2 *", "0,30 1-3/2 L * ?"} {
		f.Add(s, int64(1795600000))
	}
	f.Fuzz(func(t *testing.T, line string, unix int64) {
		s, err := Parse(line, time.UTC)
		if err != nil {
			return
		}
		now := time.Unix(unix%2_000_000_000, 0)
		if unix < 0 {
			now = time.Unix(1_700_000_000, 0)
		}
		if next := s.Next(now); next.IsZero() || !next.After(now) {
			t.Fatalf("%q: the next instant after %s is %s", line, now, next)
		}
		previous := Previous(s, now)
		if previous.IsZero() || previous.After(now) {
			t.Fatalf("%q: the last instant before %s is %s", line, now, previous)
		}
		if again := s.Next(previous); !again.After(now) {
			t.Fatalf("%q: %s lies between %s and %s", line, again, previous, now)
		}
	})
}
