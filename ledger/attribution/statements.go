package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Observation is the Partner ID that a pull saw on a record.
type Observation struct {
	RecordID string
	Raw      string    // as received
	Modstamp time.Time // the record's SystemModstamp
}

// HistoryRow is a change of a record's Partner ID that Salesforce tracked.
type HistoryRow struct {
	ID       string
	RecordID string
	Old, New string // as received
	At       time.Time
}

// SaveObservations keeps the values that pulls saw on records of one kind
// ("space" or "profile"): each is a fact (R2.6, R7.7), the same value included,
// because a history row may lie between. Only a version that was seen before with
// the same value says nothing new. It marks the subjects of those that do.
func SaveObservations(ctx context.Context, tx *sqlx.Tx, kind string, os []Observation, now time.Time) (err error) {
	defer errs.Wrap(&err, "save observed Partner IDs")
	c := newColumns(len(os), 2)
	at := make([]time.Time, len(os))
	for i, o := range os {
		c.row(i, o.RecordID, o.Raw)
		at[i] = o.Modstamp
	}
	var changed []string
	if err := tx.SelectContext(ctx, &changed, `
		insert into ledger.statement_of_id (record_id, source, source_id, at, new_value, learned_at)
		select r.id, 'observation', r.id, r.at, r.value, $4
		from unnest($1::text[], $2::text[], $3::timestamptz[]) as r (id, value, at)
		left join lateral (
			select s.new_value from ledger.statement_of_id s
			where s.record_id = r.id and s.source = 'observation' and s.at = r.at
			order by s.learned_at desc limit 1) as last on true
		where last.new_value is distinct from r.value
		on conflict (record_id, at, source_id, learned_at) do update set new_value = excluded.new_value
		returning record_id`, c.array(0), c.array(1), pq.Array(at), now); err != nil {
		return err
	}
	if err := keepFirstSight(ctx, tx, kind, now); err != nil {
		return err
	}
	return markStated(ctx, tx, kind, changed, now)
}

// SaveHistory keeps history rows of records of one kind, once and for ever
// (R2.6), and marks the subjects.
func SaveHistory(ctx context.Context, tx *sqlx.Tx, kind string, rows []HistoryRow, now time.Time) (err error) {
	defer errs.Wrap(&err, "save history of Partner IDs")
	c := newColumns(len(rows), 4)
	at := make([]time.Time, len(rows))
	for i, r := range rows {
		c.row(i, r.ID, r.RecordID, r.Old, r.New)
		at[i] = r.At
	}
	var changed []string
	if err := tx.SelectContext(ctx, &changed, `
		insert into ledger.statement_of_id (record_id, source, source_id, at, old_value, new_value, learned_at)
		select r.record_id, 'history', r.id, r.at, r.old, r.new, $6
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) as r (id, record_id, old, new, at)
		where not exists (
			select from ledger.statement_of_id s where s.record_id = r.record_id and s.at = r.at and s.source_id = r.id)
		returning record_id`, c.array(0), c.array(1), c.array(2), c.array(3), pq.Array(at), now); err != nil {
		return err
	}
	if err := keepOldest(ctx, tx, kind, rows, now); err != nil {
		return err
	}
	return markStated(ctx, tx, kind, changed, now)
}

func markStated(ctx context.Context, tx *sqlx.Tx, kind string, records []string, now time.Time) error {
	if kind == KindSpace {
		return MarkSpaces(ctx, tx, records, now)
	}
	return markRecords(ctx, tx, records, now)
}
