package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// State is the state of a row.
type State string

// The states; see the package comment.
const (
	Settled     State = "settled"
	Unsent      State = "unsent" // and not put off
	Waiting     State = "waiting"
	Quarantined State = "quarantined"
	InFlight    State = "in flight" // on its way at this moment
)

// Filter says which rows to list. Empty fields do not restrict.
type Filter struct {
	Object string
	State  State
	Limit  int // 0 means 100
}

const defaultListed = 100

// List gives rows in the order of (object, parent, key).
func List(ctx context.Context, q sqlx.QueryerContext, f Filter, now time.Time) (_ []Row, err error) {
	defer errs.Wrap(&err, "list the outbox")
	if inState[f.State] == "" {
		return nil, errs.New(errs.Invalid, "there is no state %q", f.State).
			WithHint("The states are settled, unsent, in flight, waiting and quarantined.")
	}
	if f.Limit <= 0 {
		f.Limit = defaultListed
	}
	from := `outbox.record r`
	if f.State == InFlight { // which no index knows, and which are few: each is looked up
		from = `outbox.flown f cross join lateral (select * from outbox.record where object = f.object and key = f.key limit 1) as r`
	}
	var out []Row
	// Not every state asks for the instant, and Postgres wants to know its type.
	err = sqlx.SelectContext(ctx, q, &out, `
		with r as materialized (
			select r.* from `+from+`
			where ($1 = '' or r.object = $1) and ($2::timestamptz is not null) and `+inState[f.State]+`
			order by r.object, r.parent, r.key
			limit $3)
		select `+rowColumns+` from `+rowTables+`
		order by r.object, r.parent, r.key`, f.Object, now, f.Limit)
	return out, err
}

// aground says that a row is in no flight, and aloft that it is in one.
const (
	aloft   = `(r.object, r.key) in (select f.object, f.key from outbox.flown f)`
	aground = `not ` + aloft
)

// inState are the conditions of the states at the instant $2. They are spelt out
// so that Postgres finds those of the partial indexes in them.
var inState = map[State]string{
	"":          `true`,
	Settled:     `r.wanted <= r.confirmed and r.quarantined_at is null and ` + aground,
	Quarantined: `r.wanted > r.confirmed and r.quarantined_at is not null and ` + aground,
	Waiting:     `r.wanted > r.confirmed and r.quarantined_at is null and r.not_before > $2 and ` + aground,
	Unsent:      `r.wanted > r.confirmed and r.quarantined_at is null and (r.not_before is null or r.not_before <= $2) and ` + aground,
	InFlight:    `true`, // of those that List reads then
}

// objectsOf are the objects that one means: itself, or all. Postgres finds keys by index
// only below an object.
func objectsOf(object string) any {
	if object == "" {
		return pq.Array([]string{Partner, Statement, Commission})
	}
	return pq.Array([]string{object})
}

