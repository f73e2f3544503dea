package book

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

var (
	now   = time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	asOf  = clock.NewDate(2026, 11, 19)
	month = clock.NewDate(2026, 10, 1).Month()
)

// expect is one line of a payee for a source, and what is expected of it.
func expect(source, payee string, cents int64) Expectation {
	l := commission.Line{
		Key:     commission.Key(payee, commission.RegimeSpace, source, commission.SliceReferral, month),
		PayeeID: payee, Regime: commission.RegimeSpace, SourceID: source, Slice: commission.SliceReferral, Period: month,
		Currency: "USD", Base: decimal.New(cents, -1), Rate: decimal.New(1, -1), Amount: decimal.New(cents, -2),
		Status: commission.Accrued, Explanation: commission.Explanation{Sentence: fmt.Sprintf("It is %d.", cents)},
	}
	return Expectation{SourceID: source, Lines: []commission.Line{l}}
}

func settle(t testing.TB, db *sqlx.DB, es ...Expectation) (s Settled) {
	t.Helper()
	if err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		s, err = Settle(ctx, tx, es, Context{AsOf: asOf, Actor: "test", Now: now})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func entriesOf(t testing.TB, db *sqlx.DB, payee string) (es []Entry) {
	t.Helper()
	if err := db.Select(&es, `
		select payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, as_of, corrects,
			input_hash, prev_hash, hash, posted_by, posted_at
		from ledger.entry where payee_id = $1 order by seq`, payee); err != nil {
		t.Fatal(err)
	}
	return es
}

func balance(es []Entry) (sum int64) {
	for _, e := range es {
		sum += e.Signed()
	}
	return sum
}

func TestR8_1_TheDatabaseItselfRefusesToChangeAnEntry(t *testing.T) {
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000))
	for _, statement := range []string{
		`update ledger.entry set amount_minor = 1`, `delete from ledger.entry`, `truncate ledger.entry`,
	} {
		if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s: %v, want it refused", statement, err)
		}
	}
	if got := balance(entriesOf(t, db, "FG3877")); got != 50000 {
		t.Errorf("the balance is %d", got)
	}
}

func TestR8_1_TheDifferenceIsPostedAndNamesWhatItCorrects(t *testing.T) {
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000))
	settle(t, db, expect("006A", "FG3877", 30000))
	if again := settle(t, db, expect("006A", "FG3877", 30000)); again.Entries != 0 || len(again.Changed) != 0 {
		t.Errorf("the same again posts %d entries and changes %d lines", again.Entries, len(again.Changed))
	}
	es := entriesOf(t, db, "FG3877")
	if len(es) != 2 || es[1].AmountMinor != 20000 || es[1].Debit != "accrued" || es[1].Credit != "commission_expense" {
		t.Fatalf("got %+v, want the mirror of 200.00", es)
	}
	if es[1].Corrects != es[0].ID() || es[0].Corrects != "" {
		t.Errorf("corrects %q and %q", es[0].Corrects, es[1].Corrects)
	}
}

func TestR7_5_AChangedCurrencyTakesTheFormerOneBackInItself(t *testing.T) {
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000))
	e := expect("006A", "FG3877", 50000)
	e.Lines[0].Currency, e.Lines[0].Amount = "JPY", decimal.New(500, 0)
	settle(t, db, e)
	if again := settle(t, db, e); again.Entries != 0 {
		t.Errorf("the same again posts %d entries", again.Entries)
	}
	sums := map[string]int64{}
	for _, e := range entriesOf(t, db, "FG3877") {
		sums[e.Currency] += e.Signed()
	}
	if sums["USD"] != 0 || sums["JPY"] != 500 {
		t.Errorf("the balances are %v, want 0 USD and 500 JPY", sums)
	}
	// The line has entries in both currencies, and is one line in each.
	for _, d := range found(t, db) {
		if d.Check == "balances" {
			t.Errorf("%+v", d)
		}
	}
}

func TestR8_5_ALineThatIsNoLongerExpectedBecomesVoid(t *testing.T) {
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000))
	got := settle(t, db, Expectation{SourceID: "006A"})
	if len(got.Changed) != 1 || got.Changed[0].Status != StatusVoid || got.Changed[0].AmountMinor != 0 {
		t.Errorf("got %+v, want one void line", got.Changed)
	}
	if b := balance(entriesOf(t, db, "FG3877")); b != 0 {
		t.Errorf("the balance is %d, want 0", b)
	}
}

