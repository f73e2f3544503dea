package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Row is a row of the outbox.
type Row struct {
	Object        string     `db:"object" json:"object"`
	Key           string     `db:"key" json:"key"`
	Parent        string     `db:"parent" json:"parent,omitempty"`
	Wanted        int64      `db:"wanted" json:"wanted"`
	Confirmed     int64      `db:"confirmed" json:"confirmed"`
	ConfirmedHash []byte     `db:"confirmed_hash" json:"confirmed_hash,omitempty"`
	SalesforceID  string     `db:"salesforce_id" json:"salesforce_id,omitempty"`
	Attempts      int        `db:"attempts" json:"attempts"` // that failed since the last success
	NotBefore     *time.Time `db:"not_before" json:"not_before,omitempty"`
	LastError     string     `db:"last_error" json:"last_error,omitempty"`
	QuarantinedAt *time.Time `db:"quarantined_at" json:"quarantined_at,omitempty"`
	MarkedAt      time.Time  `db:"marked_at" json:"marked_at"`
	ConfirmedAt   *time.Time `db:"confirmed_at" json:"confirmed_at,omitempty"`
	// Flight is the flight that the row is in, and FlownAt since when; none if it is not
	// being sent. JobID is that of the flight's Bulk job, "" if it has none.
	Flight  *int64     `db:"flight" json:"flight,omitempty"`
	FlownAt *time.Time `db:"flown_at" json:"flown_at,omitempty"`
	JobID   string     `db:"job_id" json:"job_id,omitempty"`
}

// State is the row's state: settled, in flight, unsent, waiting or quarantined.
func (r Row) State(now time.Time) State {
	switch {
	case r.Flight != nil:
		return InFlight
	case r.QuarantinedAt != nil:
		return Quarantined
	case r.Wanted <= r.Confirmed:
		return Settled
	case r.NotBefore != nil && r.NotBefore.After(now):
		return Waiting
	}
	return Unsent
}

// rowColumns and rowTables read rows that r names as a whole, as people look at them.
const (
	rowColumns = `r.object, r.key, r.parent, r.wanted, r.confirmed, r.confirmed_hash, r.salesforce_id, r.attempts, r.not_before,
	r.last_error, r.quarantined_at, r.marked_at, r.confirmed_at, f.flight, t.begun_at as flown_at, coalesce(t.job_id, '') as job_id`
	rowTables = `r
	left join outbox.flown f on f.object = r.object and f.key = r.key
	left join outbox.flight t on t.id = f.flight`
)

// Range says which unsent rows to look at: those behind After in the order of
// (parent, key), and of parents before Before, unless that is "".
type Range struct {
	Object string
	After  Key
	Before string
	Limit  int
}

// Split shares the unsent rows of an object out into at most n ranges of whole parents that
// have about as many each, one behind the other: so each is read by itself, and what is
// marked later is in one of them.
func Split(ctx context.Context, q sqlx.QueryerContext, object string, n int, now time.Time) (out []Range, err error) {
	defer errs.Wrap(&err, "share %s records out", object)
	var parents []struct {
		Parent string `db:"parent"`
		Rows   int    `db:"rows"`
	}
	if n > 1 {
		if err := sqlx.SelectContext(ctx, q, &parents, `
			select parent, count(*) as rows from outbox.record
			where object = $1 and wanted > confirmed and quarantined_at is null and (not_before is null or not_before <= $2)
			group by parent order by parent`, object, now); err != nil {
			return nil, err
		}
	}
	total := 0
	for _, p := range parents {
		total += p.Rows
	}
	out, seen := []Range{{Object: object}}, 0
	for i, p := range parents {
		if i > 0 && len(out) < n && seen*n >= total*len(out) {
			out[len(out)-1].Before = p.Parent
			out = append(out, Range{Object: object, After: Key{Parent: p.Parent}})
		}
		seen += p.Rows
	}
	return out, nil
}

// Beside is what is read beside rows of the outbox, in the same statement.
type Beside struct {
	Columns string // of what Join names, separated by commas
	Join    string // with the rows, which are called d; each row has to stay one
	Into    []any  // where a row's Columns are scanned to
}

// Next gives the next unsent rows of a range that are not in flight, with what a sender
// needs of them, at least one if there is one. It takes no lock: what keeps two from sending
// a row is Launch, of which the second fails.
func Next(ctx context.Context, q sqlx.QueryerContext, r Range, now time.Time) (out []Row, err error) {
	return NextBeside(ctx, q, r, now, nil, nil)
}

// NextBeside is Next that reads something beside the rows, and calls keep for each while
// that is in its place. The rows come to keep nearly always in the order in which they are
// given.
func NextBeside(ctx context.Context, q sqlx.QueryerContext, r Range, now time.Time, with *Beside, keep func(*Row) error) (out []Row, err error) {
	defer errs.Wrap(&err, "look for %s records to push", r.Object)
	out = make([]Row, 0, r.Limit)
	for {
		seen, last, err := next(ctx, q, r, now, with, keep, &out)
		if err != nil || seen < r.Limit || len(out) > 0 {
			return out, err
		}
		r.After = last // all of these were in flight
	}
}

// next appends what is not in flight of the next unsent rows of a range, and gives how many
// there were, and the last of them. The keys in flight are looked up at once, and only in
// manifests that may have them. What is joined is not sorted by the database, which would
// move all of it: the rows come in order as it is.
func next(ctx context.Context, q sqlx.QueryerContext, r Range, now time.Time, with *Beside, keep func(*Row) error, out *[]Row) (seen int, last Key, err error) {
	row, isAloft := Row{Object: r.Object}, false
	into := []any{&row.Key, &row.Parent, &row.Wanted, &row.ConfirmedHash, &row.Attempts, &isAloft}
	columns, join := "", ""
	if with != nil {
		columns, join, into = ", "+with.Columns, with.Join, append(into, with.Into...)
	}
	rows, err := q.QueryContext(ctx, `
		with due as materialized (
			select r.key, r.parent, r.wanted, r.confirmed_hash, r.attempts from outbox.record r
			where object = $1 and wanted > confirmed and quarantined_at is null
			and (parent, key) > ($2, $3)
			and (not_before is null or not_before <= $4)
			and ($5 = '' or parent < $5)
			order by object, parent, key
			limit $6)
		select d.key, d.parent, d.wanted, d.confirmed_hash, d.attempts, d.key in (
			select unnest(m.keys) from outbox.manifest m
			where m.object = $1 and m.first_key <= (select max(key) from due) and m.last_key >= (select min(key) from due)) as aloft`+columns+`
		from due d `+join,
		r.Object, r.After.Parent, r.After.Key, now, r.Before, r.Limit)
	if err != nil {
		return 0, Key{}, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	from := len(*out)
	for ; rows.Next(); seen++ {
		if err := rows.Scan(into...); err != nil {
			return 0, Key{}, err
		}
		if isBehind(row, last) {
			last = Key{Key: row.Key, Parent: row.Parent}
		}
		if isAloft {
			continue
		}
		*out = append(*out, row)
		if keep == nil {
			continue
		}
		if err := keep(&row); err != nil {
			return 0, Key{}, err
		}
	}
	if some := (*out)[from:]; !slices.IsSortedFunc(some, inOrder) {
		slices.SortFunc(some, inOrder)
	}
	return seen, last, rows.Err()
}

// inOrder is the order in which rows are sent.
func inOrder(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Parent, b.Parent), cmp.Compare(a.Key, b.Key))
}

func isBehind(r Row, k Key) bool { return inOrder(r, Row{Key: k.Key, Parent: k.Parent}) > 0 }
