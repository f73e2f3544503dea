package staging

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Freshness says how far an object of Salesforce's is known, and how far what is known is
// worked on.
type Freshness struct {
	Object string `json:"object"`
	// ReadTo is an instant of Salesforce's clock: what was committed before is staged, but
	// for transactions that were under way. After a pull has read the object it is when
	// that began; while one reads on, or was broken off, it is how far that came without a
	// gap. Zero until the object was read once as a whole.
	ReadTo time.Time `json:"read_to,omitzero"`
	// Waits counts the versions of records that are not reconciled yet, and WaitsSince
	// is when the oldest of them was pulled; nil if none waits.
	Waits      int64      `json:"waits"`
	WaitsSince *time.Time `json:"waits_since,omitempty"`
}

// IsRead says whether the object was ever read as a whole.
func (f Freshness) IsRead() bool { return !f.ReadTo.IsZero() }

// Age is how old what is known of the object is; of one that was never read as a whole it
// means nothing.
func (f Freshness) Age(now time.Time) time.Duration { return max(now.Sub(f.ReadTo), 0) }

// Freshnesses gives that of every object that was ever read, in the order of their names.
func Freshnesses(ctx context.Context, q sqlx.QueryerContext) (_ []Freshness, err error) {
	defer errs.Wrap(&err, "read how fresh the objects are")
	var rows []struct {
		Object string       `db:"object"`
		ReadTo sql.NullTime `db:"read_to"`
		Waits  int64        `db:"waits"`
		Since  sql.NullTime `db:"since"`
	}
	// The cursor lies where nothing is missing behind it. While the whole object is read once
	// more it goes back, and what was known when that was done last is known still.
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select c.object, greatest(c.full_at, case when c.at is not null then least(c.updated_at, c.at) end) as read_to, coalesce(w.waits, 0) as waits, w.since
		from staging.cursor c
		left join (
			select object, count(*) as waits, min(pulled_at) as since
			from staging.record where reconciled_at is null group by object
		) w on w.object = c.object
		order by c.object`); err != nil {
		return nil, err
	}
	out := make([]Freshness, len(rows))
	for i, r := range rows {
		out[i] = Freshness{Object: r.Object, ReadTo: orZero(r.ReadTo), Waits: r.Waits}
		if r.Since.Valid {
			since := r.Since.Time.UTC()
			out[i].WaitsSince = &since
		}
	}
	return out, nil
}
