package bill

import (
	"bytes"
	"context"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
)

// TestR8_6_PartnersOfOneNameAreTwoPayees: accounting programs know a payee by its name,
// and would put the bills of both to the account of one.
func TestR8_6_PartnersOfOneNameAreTwoPayees(t *testing.T) {
	w := newWorld(t)
	w.partner("acme-de", "Acme", "AC0001")
	w.partner("acme-us", "ACME ", "AC0002")
	w.partner("bluefin", "Bluefin", "AB1234")
	w.partner("bluefin-old", "Bluefin", "AB0001") // merged, so nobody else is paid by its name
	w.partner("northwind", "Northwind", "FG3877")
	w.partner("northwind-two", "Northwind", "FG4001") // has no bill in this export
	must(w, func(ctx context.Context, tx *sqlx.Tx) (int, error) {
		return 0, ledger.SaveMerges(ctx, tx, []ledger.Merge{{Key: "bluefin-old", Into: "bluefin", On: date(t, "2026-01-01")}}, "test", w.context().Now)
	})
	for i, id := range []string{"AC0001", "AC0002", "AB1234", "FG3877"} {
		w.earn(line("006"+string(rune('A'+i)), id, "2026-10", 100))
	}
	w.export("2026-10")
	want := map[string]string{
		"2026-10-AC0001-USD": "Acme (AC0001)", "2026-10-AC0002-USD": "ACME (AC0002)",
		"2026-10-AB1234-USD": "Bluefin", "2026-10-FG3877-USD": "Northwind (FG3877)",
	}
	for f, at := range map[Format]struct{ number, name int }{Xero: {10, 0}, QuickBooks: {0, 1}} {
		content, err := w.file("2026-10", 1, f, full)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		if err != nil || len(rows) != 5 {
			t.Fatal(err, len(rows))
		}
		for _, row := range rows[1:] {
			if got := row[at.name]; got != want[row[at.number]] {
				t.Errorf("%s: %s is paid to %q, want %q", f, row[at.number], got, want[row[at.number]])
			}
		}
	}
	// A namesake that comes later makes no file another one than was handed over.
	w.partner("bluefin-two", "Bluefin", "AB0002")
	if err := pg.InSnapshot(t.Context(), w.db, func(ctx context.Context, tx *sqlx.Tx) error {
		return verifyFiles(ctx, tx, func(d book.Difference) error {
			t.Errorf("verify: %+v", d)
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
}

// TestR8_6_AFileThatIsNotUTF8IsToldOf: banks write in their own encodings.
func TestR8_6_AFileThatIsNotUTF8IsToldOf(t *testing.T) {
	for _, reference := range []string{"\xdcberweisung 4711", "a\x00b"} {
		_, err := ReadConfirmations(strings.NewReader(
			"bill,paid_on,amount,currency,reference\n2026-10-FG3877-USD,2026-11-20,100.00,USD," + reference + "\n"))
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "row 2") || !strings.Contains(errs.HintOf(err), "UTF-8") {
			t.Errorf("%q: %v, hint %q", reference, err, errs.HintOf(err))
		}
	}
}

// TestR8_7_WhatASuspendedPartnerOwesComesOffItsSurvivorsBill: a suspension holds what is
// to be paid, and keeps nobody from being taken back from (R2.11).
func TestR8_7_WhatASuspendedPartnerOwesComesOffItsSurvivorsBill(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877")
	w.partner("cobaltway", "Cobaltway", "CW1589")
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.earn(line("006B", "CW1589", "2026-10", 2000))
	w.export("2026-10")
	w.becomes("2026-10-CW1589-USD", Paid)
	w.accrue("006B") // un-won
	w.earn(line("006C", "FG3877", "2026-10", 5000))
	w.savePartner(ledger.Partner{Key: "cobaltway", Name: "Cobaltway", IDs: []string{"CW1589"}, Status: ledger.StatusSuspended})
	must(w, func(ctx context.Context, tx *sqlx.Tx) (int, error) {
		return 0, ledger.SaveMerges(ctx, tx, []ledger.Merge{{Key: "cobaltway", Into: "northwind", On: date(t, "2026-11-01")}}, "test", w.context().Now)
	})
	wantExport(t, w.export("2026-11"), "2026-11-FG3877-USD 30.00")

	// What it is owed waits all the same.
	w.earn(line("006D", "CW1589", "2026-11", 700))
	w.earn(line("006E", "FG3877", "2026-11", 800))
	wantExport(t, w.export("2026-11"), "2026-11-FG3877-USD-2 8.00", "FG3877 7.00 USD suspended")
}

// TestR8_6_AnExportOfAnImpossibleNumberIsNotThere, also where the database knows no such
// number.
func TestR8_6_AnExportOfAnImpossibleNumberIsNotThere(t *testing.T) {
	w := newWorld(t)
	for _, n := range []int{0, 1, 3_000_000_000} {
		if _, err := w.file("2026-10", n, CSV, Settings{}); errs.KindOf(err) != errs.NotFound || errs.HintOf(err) == "" {
			t.Errorf("%d: %v", n, err)
		}
	}
}