func TestAFrozenSourceKeepsWhatWasPosted(t *testing.T) {
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000))
	frozen := Expectation{SourceID: "006A", Frozen: true, Reason: commission.ReasonNoAmount, Why: "It states no Amount."}
	got := settle(t, db, frozen)
	if len(got.Changed) != 1 || got.Changed[0].Status != statusOnHold || got.Changed[0].AmountMinor != 50000 || got.Entries != 0 {
		t.Errorf("got %+v, want the line on hold with its amount, and no entry", got)
	}
	if said := string(got.Changed[0].Explanation); !strings.Contains(said, "on hold. It states no Amount.") || !strings.Contains(said, "It is 50000.") {
		t.Errorf("it explains itself with %s", said)
	}
	if again := settle(t, db, frozen); len(again.Changed) != 0 {
		t.Errorf("frozen again, it changes to %+v", again.Changed)
	}
	released := settle(t, db, expect("006A", "FG3877", 60000))
	if released.Entries != 1 || balance(entriesOf(t, db, "FG3877")) != 60000 {
		t.Errorf("released: %d entries, balance %d", released.Entries, balance(entriesOf(t, db, "FG3877")))
	}
}

// TestR8_3_EveryChainCanBeRecomputed: after any sequence of settlements each
// payee's entries are numbered without a gap and chained, the accounts sum to
// zero, and the balance is what is expected last.
func TestR8_3_EveryChainCanBeRecomputed(t *testing.T) {
	db := pgtest.New(t)
	sources, payees := []string{"006A", "006B", "006C"}, []string{"FG3877", "AB1234"}
	last := map[string]Expectation{}
	rapid.Check(t, func(t *rapid.T) {
		batch := map[string]Expectation{}
		for range rapid.IntRange(1, 3).Draw(t, "sources") {
			s := rapid.SampledFrom(sources).Draw(t, "source")
			batch[s] = expect(s, rapid.SampledFrom(payees).Draw(t, "payee"), rapid.Int64Range(-500, 500).Draw(t, "cents"))
		}
		var es []Expectation
		for s, e := range batch {
			es, last[s] = append(es, e), e
		}
		settleIn(t, db, es)
		want := map[string]int64{}
		for _, e := range last {
			want[e.Lines[0].PayeeID] += e.Lines[0].Amount.Shift(2).IntPart()
		}
		for _, p := range payees {
			checkChain(t, db, p, want[p])
		}
	})
}

func settleIn(t *rapid.T, db *sqlx.DB, es []Expectation) {
	if err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := Settle(ctx, tx, es, Context{AsOf: asOf, Actor: "test", Now: now})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func checkChain(t *rapid.T, db *sqlx.DB, payee string, want int64) {
	var es []Entry
	if err := db.Select(&es, `
		select payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, as_of, corrects,
			input_hash, prev_hash, hash, posted_by, posted_at
		from ledger.entry where payee_id = $1 order by seq`, payee); err != nil {
		t.Fatal(err)
	}
	var prev []byte
	for i, e := range es {
		if e.Seq != int64(i+1) || !bytes.Equal(e.PrevHash, prev) || !bytes.Equal(e.Hash, e.chainHash(new(message))) {
			t.Fatalf("entry %d of %s breaks the chain: %+v", i+1, payee, e)
		}
		prev = e.Hash
	}
	if got := balance(es); got != want {
		t.Fatalf("%s: the balance is %d, want %d", payee, got, want)
	}
}

// TestTwoPostersAtOnceNeitherDoubleNorWaitInACircle settles the same sources from
// two connections, in opposite orders.
func TestTwoPostersAtOnceNeitherDoubleNorWaitInACircle(t *testing.T) {
	db := pgtest.New(t)
	payees := []string{"AA0001", "BB0002", "CC0003"}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for round := range 10 {
				var es []Expectation
				for i := range payees {
					p := payees[(i+w)%len(payees)]
					es = append(es, expect(fmt.Sprintf("006-%d-%d-%s", w, round, p), p, 100))
				}
				if err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
					_, err := Settle(ctx, tx, es, Context{AsOf: asOf, Actor: "test", Now: now})
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range payees {
		if got := balance(entriesOf(t, db, p)); got != 4*10*100 {
			t.Errorf("%s: the balance is %d, want %d", p, got, 4*10*100)
		}
	}
}

func TestR8_5_APlanVersionThatWouldGovernWhatIsPostedIsRefused(t *testing.T) {
	db := pgtest.New(t)
	save := func(from string) error {
		d, err := clock.ParseDate(from)
		if err != nil {
			t.Fatal(err)
		}
		return pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			return SavePlan(ctx, tx, commission.Plan{Name: DefaultPlan, EffectiveFrom: d, SpaceRate: decimal.New(1, -1)}, "test", now)
		})
	}
	if _, err := db.Exec(`insert into ledger.opportunity (id, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		values ('006A', 'USD', '2026-10-10', true, true, now(), false, now())`); err != nil {
		t.Fatal(err)
	}
	settle(t, db, expect("006A", "FG3877", 50000))
	if err := save("2010-01-01"); err != nil {
		t.Errorf("the first version: %v", err)
	}
	if err := save("2026-10-10"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a version from a posted close date: %v, want a conflict", err)
	}
	if err := save("2026-10-11"); err != nil {
		t.Errorf("a version from the day after: %v", err)
	}
	// It would govern only the days up to the version after it.
	if err := save("2026-10-10"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("again from the posted close date: %v, want a conflict", err)
	}
	if err := save("2026-12-01"); err != nil {
		t.Errorf("a later version: %v", err)
	}
}
