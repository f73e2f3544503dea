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
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
)

// fact writes a fact as reconcile would leave it, and marks what rests on it.
func (m *machine) fact(due []string, statement string, args ...any) {
	m.Helper()
	m.ok(pg.InTx(m.background(), m.db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
		return book.MarkDue(ctx, tx, due, m.clock.Now())
	}))
	for _, id := range due {
		m.due[id] = true
	}
}

// apply applies partners or a plan.
func (m *machine) apply(yaml string) {
	m.Helper()
	f, err := apply.Read(strings.NewReader(yaml), "test")
	m.ok(err)
	m.ok(pg.InTx(m.background(), m.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "test", Zone: time.UTC, Now: m.clock.Now(), Alone: true})
		return err
	}))
}

var machineIDs = []string{"FG3877", "AB1234", "KM5521", "TR0942", "FG3877", "KM5521", "QX7718", idOfNobody, ""}

func (m *machine) newCustomer() {
	n := len(m.facts.customers)
	c := &machineCustomer{account: fmt.Sprintf("001%012dAAA", n), space: fmt.Sprintf("a0S%012dAAA", n)}
	c.points = []machinePoint{{at: instant("2020-01-01T00:00:00Z"), id: rapid.SampledFrom(machineIDs[:4]).Draw(m.T, "holder")}}
	m.facts.customers = append(m.facts.customers, c)
	m.fact(nil, `insert into ledger.customer (account_id, name, is_deleted, modstamp) values ($1, $2, false, '2020-01-01')`, c.account, fmt.Sprint("Customer ", n))
	m.fact(nil, `insert into ledger.space (id, space_key, name, account_id, first_account_id, customer_id, created_via, created_at, is_deleted, modstamp)
		values ($1, $1, $1, $2, $2, $2, 'Manual', '2020-01-01', false, '2020-01-01')`, c.space, c.account)
	m.fact(nil, machineHolding, c.space, c.points[0].at, c.points[0].id, m.clock.Now())
}

const machineHolding = `insert into ledger.holding (subject_kind, subject, at, partner_id, cause, learned_at)
	values ('space', $1, $2, $3, '{"kind": "history", "id": "017000000000001AAA"}', $4)`

// amount draws an amount in a currency's minor units: often large, sometimes so small
// that months of it round to nothing, seldom none or one below zero.
func (m *machine) drawAmount(currency string) *big.Rat {
	switch rapid.IntRange(0, 19).Draw(m.T, "kind of amount") {
	case 0:
		return nil
	case 1:
		return new(big.Rat)
	case 2:
		return big.NewRat(-100, 1)
	case 3, 4:
		return big.NewRat(rapid.Int64Range(1, 400).Draw(m.T, "minor"), machineDigits[currency])
	}
	return big.NewRat(rapid.Int64Range(1000, 9_000_000).Draw(m.T, "minor"), machineDigits[currency])
}

func amountText(amount *big.Rat) *string {
	if amount == nil {
		return nil
	}
	s := amount.FloatString(3)
	return &s
}

func (m *machine) newSale() {
	s := &machineSale{id: fmt.Sprintf("006%012dAAA", len(m.facts.sales)), won: true}
	s.customer = rapid.SampledFrom(m.facts.customers).Draw(m.T, "customer")
	s.currency = rapid.SampledFrom([]string{"USD", "USD", "JPY", "KWD"}).Draw(m.T, "currency")
	s.amount = m.drawAmount(s.currency)
	s.close = m.today().AddDays(rapid.IntRange(-70, 20).Draw(m.T, "close"))
	if rapid.IntRange(0, 2).Draw(m.T, "term") > 0 {
		s.start = s.close.AddDays(rapid.IntRange(-40, 30).Draw(m.T, "start"))
		s.end = s.start.AddDays(rapid.IntRange(0, 130).Draw(m.T, "days"))
	}
	s.namesSpace = s.customer.merged || rapid.Bool().Draw(m.T, "names its Space")
	if rapid.IntRange(0, 3).Draw(m.T, "hands") == 0 {
		s.hands = []string{"eva"}
	}
	m.facts.sales[s.id] = s
	space := ""
	if s.namesSpace {
		space = s.customer.space
	}
	var start, end *clock.Date
	if !s.start.IsZero() {
		start, end = &s.start, &s.end
	}
	m.fact([]string{s.id}, `insert into ledger.opportunity (id, name, account_id, first_account_id, customer_id, space_id, amount, currency, close_date,
			stage, is_closed, is_won, created_at, service_start, service_end, is_deleted, modstamp)
		values ($1, $1, $2, $2, $2, $3, $4, $5, $6, 'Closed Won', true, true, '2026-01-01', $7, $8, false, $9)`,
		s.id, s.customer.account, space, amountText(s.amount), s.currency, s.close, start, end, m.clock.Now())
}

