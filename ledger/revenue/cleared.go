package revenue

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Salesforce clears a lookup when what it leads to is deleted, and puts it back when
// that is undeleted. Deleting a Space ends nothing (R2.11), so an opportunity keeps the
// Space that it named (R3.3):
//
//	names S ──a version names none──▶ cleared ──S was deleted by then──▶ counts for S
//	                                     └───────S was alive───────────▶ a person cleared it
//
// Which of them it was is asked anew when the opportunity changes and when the Space
// does, so the facts may come in either order.

const (
	// stampsDiffer is allowed between the stamp of a deletion and those of the records
	// from which it takes the lookup.
	stampsDiffer = time.Minute
	// clocksDiffer is allowed where Salesforce's stamps are held against our clock, and is
	// what pulls read again.
	clocksDiffer = 15 * time.Minute
)

// keepNamedSpaces notes which Space opportunities named, of those of which a version
// comes that names none, and forgets it for those that name one again. Call it in the
// transaction that saves the versions, before they are saved, with each record once.
//
// A version that names none under the stamp of one that named a Space was written by
// nobody: Salesforce shows the lookup otherwise, and did so by the time it was seen.
// A version that comes late, and names one where the kept one names none, tells what was
// named before. Its opportunities are given back.
func keepNamedSpaces(ctx context.Context, tx *sqlx.Tx, ids, spaces []string, modstamps, seen []time.Time) (late []string, err error) {
	defer errs.Wrap(&err, "keep which Spaces opportunities named")
	err = tx.SelectContext(ctx, &late, `
		with version as (
			select r.id, r.space, r.at, o.modstamp as kept_at,
				case when r.at > o.modstamp then r.at + $5 * interval '1 second'
					else greatest(r.at, r.seen) + $6 * interval '1 second' end as cleared_by,
				case o.space_id when '' then o.cleared_space_id else o.space_id end as named
			from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) as r (id, space, at, seen)
			join ledger.opportunity o on o.id = r.id
			where case when r.at < o.modstamp then r.space <> '' and o.space_id = '' and o.cleared_space_id = ''
				when r.space = '' then o.space_id <> '' and o.space_id <> o.cleared_space_id
				else o.cleared_space_id <> '' end),
		written as (
			update ledger.opportunity o set
				cleared_space_id = case when v.at < v.kept_at then v.space when v.space = '' then v.named else '' end,
				space_cleared_by = case when v.at < v.kept_at then v.kept_at + $5 * interval '1 second' when v.space = '' then v.cleared_by end
			from version v where o.id = v.id)
		select id from version where at < kept_at`,
		pq.Array(ids), pq.Array(spaces), pq.Array(modstamps), pq.Array(seen), stampsDiffer.Seconds(), clocksDiffer.Seconds())
	return late, err
}

// FindSpaces works out anew, for opportunities of which a version has cleared the Space,
// whether it counts all the same, and gives those of which that is news.
//
// It counts if the Space was deleted by the time it was cleared, and is deleted still or
// was undeleted since that version: then Salesforce names it again, and whoever shows
// none later has cleared it. Of a Space that vanished nobody knows when it was deleted:
// it is taken to be at the first instant at which it may have been (R9.1).
func FindSpaces(ctx context.Context, tx *sqlx.Tx, ids []string) (changed []string, err error) {
	defer errs.Wrap(&err, "find Spaces that were cleared")
	err = tx.SelectContext(ctx, &changed, `
		with found as (
			select o.id, coalesce((
				select s.id from ledger.space s
				left join ledger.vanished v on v.record_id = s.id and v.returned_at is null
				where s.id = o.cleared_space_id and case
					when v.record_id is not null then coalesce(v.alive_at, s.modstamp) - $2 * interval '1 second' <= o.space_cleared_by
					when s.is_deleted then coalesce(s.deleted_at, s.modstamp) <= o.space_cleared_by
					else s.deleted_at <= o.space_cleared_by and o.modstamp <= s.restored_at + $3 * interval '1 second' end), '') as space_id
			from ledger.opportunity o where o.id = any($1) and o.cleared_space_id <> '')
		update ledger.opportunity o set space_id = found.space_id
		from found where o.id = found.id and o.space_id <> found.space_id
		returning o.id`, pq.Array(ids), clocksDiffer.Seconds(), stampsDiffer.Seconds())
	return changed, err
}

// ClearedOf gives the ids of the opportunities that named any of the Spaces before they
// named none.
func ClearedOf(ctx context.Context, q sqlx.QueryerContext, spaces []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find opportunities that named Spaces")
	err = sqlx.SelectContext(ctx, q, &ids,
		`select id from ledger.opportunity where cleared_space_id = any($1) and cleared_space_id <> ''`, pq.Array(spaces))
	return ids, err
}

// Gone gives those of opportunities that Salesforce does not have any more.
func Gone(ctx context.Context, q sqlx.QueryerContext, ids []string) (gone []string, err error) {
	defer errs.Wrap(&err, "find which of %d opportunities are gone", len(ids))
	if len(ids) == 0 {
		return nil, nil
	}
	err = sqlx.SelectContext(ctx, q, &gone, `
		select id from ledger.opportunity where is_deleted and id = any((select $1::text[])::text[])
		union
		select record_id from ledger.vanished where returned_at is null and record_id = any((select $1::text[])::text[])`, pq.Array(ids))
	return gone, err
}
