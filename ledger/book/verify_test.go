package book

import (
	"context"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// found gives what the checks of the book with itself find.
func found(t testing.TB, db *sqlx.DB) (out []Difference) {
	t.Helper()
	if err := pg.InSnapshot(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := Verify(ctx, tx, func(d Difference) error {
			out = append(out, d)
			return nil
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// tamper changes the database past its own triggers, as somebody who owns it can.
func tamper(t testing.TB, db *sqlx.DB, statement string) {
	t.Helper()
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `set local session_replication_role = replica`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, statement)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// lived is a book with a corrected, a voided, an approved, an exported and a paid line.
func lived(t testing.TB) *sqlx.DB {
	t.Helper()
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000), expect("006B", "FG3877", 700), expect("006C", "AB1234", 900))
	settle(t, db, expect("006A", "FG3877", 30000), Expectation{SourceID: "006B"}, expect("006D", "AB1234", 1100))
	tamper(t, db, `insert into ledger.as_of values (true, '2026-11-19', null, 'test', now())`)
	key := expect("006C", "AB1234", 0).Lines[0].Key
	step := func(kind, status string) {
		if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			lines, err := LockLines(ctx, tx, []string{key})
			if err != nil {
				return err
			}
			c := Context{AsOf: asOf, Actor: "ann", Now: now}
			if err := Move(ctx, tx, kind, []Step{{Line: &lines[0], Currency: "USD", Minor: 900}}, c); err != nil {
				return err
			}
			return SetStatus(ctx, tx, []string{key}, status)
		}); err != nil {
			t.Fatal(err)
		}
		if fs := found(t, db); len(fs) > 0 {
			t.Fatalf("after %s: %+v", kind, fs)
		}
	}
	step(KindApprove, StatusApproved)
	step(KindExport, StatusExported)
	step(KindPay, StatusPaid)
	return db
}

func TestR8_3_ABookThatNobodyTouchedAgreesWithItself(t *testing.T) {
	t.Parallel()
	if fs := found(t, pgtest.New(t)); len(fs) > 0 {
		t.Errorf("of an empty book: %+v", fs)
	}
	if fs := found(t, lived(t)); len(fs) > 0 {
		t.Errorf("%+v", fs)
	}
}

func TestR8_3_WhatIsWrongIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	const c, a = "AB1234/space/006C/referral/2026-10", "FG3877/space/006A/referral/2026-10"
	for name, x := range map[string]struct{ statement, check, subject, field string }{
		"an amount": {`update ledger.entry set amount_minor = amount_minor + 1 where line_key = '` + a + `' and nth = 1`,
			"chains", a + "#1", "hash"},
		"an amount, with its hash made up to fit": {`update ledger.entry set hash = sha256(hash) where line_key = '` + a + `' and nth = 1`,
			"chains", a + "#1", "hash"},
		"an entry is gone": {`delete from ledger.entry where line_key = '` + a + `' and nth = 1`, "chains", "FG3877/space/006B/referral/2026-10#1", "seq"},
		"the last entry is gone": {`delete from ledger.entry where payee_id = 'AB1234' and seq = (select max(seq) from ledger.entry where payee_id = 'AB1234')`,
			"chains", "AB1234", "chain head"},
		"a head":                  {`update ledger.chain set hash = '\x00' where payee_id = 'AB1234'`, "chains", "AB1234", "chain head"},
		"a chain without entries": {`insert into ledger.chain values ('ZZ0000', 0, '')`, "chains", "ZZ0000", "chain head"},
		"accounts":                {`update ledger.entry set debit = 'settled' where line_key = '` + a + `' and nth = 1`, "entries", a + "#1", "accounts"},
		"what it corrects":        {`update ledger.entry set corrects = line_key || '#2' where line_key = '` + a + `' and nth = 2`, "entries", a + "#2", "corrects"},
		"a place on a line":       {`update ledger.entry set nth = 7 where line_key = '` + a + `' and nth = 2`, "entries", a, "nth"},
		"a line is gone":          {`delete from ledger.line where key = '` + a + `'`, "entries", a + "#1", "line"},
		"a month of an entry":     {`update ledger.entry set period = '2026-09' where line_key = '` + a + `' and nth = 2`, "entries", a + "#2", "period"},
		"a balance":               {`update ledger.balance set minor = minor + 1 where payee_id = 'AB1234' and account = 'settled'`, "balances", "AB1234 USD settled", "minor"},
		"a balance is gone":       {`delete from ledger.balance where payee_id = 'AB1234' and account = 'accrued'`, "balances", "AB1234 USD accrued", "minor"},
		"a number of lines":       {`update ledger.posted_lines set lines = lines + 1 where payee_id = 'AB1234'`, "balances", "AB1234 USD", "lines"},
		"a number is gone":        {`delete from ledger.posted_lines where payee_id = 'AB1234'`, "balances", "AB1234 USD", "lines"},
		"a number too many":       {`insert into ledger.posted_lines values ('AB1234', 'EUR', 1)`, "balances", "AB1234 EUR", "lines"},
		"a balance too many":      {`insert into ledger.balance values ('AB1234', 'EUR', 'accrued', 5)`, "balances", "EUR", "sum of all accounts"},
		"a line's amount":         {`update ledger.line set amount_minor = 1 where key = '` + a + `'`, "lines", a, "amount_minor"},
		"a line's currency":       {`update ledger.line set currency = 'EUR' where key = '` + a + `'`, "lines", a, "currency"},
		"a paid line's amount":    {`update ledger.line set amount_minor = 1 where key = '` + c + `'`, "lines", c, "what it rests on"},
		"an explanation":          {`update ledger.line set explanation = '{}' where key = '` + c + `'`, "lines", c, "what it rests on"},
		"a status":                {`update ledger.line set status = 'approved' where key = '` + a + `'`, "lines", a, "status"},
		"a paid line's status":    {`update ledger.line set status = 'exported' where key = '` + c + `'`, "lines", c, "status"},
		"a key":                   {`update ledger.line set slice = 'net_new' where key = '` + a + `'`, "lines", a, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := lived(t)
			tamper(t, db, x.statement)
			fs := found(t, db)
			if !slices.ContainsFunc(fs, func(d Difference) bool {
				return d.Check == x.check && d.Subject == x.subject && d.Field == x.field && d.Expected != d.Found && d.Sentence != ""
			}) {
				t.Errorf("found %+v", fs)
			}
		})
	}
}