// Retry lets push try rows that are quarantined or waiting again at its next
// run, and gives their number. nil keys means all of the object; an empty object
// all objects.
func Retry(ctx context.Context, tx *sqlx.Tx, object string, keys []string) (_ int64, err error) {
	defer errs.Wrap(&err, "let push try again")
	// What waits is said apart from what is quarantined, as the two indexes are: both are used.
	result, err := tx.ExecContext(ctx, `
		update outbox.record r set attempts = 0, not_before = null, quarantined_at = null
		where object = any($1) and ($2::text[] is null or key = any($2))
		and wanted > confirmed and (quarantined_at is not null or quarantined_at is null and not_before is not null)
		and (r.object, r.key) not in (select f.object, f.key from outbox.flown f)`,
		objectsOf(object), pq.Array(keys))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Drop gives up sending the present state of rows that are quarantined or
// waiting, and gives their number: Salesforce keeps what it has, until the
// ledger's state changes again. Who did so stays in the row.
func Drop(ctx context.Context, tx *sqlx.Tx, object string, keys []string, actor string) (_ int64, err error) {
	defer errs.Wrap(&err, "drop what waits to be pushed")
	if len(keys) == 0 {
		return 0, errs.New(errs.Invalid, "no key was named").WithHint("Name keys that this shows: partnersync outbox list")
	}
	result, err := tx.ExecContext(ctx, `
		update outbox.record r
		set confirmed = wanted, attempts = 0, not_before = null, quarantined_at = null,
		    last_error = left('`+droppedBy+`' || $3 || '; it said: ' || last_error, 1000)
		where object = any($1) and key = any($2)
		and wanted > confirmed and (quarantined_at is not null or not_before is not null)
		and (r.object, r.key) not in (select f.object, f.key from outbox.flown f)`,
		objectsOf(object), pq.Array(keys), actor)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Tally counts the rows of an object by state, and says since when those wait that have
// waited longest.
type Tally struct {
	Object      string `db:"object" json:"object"`
	Unsent      int64  `db:"unsent" json:"unsent"` // those that wait included
	Waiting     int64  `db:"waiting" json:"waiting"`
	Quarantined int64  `db:"quarantined" json:"quarantined"`
	InFlight    int64  `db:"in_flight" json:"in_flight"` // unsent ones that are on their way at this moment

	UnsentSince      *time.Time `db:"unsent_since" json:"-"`      // see Age
	QuarantinedSince *time.Time `db:"quarantined_since" json:"-"` // see Age
}

// Tallies counts what is not settled, by object; objects with nothing to send are left out.
// It reads the rows that are not settled, by the two indexes that have only these, however
// many are settled; and each of them once, because status, page and metrics ask for it while
// a whole first accrual is still to be sent.
func Tallies(ctx context.Context, q sqlx.QueryerContext, now time.Time) (_ []Tally, err error) {
	defer errs.Wrap(&err, "count the outbox")
	var out []Tally
	err = sqlx.SelectContext(ctx, q, &out, `
		select object, sum(unsent)::bigint as unsent, sum(waiting)::bigint as waiting, sum(quarantined)::bigint as quarantined,
			sum(in_flight)::bigint as in_flight, min(unsent_since) as unsent_since, min(quarantined_since) as quarantined_since
		from (
			select object, count(*) as unsent, count(*) filter (where not_before > $1) as waiting, 0 as quarantined, 0 as in_flight,
				min(marked_at) as unsent_since, null::timestamptz as quarantined_since
			from outbox.record where wanted > confirmed and quarantined_at is null group by object
			union all
			select object, 0, 0, count(*), 0, null, min(quarantined_at)
			from outbox.record where wanted > confirmed and quarantined_at is not null group by object
			union all
			select object, 0, 0, 0, sum(records), null, null from outbox.manifest group by object) as counted
		group by object order by object`, now)
	for i := range out {
		for _, at := range []*time.Time{out[i].UnsentSince, out[i].QuarantinedSince} {
			if at != nil {
				*at = at.UTC()
			}
		}
	}
	return out, err
}

// Due counts the rows of an object that could be sent at an instant: what is unsent, and
// neither waits nor is in flight.
func Due(ctx context.Context, q sqlx.QueryerContext, object string, now time.Time) (n int64, err error) {
	defer errs.Wrap(&err, "count the %s records to push", object)
	err = sqlx.GetContext(ctx, q, &n, `
		select greatest(0, (
				select count(*) from outbox.record
				where object = $1 and wanted > confirmed and quarantined_at is null and (not_before is null or not_before <= $2))
			- (select coalesce(sum(records), 0) from outbox.manifest where object = $1))`, object, now)
	return n, err
}

// IsDense says whether so many rows of an object are at least half of all, so that going
// through all rows between the first and the last of some of them costs less than looking
// each up. Statements are few, and are looked up.
func IsDense(ctx context.Context, q sqlx.QueryerContext, object string, rows int64) (is bool, err error) {
	defer errs.Wrap(&err, "count %s records", object)
	if object == Statement || rows < denseAtLeast {
		return false, nil
	}
	err = sqlx.GetContext(ctx, q, &is, `
		select not exists (select from outbox.record where object = $1 offset $2)`, object, 2*rows)
	return is, err
}

// denseAtLeast is from how many rows on it is worth asking.
const denseAtLeast = 5_000
