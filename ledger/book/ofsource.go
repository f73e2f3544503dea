package book

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// LinesOfSource gives all lines of a source, void ones too, in the order of their keys.
func LinesOfSource(ctx context.Context, q sqlx.QueryerContext, source string) (_ []Line, err error) {
	defer errs.Wrap(&err, "read the lines of %s", source)
	var out []Line
	err = sqlx.SelectContext(ctx, q, &out,
		`select `+lineColumns+` from ledger.line where source_id = $1 order by key`, source)
	return out, err
}

// EntriesOfSource gives the entries on the lines of a source, in the order of lines
// and, on one line, in that in which they were posted.
func EntriesOfSource(ctx context.Context, q sqlx.QueryerContext, source string) (_ []Entry, err error) {
	defer errs.Wrap(&err, "read the entries of %s", source)
	var out []Entry
	err = sqlx.SelectContext(ctx, q, &out, `
		select payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, as_of,
			corrects, input_hash, prev_hash, hash, posted_by, posted_at
		from ledger.entry where source_id = $1 order by line_key, nth`, source)
	return out, err
}

// IsDue says whether a source's lines are still to be worked out anew.
func IsDue(ctx context.Context, q sqlx.QueryerContext, source string) (due bool, err error) {
	defer errs.Wrap(&err, "look whether %s is due", source)
	err = sqlx.GetContext(ctx, q, &due, `select exists (select from ledger.due_source where source_id = $1)`, source)
	return due, err
}

// PostedByLine gives what is posted for the lines of sources, by line key, in minor
// units of each currency in which anything was.
func PostedByLine(ctx context.Context, q sqlx.QueryerContext, sources []string) (_ map[string]map[money.Currency]int64, err error) {
	defer errs.Wrap(&err, "read what is posted for %d sources", len(sources))
	all, err := postedOfSources(ctx, q, sources)
	if err != nil {
		return nil, err
	}
	out := make(map[string]map[money.Currency]int64, len(all))
	for key, p := range all {
		out[key] = p.minor
	}
	return out, nil
}
