package recount

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/staging"
)

// idsAtOnce bounds the ids that one query names: a query may have some 15,000
// characters, its fields among them, and an id in quotes has up to 27.
const idsAtOnce = 200

// readAgain reads as a whole what differs, and stages it as a pull would. What is gone
// since it was seen is left to the next recount.
func (c *comparison) readAgain(ctx context.Context) error {
	all := c.again
	c.again = nil
	for some := range slices.Chunk(all, idsAtOnce) {
		if c.options.DryRun {
			for _, d := range some {
				c.count(d.count, 1)
			}
			continue
		}
		ids := make([]string, len(some))
		by := make(map[string]difference, len(some))
		for i, d := range some {
			ids[i], by[d.id] = d.id, d
		}
		records, err := c.byID(ctx, c.reading.Fields, ids)
		if err != nil {
			return err
		}
		if err := c.stage(ctx, records, by); err != nil {
			return err
		}
	}
	return nil
}

// stage stages records that were read again, and counts them. Where the org went back to
// a former state what it says now counts, and takes the place of the later version; once
// that was done, the stamps differ for ever, and nothing else.
func (c *comparison) stage(ctx context.Context, records []staging.Record, by map[string]difference) error {
	var forward, back []staging.Record
	for _, r := range records {
		if n := by[r.ID].staged; n != nil && r.Modstamp.Before(n.Modstamp) {
			r.Modstamp = n.Modstamp
			back = append(back, r)
			continue
		}
		forward = append(forward, r)
	}
	var staged, replaced int64
	if err := c.inTx(ctx, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if staged, err = staging.Put(ctx, tx, c.reading.Object, forward, c.Clock.Now()); err != nil {
			return err
		}
		replaced, err = staging.Put(ctx, tx, c.reading.Object, back, c.Clock.Now())
		return err
	}); err != nil {
		return err
	}
	c.report.Out += staged + replaced
	for _, r := range forward {
		c.count(by[r.ID].count, 1)
	}
	if replaced > 0 {
		c.count(CountChanged, replaced)
	}
	return nil
}

// byID reads records by their ids, those in the recycle bin too.
func (c *comparison) byID(ctx context.Context, fields, ids []string) (out []staging.Record, err error) {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = salesforce.Quote(id)
	}
	soql := "SELECT " + strings.Join(fields, ", ") + " FROM " + c.reading.Object + " WHERE Id IN (" + strings.Join(quoted, ",") + ")"
	shape, err := shapeOf(c.reading, fields...)
	if err != nil {
		return nil, err
	}
	receiver := shape.NewReceiver()
	for restarts := 0; ; restarts++ {
		out = out[:0]
		err = c.Source.Query(ctx, soql, salesforce.QueryOptions{All: true}, func(_ context.Context, p salesforce.Page) error {
			for _, raw := range p.Records {
				r, err := receiver.JSON(raw)
				if err != nil {
					return err
				}
				out = append(out, r)
			}
			return nil
		})
		if salesforce.ClassOf(err) != salesforce.ClassRestart || restarts == maxRestarts {
			return out, err
		}
	}
}

// inTx runs one transaction, which only the holder of the token may write.
func (p *pass) inTx(ctx context.Context, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	return pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		return f(ctx, tx)
	})
}
