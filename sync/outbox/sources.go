package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// NextLines is Next for those rows whose keys are lines' (PAYEE/regime/source/slice/period),
// where other rows have sources' (PAYEE/regime/source/CUR).
func NextLines(ctx context.Context, q sqlx.QueryerContext, r Range, now time.Time) (out []Row, err error) {
	defer errs.Wrap(&err, "look for lines to gather")
	err = sqlx.SelectContext(ctx, q, &out, `
		select r.object, r.key, r.parent, r.wanted, r.confirmed_hash, r.attempts from outbox.record r
		where object = $1 and wanted > confirmed and quarantined_at is null
		and (parent, key) > ($2, $3)
		and (not_before is null or not_before <= $4)
		and key like '%/%/%/%/%'
		and r.key not in (select f.key from outbox.flown f where f.object = $1)
		order by object, parent, key
		limit $5`, r.Object, r.After.Parent, r.After.Key, now, r.Limit)
	return out, err
}

// SourcesUnder gives the keys of sources that were ever marked, of those that begin with
// one of some prefixes (PAYEE/regime/source).
func SourcesUnder(ctx context.Context, q sqlx.QueryerContext, object string, prefixes []string) (keys []string, err error) {
	defer errs.Wrap(&err, "look for sources")
	err = sqlx.SelectContext(ctx, q, &keys, `
		select r.key from unnest($2::text[]) as p (prefix)
		join outbox.record r on r.object = $1 and r.key > p.prefix || '/' and r.key < p.prefix || '0'
		where r.key not like '%/%/%/%/%'`, object, pq.Array(prefixes))
	return keys, err
}