// pickSale draws a sale; those of which something was paid are drawn often, because a
// refund after payment is what is hardest to get right (R8.7).
func (m *machine) pickSale(which func(*machineSale) bool) *machineSale {
	var all, paid []*machineSale
	for _, s := range m.facts.salesInOrder() {
		if !which(s) {
			continue
		}
		all = append(all, s)
		for _, l := range m.lines {
			if l.source == s.id && l.life != "" {
				paid = append(paid, s)
				break
			}
		}
	}
	if len(all) == 0 {
		m.Skip("there is no such sale")
	}
	if len(paid) > 0 && rapid.Bool().Draw(m.T, "one that was approved") {
		return rapid.SampledFrom(paid).Draw(m.T, "sale")
	}
	return rapid.SampledFrom(all).Draw(m.T, "sale")
}

func (m *machine) changeAmount() {
	s := m.pickSale(func(s *machineSale) bool { return true })
	s.amount = m.drawAmount(s.currency)
	m.fact([]string{s.id}, `update ledger.opportunity set amount = $2 where id = $1`, s.id, amountText(s.amount))
}

// changeDays moves what a sale was closed on, or the end of its term.
func (m *machine) changeDays() {
	s := m.pickSale(func(s *machineSale) bool { return s.namesSpace })
	if !s.start.IsZero() && rapid.Bool().Draw(m.T, "the term") {
		s.end = s.start.AddDays(rapid.IntRange(0, 130).Draw(m.T, "days"))
	} else {
		s.close = s.close.AddDays(rapid.IntRange(-40, 40).Draw(m.T, "by"))
	}
	var end *clock.Date
	if !s.start.IsZero() {
		end = &s.end
	}
	m.fact([]string{s.id}, `update ledger.opportunity set close_date = $2, service_end = $3 where id = $1`, s.id, s.close, end)
}

func (m *machine) unwin() {
	s := m.pickSale(func(s *machineSale) bool { return s.won })
	s.won = false
	m.fact([]string{s.id}, `update ledger.opportunity set is_won = false where id = $1`, s.id)
}

func (m *machine) winAgain() {
	s := m.pickSale(func(s *machineSale) bool { return !s.won })
	s.won = true
	m.fact([]string{s.id}, `update ledger.opportunity set is_won = true where id = $1`, s.id)
}

// remove deletes a sale, or takes it out of the recycle bin again.
func (m *machine) remove() {
	s := m.pickSale(func(s *machineSale) bool { return true })
	s.deleted = !s.deleted
	m.fact([]string{s.id}, `update ledger.opportunity set is_deleted = $2 where id = $1`, s.id, s.deleted)
}

// takeover puts another Partner ID on a Space, from so many days ago on.
func (m *machine) takeover(ago int) {
	c := rapid.SampledFrom(m.facts.customers).Draw(m.T, "customer")
	id := rapid.SampledFrom(machineIDs).Draw(m.T, "holder")
	m.facts.points++
	at := m.clock.Now().AddDate(0, 0, -ago).Add(time.Duration(m.facts.points) * time.Microsecond)
	c.points = append(c.points, machinePoint{at: at, id: id})
	var due []string
	for _, s := range m.facts.salesInOrder() {
		if s.customer == c {
			due = append(due, s.id)
		}
	}
	m.fact(due, machineHolding, c.space, at, id, m.clock.Now())
}

// suspend suspends a partner, or lets it be active again.
func (m *machine) suspend() {
	p := rapid.SampledFrom(m.facts.partners[:3]).Draw(m.T, "partner").survivor()
	p.suspended = !p.suspended
	m.partnerChanged(p)
}

// issue gives the ID that nobody had to a partner.
func (m *machine) issue() {
	if m.facts.partnerOf(idOfNobody) != nil {
		m.Skip("it has been issued")
	}
	p := &machinePartner{key: "late", joined: "2019-01-01", ids: []string{idOfNobody}}
	m.facts.partners = append(m.facts.partners, p)
	m.partnerChanged(p)
}

// partnerChanged applies a partner. That asks for the histories of its Spaces to be
// worked out anew, which changes none of them here.
func (m *machine) partnerChanged(p *machinePartner) {
	m.apply("partners:\n" + p.yaml())
	var all []string
	for _, s := range m.facts.salesInOrder() {
		all = append(all, s.id)
	}
	m.fact(all, `delete from ledger.replay`)
}

// merge merges two customers. Sales that find their Space by the customer keep it,
// because it was found before (R3.3); a later one could not tell the two Spaces apart.
func (m *machine) merge() {
	var free []*machineCustomer
	for _, c := range m.facts.customers {
		if !c.merged {
			free = append(free, c)
		}
	}
	if len(free) < 2 {
		m.Skip("there are no two customers")
	}
	survivor, loser := free[0], free[len(free)-1]
	var due []string
	for _, s := range m.facts.salesInOrder() {
		if s.customer != survivor && s.customer != loser {
			continue
		}
		if !s.namesSpace && !s.close.Before(m.today()) {
			m.Skip("a sale that names no Space closes later")
		}
		due = append(due, s.id)
	}
	survivor.merged, loser.merged = true, true
	m.fact(due, `update ledger.customer set master_account_id = $2, merged_at = $3, is_deleted = true where account_id = $1`, loser.account, survivor.account, m.clock.Now())
}
