package ledger

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// Merge says that a partner merged into another. From that day on the survivor is
// paid for both; the Partner IDs stay where they are (R1.1).
type Merge struct {
	Key  string     `db:"partner_key"` // of the partner that merged
	Into string     `db:"merged_into"` // the survivor, which may itself merge into a third
	On   clock.Date `db:"merged_on"`
}

// Merges gives the merges that are in force, by the keys of the partners that merged.
func Merges(ctx context.Context, q sqlx.QueryerContext) (_ map[string]Merge, err error) {
	defer errs.Wrap(&err, "read merges of partners")
	var rows []Merge
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select partner_key, merged_into, merged_on from ledger.partner_merge where superseded_at is null`); err != nil {
		return nil, err
	}
	out := make(map[string]Merge, len(rows))
	for _, m := range rows {
		out[m.Key] = m
	}
	return out, nil
}

// SaveMerges keeps merges of partners that are all saved. One whose Into is ""
// takes back the merge that is in force; that, and another survivor or day, is a
// conflict once something was posted for one of the partner's IDs after the merge
// was stated. A survivor that nobody knows, and merges in a circle, are refused.
func SaveMerges(ctx context.Context, tx *sqlx.Tx, stated []Merge, actor string, now time.Time) (err error) {
	defer errs.Wrap(&err, "save merges of partners")
	all, err := Merges(ctx, tx)
	if err != nil {
		return err
	}
	var taken []string
	var made []Merge
	for _, m := range stated {
		before, was := all[m.Key]
		switch {
		case m == before || m.Into == "" && !was:
			continue
		case was:
			if err := refuseUnmerge(ctx, tx, before); err != nil {
				return err
			}
			taken = append(taken, m.Key)
		}
		delete(all, m.Key)
		if m.Into != "" {
			made, all[m.Key] = append(made, m), m
		}
	}
	for _, m := range made {
		if today := clock.DateIn(now, time.UTC); m.On.After(today.AddDays(1)) { // a day ahead in some zone
			return errs.New(errs.Invalid, "partner %s: merged_on is %s, and that day is still to come", m.Key, m.On).
				WithHint("Apply the merge once it has taken place.")
		}
		if err := refuseMerge(ctx, tx, m, all); err != nil {
			return err
		}
	}
	// What is taken back goes first, so that two partners may change places.
	if _, err := tx.ExecContext(ctx, `
		update ledger.partner_merge set superseded_by = $2, superseded_at = $3
		where partner_key = any($1) and superseded_at is null`, pq.Array(taken), actor, now); err != nil {
		return err
	}
	for _, m := range made {
		if _, err := tx.ExecContext(ctx, `
			insert into ledger.partner_merge (partner_key, merged_into, merged_on, applied_by, applied_at)
			values ($1, $2, $3, $4, $5)`, m.Key, m.Into, m.On, actor, now); err != nil {
			return err
		}
	}
	return nil
}

// refuseMerge refuses a merge into a partner that nobody knows, and one in a circle.
func refuseMerge(ctx context.Context, q sqlx.QueryerContext, m Merge, all map[string]Merge) error {
	var known bool
	if err := sqlx.GetContext(ctx, q, &known, `select exists (select from ledger.partner where key = $1)`, m.Into); err != nil {
		return err
	}
	if !known {
		return errs.New(errs.Invalid, "partner %s: merged_into names %s, and there is no such partner", m.Key, m.Into).
			WithHint("Name the survivor by its key; state it in the same file if it is new.")
	}
	path := []string{m.Key}
	for next, ok := m, true; ok; next, ok = all[next.Into] {
		if slices.Contains(path, next.Into) {
			return errs.New(errs.Invalid, "partners merge in a circle: %s", strings.Join(append(path, next.Into), " → ")).
				WithHint("Leave merged_into out at the partner that goes on.")
		}
		path = append(path, next.Into)
	}
	return nil
}

// refuseUnmerge refuses to touch a merge by which something was posted: whoever was
// the survivor then has been told of it as theirs.
func refuseUnmerge(ctx context.Context, q sqlx.QueryerContext, m Merge) error {
	var posted bool
	if err := sqlx.GetContext(ctx, q, &posted, `
		select exists (
			select from ledger.partner_merge g
			join ledger.partner_id i on i.partner_key = g.partner_key
			join ledger.entry e on e.payee_id = i.id and e.posted_at >= g.applied_at
			where g.partner_key = $1 and g.superseded_at is null)`, m.Key); err != nil {
		return err
	}
	if !posted {
		return nil
	}
	return errs.New(errs.Conflict, "partner %s merged into %s on %s, something was posted for its IDs since, and the file says otherwise",
		m.Key, m.Into, m.On).
		WithHint("A merge by which was posted stays (R1.1). Keep merged_into: %s and merged_on: %s.", m.Into, m.On)
}

// PaidThrough gives the Partner IDs whose payment rests on any of the partners:
// their own, and those of all that merged into them.
func PaidThrough(ctx context.Context, q sqlx.QueryerContext, keys []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find the Partner IDs that are paid through %d partners", len(keys))
	err = sqlx.SelectContext(ctx, q, &ids, `
		with recursive down (key) as (
			select unnest($1::text[])
			union
			select m.partner_key from down join ledger.partner_merge m on m.merged_into = down.key and m.superseded_at is null)
		select i.id from down join ledger.partner_id i on i.partner_key = down.key order by i.id`, pq.Array(keys))
	return ids, err
}
