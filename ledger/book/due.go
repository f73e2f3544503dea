package book

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// MarkDue asks for the lines of sources to be worked out anew. It belongs in the
// transaction that changes a fact they rest on. A mark that is there already is
// written again: its lock makes whoever takes it wait until the fact is committed,
// where a mark left alone could be taken and worked off without it.
func MarkDue(ctx context.Context, tx *sqlx.Tx, sources []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark %d sources due", len(sources))
	if len(sources) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.due_source (source_id, marked_at)
		select distinct s, $2::timestamptz from unnest($1::text[]) as s order by s
		on conflict (source_id) do update set marked_at = excluded.marked_at`, pq.Array(sources), now)
	return err
}

// MarkScheduled marks the sources for which days have passed: those of which more
// is expected on asOf than when they were last worked out.
func MarkScheduled(ctx context.Context, tx *sqlx.Tx, asOf clock.Date, now time.Time) (n int64, err error) {
	defer errs.Wrap(&err, "mark sources for which days have passed")
	res, err := tx.ExecContext(ctx, `
		insert into ledger.due_source (source_id, marked_at)
		select source_id, $2 from ledger.source_schedule where next_on <= $1
		on conflict (source_id) do nothing`, asOf, now)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// MarkTerms marks every source that has more to come, whatever its day: an as-of
// that a person gave may end within a month.
func MarkTerms(ctx context.Context, tx *sqlx.Tx, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark terms")
	_, err = tx.ExecContext(ctx, `
		insert into ledger.due_source (source_id, marked_at) select source_id, $1 from ledger.source_schedule
		on conflict (source_id) do nothing`, now)
	return err
}

// TakeDue takes at most limit due sources in the order of their ids, those behind
// one and, unless that is "", none behind another; the marks are gone when the
// transaction commits. Whoever goes on behind the last one taken spares the database
// the marks that are gone.
func TakeDue(ctx context.Context, tx *sqlx.Tx, after, through string, limit int) (sources []string, err error) {
	defer errs.Wrap(&err, "take due sources")
	err = tx.SelectContext(ctx, &sources, `
		with taken as (
			select source_id from ledger.due_source where source_id > $1 and ($2 = '' or source_id <= $2)
			order by source_id limit $3 for update),
		gone as (delete from ledger.due_source where source_id = any(array(select source_id from taken)))
		select source_id from taken order by source_id`, after, through, limit)
	return sources, err
}

// DueAfter lists, without taking them, at most limit sources after a source id: the
// due ones, and those for which days have passed by asOf.
func DueAfter(ctx context.Context, q sqlx.QueryerContext, after string, asOf clock.Date, limit int) (sources []string, err error) {
	defer errs.Wrap(&err, "list due sources")
	err = sqlx.SelectContext(ctx, q, &sources, `
		select source_id from ledger.due_source where source_id > $1
		union
		select source_id from ledger.source_schedule where source_id > $1 and next_on <= $2
		order by source_id limit $3`, after, asOf, limit)
	return sources, err
}

// SourcesAfter lists at most limit sources after a source id that may have lines: won
// opportunities, and whatever had lines before.
func SourcesAfter(ctx context.Context, q sqlx.QueryerContext, after string, limit int) (sources []string, err error) {
	defer errs.Wrap(&err, "list sources")
	err = sqlx.SelectContext(ctx, q, &sources, `
		(select id as source_id from ledger.opportunity where is_won and id > $1 order by id limit $2)
		union
		(select distinct source_id from ledger.line where source_id > $1 order by source_id limit $2)
		order by source_id limit $2`, after, limit)
	return sources, err
}

// CountDue counts the due sources.
func CountDue(ctx context.Context, q sqlx.QueryerContext) (n int64, err error) {
	defer errs.Wrap(&err, "count due sources")
	err = sqlx.GetContext(ctx, q, &n, `select count(*) from ledger.due_source`)
	return n, err
}

// Due says how many sources are due, and since when the oldest is; nil if none is.
type Due struct {
	Sources int64      `db:"sources" json:"sources"`
	Since   *time.Time `db:"since" json:"since,omitempty"`
}

// ReadDue says what is due.
func ReadDue(ctx context.Context, q sqlx.QueryerContext) (d Due, err error) {
	defer errs.Wrap(&err, "read what is due")
	err = sqlx.GetContext(ctx, q, &d, `select count(*) as sources, min(marked_at) as since from ledger.due_source`)
	if d.Since != nil {
		*d.Since = d.Since.UTC()
	}
	return d, err
}

// Schedule keeps, for sources, the first as-of on which more is expected of them;
// no date means never.
func Schedule(ctx context.Context, tx *sqlx.Tx, sources []string, nextOn []clock.Date) (err error) {
	defer errs.Wrap(&err, "schedule sources")
	var ids, on, done []string
	for i, s := range sources {
		if nextOn[i].IsZero() {
			done = append(done, s)
			continue
		}
		ids, on = append(ids, s), append(on, nextOn[i].String())
	}
	if _, err := tx.ExecContext(ctx, `delete from ledger.source_schedule where source_id = any((select $1::text[])::text[])`, pq.Array(done)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.source_schedule as s (source_id, next_on) select * from unnest($1::text[], $2::date[])
		on conflict (source_id) do update set next_on = excluded.next_on where s.next_on <> excluded.next_on`,
		pq.Array(ids), pq.Array(on))
	return err
}
