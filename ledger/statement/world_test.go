package statement_test

import (
	"context"
	"testing"
	"time"

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
	"github.com/partnersync/partnersync/ledger/statement"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// world is a book, and what is expected of each source by now.
type world struct {
	t        testing.TB
	db       *sqlx.DB
	expected map[string]*book.Expectation
}

func newWorld(t testing.TB) *world {
	return &world{t: t, db: pgtest.New(t), expected: map[string]*book.Expectation{}}
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(w.t.Context(), query, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) in(f func(ctx context.Context, tx *sqlx.Tx) error) {
	w.t.Helper()
	if err := pg.InTx(w.t.Context(), w.db, f); err != nil {
		w.t.Fatal(err)
	}
}

func month(t testing.TB, s string) clock.Month {
	t.Helper()
	m, err := clock.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// partner issues Partner IDs, the first of them the primary one.
func (w *world) partner(key, name string, ids ...string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *sqlx.Tx) error {
		return ledger.SavePartner(ctx, tx, ledger.Partner{
			Key: key, Name: name, Kind: ledger.KindRegistered, JoinedOn: clock.NewDate(2016, 1, 1), Status: ledger.StatusActive, IDs: ids,
		}, "test", noon)
	})
}

func (w *world) merge(key, into string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *sqlx.Tx) error {
		return ledger.SaveMerges(ctx, tx, []ledger.Merge{{Key: key, Into: into, On: clock.NewDate(2026, 11, 1)}}, "test", noon)
	})
}

// opportunity names an opportunity and its Account.
func (w *world) opportunity(id, name, account string) {
	w.t.Helper()
	w.exec(`insert into ledger.customer (account_id, name, is_deleted, modstamp) values ('A' || $1, $2, false, now())`, id, account)
	w.exec(`insert into ledger.opportunity (id, name, account_id, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		values ($1, $2, 'A' || $1, 'USD', '2026-10-10', true, true, now(), false, now())`, id, name)
}

// expect says what a source comes to in a month for a payee, in minor units, and
// settles the source.
func (w *world) expect(source, payee, period string, c money.Currency, minor int64) {
	w.t.Helper()
	e := w.expected[source]
	if e == nil {
		e = &book.Expectation{SourceID: source}
		w.expected[source] = e
	}
	m := month(w.t, period)
	l := commission.Line{
		Key:     commission.Key(payee, commission.RegimeSpace, source, commission.SliceReferral, m),
		PayeeID: payee, Regime: commission.RegimeSpace, SourceID: source, Slice: commission.SliceReferral, Period: m,
		Currency: c, Base: c.FromMinor(minor * 10), Rate: decimal.New(1, -1), Amount: c.FromMinor(minor), Status: commission.Accrued,
		AccountID: "A" + source, Explanation: commission.Explanation{Sentence: "It is " + c.FormatMinor(minor) + " for the days of " + period + "."},
	}
	kept := e.Lines[:0]
	for _, x := range e.Lines {
		if x.Key != l.Key {
			kept = append(kept, x)
		}
	}
	if e.Lines = kept; minor != 0 {
		e.Lines = append(e.Lines, l)
	}
	w.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.Settle(ctx, tx, []book.Expectation{*e}, book.Context{AsOf: clock.NewDate(2026, 11, 19), Actor: "test", Now: noon})
		return err
	})
}

// move takes all of a line that stands in the account before it a step further, on a day.
func (w *world) move(kind, key string, c money.Currency, minor int64, on clock.Date) {
	w.t.Helper()
	status := map[string]string{book.KindApprove: "approved", book.KindExport: "exported", book.KindPay: "paid"}[kind]
	w.in(func(ctx context.Context, tx *sqlx.Tx) error {
		lines, err := book.LockLines(ctx, tx, []string{key})
		if err != nil || len(lines) != 1 {
			w.t.Fatalf("%d lines of %s, %v", len(lines), key, err)
		}
		if err := book.Move(ctx, tx, kind, []book.Step{{Line: &lines[0], Currency: c, Minor: minor}},
			book.Context{AsOf: on, Actor: "test", Now: noon}); err != nil {
			return err
		}
		if status == "" {
			return nil
		}
		return book.SetStatus(ctx, tx, []string{key}, status)
	})
}

// close closes a month: whose each payee id is, is kept.
func (w *world) close(period string) {
	w.t.Helper()
	w.exec(`insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ($1, 'test', '2026-11-03T10:00:00Z', '2026-11-01', '', '', 'test', '{}', 0, '')`, period)
	w.in(func(ctx context.Context, tx *sqlx.Tx) error {
		list, err := ledger.PartnersByID(ctx, tx, nil)
		if err != nil {
			return err
		}
		whose := map[string]string{}
		for _, p := range list {
			whose[p.ID] = p.SurvivorKey
		}
		var payees []string
		if err := tx.SelectContext(ctx, &payees, `select payee_id from ledger.chain`); err != nil {
			return err
		}
		for _, id := range payees {
			if _, err := tx.ExecContext(ctx, `insert into ledger.period_payee (period, payee_id, partner_key) values ($1, $2, $3)`,
				period, id, whose[id]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) of(partner string, c money.Currency, period string) statement.Statement {
	w.t.Helper()
	s, err := statement.Of(w.t.Context(), w.db, partner, c, month(w.t, period))
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) list(period string) []statement.Statement {
	w.t.Helper()
	all, err := statement.List(w.t.Context(), w.db, month(w.t, period))
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

const (
	jan = "2026-01"
	sep = "2026-09"
	oct = "2026-10"
	nov = "2026-11"
	dec = "2026-12"
)

func key(payee, source, period string) string {
	return commission.Key(payee, commission.RegimeSpace, source, commission.SliceReferral, clockMonth(period))
}

func clockMonth(s string) clock.Month {
	m, err := clock.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}
