package staging_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/staging"
)

const object = "Space__c"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// version makes a version of the nth record.
func version(n int, at time.Time, payload string) staging.Record {
	return staging.Record{Object: object, ID: fmt.Sprintf("a01%012dAAA", n), Modstamp: at, Payload: json.RawMessage(payload)}
}

// in runs f in a transaction.
func in(t *testing.T, db *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) error) {
	t.Helper()
	if err := pg.InTx(t.Context(), db, f); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, db *sqlx.DB, records ...staging.Record) (n int64) {
	t.Helper()
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		n, err = staging.Put(ctx, tx, object, records, noon)
		return err
	})
	return n
}

// waiting gives what is unreconciled.
func waiting(t *testing.T, db *sqlx.DB) (out []staging.Record) {
	t.Helper()
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = staging.Unreconciled(ctx, tx, object, 100)
		return err
	})
	return out
}

func reconcile(t *testing.T, db *sqlx.DB, records []staging.Record) {
	t.Helper()
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return staging.MarkReconciled(ctx, tx, object, records, noon)
	})
}

func TestPutOfTheSameVersionChangesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := version(1, noon, `{"Name":"a"}`)
	if n := put(t, db, a, version(2, noon, `{"Name":"\u0000"}`), a); n != 2 {
		t.Fatalf("staged %d of 2", n)
	}
	reconcile(t, db, waiting(t, db))
	if n := put(t, db, a); n != 0 || len(waiting(t, db)) != 0 {
		t.Errorf("the same version staged %d rows, and %d wait", n, len(waiting(t, db)))
	}
	if n := put(t, db, version(1, noon, `{"Name":"b"}`)); n != 1 {
		t.Errorf("another payload staged %d rows", n)
	}
	if got := waiting(t, db); len(got) != 1 || string(got[0].Payload) != `{"Name":"b"}` {
		t.Errorf("what waits is %v", got)
	}
}

func TestUnreconciledIsInTheOrderOfStampAndID(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	put(t, db, version(2, noon, `{}`), version(1, noon, `{}`), version(3, noon.Add(-time.Second), `{}`))
	var got []byte
	for _, r := range waiting(t, db) {
		got = append(got, r.ID[14])
	}
	if string(got) != "312" {
		t.Errorf("order %s", got)
	}
}

func TestMarkReconciledKeepsTheNewestVersion(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	put(t, db, version(1, noon, `{}`), version(1, noon.Add(time.Second), `{}`), version(2, noon, `{}`))
	reconcile(t, db, waiting(t, db))
	var left int
	if err := db.Get(&left, `select count(*) from staging.record where reconciled_at is not null`); err != nil {
		t.Fatal(err)
	}
	if left != 2 || len(waiting(t, db)) != 0 {
		t.Errorf("%d versions are left, %d wait", left, len(waiting(t, db)))
	}
}

func TestMarkReconciledLeavesAPayloadThatWasReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	put(t, db, version(1, noon, `{"Name":"a"}`))
	read := waiting(t, db)
	put(t, db, version(1, noon, `{"Name":"b"}`))
	reconcile(t, db, read)
	if got := waiting(t, db); len(got) != 1 || string(got[0].Payload) != `{"Name":"b"}` {
		t.Errorf("what waits is %v: the replaced payload is lost", got)
	}
}

func TestPutNewGivesWayToPut(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, isNew, err := staging.PutNew(ctx, tx, object, []staging.Record{version(1, noon, `{"a":"\"\\"}`)}, noon)
		if n != 1 || !isNew {
			t.Errorf("the first load: %d, %v", n, isNew)
		}
		return err
	})
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		both := []staging.Record{version(1, noon, `{}`), version(2, noon, `{}`)}
		if n, isNew, err := staging.PutNew(ctx, tx, object, both, noon); n != 0 || isNew || err != nil {
			t.Errorf("a version that is there: %d, %v, %v", n, isNew, err)
		}
		n, err := staging.Put(ctx, tx, object, both, noon)
		if n != 2 {
			t.Errorf("Put after PutNew staged %d", n)
		}
		return err
	})
	if got := waiting(t, db); len(got) != 2 {
		t.Errorf("%d wait", len(got))
	}
}

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c, err := staging.ReadCursor(t.Context(), db, object)
	if err != nil || c != (staging.Cursor{Object: object}) {
		t.Fatalf("the first cursor is %v, %v", c, err)
	}
	for _, want := range []staging.Cursor{
		{Object: object, Fields: "Id", UpdatedAt: noon},
		{Object: object, Fields: "Id,Name", At: noon, ID: "a01000000000001AAA", UpdatedAt: noon.Add(time.Hour)},
	} {
		in(t, db, func(ctx context.Context, tx *sqlx.Tx) error { return staging.WriteCursor(ctx, tx, want) })
		if got, err := staging.ReadCursor(t.Context(), db, object); err != nil || got != want {
			t.Errorf("wrote %v, read %v, %v", want, got, err)
		}
	}
	if all, err := staging.Cursors(t.Context(), db); err != nil || len(all) != 1 {
		t.Errorf("Cursors = %v, %v", all, err)
	}
}

