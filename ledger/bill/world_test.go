package bill

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var update = flag.Bool("update", false, "write the golden files anew")

// world is a ledger on a day.
type world struct {
	t     testing.TB
	db    *sqlx.DB
	today clock.Date
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{t: t, db: pgtest.New(t), today: clock.NewDate(2026, 11, 20)}
}

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func month(t testing.TB, s string) clock.Month {
	t.Helper()
	m, err := clock.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *world) context() book.Context {
	return book.Context{AsOf: w.today, Actor: "ana", Now: w.today.Start(time.UTC).Add(9 * time.Hour)}
}

// in runs f in a transaction.
func in[T any](w *world, f func(ctx context.Context, tx *sqlx.Tx) (T, error)) (out T, err error) {
	err = pg.InTx(context.Background(), w.db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = f(ctx, tx)
		return err
	})
	return out, err
}

func must[T any](w *world, f func(ctx context.Context, tx *sqlx.Tx) (T, error)) T {
	w.t.Helper()
	out, err := in(w, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// partner makes a partner with some IDs, the first of which is the primary one.
func (w *world) partner(key, name string, ids ...string) {
	w.t.Helper()
	w.savePartner(ledger.Partner{Key: key, Name: name, IDs: ids})
}

func (w *world) savePartner(p ledger.Partner) {
	w.t.Helper()
	p.Kind, p.JoinedOn = ledger.KindRegistered, date(w.t, "2016-05-01")
	if p.Status == "" {
		p.Status = ledger.StatusActive
	}
	must(w, func(ctx context.Context, tx *sqlx.Tx) (int, error) {
		return 0, ledger.SavePartner(ctx, tx, p, "test", w.context().Now)
	})
}

func (w *world) plan(p commission.PayoutTerms) {
	w.t.Helper()
	plan := book.DefaultTerms()
	plan.EffectiveFrom, plan.Payout = date(w.t, "2010-01-01"), p
	must(w, func(ctx context.Context, tx *sqlx.Tx) (int, error) {
		return 0, book.SavePlan(ctx, tx, plan, "test", w.context().Now)
	})
}

// line is what a source earns a payee in a month, in cents of USD unless c says another.
func line(source, payee, period string, minor int64, change ...func(*commission.Line)) commission.Line {
	m, err := clock.ParseMonth(period)
	if err != nil {
		panic(err)
	}
	l := commission.Line{
		PayeeID: payee, Regime: commission.RegimeSpace, SourceID: source, Slice: commission.SliceReferral, Period: m,
		Currency: "USD", Base: decimal.New(minor, -1), Rate: decimal.New(1, -1), Amount: decimal.New(minor, -2),
		Status: commission.Accrued, Explanation: commission.Explanation{Sentence: fmt.Sprintf("It is %d.", minor)},
	}
	for _, f := range change {
		f(&l)
	}
	l.Key = commission.Key(l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period)
	return l
}

func inCurrency(c money.Currency) func(*commission.Line) {
	return func(l *commission.Line) {
		minor, _ := money.Currency("USD").Minor(l.Amount)
		l.Currency, l.Amount = c, c.FromMinor(minor)
	}
}

// accrue makes the lines of a source what they are now, and none else.
func (w *world) accrue(source string, lines ...commission.Line) {
	w.t.Helper()
	must(w, func(ctx context.Context, tx *sqlx.Tx) (book.Settled, error) {
		return book.Settle(ctx, tx, []book.Expectation{{SourceID: source, Lines: lines}}, w.context())
	})
}

// earn accrues a line of a source of its own, and approves it.
func (w *world) earn(l commission.Line) {
	w.t.Helper()
	w.accrue(l.SourceID, l)
	w.approve()
}

// approve approves whatever may be.
func (w *world) approve() {
	w.t.Helper()
	must(w, func(ctx context.Context, tx *sqlx.Tx) (book.Outcome, error) {
		return book.Approve(ctx, tx, book.Selection{Filter: book.Filter{Through: w.today.Month()}}, nil, w.context())
	})
}

func (w *world) export(period string) Result {
	w.t.Helper()
	return must(w, func(ctx context.Context, tx *sqlx.Tx) (Result, error) {
		return Export(ctx, tx, month(w.t, period), w.context())
	})
}

func (w *world) file(period string, n int, f Format, s Settings) ([]byte, error) {
	return in(w, func(ctx context.Context, tx *sqlx.Tx) ([]byte, error) {
		return File(ctx, tx, month(w.t, period), n, f, s, w.context())
	})
}

func (w *world) confirm(all ...Confirmation) (Confirmed, error) {
	return in(w, func(ctx context.Context, tx *sqlx.Tx) (Confirmed, error) { return Confirm(ctx, tx, all, w.context()) })
}

// becomes confirms one outcome of a bill, today.
func (w *world) becomes(bill, outcome string) {
	w.t.Helper()
	if _, err := w.confirm(Confirmation{Bill: bill, Outcome: outcome, On: w.today}); err != nil {
		w.t.Fatal(err)
	}
}

// wantExport wants bills as "number amount" and what is carried as "payee amount reason".
func wantExport(t testing.TB, r Result, want ...string) {
	t.Helper()
	got := []string{}
	for _, b := range r.Bills {
		got = append(got, fmt.Sprintf("%s %s", b.Number, b.Amount().StringFixed(b.Currency.Digits())))
	}
	for _, c := range r.Carried {
		got = append(got, fmt.Sprintf("%s %s %s", c.PayeeID, c.Currency.FormatMinor(c.Minor), c.Reason))
	}
	for _, c := range r.Waiting {
		got = append(got, fmt.Sprintf("%s %s %s", c.PayeeID, c.Currency.FormatMinor(c.Minor), c.Reason))
	}
	if d := cmp.Diff(append([]string{}, want...), got); d != "" {
		t.Errorf("the export, -want +got:\n%s", d)
	}
}

// wantAccounts wants what the accounts of a payee hold in a currency: accrued, payable,
// in payment and settled, in minor units; and all accounts sum to nothing (R8.2).
func (w *world) wantAccounts(payee string, accrued, payable, inPayment, settled int64) {
	w.t.Helper()
	got := map[string]int64{}
	var rows []struct {
		Account string `db:"account"`
		Minor   int64  `db:"minor"`
	}
	if err := w.db.Select(&rows, `select account, sum(minor) as minor from ledger.balance where payee_id = $1 group by account`, payee); err != nil {
		w.t.Fatal(err)
	}
	sum := int64(0)
	for _, r := range rows {
		got[r.Account], sum = r.Minor, sum+r.Minor
	}
	want := [4]int64{accrued, payable, inPayment, settled}
	if is := [4]int64{got[book.AccountAccrued], got[book.AccountPayable], got[book.AccountInPayment], got[book.AccountSettled]}; is != want || sum != 0 {
		w.t.Errorf("%s: accrued, payable, in payment, settled are %v, want %v; all sum to %d", payee, is, want, sum)
	}
}

// wantStatus wants the lines of a source at a status, all of them.
func (w *world) wantStatus(source, want string) {
	w.t.Helper()
	var got []string
	if err := w.db.Select(&got, `select distinct status from ledger.line where source_id = $1`, source); err != nil {
		w.t.Fatal(err)
	}
	if strings.Join(got, " ") != want {
		w.t.Errorf("the lines of %s are %v, want %s", source, got, want)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", name, d)
	}
}
