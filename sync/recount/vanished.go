package recount

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/sync/staging"
)

// doubt says that more of an object would have vanished than is plausible.
type doubt struct {
	object   string
	gone, of int64
	nothing  bool // Salesforce shows none at all
}

func (d *doubt) Error() string {
	if d.nothing {
		return fmt.Sprintf("Salesforce shows no record of %s any more, and %d are staged: that looks like a permission that was lost, so none of them is held", d.object, d.of)
	}
	return fmt.Sprintf("%d of %d records of %s would have vanished from Salesforce, which looks like a permission that was lost: none of them is held", d.gone, d.of, d.object)
}

// settleAbsent looks for each record that Salesforce did not show once more, by its id,
// and marks those that it has no more, unless they are more than is plausible.
func (c *comparison) settleAbsent(ctx context.Context) error {
	gone, err := c.lookAgain(ctx)
	if err != nil {
		return err
	}
	n := int64(len(gone)) + c.more
	switch {
	case n == 0:
		return nil
	case !c.options.Believe && !c.isPlausible(n):
		return &doubt{c.reading.Object, n, c.here, c.last == ""}
	case c.more > 0:
		c.notice("More of %s has vanished than one recount holds: the next one takes up %d further records.", c.reading.Object, c.more)
	}
	if c.options.DryRun {
		c.found(n)
		return nil
	}
	for some := range slices.Chunk(gone, againAtOnce) {
		var ids []string
		if err := c.inTx(ctx, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			ids, err = staging.MarkVanished(ctx, tx, c.reading.Object, some, c.Clock.Now())
			return err
		}); err != nil {
			return err
		}
		c.found(int64(len(ids)))
	}
	return nil
}

// found counts what has vanished, which somebody has to look at.
func (c *comparison) found(n int64) {
	c.count(CountVanished, n)
	c.report.Problems += n
	c.Log.Warn("records vanished from Salesforce", zap.String("object", c.reading.Object), zap.Int64("records", n))
}

// isPlausible says whether so many records can have vanished since the last recount.
func (c *comparison) isPlausible(n int64) bool {
	if c.last == "" { // an object that is empty all at once
		return false
	}
	return n <= DefaultPlausible || float64(n) <= DefaultPlausibleShare*float64(c.here)
}

// lookAgain gives those of the absent that Salesforce does not have by their ids
// either. Where it shows nothing at all, or where not all of them are known, there is
// no use in asking.
func (c *comparison) lookAgain(ctx context.Context) ([]staging.Newest, error) {
	if c.last == "" && !c.options.Believe {
		return c.absent, nil
	}
	gone := make([]staging.Newest, 0, len(c.absent))
	for some := range slices.Chunk(c.absent, idsAtOnce) {
		ids := make([]string, len(some))
		for i, n := range some {
			ids[i] = n.ID
		}
		records, err := c.byID(ctx, []string{"Id", c.reading.Stamp, "IsDeleted"}, ids)
		if err != nil {
			return nil, err
		}
		shown := make(map[string]bool, len(records))
		for _, r := range records {
			shown[r.ID] = true
		}
		for _, n := range some {
			if !shown[n.ID] {
				gone = append(gone, n)
			}
		}
	}
	return gone, nil
}

// Confirm keeps that a person says of a record that vanished that it is gone for good,
// and why. The next reconcile posts that like a deletion. It gives NotFound for what
// did not vanish and Conflict for what is back, or was confirmed before.
func Confirm(ctx context.Context, db *sqlx.DB, id, actor, reason string, now time.Time) (v ledger.Vanished, err error) {
	err = pg.InTx(ctx, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if v, err = ledger.ConfirmVanished(ctx, tx, id, actor, reason, now); err != nil {
			return err
		}
		err := staging.MarkDeleted(ctx, tx, v.Object, id, now)
		if errs.KindOf(err) == errs.NotFound { // a recount has just found it
			return errs.New(errs.Conflict, "Salesforce shows %s again; the next reconcile releases it", id)
		}
		return err
	})
	return v, err
}
