package wholeway_test

import (
	"fmt"
	"maps"
	"strings"

	"github.com/partnersync/partnersync/internal/clock"
)

// machineEntry is an entry as the database has it.
type machineEntry struct {
	PayeeID     string      `db:"payee_id"`
	Seq         int64       `db:"seq"`
	LineKey     string      `db:"line_key"`
	Nth         int         `db:"nth"`
	Kind        string      `db:"kind"`
	Debit       string      `db:"debit"`
	Credit      string      `db:"credit"`
	AmountMinor int64       `db:"amount_minor"`
	Currency    string      `db:"currency"`
	Period      clock.Month `db:"period"`
	Corrects    string      `db:"corrects"`
	Hash        []byte      `db:"hash"`
}

// in is what the entry adds to an account.
func (e *machineEntry) in(account string) int64 {
	switch account {
	case e.Credit:
		return e.AmountMinor
	case e.Debit:
		return -e.AmountMinor
	}
	return 0
}

// owed is what the entry adds to what is owed (R8.2).
func (e *machineEntry) owed() int64 {
	return e.in("accrued") + e.in("payable") + e.in("in_payment")
}

// machineAmounts are the accounts of a line or of a payee in one currency.
type machineAmounts struct {
	currency string
	accounts map[string]int64
}

// posted is what accrued on a line, here or in another system.
func (a machineAmounts) posted() int64 {
	return -a.accounts["commission_expense"] - a.accounts["brought_in"]
}

func (a machineAmounts) String() string {
	out := maps.Clone(a.accounts)
	maps.DeleteFunc(out, func(_ string, minor int64) bool { return minor == 0 })
	return strings.TrimPrefix(fmt.Sprint(out), "map")
}

// machineBook is the book as its entries say.
type machineBook struct {
	entries []machineEntry
	lines   map[string]machineAmounts    // by key
	payees  map[[2]string]machineAmounts // by payee and currency
}

// readBook reads all entries and adds them up.
func (m *machine) readBook() machineBook {
	m.Helper()
	b := machineBook{lines: map[string]machineAmounts{}, payees: map[[2]string]machineAmounts{}}
	m.ok(m.db.Select(&b.entries, `
		select payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency, period, corrects, hash
		from ledger.entry order by payee_id, seq`))
	for i := range b.entries {
		e := &b.entries[i]
		line, has := b.lines[e.LineKey]
		if !has {
			line = machineAmounts{currency: e.Currency, accounts: map[string]int64{}}
			b.lines[e.LineKey] = line
		}
		if line.currency != e.Currency {
			m.Fatalf("%s has entries in %s and in %s", e.LineKey, line.currency, e.Currency)
		}
		payee, has := b.payees[[2]string{e.PayeeID, e.Currency}]
		if !has {
			payee = machineAmounts{currency: e.Currency, accounts: map[string]int64{}}
			b.payees[[2]string{e.PayeeID, e.Currency}] = payee
		}
		for _, accounts := range []map[string]int64{line.accounts, payee.accounts} {
			accounts[e.Credit] += e.AmountMinor
			accounts[e.Debit] -= e.AmountMinor
		}
	}
	return b
}
