package recount

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/sync/staging"
)

// inAStride is how many staged records are handed over at once.
const inAStride = 1_000

// stream hands over what is staged of an object while Salesforce is asked for its own:
// both come when they are wanted, so one of them runs beside.
type stream struct {
	strides chan []staging.Newest
	stride  []staging.Newest
	at      int
	stop    context.CancelFunc
	err     error // once strides is closed
}

func newStream(ctx context.Context, db *sqlx.DB, object string) *stream {
	ctx, stop := context.WithCancel(ctx)
	s := &stream{strides: make(chan []staging.Newest), stop: stop}
	go func() {
		defer close(s.strides)
		stride := make([]staging.Newest, 0, inAStride)
		hand := func() error {
			select {
			case s.strides <- stride:
				stride = make([]staging.Newest, 0, inAStride)
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		s.err = staging.EachNewest(ctx, db, object, func(n staging.Newest) error {
			if stride = append(stride, n); len(stride) < inAStride {
				return nil
			}
			return hand()
		})
		if s.err == nil && len(stride) > 0 {
			s.err = hand()
		}
	}()
	return s
}

// next gives the next record, or nil behind the last one.
func (s *stream) next() (*staging.Newest, error) {
	if s.at == len(s.stride) {
		stride, ok := <-s.strides
		if !ok {
			return nil, s.err
		}
		s.stride, s.at = stride, 0
	}
	s.at++
	return &s.stride[s.at-1], nil
}

// close ends the stream, wherever it is, and returns when nothing of it is left.
func (s *stream) close() {
	s.stop()
	for range s.strides { // until it has noticed
	}
}
