package schedule

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/partnersync/partnersync/sync/stage"
)

// replicas says of those that are listed what is to be seen of them.
func (f *fixture) replicas(t *testing.T) (out []string) {
	t.Helper()
	list, err := Replicas(t.Context(), f.DB)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.StartedAt.IsZero() || r.SeenAt.Before(r.StartedAt) {
			t.Errorf("%+v", r)
		}
		out = append(out, fmt.Sprintf("%s %s: %s, gone %t", r.Name, r.Version, r.AtWork(), r.IsGone()))
	}
	return out
}

func TestReplicasAreListedUntilTheyStop(t *testing.T) {
	f := newFixture(t)
	inPart, goOn := make(chan bool), make(chan bool)
	wait := func(context.Context, string, *stage.Held) (stage.Outcome, error) {
		inPart <- true
		<-goOn
		return received(1), nil
	}
	a := f.sharing(t, "a", 2, DaemonConfig{PartWorkers: 1, Version: "1.0"}, wait)
	b := f.sharing(t, "b", 2, DaemonConfig{PartWorkers: 1, Version: "1.1"}, wait)
	if got, want := f.replicas(t), []string{"a 1.0: , gone false", "b 1.1: , gone false"}; !slices.Equal(got, want) {
		t.Errorf("at rest: %q", got)
	}
	tick(t, a, stage.Pull, f.clock.Now())
	next(t, "a part", inPart)
	next(t, "the other", inPart)
	var leader string
	if err := f.DB.Get(&leader, `select worker from job.run`); err != nil {
		t.Fatal(err)
	}
	work := map[string]string{"a": "1 part", "b": "1 part"}
	work[leader] = "leads pull; 1 part"
	if got, want := f.replicas(t), []string{"a 1.0: " + work["a"] + ", gone false", "b 1.1: " + work["b"] + ", gone false"}; !slices.Equal(got, want) {
		t.Errorf("at work: %q", got)
	}
	if all, err := Replicas(t.Context(), f.DB); err != nil || !DifferInVersion(all) || DifferInVersion(all[:1]) {
		t.Errorf("%+v, %v", all, err)
	}
	close(goOn)
	next(t, "the run", f.ended)
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.replicas(t); len(got) != 1 || got[0][0] != 'a' {
		t.Errorf("one is stopped: %q", got)
	}
}

// One that was killed can't say so. It is missed for a day.
func TestAReplicaThatWentAwayWithoutAWordIsMissed(t *testing.T) {
	f := newFixture(t)
	a := f.started(t, f.Runner, DaemonConfig{Schedules: quiet, name: "a", Version: "1.0"})
	silent := func(seconds int) {
		t.Helper()
		f.exec(t, `update job.replica set started_at = now() - interval '3 days', seen_at = now() - $1 * interval '1 second'`, seconds)
	}
	for seconds, want := range map[int]string{50: "false", 70: "true", 86000: "true"} {
		if silent(seconds); !slices.Equal(f.replicas(t), []string{"a 1.0: , gone " + want}) {
			t.Errorf("%d seconds: %q", seconds, f.replicas(t))
		}
	}
	if err := a.show(t.Context()); err != nil || !slices.Equal(f.replicas(t), []string{"a 1.0: , gone false"}) {
		t.Errorf("it is heard of again: %q, %v", f.replicas(t), err)
	}
	if silent(86500); len(f.replicas(t)) != 0 {
		t.Errorf("a day later: %q", f.replicas(t))
	}
	if err := a.prune(t.Context()); err != nil || f.count(t, `select count(*) from job.replica`) != 0 {
		t.Errorf("it is kept (%v)", err)
	}
}
