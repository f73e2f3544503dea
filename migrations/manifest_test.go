package migrations_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
	"github.com/partnersync/partnersync/sync/outbox"
)

// TestWhatWasInFlightStaysInFlight: a flight that was open when the schema changed is
// there afterwards, record by record, and can be landed; and the other way round.
func TestWhatWasInFlightStaysInFlight(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	downTo(t, db, 29)
	run(t, db, `insert into outbox.flight (object, api, job_id, begun_at) values ('commission', 'bulk', '750', now()), ('partner', 'collections', '', now())`)
	run(t, db, `insert into outbox.record (object, key, marked_at) select 'commission', 'A/' || lpad(n::text, 6, '0'), now() from generate_series(1, 12000) n`)
	run(t, db, `insert into outbox.flown (object, key, flight, wanted, hash) select object, key, 1, 1, sha256(key::bytea) from outbox.record
		union all select 'partner', 'FG3877', 2, 3, 'x'`)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	flights, err := outbox.Flights(t.Context(), db)
	if err != nil || len(flights) != 2 || flights[0].Records != 12000 || flights[1].Records != 1 {
		t.Fatalf("%+v, %v", flights, err)
	}
	some, err := outbox.FlownAfter(t.Context(), db, 1, "A/007999", 3)
	if err != nil || len(some) != 3 || some[0].Key != "A/008000" || some[0].Wanted != 1 || len(some[0].Hash) != 32 {
		t.Errorf("%+v, %v", some, err)
	}
	if rows, err := outbox.Next(t.Context(), db, outbox.Range{Object: outbox.Commission, Limit: 1000}, time.Now()); err != nil || len(rows) > 0 {
		t.Errorf("%d can be sent beside the flight, %v", len(rows), err)
	}
	downTo(t, db, 29)
	var n, ofPartner int
	if err := db.QueryRow(`select count(*), count(*) filter (where object = 'partner' and wanted = 3 and hash = 'x') from outbox.flown`).Scan(&n, &ofPartner); err != nil || n != 12001 || ofPartner != 1 {
		t.Error(fmt.Errorf("%d are back, %d of them the partner: %w", n, ofPartner, err))
	}
}
