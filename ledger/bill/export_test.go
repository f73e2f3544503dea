package bill

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// TestR8_6_ABillForEachPartnerAndCurrency over all of its Partner IDs, of everything that
// is approved through the month.
func TestR8_6_ABillForEachPartnerAndCurrency(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877", "FG4001")
	w.partner("bluefin", "Bluefin", "AB1234")
	w.earn(line("006A", "FG3877", "2026-09", 10000))
	w.earn(line("006B", "FG4001", "2026-10", 5000))
	w.earn(line("006C", "FG3877", "2026-10", 700, inCurrency("JPY")))
	w.earn(line("006D", "AB1234", "2026-10", 4000))
	w.earn(line("006E", "AB1234", "2026-11", 9000))          // of a later month
	w.earn(line("006F", "ZZ9999", "2026-10", 100))           // issued to nobody, so it stands for itself
	w.accrue("006G", line("006G", "AB1234", "2026-10", 100)) // not approved
	r := w.export("2026-10")
	wantExport(t, r, "2026-10-AB1234-USD 40.00", "2026-10-FG3877-JPY 700", "2026-10-FG3877-USD 150.00", "2026-10-ZZ9999-USD 1.00")
	if r.Number != 1 || len(r.Taken) != 5 || r.Bills[2].PartnerName != "Northwind" || r.Bills[2].LineCount != 2 {
		t.Errorf("got %+v", r)
	}
	w.wantAccounts("FG4001", 0, 0, 5000, 0)
	w.wantAccounts("AB1234", 100, 9000, 4000, 0)
	w.wantStatus("006A", book.StatusExported)
	w.wantStatus("006E", book.StatusApproved)
	w.wantStatus("006G", "accrued")

	w.today = date(t, "2026-12-02")
	wantExport(t, w.export("2026-11"), "2026-11-AB1234-USD 90.00")
}

// TestR8_6_ASecondBillOfAPeriod has a number of its own, and nothing is billed twice.
func TestR8_6_ASecondBillOfAPeriod(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877")
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	wantExport(t, w.export("2026-10"), "2026-10-FG3877-USD 100.00")
	if r := w.export("2026-10"); r.Number != 0 || len(r.Bills)+len(r.Carried) != 0 {
		t.Errorf("nothing is new, and it exports %+v", r)
	}
	w.earn(line("006B", "FG3877", "2026-10", 2500))
	r := w.export("2026-10")
	wantExport(t, r, "2026-10-FG3877-USD-2 25.00")
	if r.Number != 2 {
		t.Errorf("it is the export no. %d", r.Number)
	}
	w.earn(line("006C", "FG3877", "2026-10", 1500))
	wantExport(t, w.export("2026-10"), "2026-10-FG3877-USD-3 15.00")
	w.wantAccounts("FG3877", 0, 0, 14000, 0)
}

// TestR8_6_MergedPartnersHaveOneBill, named by the survivor's primary ID (R1.1).
func TestR8_6_MergedPartnersHaveOneBill(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877")
	w.partner("cobaltway", "Cobaltway", "CW1589")
	must(w, func(ctx context.Context, tx *sqlx.Tx) (int, error) {
		return 0, ledger.SaveMerges(ctx, tx, []ledger.Merge{{Key: "cobaltway", Into: "northwind", On: date(t, "2026-01-01")}}, "test", w.context().Now)
	})
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.earn(line("006B", "CW1589", "2026-10", 2000))
	wantExport(t, w.export("2026-10"), "2026-10-FG3877-USD 120.00")
	w.wantAccounts("CW1589", 0, 0, 2000, 0)
}

// TestR2_11_ASuspendedPartnerIsNotBilled, and it is said.
func TestR2_11_ASuspendedPartnerIsNotBilled(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877")
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.savePartner(ledger.Partner{Key: "northwind", Name: "Northwind", IDs: []string{"FG3877"}, Status: ledger.StatusSuspended})
	r := w.export("2026-10")
	wantExport(t, r, "FG3877 100.00 USD suspended")
	if r.Number != 0 || !strings.Contains(r.Carried[0].Says, "suspended (R2.11)") {
		t.Errorf("got %+v", r)
	}
	w.partner("northwind", "Northwind", "FG3877")
	wantExport(t, w.export("2026-10"), "2026-10-FG3877-USD 100.00")
}

// TestR8_8_BelowTheMinimumIsCarried, by currency, and billed once it is enough.
func TestR8_8_BelowTheMinimumIsCarried(t *testing.T) {
	w := newWorld(t)
	w.plan(commission.PayoutTerms{Minimum: map[money.Currency]decimal.Decimal{"USD": decimal.New(50, 0), "KWD": decimal.New(5125, -3)}})
	w.partner("northwind", "Northwind", "FG3877", "FG4001")
	w.partner("bluefin", "Bluefin", "AB1234")
	w.earn(line("006A", "FG3877", "2026-09", 3000))
	w.earn(line("006B", "AB1234", "2026-09", 5000)) // exactly the minimum
	w.earn(line("006C", "AB1234", "2026-09", 5124, inCurrency("KWD")))
	w.earn(line("006D", "AB1234", "2026-09", 1, inCurrency("EUR"))) // for which none is stated
	r := w.export("2026-09")
	wantExport(t, r, "2026-09-AB1234-EUR 0.01", "2026-09-AB1234-USD 50.00", "AB1234 5.124 KWD below_minimum", "FG3877 30.00 USD below_minimum")
	if !strings.Contains(r.Carried[0].Says, "minimum payout of 5.125 KWD") {
		t.Errorf("it says %q", r.Carried[0].Says)
	}
	w.wantAccounts("FG3877", 0, 3000, 0, 0)
	// What its other ID earned makes it enough: the minimum is the partner's.
	w.earn(line("006E", "FG4001", "2026-10", 2000))
	wantExport(t, w.export("2026-10"), "2026-10-FG3877-USD 50.00", "AB1234 5.124 KWD below_minimum")
}

