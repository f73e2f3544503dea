package book

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// TestR8_2_WhatIsOwedIsReadWithoutTheEntries, which are all that was ever posted: status,
// page and metrics ask for it every few seconds.
func TestR8_2_WhatIsOwedIsReadWithoutTheEntries(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000), expect("006B", "FG3877", 700), expect("006C", "AB1234", 900))
	settle(t, db, expect("006A", "FG3877", 30000), Expectation{SourceID: "006B"})
	seen := &pgtest.Planned{QueryerContext: db}
	owed, err := Balances(t.Context(), seen)
	if err != nil {
		t.Fatal(err)
	}
	if len(owed) != 2 || owed[0].PayeeID != "FG3877" || owed[0].Lines != 2 || owed[1].Lines != 1 {
		t.Errorf("%+v", owed)
	}
	for _, plan := range seen.Plans {
		if strings.Contains(plan, " on entry") || strings.Contains(plan, " on line") {
			t.Errorf("the book is read: %s", plan)
		}
	}
	if len(seen.Plans) == 0 {
		t.Error("no plan was seen")
	}
}

// thousands gives a book of 20 payees, P00000 to P00019, with 500 accrued lines each, whose
// accounts and Spaces have a hundred of them.
func thousands(t *testing.T) *sqlx.DB {
	t.Helper()
	db := pgtest.New(t)
	tamper(t, db, `
		insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor, status, account_id, space_id, explanation, computed_at)
		select concat_ws('/', payee, 'space', source, 'referral', '2026-10'), payee, 'space', source, 'referral', '2026-10', 'USD', 10, 0.1, 100, 'accrued',
			'001' || n % 100, 'a0S' || n % 100, '{}', now()
		from (select n, 'P' || lpad((n % 20)::text, 5, '0') as payee, '006' || n as source from generate_series(1, 10000) as n) as lines`)
	if _, err := db.Exec(`vacuum analyze ledger.line`); err != nil {
		t.Fatal(err)
	}
	return db
}

// read gives how many lines a transaction has read, and perhaps those of its connection before.
func read(t *testing.T, tx *sqlx.Tx) (n int) {
	t.Helper()
	if err := tx.Get(&n, `select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where schemaname = 'ledger' and relname = 'line'`); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestR8_5_TheLinesOfAPartnerAreFoundAmongThose, and not by going through everybody's.
func TestR8_5_TheLinesOfAPartnerAreFoundAmongThose(t *testing.T) {
	t.Parallel()
	db := thousands(t)
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		f := Filter{Payees: []string{"P00019", "P00007"}}
		var keys []string
		before := read(t, tx)
		for after := ""; ; after = keys[len(keys)-1] {
			some, err := f.keysAfter(ctx, tx, []string{statusAccrued}, after)
			if err != nil || len(some) == 0 {
				if n := read(t, tx) - before; n > 2500 {
					t.Errorf("%d lines were read of 10,000", n)
				}
				if len(keys) != 1000 || !slices.IsSorted(keys) || !strings.HasPrefix(keys[0], "P00007/") || !strings.HasPrefix(keys[999], "P00019/") {
					t.Errorf("%d keys", len(keys))
				}
				return err
			}
			keys = append(keys, some...)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
