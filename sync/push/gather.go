package push

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// gatherAtOnce is how many lines' rows one transaction gathers.
const gatherAtOnce = 2_000

// gather turns marks of lines into marks of their sources, where Salesforce holds a record
// for each source: whoever changes the book marks lines, and knows nothing of that. A
// line's row that Salesforce never heard of is settled thereby; one that it holds, from
// before the settings said so, stays unsent and is brought to zero.
func (p *pass) gather(ctx context.Context, t mapping.Target) (err error) {
	defer errs.Wrap(&err, "gather lines by source")
	if t != mapping.CommissionTarget || !p.Shape.IsBySource() {
		return nil
	}
	if p.options.DryRun {
		p.notice("A dry run marks nothing: of sources whose lines have changed since the last push, it does not say what would be written.")
		return nil
	}
	var after outbox.Key
	for {
		var rows []outbox.Row
		err := pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			if err := p.token.Check(ctx, tx); err != nil {
				return err
			}
			reach := outbox.Range{Object: outbox.Commission, After: after, Limit: gatherAtOnce}
			if rows, err = outbox.NextLines(ctx, tx, reach, p.Clock.Now()); err != nil || len(rows) == 0 {
				return err
			}
			return p.gatherSome(ctx, tx, rows)
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		last := rows[len(rows)-1]
		after = outbox.Key{Key: last.Key, Parent: last.Parent}
	}
}

func (p *pass) gatherSome(ctx context.Context, tx *sqlx.Tx, rows []outbox.Row) error {
	heads, err := book.HeadsByKey(ctx, tx, keysOf(rows))
	if err != nil {
		return err
	}
	var sources []outbox.Key
	for _, h := range heads {
		if key := record.SourceKey(h.Key, string(h.Currency)); len(sources) == 0 || sources[len(sources)-1].Key != key {
			sources = append(sources, outbox.Key{Key: key})
		}
	}
	// Of a line that is gone, or has another currency than it had, the source's records tell.
	var prefixes []string
	parents := map[string]string{}
	var unheard []outbox.Row
	for _, r := range rows {
		prefix := record.SourcePrefix(r.Key)
		if _, seen := parents[prefix]; !seen {
			prefixes = append(prefixes, prefix)
		}
		parents[prefix] = r.Parent
		if r.ConfirmedHash == nil {
			unheard = append(unheard, r)
		}
	}
	known, err := outbox.SourcesUnder(ctx, tx, outbox.Commission, prefixes)
	if err != nil {
		return err
	}
	for _, key := range known {
		sources = append(sources, outbox.Key{Key: key})
	}
	for i, s := range sources {
		sources[i].Parent = parents[record.SourcePrefix(s.Key)]
	}
	now := p.Clock.Now()
	if err := outbox.Mark(ctx, tx, outbox.Commission, sources, now); err != nil {
		return err
	}
	return outbox.Confirm(ctx, tx, outbox.Commission, unheard, now)
}
