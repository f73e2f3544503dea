package statement_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/statement"
)

// TestR8_2_AStatementEqualsTheAccounts: whatever is settled, approved, exported, paid,
// taken back, closed and merged, every month's statements add up by themselves and from
// one month to the next, those of the last month are the kept balances, and those of a
// closed month never change.
func TestR8_2_AStatementEqualsTheAccounts(t *testing.T) {
	t.Parallel()
	one := newWorld(t)
	rapid.Check(t, func(r *rapid.T) {
		w := &world{t: t, db: one.db, expected: map[string]*book.Expectation{}}
		w.clear()
		w.partner("bluefin", "Bluefin", "FG3877", "FG0001")
		w.partner("ember", "Ember", "AB1234")
		w.partner("coral", "Coral", "CD5678")
		months := []string{"2026-08", sep, oct, nov, dec}
		closed, merged := 0, map[string]bool{}
		var closedAs []string
		for range rapid.IntRange(3, 14).Draw(r, "steps") {
			switch rapid.IntRange(0, 9).Draw(r, "step") {
			case 0:
				if closed < 3 {
					w.close(months[closed])
					closed++
					closedAs = append(closedAs, mustJSON(t, amounts(w.list(months[closed-1]))))
				}
			case 1:
				from := rapid.SampledFrom([]string{"ember", "coral"}).Draw(r, "merges")
				if !merged[from] {
					w.merge(from, "bluefin")
					merged[from] = true
				}
			case 2, 3:
				w.step(r, months[closed])
			default:
				source := rapid.SampledFrom([]string{"006A", "006B", "006C"}).Draw(r, "source")
				payee := rapid.SampledFrom([]string{"FG3877", "FG0001", "AB1234", "CD5678", "ZZ0001"}).Draw(r, "payee")
				w.expect(source, payee, rapid.SampledFrom(months[:4]).Draw(r, "month"),
					rapid.SampledFrom([]money.Currency{"USD", "USD", "JPY"}).Draw(r, "currency"), rapid.Int64Range(-200, 900).Draw(r, "minor"))
			}
		}
		for i, was := range closedAs {
			if is := mustJSON(t, amounts(w.list(months[i]))); is != was {
				r.Fatalf("the closed statements of %s were\n%s\nand are\n%s", months[i], was, is)
			}
		}
		w.follows(r, months)
		w.equalsBalances(r, dec)
	})
}

