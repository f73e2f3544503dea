package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
)

// kindIncomplete notes a record that is older than the history that Salesforce
// still had of its kind (R2.6).
const kindIncomplete = "history_incomplete"

// The horizon of a kind of record is the oldest history row that the org still
// had when its history was first seen, whatever field the row is about: what
// happened before it was purged. Salesforce leaves a row when a record is made, so
// in an org whose history is whole no record is older. How old a record is, is when
// it was made in Salesforce: a Space can have been created long before somebody
// brought it there. The pull asks for the oldest row once; a ledger that has no
// answer yet takes the oldest of the rows about Partner IDs that came first.
//
// The horizon is settled once, at the end of the pass that first learned of history
// of the kind, because history that is imported later has older rows; the answer
// alone settles it again if it comes after that. An org whose first row is of after
// the first sight of its records, or after the answer that it had none, had tracked
// nothing by then: what it tracked later was seen from its beginning, and there is
// no horizon.

// keepFirstSight notes when records of a kind were first seen.
func keepFirstSight(ctx context.Context, tx *sqlx.Tx, kind string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		insert into ledger.history_horizon (subject_kind, seen_at) values ($1, $2) on conflict do nothing`, kind, now)
	return err
}

// keepOldest notes how old the first history rows of a kind are.
func keepOldest(ctx context.Context, tx *sqlx.Tx, kind string, rows []HistoryRow, now time.Time) error {
	if len(rows) == 0 {
		return nil
	}
	oldest := rows[0].At
	for _, r := range rows[1:] {
		if r.At.Before(oldest) {
			oldest = r.At
		}
	}
	_, err := tx.ExecContext(ctx, `
		insert into ledger.history_horizon as h (subject_kind, seen_at, oldest) values ($1, $2, $3)
		on conflict (subject_kind) do update set oldest = least(h.oldest, excluded.oldest)
		where h.settled_at is null and (h.oldest is null or h.oldest > excluded.oldest)`, kind, now, oldest)
	return err
}

// KeepHorizon keeps what Salesforce answered when it was first asked for the oldest
// row of the history of a kind ("space" or "profile"), whatever field the row is
// about (R2.6): the row's instant, zero if there was none, and Salesforce's clock
// at the question. The first answer stands, and Check settles what follows from it.
func KeepHorizon(ctx context.Context, tx *sqlx.Tx, kind string, oldest, asked, now time.Time) (err error) {
	defer errs.Wrap(&err, "keep the oldest history of the kind %s", kind)
	_, err = tx.ExecContext(ctx, `
		insert into ledger.history_horizon as h (subject_kind, seen_at, oldest, asked_at) values ($1, $2, $3, $4)
		on conflict (subject_kind) do update
		set oldest = least(h.oldest, excluded.oldest), asked_at = excluded.asked_at, settled_at = null
		where h.asked_at is null`, kind, now, pg.OrNull(oldest), asked)
	return err
}

// horizons gives the settled horizon of each kind of record that has one.
func horizons(ctx context.Context, q sqlx.QueryerContext) (map[string]time.Time, error) {
	var rows []struct {
		Kind   string    `db:"subject_kind"`
		Oldest time.Time `db:"oldest"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select subject_kind, oldest from ledger.history_horizon
		where settled_at is not null and oldest <= least(seen_at, asked_at)`); err != nil {
		return nil, err
	}
	out := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		out[r.Kind] = r.Oldest.UTC()
	}
	return out, nil
}

// settleHorizons settles the horizons of kinds of whose history this pass learned
// first, and notes all records that are older, and no others. From then on Replay
// keeps the notes. It gives how many discrepancies were opened; where there is
// nothing to settle it costs one statement on a table of two rows.
func settleHorizons(ctx context.Context, tx *sqlx.Tx, now time.Time) (opened int64, err error) {
	defer errs.Wrap(&err, "settle how far back history goes")
	done, err := tx.ExecContext(ctx, `
		update ledger.history_horizon set settled_at = $1
		where settled_at is null and (oldest is not null or asked_at is not null)`, now)
	if err != nil {
		return 0, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return 0, err
	}
	of, err := horizons(ctx, tx)
	if err != nil {
		return 0, err
	}
	space, profile := of[KindSpace], of[KindProfile]
	like := ledger.Discrepancy{Kind: kindIncomplete, Rule: "R2.6"}
	return ledger.SettleEach(ctx, tx, like, now, `
		select s.id, 'Space', $3::text from ledger.space s
		where coalesce(s.recorded_at, s.created_at) < $1::timestamptz and not exists (
			select from ledger.statement_of_id t
			where t.record_id = s.id and t.source = 'history' and t.at < $1::timestamptz)
		union all
		select r.profile, 'profile', $4::text
		from (
			select distinct on (profile) profile, id, coalesce(recorded_at, registered_at) as recorded_at from ledger.profile_record
			order by profile, registered_at, id collate "C") as r
		where r.recorded_at < $2::timestamptz and not exists (
			select from ledger.statement_of_id t
			where t.record_id = r.id and t.source = 'history' and t.at < $2::timestamptz)`,
		pg.OrNull(space), pg.OrNull(profile), incompleteDetail("Space", space), incompleteDetail("user record", profile))
}

// incomplete notes a record that was made before the horizon of its kind, unless
// history rows from beyond it have been learned (R2.6). No horizon notes nothing.
func incomplete(object, subject, record string, recorded, horizon time.Time, statements []Statement) []ledger.Discrepancy {
	if horizon.IsZero() || !recorded.Before(horizon) {
		return nil
	}
	for _, s := range statements {
		if s.Source == fromHistory && s.At.Before(horizon) {
			return nil
		}
	}
	d := discrepancy(object, subject, kindIncomplete, "R2.6", false, "%s", incompleteDetail(record, horizon))
	return []ledger.Discrepancy{d}
}

// incompleteDetail is what the note says of a record, named as people name it.
func incompleteDetail(record string, horizon time.Time) string {
	return "This " + record + " is older than the oldest history that Salesforce still had of its kind, of " +
		horizon.Format(time.DateOnly) + "; who held it before that is not known for sure. Import its history of Partner IDs."
}
