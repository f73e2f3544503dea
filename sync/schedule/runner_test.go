package schedule

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

func names(runs []Run) (out []string) {
	for _, r := range runs {
		out = append(out, r.Stage+": "+r.State())
	}
	return out
}

func TestAllRunsTheStagesInOrderAndKeepsTheirHistory(t *testing.T) {
	f := newFixture(t, fake{name: stage.Reconcile, run: func(context.Context, stage.Options) (stage.Report, error) {
		r := stage.Report{Problems: 2, Notices: []string{"a mapping is off \x00"}}
		r.Add("records", 40)
		return r, nil
	}})
	runs, err := f.RunOnce(t.Context(), []string{All}, stage.Options{Actor: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"pull: ok", "reconcile: ok with problems", "accrue: ok", "push: ok"}
	if diff := cmp.Diff(want, names(runs)); diff != "" {
		t.Error(diff)
	}
	kept, err := Latest(t.Context(), f.DB)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(runs, kept); diff != "" {
		t.Errorf("what was given and what is kept differ: %s", diff)
	}
	if diff := cmp.Diff(runs, f.seen); diff != "" {
		t.Errorf("what was given and what was observed differ: %s", diff)
	}
	history, err := History(t.Context(), f.DB, 3)
	if err != nil || len(history) != 3 || history[0].Stage != stage.Push {
		t.Errorf("history: %v, %v", names(history), err)
	}
}

func TestASequenceStopsAtTheFirstFailedStage(t *testing.T) {
	cause := errs.New(errs.Auth, "login refused \x00\xff").WithHint("Check the password.")
	f := newFixture(t, fake{name: stage.Reconcile, run: func(context.Context, stage.Options) (stage.Report, error) {
		return stage.Report{Problems: 1}, cause
	}})
	runs, err := f.RunOnce(t.Context(), []string{All}, stage.Options{Actor: "ann"})
	if !errors.Is(err, cause) {
		t.Errorf("the error is %v", err)
	}
	if diff := cmp.Diff([]string{"pull: ok", "reconcile: failed"}, names(runs)); diff != "" {
		t.Error(diff)
	}
	if got, want := f.latest(t, stage.Reconcile).Error, "login refused \uFFFD\uFFFD\nCheck the password."; got != want {
		t.Errorf("kept error: %q, want %q", got, want)
	}
}

func TestAnUnknownStageRunsNothing(t *testing.T) {
	f := newFixture(t)
	runs, err := f.RunOnce(t.Context(), []string{stage.Pull, "pul"}, stage.Options{})
	if errs.KindOf(err) != errs.NotFound || !strings.Contains(errs.HintOf(err), "reconcile") || len(runs) > 0 {
		t.Errorf("got %v, %v (hint %q)", runs, err, errs.HintOf(err))
	}
}

func TestADryRunLeavesNoTrace(t *testing.T) {
	f := newFixture(t, fake{name: stage.Accrue, run: func(_ context.Context, o stage.Options) (stage.Report, error) {
		if !o.DryRun {
			t.Error("the stage was not told that the run is dry")
		}
		return stage.Report{Problems: 1}, nil
	}})
	runs, err := f.RunOnce(t.Context(), []string{stage.Accrue}, stage.Options{Actor: "ann", DryRun: true})
	if err != nil || len(runs) != 1 || runs[0].ID != 0 || runs[0].Status != stage.WithProblems {
		t.Errorf("got %+v, %v", runs, err)
	}
	if n := f.count(t, `select count(*) from job.run`); n != 0 || len(f.seen) != 0 {
		t.Errorf("%d rows, %d observed", n, len(f.seen))
	}
}

func TestAPanicIsAFailedRun(t *testing.T) {
	f := newFixture(t, fake{name: stage.Pull, run: func(context.Context, stage.Options) (stage.Report, error) {
		panic("index out of range")
	}})
	_, err := f.RunOnce(t.Context(), []string{stage.Pull}, stage.Options{Actor: "ann"})
	if errs.KindOf(err) != errs.Unknown {
		t.Errorf("the error is %v", err)
	}
	r := f.latest(t, stage.Pull)
	if r.State() != "failed" || !strings.Contains(r.Error, "pull panicked: index out of range") {
		t.Errorf("kept: %s, %q", r.State(), r.Error)
	}
}

func TestAStageTakenOverIsDeferredAndTheNextGoesOn(t *testing.T) {
	f := newFixture(t, fake{name: stage.Pull, run: func(context.Context, stage.Options) (stage.Report, error) {
		return stage.Report{}, errors.Join(errors.New("batch 3"), stage.ErrSuperseded)
	}})
	runs, err := f.RunOnce(t.Context(), []string{stage.Pull, stage.Reconcile}, stage.Options{Actor: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"pull: deferred", "reconcile: ok"}, names(runs)); diff != "" {
		t.Error(diff)
	}
	successes, err := LastSuccess(t.Context(), f.DB)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := successes[stage.Pull]; ok || len(successes) != 1 {
		t.Errorf("a deferred pass counts as a success: %v", successes)
	}
}

func TestAStoppedPassIsRecordedThoughItsContextIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := newFixture(t, fake{name: stage.Pull, run: func(ctx context.Context, _ stage.Options) (stage.Report, error) {
		cancel()
		<-ctx.Done()
		return stage.Report{Counts: []stage.Count{{Name: "records", N: 7}}}, ctx.Err()
	}})
	if _, err := f.RunOnce(ctx, []string{All}, stage.Options{Actor: "ann"}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	r := f.latest(t, stage.Pull)
	if r.State() != "failed" || !strings.HasPrefix(r.Error, "stopped before the end") || r.Report.Get("records") != 7 {
		t.Errorf("kept: %+v", r)
	}
}

func TestACancelledSequenceBeginsNoFurtherStage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := newFixture(t, fake{name: stage.Accrue, run: func(context.Context, stage.Options) (stage.Report, error) {
		cancel() // and yet it finishes
		return stage.Report{}, nil
	}})
	runs, err := f.RunOnce(ctx, []string{All}, stage.Options{Actor: "ann"})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stopped before push") {
		t.Errorf("the error is %v", err)
	}
	if diff := cmp.Diff([]string{"pull: ok", "reconcile: ok", "accrue: ok"}, names(runs)); diff != "" {
		t.Error(diff)
	}
}