// clear empties the book, which refuses that of anybody else.
func (w *world) clear() {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			set local session_replication_role = replica;
			truncate ledger.entry, ledger.chain, ledger.balance, ledger.line, ledger.partner, ledger.period_close cascade`)
		return err
	})
}

// amounts are statements without the ids that they are of: an ID that is issued later
// has no figure in them.
func amounts(all []statement.Statement) (out []string) {
	for _, s := range all {
		out = append(out, s.Key+" "+figures(s))
	}
	return out
}

// step takes a line that stands in an account one step further, or back.
func (w *world) step(r *rapid.T, period string) {
	var rows []struct {
		Key      string         `db:"line_key"`
		Currency money.Currency `db:"currency"`
		Account  string         `db:"account"`
		Minor    int64          `db:"minor"`
	}
	if err := w.db.Select(&rows, `
		select e.line_key, e.currency, a.account, sum(a.minor)::bigint as minor
		from ledger.entry e, lateral (values (e.credit, e.amount_minor), (e.debit, -e.amount_minor)) as a (account, minor)
		where a.account in ('accrued', 'payable', 'in_payment', 'settled') group by 1, 2, 3 having sum(a.minor) <> 0 order by 1, 2, 3`); err != nil {
		w.t.Fatal(err)
	}
	if len(rows) == 0 {
		return
	}
	one := rapid.SampledFrom(rows).Draw(r, "line")
	kind := map[string]string{book.AccountAccrued: book.KindApprove, book.AccountPayable: book.KindExport, book.AccountInPayment: book.KindPay, book.AccountSettled: book.KindPay}[one.Account]
	minor := one.Minor
	if one.Account == book.AccountSettled { // the payment came back
		minor = -minor
	}
	w.move(kind, one.Key, one.Currency, minor, clockMonth(period).First())
}

// follows checks that each statement opens with what the one before closed with.
func (w *world) follows(r *rapid.T, months []string) {
	before := map[string]int64{}
	for _, m := range months {
		now := map[string]int64{}
		for _, s := range w.list(m) {
			place := strings.Replace(s.Key, m, "", 1)
			if s.Opening.Minor != before[place] {
				r.Fatalf("%s opens with %s after %d", s.Key, s.Opening, before[place])
			}
			if sum := s.Opening.Minor + s.Transferred.Minor + s.Accrued.Minor + s.Adjusted.Minor + s.ClawedBack.Minor + s.BroughtIn.Minor - s.Paid.Minor; sum != s.Closing.Minor {
				r.Fatalf("%s comes to %d and closes with %s", s.Key, sum, s.Closing)
			}
			w.linesSumTo(r, s)
			delete(before, place)
			now[place] = s.Closing.Minor
		}
		for place, minor := range before {
			if minor != 0 {
				r.Fatalf("%s has no statement in %s after it closed with %d", place, m, minor)
			}
		}
		before = now
	}
}

// linesSumTo checks that the lines under a statement come to its movements.
func (w *world) linesSumTo(r *rapid.T, s statement.Statement) {
	if s.Entries == 0 {
		return
	}
	whole := w.of(s.IDs[0], s.Currency, s.Period.String())
	var sum statement.Movements
	add := func(a *statement.Amount, b statement.Amount) { a.Minor, a.Currency = a.Minor+b.Minor, b.Currency }
	for _, l := range whole.Lines {
		add(&sum.Accrued, l.Accrued)
		add(&sum.Adjusted, l.Adjusted)
		add(&sum.ClawedBack, l.ClawedBack)
		add(&sum.BroughtIn, l.BroughtIn)
		add(&sum.Imported, l.Imported)
		add(&sum.Approved, l.Approved)
		add(&sum.Exported, l.Exported)
		add(&sum.Paid, l.Paid)
	}
	if sum != s.Movements {
		r.Fatalf("%s: the lines come to %+v, the statement to %+v", s.Key, sum, s.Movements)
	}
}

// equalsBalances checks the statements of the last month against the kept balances.
func (w *world) equalsBalances(r *rapid.T, last string) {
	var owed []string
	if err := w.db.Select(&owed, `
		select concat_ws(' ', currency, account, sum(minor)) from ledger.balance
		where account in ('accrued', 'payable', 'in_payment') group by currency, account having sum(minor) <> 0 order by 1`); err != nil {
		w.t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, s := range w.list(last) {
		sums[string(s.Currency)+" accrued"] += s.ClosingAccrued.Minor
		sums[string(s.Currency)+" payable"] += s.ClosingPayable.Minor
		sums[string(s.Currency)+" in_payment"] += s.ClosingInPayment.Minor
	}
	for _, o := range owed {
		var currency, account string
		var minor int64
		if _, err := fmt.Sscan(o, &currency, &account, &minor); err != nil {
			w.t.Fatal(err)
		}
		if sums[currency+" "+account] != minor {
			r.Fatalf("%s: the statements come to %d", o, sums[currency+" "+account])
		}
		delete(sums, currency+" "+account)
	}
	for name, minor := range sums {
		if minor != 0 {
			r.Fatalf("the statements have %d of %s, and the accounts nothing", minor, name)
		}
	}
}

// TestTakeTouchedGivesWhatChanged, and nothing when nothing did.
func TestTakeTouchedGivesWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877")
	w.partner("ember", "Ember", "AB1234")
	w.expect("006A", "FG3877", sep, "USD", 100)
	w.expect("006B", "AB1234", oct, "USD", 200)
	for _, step := range []struct {
		does string
		do   func()
		want string
	}{
		{"the first time", func() {}, "bluefin/2026-09/USD bluefin/2026-10/USD ember/2026-10/USD"},
		{"nothing", func() {}, ""},
		{"an entry of the running month", func() { w.expect("006B", "AB1234", oct, "USD", 300) }, "ember/2026-10/USD"},
		{"an entry of an earlier month", func() { w.expect("006C", "FG3877", sep, "EUR", 5) }, "bluefin/2026-09/EUR bluefin/2026-10/EUR"},
		{"a month is closed", func() { w.close(sep) }, "bluefin/2026-09/EUR bluefin/2026-09/USD"},
		{"another month is closed", func() { w.close(oct) }, "bluefin/2026-10/EUR bluefin/2026-10/USD ember/2026-10/USD"},
		{"nothing again", func() {}, ""},
	} {
		step.do()
		if got := w.touched(oct); got != step.want {
			t.Errorf("%s: got %q, want %q", step.does, got, step.want)
		}
	}
	if got := w.touched(nov); got != "bluefin/2026-11/EUR bluefin/2026-11/USD ember/2026-11/USD" {
		t.Errorf("a month begins: %q", got)
	}
	w.expect("006B", "AB1234", nov, "USD", 40)
	w.touched(nov)
	w.merge("ember", "bluefin")
	if got := w.touched(nov); got != "bluefin/2026-11/USD ember/2026-11/USD; AB1234/space/006B/referral/2026-11" {
		t.Errorf("partners merge: %q", got)
	}
	w.move(book.KindApprove, key("FG3877", "006A", sep), "USD", 100, clock.NewDate(2026, 11, 20))
	if got := w.touched(nov); got != "bluefin/2026-11/USD" {
		t.Errorf("a line is approved: %q", got)
	}
}

// touched takes what was touched, as one text.
func (w *world) touched(through string) string {
	w.t.Helper()
	var out []string
	var lines string
	if err := pg.InTx(w.t.Context(), w.db, func(ctx context.Context, tx *sqlx.Tx) error {
		got, err := statement.TakeTouched(ctx, tx, month(w.t, through))
		for _, s := range got.Statements {
			out = append(out, s.Key)
		}
		for _, l := range got.Lines {
			lines += "; " + l.Key
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(out, " ") + lines
}
