package push

import (
	"context"
	"io"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// write writes a job's data: the header, the first chunk, and further ones while they last
// and fit. While one is sent, the next is made up.
func (r *bulkRun) write(ctx context.Context, w io.Writer, f *outbox.Flight, chunk []byte) error {
	header := record.AppendCSVHeader(nil, r.to)
	if _, err := w.Write(header); err != nil {
		return err
	}
	type made struct {
		data []byte
		err  error
	}
	rows := r.jobSize()
	for size := len(header); ; {
		size += len(chunk)
		next := make(chan made, 1)
		if r.isDry || f.Records >= int64(rows) || size > jobBytes*9/10 {
			next <- made{}
		} else {
			go func() {
				data, err := r.chunk(ctx, f, size, rows)
				next <- made{data, err}
			}()
		}
		_, err := w.Write(chunk)
		m := <-next
		switch {
		case err != nil:
			return err
		case m.err != nil:
			return &ownError{m.err}
		case len(m.data) == 0:
			r.taken += int(f.Records)
			return nil
		}
		chunk = m.data
	}
}

// chunk composes rows until there is something to send, writes down what is sent as part
// of the flight, which it begins if there is none yet, and gives it as lines of data, which
// last until the next but one; none if nothing is left to take. size is how large the job's
// data are already, and rows how many records it has at most.
func (r *bulkRun) chunk(ctx context.Context, f *outbox.Flight, size, rows int) (data []byte, err error) {
	for {
		if r.isStopped() || r.isDry {
			return nil, nil
		}
		var b *batch
		var begun int64
		limit := min(chunkRows, rows-int(f.Records))
		err = pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			data, begun = r.buffers[r.filling][:0], f.ID
			sent := make([]outbox.Flown, 0, limit)
			reach := r.reach
			reach.After, reach.Limit = r.after, limit
			b, err = r.take(ctx, tx, r.composer, reach, func(row *outbox.Row, hash []byte) error {
				before := len(data)
				var err error
				if data, err = r.sheet.AppendCSV(data); err != nil {
					return err
				}
				if size+len(data) > jobBytes && before > 0 {
					data = data[:before]
					return errFull // it comes with the next job
				}
				sent = append(sent, outbox.Flown{Key: row.Key, Wanted: row.Wanted, Hash: hash})
				return nil
			})
			if err != nil || len(sent) == 0 {
				return err
			}
			if begun == 0 {
				if begun, err = outbox.Begin(ctx, tx, r.object, outbox.Bulk, r.Clock.Now()); err != nil {
					return err
				}
			}
			return outbox.Launch(ctx, tx, begun, r.object, sent)
		})
		if err != nil {
			return nil, err
		}
		if b == nil {
			r.isDry = true
			return nil, nil
		}
		r.buffers[r.filling] = data
		f.ID = begun
		f.Records += int64(b.sent)
		last := b.rows[len(b.rows)-1]
		r.after = outbox.Key{Key: last.Key, Parent: last.Parent}
		r.settled(r.object, b)
		if len(data) > 0 {
			r.filling = 1 - r.filling
			return data, nil
		}
	}
}
