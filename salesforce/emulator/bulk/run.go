package bulk

import (
	"context"
	"errors"
	"time"
)

// errFated ends a job that has to end otherwise than its data want.
var errFated = errors.New("the job meets its fate")

// start lets a job that is UploadComplete be worked on, by a goroutine of its
// own. What the context knows, the job knows, beyond the context's end. Callers
// hold the lock.
func (j *Jobs) start(ctx context.Context, jb *job) {
	if f := j.opt.Fate(ctx); f != FateNone {
		jb.fate = f
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	jb.cancel, jb.done = cancel, make(chan struct{})
	go func() {
		defer close(jb.done)
		defer cancel()
		j.run(ctx, jb)
	}()
}

// run waits for the job's turn, does it, and says how it ended.
func (j *Jobs) run(ctx context.Context, jb *job) {
	began := j.opt.Clock.Now()
	var err error
	select {
	case j.slots <- struct{}{}:
		err = j.work(ctx, jb, began)
		<-j.slots
	case <-ctx.Done():
		err = ctx.Err()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	jb.cancel = nil
	jb.info.Total = j.opt.Clock.Now().Sub(began)
	j.conclude(jb, err)
	if j.jobs[jb.info.ID] != jb && jb.result != nil { // deleted meanwhile
		jb.result.close()
	}
}

// conclude gives the job the state in which it ends. Callers hold the lock.
func (j *Jobs) conclude(jb *job, err error) {
	var failure *Failure
	switch {
	case err == nil:
		j.set(jb, JobComplete)
	case errors.Is(err, context.Canceled), errors.Is(err, errFated) && jb.fate == FateAborts:
		j.set(jb, Aborted)
	case errors.As(err, &failure):
		jb.info.ErrorMessage = failure.Message
		j.set(jb, Failed)
	default:
		jb.info.ErrorMessage = fatedMessage
		j.set(jb, Failed)
	}
}

// work does the job. An error of the context means that somebody aborted it.
func (j *Jobs) work(ctx context.Context, jb *job, began time.Time) error {
	j.mu.Lock()
	ok := j.set(jb, InProgress)
	j.mu.Unlock()
	if !ok {
		return context.Canceled
	}
	var err error
	if jb.info.Type == typeQuery {
		err = j.runQuery(ctx, jb)
	} else {
		err = j.runIngest(ctx, jb)
	}
	j.mu.Lock()
	jb.info.Active = j.opt.Clock.Now().Sub(began)
	j.mu.Unlock()
	if errors.Is(err, errFated) && jb.fate == FateStays {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}
