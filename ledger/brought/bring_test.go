package brought_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/brought"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var now = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

const partners = `
partners:
  - {key: north, name: Northwind, kind: registered, joined_on: 2016-05-01, partner_ids: [FG3877]}
  - {key: contoso, name: Contoso, kind: registered, joined_on: 2018-01-15, partner_ids: [AB1234, CD0001]}
`

// ledgerOf gives a ledger that knows two partners and nothing else.
func ledgerOf(t *testing.T) *sqlx.DB {
	t.Helper()
	db := pgtest.New(t)
	f, err := apply.Read(strings.NewReader(partners), "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "test", Zone: time.UTC, Now: now, Alone: true})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return db
}

// bring brings rows in, each without the heading.
func bring(t *testing.T, db *sqlx.DB, rows ...string) (r brought.Report, err error) {
	t.Helper()
	f := read(t, heading+strings.Join(rows, "\n")+"\n")
	err = pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		r, err = brought.Bring(ctx, tx, f, brought.Context{Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: "ana", Now: now})
		return err
	})
	return r, err
}

func mustBring(t *testing.T, db *sqlx.DB, rows ...string) brought.Report {
	t.Helper()
	r, err := bring(t, db, rows...)
	if err != nil {
		t.Fatalf("%v\n%v", err, r.Faults)
	}
	return r
}

// refuses wants a file to be refused, with faults that say something, and nothing written.
func refuses(t *testing.T, db *sqlx.DB, kind errs.Kind, says []string, rows ...string) {
	t.Helper()
	before := state(t, db)
	r, err := bring(t, db, rows...)
	if errs.KindOf(err) != kind || errs.HintOf(err) == "" {
		t.Errorf("got %q %v, want %q", errs.KindOf(err), err, kind)
	}
	var got []string
	for _, f := range r.Faults {
		got = append(got, f.String())
	}
	if len(got) != len(says) {
		t.Errorf("%d faults, want %d: %s", len(got), len(says), strings.Join(got, "\n"))
		return
	}
	for i := range says {
		if !strings.Contains(got[i], says[i]) || r.Faults[i].Do == "" {
			t.Errorf("fault %d is %q, want it to say %q", i, got[i], says[i])
		}
	}
	if d := cmp.Diff(before, state(t, db)); d != "" {
		t.Errorf("a refused file has written: %s", d)
	}
}

// state is what the book holds: entries, lines, balances, marks.
func state(t *testing.T, db *sqlx.DB) (out []string) {
	t.Helper()
	if err := db.Select(&out, `
		select concat_ws(' ', 'entry', line_key, nth, kind, debit, credit, amount_minor, currency, period, encode(hash, 'hex')) from ledger.entry
		union all select concat_ws(' ', 'line', key, status, amount_minor, computed_at) from ledger.line
		union all select concat_ws(' ', 'balance', payee_id, currency, account, minor) from ledger.balance
		union all select concat_ws(' ', 'brought', line_key, reference, amount_minor) from ledger.brought
		union all select concat_ws(' ', 'due', source_id, marked_at) from ledger.due_source
		order by 1`); err != nil {
		t.Fatal(err)
	}
	return out
}

// posted gives the entries as "key#nth kind debit credit amount period".
func posted(t *testing.T, db *sqlx.DB) (out []string) {
	t.Helper()
	if err := db.Select(&out, `
		select concat_ws(' ', line_key || '#' || nth, kind, debit, credit, amount_minor, currency, period, posted_by)
		from ledger.entry order by payee_id, seq`); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestR8_9_AnOpeningBalanceIsOwedAndApproved(t *testing.T) {
	t.Parallel()
	db := ledgerOf(t)
	r := mustBring(t, db,
		"opening,FG3877,USD,500.00,2026-04,INV-1027,of May",
		"opening,AB1234,USD,-50.25,2026-04,CN-9",
		"opening,FG3877,JPY,1200,2026-03,INV-1028")
	want := []string{
		"AB1234/opening/OB-000002/balance/2026-04#1 opening payable brought_in 5025 USD 2026-04 ana",
		"FG3877/opening/OB-000001/balance/2026-04#1 opening brought_in payable 50000 USD 2026-04 ana",
		"FG3877/opening/OB-000003/balance/2026-03#1 opening brought_in payable 1200 JPY 2026-03 ana",
	}
	if d := cmp.Diff(want, posted(t, db)); d != "" {
		t.Error(d)
	}
	lines, err := book.LinesByKey(context.Background(), db, []string{
		"AB1234/opening/OB-000002/balance/2026-04", "FG3877/opening/OB-000001/balance/2026-04", "FG3877/opening/OB-000003/balance/2026-03",
	})
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d lines %v", len(lines), err)
	}
	for _, l := range lines {
		if l.Status != book.StatusApproved || l.Regime != book.RegimeOpening || !l.Base.Mul(l.Rate).Equal(l.Amount()) {
			t.Errorf("the line is %+v", l)
		}
	}
	for i, says := range []string{
		"AB1234 owed 50.25 USD back at the end of 2026-04, before this ledger began (CN-9). ana brought it in from line 3 of brought.csv.",
		"500.00 USD was owed to FG3877 at the end of 2026-04, before this ledger began (INV-1027). ana brought it in from line 2 of brought.csv.",
		"1200 JPY was owed to FG3877 at the end of 2026-03",
	} {
		if !strings.Contains(string(lines[i].Explanation), says) {
			t.Errorf("%s explains itself with %s, want %s", lines[i].Key, lines[i].Explanation, says)
		}
	}
	if !strings.Contains(string(lines[1].Explanation), `"value":"of May"`) {
		t.Error("the note is lost")
	}
	var balances []string
	if err := db.Select(&balances, `select concat_ws(' ', payee_id, currency, account, minor) from ledger.balance order by 1`); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{
		"AB1234 USD brought_in 5025", "AB1234 USD payable -5025", "FG3877 JPY brought_in -1200", "FG3877 JPY payable 1200",
		"FG3877 USD brought_in -50000", "FG3877 USD payable 50000",
	}, balances); d != "" {
		t.Error(d)
	}
	var totals []string
	for _, x := range r.Totals {
		totals = append(totals, fmt.Sprintf("%s %s %d %s", x.Partner, x.Currency, x.Lines, x.Opening))
	}
	if d := cmp.Diff([]string{"Northwind JPY 1 1200", "Contoso USD 1 -50.25", "Northwind USD 1 500"}, totals); d != "" {
		t.Error(d)
	}
}

