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
		return p.foresee(ctx, t)
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
	sources, unheard, err := sourcesOf(ctx, tx, rows)
	if err != nil {
		return err
	}
	now := p.Clock.Now()
	if err := outbox.Mark(ctx, tx, outbox.Commission, sources, now); err != nil {
		return err
	}
	return outbox.Confirm(ctx, tx, outbox.Commission, unheard, now)
}

// sourcesOf gives the sources of lines' rows, and those of the rows of which Salesforce has
// never heard.
func sourcesOf(ctx context.Context, q sqlx.QueryerContext, rows []outbox.Row) (sources []outbox.Key, unheard []outbox.Row, err error) {
	heads, err := book.HeadsByKey(ctx, q, keysOf(rows))
	if err != nil {
		return nil, nil, err
	}
	for _, h := range heads {
		if key := record.SourceKey(h.Key, string(h.Currency)); len(sources) == 0 || sources[len(sources)-1].Key != key {
			sources = append(sources, outbox.Key{Key: key})
		}
	}
	// Of a line that is gone, or has another currency than it had, the source's records tell.
	var prefixes []string
	parents := map[string]string{}
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
	known, err := outbox.SourcesUnder(ctx, q, outbox.Commission, prefixes)
	if err != nil {
		return nil, nil, err
	}
	for _, key := range known {
		sources = append(sources, outbox.Key{Key: key})
	}
	for i, s := range sources {
		sources[i].Parent = parents[record.SourcePrefix(s.Key)]
	}
	return sources, unheard, nil
}

// foresee is gather in a dry run: it says what would be written of the sources that it
// would mark, and marks nothing. Rows of sources that are unsent as it is are left to the
// sweep, which counts all that is unsent; lines of which Salesforce never heard would be
// settled without a word, and the sweep takes them for unchanged.
func (p *pass) foresee(ctx context.Context, t mapping.Target) error {
	var c *composer
	var after outbox.Key
	seen := map[string]bool{} // of the page before too: a source's lines may lie on both
	for {
		reach := outbox.Range{Object: outbox.Commission, After: after, Limit: gatherAtOnce}
		lines, err := outbox.NextLines(ctx, p.DB, reach, p.Clock.Now())
		if err != nil || len(lines) == 0 {
			return err
		}
		if c == nil {
			to, err := p.Mapping.ResolveTarget(ctx, p.Sink, t)
			if err != nil {
				return err
			}
			c = p.composer(to)
		}
		sources, unheard, err := sourcesOf(ctx, p.DB, lines)
		if err != nil {
			return err
		}
		rows, now, err := p.asMarked(ctx, sources, seen)
		if err != nil {
			return err
		}
		seen = now
		if err := c.reader.Read(ctx, p.DB, keysOf(rows)); err != nil {
			return err
		}
		b, err := c.sift(rows, func(*outbox.Row, []byte) error { return nil })
		if err != nil {
			return err
		}
		p.wouldSend(outbox.Commission, b)
		p.mu.Lock()
		p.report.Add(outbox.Commission+" unchanged", -int64(len(unheard)))
		p.mu.Unlock()
		last := lines[len(lines)-1]
		after = outbox.Key{Key: last.Key, Parent: last.Parent}
	}
}

// asMarked gives the rows of sources as they would be once marked, each once and none that
// was seen or is unsent; and the keys of all.
func (p *pass) asMarked(ctx context.Context, sources []outbox.Key, seen map[string]bool) (rows []outbox.Row, all map[string]bool, err error) {
	keys := make([]string, len(sources))
	for i, s := range sources {
		keys[i] = s.Key
	}
	known, err := outbox.Find(ctx, p.DB, outbox.Commission, keys)
	if err != nil {
		return nil, nil, err
	}
	all = map[string]bool{}
	for _, s := range sources {
		row, marked := known[s.Key]
		if !marked {
			row = outbox.Row{Object: outbox.Commission, Key: s.Key, Parent: s.Parent}
		}
		if !all[s.Key] && !seen[s.Key] && row.Wanted <= row.Confirmed {
			rows = append(rows, row)
		}
		all[s.Key] = true
	}
	return rows, all, nil
}
