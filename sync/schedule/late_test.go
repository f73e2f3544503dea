package schedule

import (
	"slices"
	"testing"
	"time"

	"github.com/partnersync/partnersync/sync/stage"
)

func TestAJobThatDoesNotBeginOrDoesNotEndIsLate(t *testing.T) {
	const grace = 10 * time.Minute
	for _, tc := range []struct {
		name string
		// history is what the database holds; it is 12:14:00, and a run is due every five minutes.
		history []string
		want    []string
	}{
		{"a database that no daemon uses", nil, nil},
		{"a line that was new at the last instant", []string{`insert into job.tick values ('all', '2026-11-20T12:10Z')`}, nil},
		{"nothing has begun", []string{`insert into job.tick values ('all', '2026-11-20T11:50Z')`},
			[]string{"the run of all stages was due at 2026-11-20 12:00:00Z and has not begun"}},
		{"only another stage has", []string{`insert into job.tick values ('all', '2026-11-20T11:50Z')`,
			`insert into job.run (stage, actor, started_at, finished_at, status) values ('push', 'a', '2026-11-20T12:01Z', '2026-11-20T12:02Z', 'ok')`},
			[]string{"the run of all stages was due at 2026-11-20 12:00:00Z and has not begun"}},
		{"all is as it should be", []string{`insert into job.tick values ('all', '2026-11-20T11:50Z')`,
			`insert into job.run (stage, actor, started_at, finished_at, status) values
			('pull', 'a', '2026-11-20T12:00Z', '2026-11-20T12:00:30Z', 'ok'), ('push', 'a', '2026-11-20T12:01Z', '2026-11-20T12:02Z', 'ok')`}, nil},
		{"it failed, which is told elsewhere", []string{`insert into job.tick values ('all', '2026-11-20T11:50Z')`,
			`insert into job.run (stage, actor, started_at, finished_at, status) values ('pull', 'a', '2026-11-20T12:00Z', '2026-11-20T12:00:30Z', 'failed')`}, nil},
		{"the one before still works", []string{`insert into job.tick values ('all', '2026-11-20T11:50Z')`,
			`insert into job.run (stage, actor, started_at, report) values ('pull', 'a', '2026-11-20T11:50Z', json_build_object('seen_at', now()))`},
			[]string{"the run of all stages was due at 2026-11-20 11:55:00Z and has not ended, although the next run was due since"}},
		{"its first stage has ended, and its second hangs", []string{`insert into job.tick values ('all', '2026-11-20T11:50Z')`,
			`insert into job.run (stage, actor, started_at, finished_at, status) values ('pull', 'a', '2026-11-20T12:00Z', '2026-11-20T12:00:30Z', 'ok')`,
			`insert into job.run (stage, actor, started_at, report) values ('reconcile', 'a', '2026-11-20T12:01Z', json_build_object('seen_at', now()))`},
			[]string{"the run of all stages was due at 2026-11-20 11:55:00Z and has not ended, although the next run was due since"}},
		{"what died long ago is not running", []string{`insert into job.tick values ('all', '2026-11-20T11:50Z')`,
			`insert into job.run (stage, actor, started_at, report) values ('pull', 'a', '2026-11-20T11:50Z', json_build_object('seen_at', now() - interval '1 hour'))`},
			[]string{"the run of all stages was due at 2026-11-20 12:00:00Z and has not begun"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			table, err := NewTimetable(map[string]string{All: "*/5 * * * *", stage.Verify: "off"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tc.history {
				f.exec(t, s)
			}
			late, err := table.Late(t.Context(), f.DB, instant(t, "2026-11-20T12:14:00Z"), grace)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range late {
				got = append(got, l.String())
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestWhatSaysHowAStageFares(t *testing.T) {
	f := newFixture(t)
	f.exec(t, `insert into job.run (stage, actor, started_at, finished_at, status, report) values
		('pull', 'a', '2026-11-20T12:00Z', '2026-11-20T12:01Z', 'ok', '{"calls":[{"name":"login","n":1},{"name":"query","n":7},{"name":"page","n":2}]}'),
		('pull', 'a', '2026-11-20T12:05Z', '2026-11-20T12:06Z', 'failed', '{"calls":[{"name":"query","n":1}]}'),
		('pull', 'a', '2026-11-20T12:10Z', '2026-11-20T12:11Z', 'ok', '{"deferred":"another worker has it"}'),
		('push', 'a', '2026-11-20T12:10Z', '2026-11-20T12:11Z', 'ok', '{"deferred":"the reserve","warnings":[{"kind":"drift"},{"kind":"quota","subject":"push"}]}'),
		('verify', 'a', '2026-11-20T12:10Z', null, null, json_build_object('seen_at', now() - interval '1 hour')),
		('accrue', 'a', '2026-11-20T12:10Z', null, null, json_build_object('seen_at', now()))`)
	ended, err := Ended(t.Context(), f.DB)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(ended), []string{"pull: failed", "push: deferred", "verify: interrupted"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, want := range map[string]int64{stage.Pull: 9, stage.Push: 0, stage.Accrue: 0} {
		if n, err := LastCalls(t.Context(), f.DB, name); err != nil || n != want {
			t.Errorf("%s: %d, %v; want %d", name, n, err, want)
		}
	}
}
