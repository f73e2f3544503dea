package siege_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
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

// idle is a pull that does nothing.
type idle struct{}

func (idle) Name() string { return stage.Pull }

func (idle) Run(context.Context, stage.Options) (stage.Report, error) { return stage.Report{}, nil }

// TestADaemonThroughDaylightSaving: a daemon that is stopped and started again every
// twenty minutes goes through the days of both changes, and through one on which its
// machine's clock jumps back by three hours: each hour has one run, the one that is
// skipped none, the one that comes twice two, and what was run already none again.
func TestADaemonThroughDaylightSaving(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	for _, c := range []struct {
		name, day, line string
		jump            time.Duration
		want            int
	}{
		{"forward", "2026-03-29", "0 * 29 3 *", 0, 23},
		{"back", "2026-10-25", "0 * 25 10 *", 0, 25},
		{"the machine's clock", "2026-06-10", "0 * 10 6 *", -3 * time.Hour, 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			begin, err := time.ParseInLocation(time.DateOnly, c.day, berlin)
			must(t, err)
			clock := clock.NewManual(begin)
			_, err = db.Exec(`insert into job.tick (stage, at) values ('pull', $1)`, begin.Add(-time.Hour))
			must(t, err)
			daemon, err := schedule.NewDaemon(schedule.DaemonConfig{
				Runner: &schedule.Runner{DB: db, Clock: clock, Log: zap.NewNop(), Stages: []stage.Stage{idle{}}},
				Zone:   berlin, Schedules: map[string]string{stage.Pull: c.line},
			})
			must(t, err)
			jumped := false
			for end := begin.AddDate(0, 0, 1); clock.Now().Before(end); clock.Advance(20 * time.Minute) {
				if !jumped && clock.Now().Sub(begin) > 10*time.Hour {
					jumped = true
					clock.Advance(c.jump)
				}
				must(t, daemon.Start(t.Context()))
				await(t, "the jobs' end", func() bool {
					return fetch[int](t, db, `select count(*) from job.river_job where state <> 'completed'`) == 0
				})
				must(t, daemon.Stop(t.Context()))
			}
			if n := fetch[int](t, db, `select count(*) from job.run where status = 'ok'`); n != c.want {
				t.Errorf("%d runs on that day, want %d", n, c.want)
			}
			if n := fetch[int](t, db, `select count(distinct at) from job.tick`); n != c.want+1 {
				t.Errorf("%d instants on that day, want %d", n-1, c.want)
			}
		})
	}
}
