package wholeway_test

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/brought"
)

const machineBroughtHeads = "kind,partner_id,currency,amount,period,reference,opportunity_id,paid_on,regime,slice\n"

// bringIn brings in what another system paid for a month of a sale, or what it still
// owes (R8.9).
func (m *machine) bringIn() {
	month := m.today().Month()
	for range rapid.IntRange(0, 3).Draw(m.T, "months ago") {
		month = month.First().AddDays(-1).Month()
	}
	payee := rapid.SampledFrom(machineIDs[:4]).Draw(m.T, "payee")
	minor := rapid.Int64Range(-2000, 9000).Draw(m.T, "minor")
	if minor == 0 {
		minor = 1
	}
	if rapid.Bool().Draw(m.T, "an opening balance") {
		m.bringOpening(payee, month, minor)
		return
	}
	s := m.pickSale(func(*machineSale) bool { return true })
	key := machineFamily{payee: payee, source: s.id, month: month}.String()
	row := fmt.Sprintf("paid,%s,%s,%s,%s,PAY-%d,%s,%s,space,referral\n", payee, s.currency, amountOf(minor, s.currency), month, m.step, s.id, m.today())
	old := m.lines[key]
	l := m.bring(row, key, s.currency, minor, func() (may, must bool) {
		may = m.closed.Before(month) && (old == nil || old.minor == 0)
		return may, may && old == nil && m.revenueOf(s, payee, month)
	})
	if l != nil {
		l.life = "paid"
		m.due[s.id] = true
	}
}

// revenueOf says whether something is expected of a sale for a payee and a month, and
// no line of it is there yet.
func (m *machine) revenueOf(s *machineSale, payee string, month clock.Month) bool {
	f := machineFamily{payee: payee, source: s.id, month: month}
	for _, l := range m.lines {
		if l.family() == f {
			return false
		}
	}
	due, is := m.facts.expect(s, m.reached, m.termThrough(m.reached))[f]
	return is && due.minor != 0 && m.due[s.id]
}

func (m *machine) bringOpening(payee string, month clock.Month, minor int64) {
	currency := rapid.SampledFrom([]string{"USD", "JPY", "KWD"}).Draw(m.T, "currency")
	key := fmt.Sprintf("%s/opening/OB-%06d/balance/%s", payee, m.openings+1, month)
	row := fmt.Sprintf("opening,%s,%s,%s,%s,INV-%d,,,,\n", payee, currency, amountOf(minor, currency), month, m.step)
	l := m.bring(row, key, currency, minor, func() (may, must bool) {
		may = m.closed.Before(month)
		return may, may && month.Before(m.today().Month())
	})
	if l != nil {
		m.openings++
		l.life = "approved"
	}
}

// bring brings one row in, twice: the second time it says what is known.
func (m *machine) bring(row, key, currency string, minor int64, judge func() (may, must bool)) *machineLine {
	m.Helper()
	f, err := brought.Read(strings.NewReader(machineBroughtHeads+row), "brought.csv")
	m.ok(err)
	bring := func() (r brought.Report, err error) {
		err = m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
			r, err = brought.Bring(ctx, tx, f, brought.Context{Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: "ana", Now: m.clock.Now()})
			return err
		})
		return r, err
	}
	may, must := judge()
	r, err := bring()
	switch {
	case err != nil && must:
		m.Fatalf("import of %s: %v %+v", row, err, r.Faults)
	case err != nil:
		m.refusedWhole("import", err)
		return nil
	case !may || len(r.Lines) != 1:
		m.Fatalf("import of %s, closed through %s, came to %+v", row, m.closed, r)
	}
	l := m.lines[key]
	if l == nil {
		l = m.newLine(key, currency)
	}
	l.minor, l.brought, l.waits, l.unsure = minor, true, false, false
	if again, err := bring(); err != nil || again.Known != 1 || len(again.Lines) != 0 {
		m.Fatalf("import of %s again: %v %+v", row, err, again)
	}
	m.unchanged("the same import")
	m.board.count("import")
	return l
}

// amountOf writes minor units of a currency.
func amountOf(minor int64, currency string) string {
	digits := len(fmt.Sprint(machineDigits[currency])) - 1
	return big.NewRat(minor, machineDigits[currency]).FloatString(digits)
}

// mergePartners lets a partner merge into another, today (R1.1).
func (m *machine) mergePartners() {
	pairs := [][2]int{{2, 1}, {1, 0}, {2, 0}}
	pair := rapid.SampledFrom(pairs).Draw(m.T, "who into whom")
	p, into := m.facts.partners[pair[0]], m.facts.partners[pair[1]]
	if p.into != nil || into.into != nil || p.suspended || into.suspended {
		m.Skip("one of them is gone or suspended")
	}
	p.into, p.mergedOn = into, m.today()
	m.board.count("merge of partners")
	m.partnerChanged(p)
}

// survivor is who is paid for a partner.
func (p *machinePartner) survivor() *machinePartner {
	for p.into != nil {
		p = p.into
	}
	return p
}