func TestAPassTellsHowFarItIs(t *testing.T) {
	told, goOn := make(chan bool), make(chan bool)
	f := newFixture(t, fake{name: stage.Pull, run: func(_ context.Context, o stage.Options) (stage.Report, error) {
		o.Progress.Tell("Space__c", 1200, 5000)
		close(told)
		<-goOn
		return stage.Report{}, nil
	}})
	beats := make(chan time.Time)
	f.beat = beats
	var outer []int64
	finished := make(chan error)
	go func() {
		_, err := f.RunOnce(context.WithoutCancel(t.Context()), []string{stage.Pull}, stage.Options{
			Actor: "ann", Progress: func(_ string, done, _ int64) { outer = append(outer, done) }})
		finished <- err
	}()
	next(t, "progress", told)
	beats <- time.Time{}
	beats <- time.Time{} // taken only when the first was written
	r := f.latest(t, stage.Pull)
	if r.State() != "running" || r.Progress.What != "Space__c" || r.Progress.Done != 1200 || r.Progress.Total != 5000 || r.Progress.SeenAt.IsZero() {
		t.Errorf("while it runs: %+v", r)
	}
	close(goOn)
	if err := next(t, "the end", finished); err != nil {
		t.Error(err)
	}
	if r := f.latest(t, stage.Pull); r.State() != "ok" || !r.Progress.SeenAt.IsZero() {
		t.Errorf("in the end: %+v", r)
	}
	if !slices.Equal(outer, []int64{1200}) {
		t.Errorf("the caller heard %v", outer)
	}
}

func TestARunThatNobodyHearsOfIsInterrupted(t *testing.T) {
	f := newFixture(t)
	f.exec(t, `insert into job.run (stage, actor, worker, started_at, report) values
		('pull', 'schedule', 'vm/17', now() - interval '1 hour', json_build_object('seen_at', now() - interval '4 minutes', 'what', 'Space__c', 'done', 12)),
		('push', 'schedule', '', now() - interval '1 hour', json_build_object('seen_at', now() - interval '1 minute'))`)
	check := func(when string) {
		r := f.latest(t, stage.Pull)
		if r.State() != "interrupted" || r.Status != stage.Failed || r.FinishedAt.IsZero() || r.Progress.Done != 12 || !strings.HasPrefix(r.Error, "interrupted: the process that ran this (vm/17) ended") {
			t.Errorf("%s: %+v", when, r)
		}
		if r := f.latest(t, stage.Push); r.State() != "running" {
			t.Errorf("%s: push lives, and is shown as %s", when, r.State())
		}
	}
	check("before anybody closed it")
	if err := closeInterrupted(t.Context(), f.DB, ""); err != nil {
		t.Fatal(err)
	}
	check("after it was closed")

	f.exec(t, `update job.run set finished_at = null, status = null where stage = 'pull'`)
	if _, err := f.RunOnce(t.Context(), []string{stage.Pull}, stage.Options{Actor: "ann"}); err != nil {
		t.Fatal(err)
	}
	if n := f.count(t, `select count(*) from job.run where stage = 'pull' and finished_at is null`); n != 0 {
		t.Errorf("the next run left %d dead ones open", n)
	}
}

func TestALostJobStopsItsPassAndItsSequence(t *testing.T) {
	f := newFixture(t, fake{name: stage.Pull, run: func(ctx context.Context, _ stage.Options) (stage.Report, error) {
		<-ctx.Done()
		return stage.Report{}, ctx.Err()
	}})
	var id int64
	err := f.DB.Get(&id, `
		insert into job.river_job (args, attempt, attempted_at, kind, max_attempts, queue, state, scheduled_at)
		values ('{}', 2, now(), 'stage', 3, 'stages', 'running', now()) returning id`)
	if err != nil {
		t.Fatal(err)
	}
	beats := make(chan time.Time, 1)
	beats <- time.Time{}
	f.beat = beats
	runs, err := f.sequence(t.Context(), []string{All}, stage.Options{Actor: ActorSchedule}, &hold{db: f.DB, jobID: id, attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"pull: deferred"}, names(runs)); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsAreKeptShortWithTheirHint(t *testing.T) {
	got := errorText(errs.New(errs.Limit, "%s", strings.Repeat("ü", maxError)).WithHint("Wait."))
	if len(got) > maxError || !strings.HasSuffix(got, "\nWait.") || !strings.Contains(got, "ü …\n") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-20:])
	}
}

// Who looks is told that nobody has heard of a pass for a while, before its lease is over.
func TestSilenceIsNoticedAfterThreeBeats(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	run := Run{StartedAt: now.Add(-time.Hour), Progress: Progress{SeenAt: now.Add(-2 * time.Minute)}}
	if got := run.Silence(now); got != 2*time.Minute {
		t.Errorf("got %s", got)
	}
	run.Progress.SeenAt = now.Add(-silentAfter)
	if got := run.Silence(now); got != 0 {
		t.Errorf("of one that lives: %s", got)
	}
	run.Progress.SeenAt, run.FinishedAt = now.Add(-time.Hour), now
	if got := run.Silence(now); got != 0 {
		t.Errorf("of one that has ended: %s", got)
	}
}
