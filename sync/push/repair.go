package push

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// repairsAtMost bounds the drifts of one repair. Verify names fewer.
const repairsAtMost = 100_000

// repair marks what verify has found to differ in Salesforce, so that this pass sends it
// again whatever Salesforce confirmed before. Records that the ledger does not know are
// named and left alone.
func (p *pass) repair(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "repair")
	if p.options.DryRun {
		p.report.Notices = append(p.report.Notices, "A dry run repairs nothing: what verify found to differ is not among what would be written.")
		return nil
	}
	var marked int64
	if err := pg.InTx(pg.Unhurried(ctx), p.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		drifts, err := ledger.Discrepancies(ctx, tx, ledger.DiscrepancyFilter{Kind: record.KindDrift, Limit: repairsAtMost})
		if err != nil {
			return err
		}
		marked, err = p.mark(ctx, tx, drifts)
		return err
	}); err != nil {
		return err
	}
	p.report.Add("records to repair", marked)
	extra, err := ledger.Discrepancies(ctx, p.DB, ledger.DiscrepancyFilter{Kind: record.KindExtra, Limit: repairsAtMost})
	if err != nil || len(extra) == 0 {
		return err
	}
	p.report.Notices = append(p.report.Notices, fmt.Sprintf("Salesforce holds %d records that the ledger does not know, such as %s; push deletes nothing.",
		len(extra), extra[0].Subject))
	return nil
}

// mark marks the records of drifts, object by object.
func (p *pass) mark(ctx context.Context, tx *sqlx.Tx, drifts []ledger.Discrepancy) (marked int64, err error) {
	keys := map[string][]string{}
	for _, d := range drifts {
		if d.Object != record.AllRecords {
			keys[d.Object] = append(keys[d.Object], d.Subject)
			continue
		}
		n, err := outbox.RepairAll(ctx, tx, d.Subject, p.Clock.Now())
		if err != nil {
			return 0, err
		}
		marked += n
	}
	for _, t := range mapping.Targets() {
		object := record.ObjectOf(t)
		for some := range slices.Chunk(keys[object], batchSize) {
			rows, err := outbox.Find(ctx, tx, object, some)
			if err != nil {
				return 0, err
			}
			all := make([]outbox.Key, len(some))
			for i, key := range some {
				all[i] = outbox.Key{Key: key, Parent: cmp.Or(rows[key].Parent, parentOf(key))}
			}
			if err := outbox.Repair(ctx, tx, object, all, p.Clock.Now()); err != nil {
				return 0, err
			}
			marked += int64(len(some))
		}
	}
	return marked, nil
}

// parentOf gives the payee's ID that a line's key begins with; "" of other keys.
func parentOf(key string) string {
	parent, _, isLine := strings.Cut(key, "/")
	if !isLine {
		return ""
	}
	return parent
}