// The same file again, in another order or with other rows beside it, is no change.
func TestR8_9_TheSameFileAgainIsNoChange(t *testing.T) {
	t.Parallel()
	db := ledgerOf(t)
	one, other := "opening,FG3877,USD,500.00,2026-04,INV-1", "opening,AB1234,USD,70.00,2026-04,INV-2,a note"
	mustBring(t, db, one, other)
	before := state(t, db)
	if r := mustBring(t, db, other+" that is another now", one); r.Known != 2 || len(r.Lines) != 0 {
		t.Errorf("%d rows are known, %d are new", r.Known, len(r.Lines))
	}
	if d := cmp.Diff(before, state(t, db)); d != "" {
		t.Error(d)
	}
	r := mustBring(t, db, one, "opening,CD0001,USD,1.00,2026-04,INV-1")
	if r.Known != 1 || len(r.Lines) != 1 || r.Lines[0].Key != "CD0001/opening/OB-000003/balance/2026-04" || r.Lines[0].Partner != "Contoso" {
		t.Errorf("%d rows are known, new are %+v", r.Known, r.Lines)
	}
}

// A row that says otherwise than the book is told with both amounts, and not taken.
func TestR8_9_WhatWasBroughtInIsNeverChanged(t *testing.T) {
	t.Parallel()
	db := ledgerOf(t)
	mustBring(t, db, "opening,FG3877,USD,500.00,2026-04,INV-1")
	refuses(t, db, errs.Conflict, []string{"FG3877/opening/OB-000001/balance/2026-04 was brought in already with 500.00 USD (INV-1) from brought.csv, and the row says 400.00 USD (INV-1)"},
		"opening,FG3877,USD,400.00,2026-04,INV-1")
	refuses(t, db, errs.Conflict, []string{"500.00 USD (INV-1) from brought.csv for 2026-04, and the row says"}, "opening,FG3877,USD,500.00,2026-03,INV-1")
	for _, statement := range []string{`update ledger.brought set amount_minor = 1`, `delete from ledger.brought`, `truncate ledger.brought`} {
		if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s: %v, want it refused", statement, err)
		}
	}
}

// Every row is looked at before any is written.
func TestR8_9_OneBadRowKeepsTheWholeFileOut(t *testing.T) {
	t.Parallel()
	db := ledgerOf(t)
	refuses(t, db, errs.Invalid, []string{
		"line 3, partner_id: the Partner ID ZZ9999 was issued to nobody",
		"line 4, reference: line 2 has the same Partner ID, currency and reference",
		"line 5, period: 2026-06 has not begun yet; it is 2026-05-04",
		"line 6, amount: \"1.005\" has more decimals",
		"line 6, partner_id: the Partner ID ZZ9998 was issued to nobody",
		"line 7, paid_on: 2026-05-05 is still to come",
		"line 7, opportunity_id: no pull has seen the opportunity 0065g00000XyZAbAAN",
	},
		"opening,FG3877,USD,500.00,2026-04,INV-1",
		"opening,ZZ9999,USD,500.00,2026-04,INV-1",
		"opening,FG3877,USD,500.00,2026-04,INV-1",
		"opening,FG3877,USD,500.00,2026-06,INV-2",
		"opening,ZZ9998,USD,1.005,2026-04,INV-3",
		"paid,FG3877,USD,1.00,2026-04,PAY-1,,0065g00000XyZAb,2026-05-05")
}

