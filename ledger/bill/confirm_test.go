package bill

import (
	"strings"
	"sync"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
)

// TestR8_6_AFailedPaymentIsBilledAnew under -2; so is one that came back.
func TestR8_6_AFailedPaymentIsBilledAnew(t *testing.T) {
	w := newWorld(t)
	w.partner("northwind", "Northwind", "FG3877")
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.earn(line("006B", "FG3877", "2026-10", -2500))
	const first, second, third = "2026-10-FG3877-USD", "2026-10-FG3877-USD-2", "2026-10-FG3877-USD-3"
	wantExport(t, w.export("2026-10"), first+" 75.00")
	w.wantAccounts("FG3877", 0, 0, 7500, 0)
	w.becomes(first, Failed)
	w.wantAccounts("FG3877", 0, 7500, 0, 0)
	w.wantStatus("006B", book.StatusApproved)

	w.today = w.today.AddDays(1)
	wantExport(t, w.export("2026-10"), second+" 75.00")
	w.becomes(second, Paid)
	w.wantAccounts("FG3877", 0, 0, 0, 7500)
	w.wantStatus("006A", book.StatusPaid)
	w.becomes(second, Returned)
	w.wantAccounts("FG3877", 0, 7500, 0, 0)
	w.wantStatus("006A", book.StatusApproved)

	wantExport(t, w.export("2026-10"), third+" 75.00")
	w.becomes(third, Paid)
	w.wantAccounts("FG3877", 0, 0, 0, 7500)

	var states []string
	bills, err := List(t.Context(), w.db, Filter{Partner: "northwind"})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bills {
		states = append(states, b.Number+" "+b.State)
	}
	if got := strings.Join(states, ", "); got != first+" failed, "+second+" returned, "+third+" paid" {
		t.Errorf("the bills are %s", got)
	}
}

// TestR8_6_ConfirmationsThatContradict are refused; the same again changes nothing.
func TestR8_6_ConfirmationsThatContradict(t *testing.T) {
	w := newWorld(t)
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.export("2026-10")
	const bill = "2026-10-FG3877-USD"
	yesterday := w.today.AddDays(-1)
	paid := Confirmation{Bill: bill, Outcome: Paid, On: w.today, Reference: "TRX 1", AmountMinor: 10000, Currency: "USD"}
	change := func(f func(*Confirmation)) Confirmation {
		c := paid
		f(&c)
		return c
	}
	refused := func(when string, c Confirmation, kind errs.Kind, says string) {
		t.Helper()
		_, err := w.confirm(c)
		if errs.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v (%s), want it to say %q (%s)", when, err, errs.KindOf(err), says, kind)
		}
	}
	refused("another amount", change(func(c *Confirmation) { c.AmountMinor = 9999 }), errs.Invalid, "is of 100.00 USD, and 99.99 USD is said")
	refused("another currency", change(func(c *Confirmation) { c.Currency = "EUR" }), errs.Invalid, "100.00 EUR")
	refused("no such bill", change(func(c *Confirmation) { c.Bill = "2026-10-FG3877-EUR" }), errs.NotFound, "there is no bill")
	refused("a day to come", change(func(c *Confirmation) { c.On = w.today.AddDays(1) }), errs.Invalid, "today is")
	refused("a day before the export", change(func(c *Confirmation) { c.On = yesterday }), errs.Invalid, "cannot be paid before")
	refused("an outcome that there is not", change(func(c *Confirmation) { c.Outcome = "lost" }), errs.Invalid, "none of paid, failed, returned")
	refused("returned before it was paid", change(func(c *Confirmation) { c.Outcome = Returned }), errs.Conflict, "cannot be returned")
	w.wantAccounts("FG3877", 0, 0, 10000, 0)

	if done, err := w.confirm(paid, paid); err != nil || done.Same != 1 || len(done.Bills) != 1 || done.Bills[0].Reference != "TRX 1" {
		t.Errorf("got %+v %v", done, err)
	}
	if done, err := w.confirm(paid); err != nil || done.Same != 1 || len(done.Bills) != 0 || len(done.Taken) != 0 {
		t.Errorf("the same again: %+v %v", done, err)
	}
	refused("with another reference", change(func(c *Confirmation) { c.Reference = "TRX 2" }), errs.Conflict, "is paid on 2026-11-20 (TRX 1)")
	refused("failed after it was paid", change(func(c *Confirmation) { c.Outcome = Failed }), errs.Conflict, "cannot be failed")
	w.wantAccounts("FG3877", 0, 0, 0, 10000)

	w.today = w.today.AddDays(3)
	w.becomes(bill, Returned)
	if done, err := w.confirm(paid); err != nil || done.Same != 1 {
		t.Errorf("what was once so is known: %+v %v", done, err)
	}
	w.wantAccounts("FG3877", 0, 10000, 0, 0)
}

