package wholeway_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/bill"
)

// machineBill is a bill of the model.
type machineBill struct {
	number, primary, currency string
	period                    clock.Month
	minor                     int64
	lines                     map[string]int64 // amounts by key
	state                     string
	on                        clock.Date // of the state
	exported                  clock.Date
}

// export makes bills of a month, mostly the last or the present one.
func (m *machine) export() {
	period := m.today().Month()
	switch rapid.IntRange(0, 4).Draw(m.T, "which month") {
	case 0, 1:
	case 4:
		period = period.Next()
	default:
		period = period.First().AddDays(-1).Month()
	}
	for range 1 + rapid.IntRange(0, 3).Draw(m.T, "twice")/3 {
		m.exportOnce(period)
	}
}

func (m *machine) exportOnce(period clock.Month) {
	var out bill.Result
	err := m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = bill.Export(ctx, tx, period, m.by("ana"))
		return err
	})
	if m.today().Before(period.First()) {
		if err == nil {
			m.Fatalf("%s is exported on %s", period, m.today())
		}
		m.refusedWhole("export", err)
		return
	}
	m.ok(err)
	want := m.billsOf(period)
	if len(out.Bills) != len(want) {
		m.Fatalf("export of %s made %+v, want %v", period, out.Bills, slices.Sorted(maps.Keys(want)))
	}
	for _, b := range out.Bills {
		w := want[b.Number]
		if w == nil || b.AmountMinor != w.minor || b.LineCount != len(w.lines) || string(b.Currency) != w.currency || b.PayeeID != w.primary || b.State != bill.Exported {
			m.Fatalf("export of %s made %+v, want %+v", period, b, w)
		}
		m.bills[b.Number] = w
		for key := range w.lines {
			m.lines[key].life = "exported"
		}
	}
	if len(want) == 0 {
		m.unchanged("export")
		m.board.count("export, nothing to bill")
		return
	}
	m.board.count("export")
}

// billsOf are the bills that an export has to make: of everything that is approved, not
// billed and of the month or before, by partner and currency, if it is above zero and
// the partner is not suspended (R8.6, R8.7, R2.11).
func (m *machine) billsOf(period clock.Month) map[string]*machineBill {
	all := map[string]*machineBill{}
	for _, l := range m.lines {
		p := m.facts.partnerOf(l.payee).survivor()
		if l.life != "approved" || period.Before(l.period) || p.suspended {
			continue
		}
		name := fmt.Sprintf("%s-%s-%s", period, p.ids[0], l.currency)
		b := all[name]
		if b == nil {
			b = &machineBill{
				number: name, primary: p.ids[0], currency: l.currency, period: period, lines: map[string]int64{}, state: bill.Exported,
				on: m.today(), exported: m.today(),
			}
			all[name] = b
		}
		b.lines[l.key] = l.minor
		b.minor += l.minor
	}
	out := map[string]*machineBill{}
	for name, b := range all {
		if b.minor <= 0 {
			continue
		}
		for n := 2; m.bills[b.number] != nil; n++ {
			b.number = fmt.Sprintf("%s-%d", name, n)
		}
		out[b.number] = b
	}
	return out
}

// confirm says what became of a bill, rightly or wrongly.
func (m *machine) confirm() {
	if len(m.bills) == 0 {
		m.Skip("there are no bills")
	}
	b := m.bills[rapid.SampledFrom(slices.Sorted(maps.Keys(m.bills))).Draw(m.T, "bill")]
	outcomes := []string{bill.Paid, bill.Failed, bill.Returned}
	if rapid.IntRange(0, 2).Draw(m.T, "likely") > 0 {
		outcomes = map[string][]string{bill.Exported: {bill.Paid, bill.Paid, bill.Failed}, bill.Paid: {bill.Returned}, bill.Failed: {bill.Failed}, bill.Returned: {bill.Returned}}[b.state]
	}
	outcome := rapid.SampledFrom(outcomes).Draw(m.T, "outcome")
	c := bill.Confirmation{Bill: b.number, Outcome: outcome, On: m.today(), Reference: "bank"}
	wrong := rapid.IntRange(0, 9).Draw(m.T, "wrong")
	switch wrong {
	case 0:
		c.AmountMinor, c.Currency = b.minor+1, "USD"
	case 1:
		c.On = m.today().AddDays(1)
	case 2:
		c.Bill += "-99"
	}
	if outcome == b.state {
		c.On = b.on // the same word again
	}
	for range 1 + rapid.IntRange(0, 3).Draw(m.T, "twice")/3 {
		m.confirmOnce(b, c, wrong < 3)
	}
}

func (m *machine) confirmOnce(b *machineBill, c bill.Confirmation, wrong bool) {
	var out bill.Confirmed
	err := m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = bill.Confirm(ctx, tx, []bill.Confirmation{c}, m.by("ana"))
		return err
	})
	next := map[string]string{bill.Exported + bill.Paid: "paid", bill.Exported + bill.Failed: "approved", bill.Paid + bill.Returned: "approved"}
	life, goes := next[b.state+c.Outcome]
	switch {
	case wrong && c.Outcome != b.state || c.Bill != b.number:
		if err == nil {
			m.Fatalf("%+v of %+v was believed", c, b)
		}
		m.refusedWhole("confirm", err)
	case !goes:
		if err != nil {
			m.refusedWhole("confirm", err)
		} else if len(out.Bills) > 0 || out.Same != 1 {
			m.Fatalf("%+v of %+v came to %+v", c, b, out)
		}
		m.unchanged("confirm")
	default:
		m.ok(err)
		if len(out.Bills) != 1 || out.Bills[0].State != c.Outcome || len(out.Taken) != len(b.lines) {
			m.Fatalf("%+v of %+v came to %+v", c, b, out)
		}
		b.state, b.on = c.Outcome, c.On
		for key := range b.lines {
			m.lines[key].life = life
		}
		m.board.count("confirm " + c.Outcome)
	}
}
