package verify

import (
	"cmp"
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/statement"
)

// CheckStatements is the name of the check of statements against accounts.
const CheckStatements = "statements"

// owing is what the accounts hold for a payee in a currency, in minor units.
type owing struct{ accrued, payable, inPayment int64 }

// statements holds the statements of the present month against the accounts (R8.2): a
// statement equals the accounts of its partner's IDs, and adds up; and no account is
// left out of all of them.
func (s *Stage) statements(ctx context.Context, tx *sqlx.Tx, c *Checked, report book.Report) error {
	balances, err := book.Balances(ctx, tx)
	if err != nil {
		return err
	}
	accounts := map[[2]string]owing{}
	for _, b := range balances {
		accounts[[2]string{b.PayeeID, b.Currency}] = owing{b.Accrued, b.Payable, b.InPayment}
	}
	month := clock.DateIn(s.Clock.Now(), s.Zone).Month()
	all, err := statement.List(ctx, tx, month)
	if err != nil {
		return err
	}
	c.Through = month.String()
	for i := range all {
		c.Looked++
		if err := verifyStatement(&all[i], accounts, report); err != nil {
			return err
		}
	}
	return s.unstated(ctx, tx, month, balances, accounts, report)
}

// unstated reports accounts that are left out of all statements. A statement that says
// nothing but zeros is not made, so what the IDs of a partner hold counts together.
func (s *Stage) unstated(ctx context.Context, tx *sqlx.Tx, month clock.Month, balances []book.Balance, left map[[2]string]owing, report book.Report) error {
	issued, err := ledger.PartnersByID(ctx, tx, nil)
	if err != nil {
		return err
	}
	partner := map[string]string{}
	for _, p := range issued {
		partner[p.ID] = p.SurvivorKey
	}
	together := map[[2]string]owing{}
	for account, is := range left {
		key := [2]string{cmp.Or(partner[account[0]], account[0]), account[1]}
		sum := together[key]
		together[key] = owing{sum.accrued + is.accrued, sum.payable + is.payable, sum.inPayment + is.inPayment}
	}
	for _, b := range balances {
		if left[[2]string{b.PayeeID, b.Currency}] == (owing{}) || together[[2]string{cmp.Or(partner[b.PayeeID], b.PayeeID), b.Currency}] == (owing{}) {
			continue
		}
		if err := report(book.Difference{
			Check: CheckStatements, Object: "payee", Subject: b.PayeeID, Field: b.Currency, Expected: "a statement of " + month.String(), Found: "none",
			Sentence: "The accounts owe this payee something that no statement states. Its entries are of a month that has not begun, or the partner's IDs were changed in the database.",
		}); err != nil {
			return err
		}
	}
	return nil
}

// verifyStatement compares one statement, and takes its accounts out of those that are
// left.
func verifyStatement(s *statement.Statement, accounts map[[2]string]owing, report book.Report) error {
	var is owing
	for _, id := range s.IDs {
		key := [2]string{id, string(s.Currency)}
		b := accounts[key]
		is.accrued, is.payable, is.inPayment = is.accrued+b.accrued, is.payable+b.payable, is.inPayment+b.inPayment
		delete(accounts, key)
	}
	sum := s.Opening.Minor + s.Transferred.Minor + s.Earned().Minor - s.Paid.Minor
	for _, f := range []struct {
		name            string
		expected, found int64
	}{
		{"accrued", is.accrued, s.ClosingAccrued.Minor}, {"payable", is.payable, s.ClosingPayable.Minor},
		{"in payment", is.inPayment, s.ClosingInPayment.Minor}, {"closing", is.accrued + is.payable + is.inPayment, s.Closing.Minor},
		{"sum of what is stated", s.Closing.Minor, sum},
	} {
		if f.expected == f.found {
			continue
		}
		if err := report(book.Difference{
			Check: CheckStatements, Object: "statement", Subject: s.Key, Field: f.name, Expected: s.Currency.FormatMinor(f.expected), Found: s.Currency.FormatMinor(f.found),
			Sentence: "The statement does not say what the partner's accounts hold. The entries are what counts: see what the checks of chains and balances say.",
		}); err != nil {
			return err
		}
	}
	return nil
}