// TestR2_6_TheFirstAnswerStands: what a history object's oldest row was is kept as
// it was first answered, also when there was none.
func TestR2_6_TheFirstAnswerStands(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, oldest := range []time.Time{noon.AddDate(-2, 0, 0), {}} {
		first := staging.Cursor{Object: fmt.Sprintf("Of%d__History", oldest.Year()), Fields: "Id", UpdatedAt: noon}
		answered := first
		answered.AskedAt, answered.Oldest = noon, oldest
		again, forgotten := answered, first
		again.AskedAt, again.Oldest, again.ID = noon.AddDate(1, 0, 0), noon.AddDate(-1, 0, 0), "017000000000001AAA"
		for _, c := range []staging.Cursor{first, answered, again, forgotten} {
			in(t, db, func(ctx context.Context, tx *sqlx.Tx) error { return staging.WriteCursor(ctx, tx, c) })
		}
		if got, err := staging.ReadCursor(t.Context(), db, first.Object); err != nil || got != answered {
			t.Errorf("read %v, %v, want %v", got, err, answered)
		}
	}
}

func TestReceivePutsRecordsInCanonicalForm(t *testing.T) {
	t.Parallel()
	r, err := staging.Receive(object, "SystemModstamp", []byte(`{"attributes":{"type":"Space__c","url":"/services/data/v62.0/x"},
		"Name":"caf`+"\xe9"+` \"x\" {", "Id":"a01000000000001","SystemModstamp":"2026-11-20T12:00:00.000+0000","IsDeleted":true,
		"Lead__r":{"attributes":{"type":"Lead"},"Email":null}, "Amount": 1.10}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Amount":1.1,"Id":"a01000000000001","IsDeleted":true,"Lead__r":null,` +
		`"Name":"caf` + "\uFFFD" + ` \"x\" {","SystemModstamp":"2026-11-20T12:00:00.000+0000"}`
	if string(r.Payload) != want {
		t.Errorf("payload %s", r.Payload)
	}
	if r.ID != "a01000000000001AAA" || !r.Modstamp.Equal(noon) || !r.IsDeleted {
		t.Errorf("received %+v", r)
	}
	for _, bad := range []string{`[]`, `{}`, `null`, `{"Id":5}`, `{"Id":"a01000000000001","SystemModstamp":null}`,
		`{"Id":"a01000000000001","SystemModstamp":"2026-11-20"}`, `{"Id":"x","SystemModstamp":"2026-11-20T12:00:00.000+0000"}`} {
		if _, err := staging.Receive(object, "SystemModstamp", []byte(bad)); err == nil {
			t.Errorf("%s was received", bad)
		}
	}
}

func FuzzReceive(f *testing.F) {
	const head = `{"Id":"a01000000000001","SystemModstamp":"2026-11-20T12:00:00.000+0000",`
	f.Add(head + `"x":{"attributes":1,"y":[{"attributes":2}]}}`)
	f.Add(head + `"\u0022\u0000":"` + "\xff" + `"}`)
	f.Add(head + `"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := staging.Receive(object, "SystemModstamp", []byte(raw))
		if err != nil {
			return
		}
		if !json.Valid(r.Payload) {
			t.Fatalf("the payload is not JSON: %s", r.Payload)
		}
		again, err := staging.Receive(object, "SystemModstamp", r.Payload)
		if err != nil || string(again.Payload) != string(r.Payload) {
			t.Fatalf("not canonical: %s, then %s, %v", r.Payload, again.Payload, err)
		}
	})
}

// TestHowFarAnObjectIsReadIsNeverTooFar: while it is read, and while it is read again as a
// whole.
func TestHowFarAnObjectIsReadIsNeverTooFar(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	early, noon, later := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		cursor staging.Cursor
		want   time.Time
	}{
		{"read to its end", staging.Cursor{At: noon, UpdatedAt: noon, FullAt: early}, noon},
		{"by a clock that was ahead", staging.Cursor{At: later, UpdatedAt: noon}, noon},
		{"broken off", staging.Cursor{At: noon, ID: "x", UpdatedAt: later, FullAt: early}, noon},
		{"loaded for the first time", staging.Cursor{UpdatedAt: noon}, time.Time{}},
		{"read again as a whole", staging.Cursor{UpdatedAt: later, FullAt: noon}, noon},
		{"and partly done", staging.Cursor{At: early, UpdatedAt: later, FullAt: noon}, noon},
	} {
		c.cursor.Object = "Space__c"
		if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			return staging.WriteCursor(ctx, tx, c.cursor)
		}); err != nil {
			t.Fatal(err)
		}
		all, err := staging.Freshnesses(t.Context(), db)
		if err != nil || len(all) != 1 || !all[0].ReadTo.Equal(c.want) || all[0].IsRead() == c.want.IsZero() {
			t.Errorf("%s: %+v, %v; want %s", c.name, all, err, c.want)
		}
	}
}