// A closed month takes nothing, neither from here nor past it; what is in the book of it
// is still known.
func TestR8_4_AClosedMonthTakesNoBalance(t *testing.T) {
	t.Parallel()
	db := ledgerOf(t)
	mustBring(t, db, "opening,FG3877,USD,500.00,2026-02,INV-1")
	if _, err := db.Exec(`
		insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ('2026-03', 'test', now(), '2026-03-31', '', '\x01', 'test', '{}', 0, '')`); err != nil {
		t.Fatal(err)
	}
	refuses(t, db, errs.Conflict, []string{"line 2, period: 2026-03 is closed: the book is closed through 2026-03. A closed month takes nothing any more (R8.4). Give the balance the month 2026-04"},
		"opening,FG3877,USD,1.00,2026-03,INV-2")
	if r := mustBring(t, db, "opening,FG3877,USD,500.00,2026-02,INV-1", "opening,FG3877,USD,1.00,2026-04,INV-2"); r.Known != 1 || len(r.Lines) != 1 {
		t.Errorf("%d rows are known, %d new", r.Known, len(r.Lines))
	}
	err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.Bring(ctx, tx, []book.Brought{{Kind: book.KindOpening, Line: book.Line{
			PayeeID: "FG3877", Regime: book.RegimeOpening, SourceID: "OB-000009", Slice: book.SliceBalance, Period: month("2026-03"), Currency: "USD", AmountMinor: 1,
		}}}, book.Context{AsOf: date("2026-05-04"), Actor: "test", Now: now})
		return err
	})
	if errs.KindOf(err) != errs.Conflict || !strings.Contains(fmt.Sprint(err), "closed through 2026-03") {
		t.Errorf("the book takes it: %v", err)
	}
}

// The book itself refuses what it cannot take, whoever asks.
func TestR8_9_TheBookRefusesWhatIsNoLine(t *testing.T) {
	t.Parallel()
	db := ledgerOf(t)
	opening := book.Line{PayeeID: "FG3877", Regime: book.RegimeOpening, SourceID: "OB-000001", Slice: book.SliceBalance, Period: month("2026-04"), Currency: "USD", AmountMinor: 1}
	nothing, space := opening, opening
	nothing.AmountMinor, space.Regime = 0, "space"
	for says, all := range map[string][]book.Brought{
		"would bring in nothing": {{Kind: book.KindOpening, Line: nothing}},
		"is not brought in by":   {{Kind: book.KindImport, Line: opening}},
		"kind \"opening\"":       {{Kind: book.KindOpening, Line: space}},
		"brings nothing in":      {{Kind: book.KindAccrue, Line: space}},
		"is brought in twice":    {{Kind: book.KindOpening, Line: opening}, {Kind: book.KindOpening, Line: opening}},
	} {
		err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := book.Bring(ctx, tx, all, book.Context{AsOf: date("2026-05-04"), Actor: "test", Now: now})
			return err
		})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want it to say %s", err, says)
		}
	}
	if got := posted(t, db); len(got) != 0 {
		t.Errorf("it posted %v", got)
	}
}

// Two people who import the same file at once take turns: one writes, the other is told
// that there is nothing left to do. The first one's transaction is still open when the
// second begins.
func TestR8_9_TwoWhoImportTheSameFileTakeTurns(t *testing.T) {
	t.Parallel()
	db := ledgerOf(t)
	f := read(t, heading+"opening,FG3877,USD,500.00,2026-04,INV-1\nopening,AB1234,USD,70.00,2026-04,INV-2\n")
	who := brought.Context{Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: "ana", Now: now}
	written, waits := make(chan struct{}), make(chan struct{})
	var second brought.Report
	var secondErr error
	var both sync.WaitGroup
	both.Go(func() {
		<-written
		secondErr = pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			close(waits)
			second, err = brought.Bring(ctx, tx, f, who)
			return err
		})
	})
	err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		first, err := brought.Bring(ctx, tx, f, who)
		if err != nil || len(first.Lines) != 2 {
			return errors.Join(err, fmt.Errorf("%d lines", len(first.Lines)))
		}
		close(written)
		<-waits
		return untilSomebodyWaits(ctx, tx)
	})
	both.Wait()
	if err != nil || secondErr != nil || second.Known != 2 || len(second.Lines) != 0 {
		t.Errorf("%v, %v: %d rows known, %d new", err, secondErr, second.Known, len(second.Lines))
	}
	if got := posted(t, db); len(got) != 2 {
		t.Errorf("the book has %v", got)
	}
}

// untilSomebodyWaits returns when another connection waits for the lock that this one has.
func untilSomebodyWaits(ctx context.Context, tx *sqlx.Tx) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var n int
		if err := tx.GetContext(ctx, &n, `
			select count(*) from pg_locks where locktype = 'advisory' and not granted
			and database = (select oid from pg_database where datname = current_database())`); err != nil || n > 0 {
			return err
		}
	}
}