// TestR8_7_ARefundOfWhatWasPaidComesOffTheNextBills over three periods: it is named while
// nobody has approved it, carried while it is more than what is owed, and then gone.
func TestR8_7_ARefundOfWhatWasPaidComesOffTheNextBills(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877")
	w.today = date(t, "2026-09-05")
	w.earn(line("006A", "FG3877", "2026-08", 50000))
	wantExport(t, w.export("2026-08"), "2026-08-FG3877-USD 500.00")
	w.becomes("2026-08-FG3877-USD", Paid)
	w.wantAccounts("FG3877", 0, 0, 0, 50000)

	// It is refunded in September; somebody else's sale of that month is owed.
	w.accrue("006A")
	w.wantAccounts("FG3877", -50000, 0, 0, 50000)
	w.today = date(t, "2026-10-05")
	w.accrue("006B", line("006B", "FG3877", "2026-09", 20000))
	must(w, func(ctx context.Context, tx *sqlx.Tx) (book.Outcome, error) {
		return book.Approve(ctx, tx, book.Selection{Filter: book.Filter{SourceID: "006B"}}, nil, w.context())
	})
	r := w.export("2026-09")
	wantExport(t, r, "2026-09-FG3877-USD 200.00", "FG3877 -500.00 USD not_approved")
	if !strings.Contains(r.Waiting[0].Says, "R8.7") {
		t.Errorf("it says %q", r.Waiting[0].Says)
	}
	w.becomes("2026-09-FG3877-USD", Paid)

	w.approve()
	w.wantAccounts("FG3877", 0, -50000, 0, 70000)
	w.today = date(t, "2026-11-05")
	w.earn(line("006C", "FG3877", "2026-10", 30000))
	wantExport(t, w.export("2026-10"), "FG3877 -200.00 USD negative")
	w.today = date(t, "2026-12-05")
	w.earn(line("006D", "FG3877", "2026-11", 20000))
	wantExport(t, w.export("2026-11"), "FG3877 0.00 USD negative") // nor is nothing billed
	w.earn(line("006E", "FG3877", "2026-11", 10000))
	wantExport(t, w.export("2026-11"), "2026-11-FG3877-USD 100.00")
	w.becomes("2026-11-FG3877-USD", Paid)

	// All was paid that was earned: 200 + 300 + 200 + 100, the 500 having been paid first.
	w.wantAccounts("FG3877", 0, 0, 0, 80000)
	for _, source := range []string{"006A", "006B", "006C", "006D", "006E"} {
		w.wantStatus(source, book.StatusPaid)
	}
}

// TestR8_6_OfTwoWhoExportAtOnceOneMakesTheBills.
func TestR8_6_OfTwoWhoExportAtOnceOneMakesTheBills(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877")
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	results := make([]Result, 4)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			r, err := in(w, func(ctx context.Context, tx *sqlx.Tx) (Result, error) {
				return Export(ctx, tx, month(t, "2026-10"), w.context())
			})
			if err != nil {
				t.Error(err)
			}
			results[i] = r
		})
	}
	wg.Wait()
	bills := 0
	for _, r := range results {
		bills += len(r.Bills)
	}
	if bills != 1 {
		t.Errorf("they made %d bills of one line", bills)
	}
	w.wantAccounts("FG3877", 0, 0, 10000, 0)
}

// TestR8_1_BillsAreAppendOnly: the database itself refuses to rewrite them.
func TestR8_1_BillsAreAppendOnly(t *testing.T) {
	w := newWorld(t)
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.export("2026-10")
	if _, err := w.file("2026-10", 1, CSV, Settings{}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"export", "bill", "bill_line", "bill_event", "export_file", "unapproval"} {
		for _, statement := range []string{"delete from ledger." + table, "truncate ledger." + table + " cascade"} {
			if _, err := w.db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append only") {
				t.Errorf("%s: %v, want it refused", statement, err)
			}
		}
	}
	if _, err := w.db.Exec(`update ledger.bill set amount_minor = 1`); err == nil || !strings.Contains(err.Error(), "append only") {
		t.Error(err)
	}
}

func TestR8_6_AMonthThatHasNotBegunIsNotExported(t *testing.T) {
	w := newWorld(t)
	_, err := in(w, func(ctx context.Context, tx *sqlx.Tx) (Result, error) {
		return Export(ctx, tx, month(t, "2026-12"), w.context())
	})
	if errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
}