// TestR8_6_AFileIsAllOrNothing: every row is looked at first, and all faults are told.
func TestR8_6_AFileIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.earn(line("006B", "AB1234", "2026-10", 2000))
	w.export("2026-10")
	all, err := ReadConfirmations(strings.NewReader("\ufeffBill,paid_on,amount,currency,reference\r\n" +
		"2026-10-AB1234-USD,2026-11-20,20.00,USD,a\r\n2026-10-FG3877-USD,2026-11-20,100.01,USD,b\r\n2026-10-XX0000-USD,2026-11-20,1,USD,c\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.confirm(all...)
	if err == nil || !strings.Contains(err.Error(), "2 of 3 are refused, and none is kept") ||
		!strings.Contains(err.Error(), "row 3: bill 2026-10-FG3877-USD is of 100.00 USD, and 100.01 USD") ||
		!strings.Contains(err.Error(), `row 4: there is no bill "2026-10-XX0000-USD"`) {
		t.Errorf("got %v", err)
	}
	w.wantAccounts("AB1234", 0, 0, 2000, 0)

	all, err = ReadConfirmations(strings.NewReader("outcome,currency,amount,paid_on,bill\npaid,USD,20,2026-11-20,2026-10-AB1234-USD\n" +
		"returned,USD,20.00,2026-11-20,2026-10-AB1234-USD\n,USD,100.00,2026-11-20,2026-10-FG3877-USD\n"))
	if err != nil {
		t.Fatal(err)
	}
	if done, err := w.confirm(all...); err != nil || len(done.Bills) != 2 || done.Bills[0].State != Returned || done.Bills[1].State != Paid {
		t.Errorf("got %+v %v", done, err)
	}
	w.wantAccounts("AB1234", 0, 2000, 0, 0)
	w.wantAccounts("FG3877", 0, 0, 0, 10000)
}

func TestR8_6_ABadFileOfConfirmations(t *testing.T) {
	const head = "bill,paid_on,amount,currency\n"
	for text, says := range map[string]string{
		"":                                               "the file is empty",
		head:                                             "no row below the heading",
		"bill,paid_on,amount\n":                          `"currency" is missing`,
		"bill,paid_on,amount,currency,ref\n":             `no column "ref"`,
		"bill,bill,amount,currency\n":                    "there twice",
		head + "B,20.11.2026,1,USD\n":                    `row 2: paid_on "20.11.2026" is not a date`,
		head + "B,2026-11-20,1,usd\n":                    "currency",
		head + "B,2026-11-20,\"1,000.00\",USD\n":         `amount "1,000.00" is not a number`,
		head + "B,2026-11-20,1e3,USD\n":                  `amount "1e3" is not a number`,
		head + "B,2026-11-20,0.005,USD\n":                "finer than the 2 decimals of USD",
		head + "B,2026-11-20,1.5,JPY\n":                  "finer than the 0 decimals of JPY",
		head + "B,2026-11-20,99999999999999999999,USD\n": "amount",
		head + "B,2026-11-20,1,USD,x\n":                  "it has 5 cells, and the heading 4",
		head + "B,2026-11-20,\"1,USD\n":                  "is no CSV",
		head + "B,soon,1,USD\nB,2026-11-20,x,USD\n":      "2 of 2 are refused",
		head + strings.Repeat("B,soon,1,USD\n", 30):      "and 10 more",
		head + "B,2026-11-20," + strings.Repeat("1", mostConfirmationBytes) + "\n": "larger than 16 MB",
		head + strings.Repeat("B,2026-11-20,1,USD\n", mostConfirmations+1):         "more than 50000 rows",
	} {
		_, err := ReadConfirmations(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), says) || errs.KindOf(err) != errs.Invalid && errs.KindOf(err) != errs.Limit {
			t.Errorf("%.60q: got %v (%s), want it to say %q", text, err, errs.KindOf(err), says)
		}
	}
}

// TestR8_6_OfTwoWhoConfirmAtOnceOneChangesIt, and the other is told that it is known.
func TestR8_6_OfTwoWhoConfirmAtOnceOneChangesIt(t *testing.T) {
	w := newWorld(t)
	w.earn(line("006A", "FG3877", "2026-10", 10000))
	w.export("2026-10")
	outcomes := []string{Paid, Paid, Failed, Failed}
	done := make([]Confirmed, len(outcomes))
	failures := make([]error, len(outcomes))
	var wg sync.WaitGroup
	for i, o := range outcomes {
		wg.Go(func() {
			done[i], failures[i] = w.confirm(Confirmation{Bill: "2026-10-FG3877-USD", Outcome: o, On: w.today})
		})
	}
	wg.Wait()
	changed, same, refused := 0, 0, 0
	for i := range outcomes {
		changed, same = changed+len(done[i].Bills), same+done[i].Same
		if failures[i] != nil {
			refused++
			if errs.KindOf(failures[i]) != errs.Conflict {
				t.Error(failures[i])
			}
		}
	}
	if changed != 1 || same != 1 || refused != 2 {
		t.Errorf("%d changed it, %d said the same, %d were refused", changed, same, refused)
	}
}
