package recount

import (
	"context"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

// toldEvery is after how many lines of a Bulk result those who watch hear of it.
const toldEvery = 2_000

// sink takes the ids of a Bulk result.
type sink struct {
	*comparison
	ctx      context.Context //nolint:containedctx // of the query that fills the sink
	receiver *staging.Receiver
	total, n int64
}

// Begin takes the number of records and the names of the columns.
func (s *sink) Begin(total int64, names [][]byte) error {
	if s.total = total; total == 0 {
		return nil
	}
	shape, err := shapeOf(s.reading, "Id", s.reading.Stamp, "IsDeleted")
	if err != nil {
		return err
	}
	s.receiver = shape.NewReceiver()
	return s.receiver.Header(names)
}

// Line takes a record.
func (s *sink) Line(cells [][]byte) error {
	r, err := s.receiver.Line(cells)
	if err != nil {
		return err
	}
	if s.n++; s.n%toldEvery == 0 || s.n == s.total {
		s.options.Progress.Tell(s.reading.Object, s.n, s.total)
	}
	return s.take(s.ctx, r)
}

// shapeOf gives the shape of some fields of a reading, or of all.
func shapeOf(r mapping.Reading, fields ...string) (*staging.Shape, error) {
	var columns []staging.Column
	for _, c := range r.Columns {
		for _, f := range fields {
			if f == c.Path {
				columns = append(columns, staging.Column{Path: c.Path, Form: staging.FormOf(c.Type)})
			}
		}
	}
	return staging.NewShape(r.Object, r.Stamp, columns)
}
