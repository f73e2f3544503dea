package book

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Head is what tells lines apart without reading them.
type Head struct {
	Key      string         `db:"key"`
	Currency money.Currency `db:"currency"`
	Period   clock.Month    `db:"period"`
}

// HeadsAfter gives at most limit lines behind a key, in the order of the keys' bytes.
func HeadsAfter(ctx context.Context, q sqlx.QueryerContext, after string, limit int) (out []Head, err error) {
	defer errs.Wrap(&err, "list lines")
	err = sqlx.SelectContext(ctx, q, &out, `select key, currency, period from ledger.line where key > $1 order by key limit $2`, after, limit)
	return out, err
}

// HeadsByKey gives the lines of the keys that exist.
func HeadsByKey(ctx context.Context, q sqlx.QueryerContext, keys []string) (out []Head, err error) {
	defer errs.Wrap(&err, "look lines up")
	err = sqlx.SelectContext(ctx, q, &out,
		`select key, currency, period from ledger.line where key = any((select $1::text[])::text[]) order by key`, pq.Array(keys))
	return out, err
}

// LinesUnder gives all lines whose keys begin with one of some prefixes and a slash, such
// as those of a payee's source, in the order of the keys.
func LinesUnder(ctx context.Context, q sqlx.QueryerContext, prefixes []string) (out []Line, err error) {
	defer errs.Wrap(&err, "read lines by the beginnings of their keys")
	err = sqlx.SelectContext(ctx, q, &out, `
		select `+lineColumns+` from ledger.line where key in (
			select l.key from unnest($1::text[]) as p (prefix) join ledger.line l on l.key > p.prefix || '/' and l.key < p.prefix || '0')
		order by key`, pq.Array(prefixes))
	return out, err
}
