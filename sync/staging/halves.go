package staging

// A version is in one of two indexes: while it waits to be reconciled, in that of the order
// in which versions are, and from then on in that of records. What is to be found by its key
// has to be looked for in each of them.
//
// waiting and reconciled find the version that a row d names by id and modstamp, of the
// object $1. The limit keeps Postgres to the index, also while statistics lag behind a first
// load.
const (
	waiting = `lateral (
		select v.ctid, v.id, v.is_deleted, v.payload, v.vanished_at from staging.record v
		where v.object = $1 and v.modstamp = d.modstamp and v.id = d.id and v.reconciled_at is null
		limit 1)`
	reconciled = `lateral (
		select v.ctid, v.id, v.is_deleted, v.payload, v.vanished_at from staging.record v
		where v.object = $1 and v.id = d.id and v.modstamp = d.modstamp and v.reconciled_at is not null
		limit 1)`
)

// newestWaiting names the newest versions that wait of the records $2. They have no index
// of records, and are looked through once.
const newestWaiting = `newest_waiting as materialized (
	select w.id, max(w.modstamp) as modstamp from staging.record w
	where w.object = $1 and w.reconciled_at is null and w.id = any($2::text[]) group by w.id)`
