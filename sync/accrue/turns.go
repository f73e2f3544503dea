package accrue

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"github.com/partnersync/partnersync/sync/stage"
)

// While one batch is written, the next one is taken and worked out, in a transaction
// of its own:
//
//	batch 1   take, work out │ write, commit
//	batch 2                  │ take, work out … │ write, commit
//	batch 3                                     │ take, work out … │ write, commit
//
// A batch writes only when the one before it has committed, so entries come into
// their chains in the order in which they would come if there were only one batch at
// a time. Until then it holds nothing that the batch before it may want: it takes
// sources behind those of that batch.

// turn is one batch's place in the row.
type turn struct {
	after   string          // it takes sources behind this one
	through string          // and, if it has to try again, none behind this one; "" before
	before  <-chan struct{} // closed when the batch before has committed
	done    chan struct{}   // closed when this one has
	taken   chan string     // hears once the last source taken, or "" if none is left behind it
	once    sync.Once
}

func newTurn(after string, before <-chan struct{}) *turn {
	return &turn{after: after, before: before, done: make(chan struct{}), taken: make(chan string, 1)}
}

// tell lets the next batch begin behind the sources that were taken.
func (t *turn) tell(due []string) {
	t.once.Do(func() {
		if len(due) == sourcesInABatch {
			t.through = due[len(due)-1]
		}
		t.taken <- t.through
	})
}

// wait returns when it is the batch's turn to write.
func (t *turn) wait(ctx context.Context) error {
	select {
	case <-t.before:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rounds goes through the due sources in the order of their ids, and again as long as
// that finds some: others may have been marked meanwhile.
func (p *pass) rounds(ctx context.Context, s *stage.Statistics) error {
	for {
		before := p.report.Get(CountSources)
		if err := p.round(ctx, s); err != nil || p.report.Get(CountSources) == before {
			return err
		}
	}
}

// round goes through the due sources once.
func (p *pass) round(ctx context.Context, s *stage.Statistics) error {
	group, ctx := errgroup.WithContext(ctx)
	first := make(chan struct{})
	close(first)
	t := newTurn("", first)
	for {
		p.start(ctx, group, t, s)
		last := <-t.taken
		// Two batches in hand are enough: one that writes, one that waits.
		if last == "" || t.wait(ctx) != nil {
			return group.Wait()
		}
		t = newTurn(last, t.done)
	}
}

func (p *pass) start(ctx context.Context, group *errgroup.Group, t *turn, s *stage.Statistics) {
	group.Go(func() error { return p.takeTurn(ctx, t, s) })
}

// takeTurn makes one batch, and reports it when it has committed.
func (p *pass) takeTurn(ctx context.Context, t *turn, s *stage.Statistics) error {
	defer t.tell(nil) // in case no transaction could even begin
	var done outcome
	err := p.inTx(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		b, takeErr := p.take(ctx, tx, t)
		t.tell(b.due)
		// What went wrong here is told after what went wrong before it.
		if err := t.wait(ctx); err != nil {
			return err
		}
		if takeErr != nil {
			return takeErr
		}
		var err error
		done, err = p.keep(ctx, tx, b)
		return err
	})
	if err != nil {
		return err
	}
	close(t.done) // whoever hears of progress may be slow, and the next need not wait
	p.telling.Lock()
	defer p.telling.Unlock()
	p.count(done)
	return s.Worked(ctx, int64(done.sources))
}
