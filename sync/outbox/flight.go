package outbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// API is how a flight goes.
type API string

// The ways.
const (
	Collections API = "collections"
	Bulk        API = "bulk"
)

// Flight is a set of records that is on its way to Salesforce.
type Flight struct {
	ID     int64  `db:"id" json:"id"`
	Object string `db:"object" json:"object"`
	API    API    `db:"api" json:"api"`
	// JobID is the Bulk job's id; "" before it is made.
	JobID   string    `db:"job_id" json:"job_id,omitempty"`
	BegunAt time.Time `db:"begun_at" json:"begun_at"`
	// Records is how many are in it still.
	Records int64 `db:"records" json:"records"`
}

// Flown is one record of a flight: what was wanted of it, and which state is sent.
type Flown struct {
	Key    string `db:"key"`
	Wanted int64  `db:"wanted"`
	Hash   []byte `db:"hash"`
}

// Begin makes a flight that nothing is in yet.
func Begin(ctx context.Context, tx *sqlx.Tx, object string, api API, now time.Time) (id int64, err error) {
	defer errs.Wrap(&err, "begin a flight of %s records", object)
	err = tx.GetContext(ctx, &id,
		`insert into outbox.flight (object, api, begun_at) values ($1, $2, $3) returning id`, object, api, now)
	return id, err
}

// ManifestRecords is how many records one Launch takes at most.
const ManifestRecords = 10_000

// Launch writes down that records are in a flight, all of them in one row; it has to be
// committed before any of them is sent, and nothing else is to be done in its transaction
// after it, because others who launch wait for that to end. It puts the records in the order
// of their keys. errs.Conflict: one of them is in another flight.
func Launch(ctx context.Context, tx *sqlx.Tx, flight int64, object string, records []Flown) (err error) {
	defer errs.Wrap(&err, "write down %d %s records that are sent", len(records), object)
	if len(records) == 0 || len(records) > ManifestRecords {
		return errs.New(errs.Invalid, "%d records at once, at least one and at most %d", len(records), ManifestRecords)
	}
	slices.SortFunc(records, func(a, b Flown) int { return cmp.Compare(a.Key, b.Key) })
	keys, wanted, hashes := make(pq.StringArray, len(records)), make(pq.Int64Array, len(records)), make(pq.ByteaArray, len(records))
	for i, r := range records {
		if i > 0 && records[i-1].Key == r.Key {
			return errs.New(errs.Conflict, "%s is among them twice", r.Key)
		}
		keys[i], wanted[i], hashes[i] = r.Key, r.Wanted, r.Hash
	}
	_, err = tx.ExecContext(ctx, `
		insert into outbox.manifest (flight, object, first_key, last_key, records, keys, wanted, hashes) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		flight, object, keys[0], keys[len(keys)-1], len(keys), keys, wanted, hashes)
	return pg.Classify(err)
}

// SetJob notes a flight's Bulk job. errs.NotFound: somebody has settled the flight
// meanwhile, so nothing may be sent.
func SetJob(ctx context.Context, tx *sqlx.Tx, flight int64, jobID string) (err error) {
	defer errs.Wrap(&err, "note the job of flight %d", flight)
	result, err := tx.ExecContext(ctx, `update outbox.flight set job_id = $2 where id = $1`, flight, jobID)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errs.New(errs.NotFound, "there is no flight %d any more", flight)
	}
	return nil
}

// Hold locks a flight until the transaction ends, so that others see that somebody is at
// it. errs.NotFound: it is over, or another holds it.
func Hold(ctx context.Context, tx *sqlx.Tx, flight int64) (err error) {
	defer errs.Wrap(&err, "hold flight %d", flight)
	var ids []int64
	if err := tx.SelectContext(ctx, &ids, `select id from outbox.flight where id = $1 for update skip locked`, flight); err != nil {
		return err
	}
	if len(ids) == 0 {
		return errs.New(errs.NotFound, "it is over, or another is at it")
	}
	return nil
}

// Flights lists the flights that are not over, the oldest first.
func Flights(ctx context.Context, q sqlx.QueryerContext) (out []Flight, err error) {
	defer errs.Wrap(&err, "list what is in flight")
	err = sqlx.SelectContext(ctx, q, &out, `
		select t.id, t.object, t.api, t.job_id, t.begun_at, (select coalesce(sum(m.records), 0) from outbox.manifest m where m.flight = t.id) as records
		from outbox.flight t order by t.id`)
	return out, err
}

// FlownAfter gives at most limit records of a flight, those with keys behind one, in the
// order of their keys.
func FlownAfter(ctx context.Context, q sqlx.QueryerContext, flight int64, after string, limit int) (out []Flown, err error) {
	defer errs.Wrap(&err, "list what is in flight %d", flight)
	err = sqlx.SelectContext(ctx, q, &out, `
		select key, wanted, hash from outbox.flown where flight = $1 and key > $2 order by key limit $3`, flight, after, limit)
	return out, err
}

// End takes a flight away in which nothing is left.
func End(ctx context.Context, tx *sqlx.Tx, flight int64) (err error) {
	defer errs.Wrap(&err, "end flight %d", flight)
	_, err = tx.ExecContext(ctx, `
		delete from outbox.flight t where id = $1 and not exists (select from outbox.manifest m where m.flight = t.id)`, flight)
	return err
}
