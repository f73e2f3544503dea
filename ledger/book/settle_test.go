package book

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

// drawExpectation makes up what is expected of a source: some lines of several
// payees, months, currencies and statuses, or a hold.
func drawExpectation(t *rapid.T, source string) Expectation {
	e := Expectation{SourceID: source}
	if rapid.IntRange(0, 9).Draw(t, "freeze") == 0 {
		e.Frozen, e.Reason, e.Why = true, commission.ReasonNoAmount, "It states no Amount."
		if rapid.Bool().Draw(t, "bare") {
			return e
		}
	}
	currency := rapid.SampledFrom([]money.Currency{"USD", "USD", "JPY"}).Draw(t, "currency")
	for _, payee := range []string{"FG3877", "AB1234"} {
		period := month
		for range rapid.IntRange(0, 3).Draw(t, "months") {
			e.Lines = append(e.Lines, drawLine(t, source, payee, currency))
			l := &e.Lines[len(e.Lines)-1]
			l.Period, l.Key = period, commission.Key(payee, l.Regime, source, l.Slice, period)
			if e.Frozen { // as the engine has it: its lines only say that something waits
				l.Status, l.Reason = commission.OnHold, e.Reason
			}
			period = period.Next()
		}
	}
	return e
}

func drawLine(t *rapid.T, source, payee string, currency money.Currency) commission.Line {
	minor := rapid.Int64Range(-300, 300).Draw(t, "minor")
	l := commission.Line{
		PayeeID: payee, Regime: commission.RegimeSpace, SourceID: source, Slice: commission.SliceReferral, Currency: currency,
		Base: decimal.New(minor, -1), Rate: decimal.New(1, -1), Amount: currency.FromMinor(minor), Status: commission.Accrued,
		AccountID: rapid.SampledFrom([]string{"", "001A"}).Draw(t, "account"),
		Explanation: commission.Explanation{
			Sentence: fmt.Sprintf("It is “%d”,\tback\\slash, <b>.\n", minor), Rules: []string{"R4.2"},
			Facts: []commission.Fact{{Name: "Amount", Value: "tab\there"}},
		},
	}
	switch rapid.IntRange(0, 5).Draw(t, "status") {
	case 0:
		l.Status, l.Reason = commission.OnHold, commission.ReasonSuspended
	case 1:
		l.Status, l.Reason, l.Amount = commission.Zero, commission.ReasonJoinedLate, decimal.Zero
	}
	return l
}

// rowsOf lists the lines and entries of sources by prefix, apart from instants and the places in
// chains, which depend on who came first.
func rowsOf(t *rapid.T, db *sqlx.DB, sources string) []string {
	out := []string{}
	if err := db.Select(&out, `
		select 'line ' || concat_ws('|', key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor,
			status, reason, account_id, space_id, plan, explanation)
		from ledger.line where source_id like $1
		union all
		select 'entry ' || concat_ws('|', line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, as_of,
			corrects, encode(input_hash, 'hex'), posted_by)
		from ledger.entry where source_id like $1
		order by 1`, sources+"%"); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTheWayOfSettlingChangesNoRow: lines that are new are copied, lines that are
// there are updated, and a source may be settled in company or alone. Whatever the
// sequence, the rows are the same as when each source is settled by itself.
func TestTheWayOfSettlingChangesNoRow(t *testing.T) {
	together, alone := pgtest.New(t), pgtest.New(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		prefix := fmt.Sprintf("006-%d-", n)
		sources := []string{prefix + "A", prefix + "B", prefix + "C"}
		for range rapid.IntRange(1, 5).Draw(t, "settlements") {
			var batch []Expectation
			for _, s := range sources {
				if rapid.IntRange(0, 3).Draw(t, "takes part") > 0 {
					batch = append(batch, drawExpectation(t, s))
				}
			}
			settleIn(t, together, batch)
			for _, e := range slices.Backward(batch) {
				settleIn(t, alone, []Expectation{e})
			}
		}
		if d := cmp.Diff(rowsOf(t, alone, prefix), rowsOf(t, together, prefix)); d != "" {
			t.Fatalf("-alone +together:\n%s", d)
		}
	})
	for _, payee := range []string{"FG3877", "AB1234"} {
		checkChained(t, together, payee)
		checkChained(t, alone, payee)
	}
}

// TestR8_1_ALedgerThatChangedEndsAsOneThatIsNew: after any sequence of settlements
// the lines are those of a ledger that saw only the last of them, voids apart, and
// the book sums to them.
func TestR8_1_ALedgerThatChangedEndsAsOneThatIsNew(t *testing.T) {
	changed, fresh := pgtest.New(t), pgtest.New(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		source := fmt.Sprintf("006-%d-", n)
		var last Expectation
		for range rapid.IntRange(1, 5).Draw(t, "settlements") {
			last = drawExpectation(t, source)
			settleIn(t, changed, []Expectation{last})
		}
		if last.Frozen { // what it was stays; a hold that is over leaves no trace
			last = drawExpectation(t, source)
			last.Frozen = false
			settleIn(t, changed, []Expectation{last})
		}
		settleIn(t, fresh, []Expectation{last})
		lines := func(db *sqlx.DB) []string {
			return slices.DeleteFunc(rowsOf(t, db, source), func(s string) bool {
				return strings.HasPrefix(s, "entry ") || strings.Contains(s, "|void|")
			})
		}
		if d := cmp.Diff(lines(fresh), lines(changed)); d != "" {
			t.Fatalf("-fresh +changed:\n%s", d)
		}
		sums := func(db *sqlx.DB) []string {
			var out []string
			if err := db.Select(&out, `
				select concat_ws(' ', l.key, e.currency, sum(case credit when 'accrued' then e.amount_minor else -e.amount_minor end))
				from ledger.line l join ledger.entry e on e.line_key = l.key
				where l.status in ('accrued', 'zero') and l.source_id = $1
				group by l.key, e.currency having sum(case credit when 'accrued' then e.amount_minor else -e.amount_minor end) <> 0
				order by 1`, source); err != nil {
				t.Fatal(err)
			}
			return out
		}
		if d := cmp.Diff(sums(fresh), sums(changed)); d != "" {
			t.Fatalf("the book: -fresh +changed:\n%s", d)
		}
	})
}

func checkChained(t *testing.T, db *sqlx.DB, payee string) {
	t.Helper()
	var prev Entry
	for i, e := range entriesOf(t, db, payee) {
		if e.Seq != int64(i+1) || string(e.PrevHash) != string(prev.Hash) || string(e.Hash) != string(e.chainHash(new(message))) {
			t.Fatalf("entry %d of %s breaks the chain: %+v", i+1, payee, e)
		}
		prev = e
	}
}

// TestR8_3_AHashIsWhatItAlwaysWas: chains of years ago must still be recomputed.
func TestR8_3_AHashIsWhatItAlwaysWas(t *testing.T) {
	l := Line{Key: "FG3877/space/006A/referral/2026-10", PayeeID: "FG3877", SourceID: "006A", Period: month, AmountMinor: -123,
		Status: "accrued", Explanation: []byte(`{"sentence":"It is."}`)}
	d := draft{line: &l, kind: KindAccrue, currency: "USD", delta: -123, nth: 2, period: month, corrects: entryID(l.Key, 1)}
	e := d.entry(Context{AsOf: asOf, Actor: "test", Now: now.Add(1500 * time.Nanosecond)}, new(message))
	e.Seq, e.PrevHash = 7, []byte{1, 2, 3}
	if got, want := hex.EncodeToString(e.InputHash)+" "+hex.EncodeToString(e.chainHash(new(message))),
		"7d77d4c7ca034992a31fab592ebb517674616c6a560be8518c687e5d67c78db1 "+
			"ccdefff250f67c163b1f856e3a643025758ff79cfffeb5dd06441ac46fd7725f"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := hex.EncodeToString(l.formerInputHash(l.Status, new(message))),
		"a6e004c7dde55f51ee66ba75fb9e7f423f8291360c48d46db3f2a0c898832dd4"; got != want {
		t.Errorf("of before: got  %s\nwant %s", got, want)
	}
}

// TestCompareSaysWhatSettleDoes on a ledger that holds something already.
func TestCompareSaysWhatSettleDoes(t *testing.T) {
	db := pgtest.New(t)
	rapid.Check(t, func(t *rapid.T) {
		es := []Expectation{drawExpectation(t, "006A"), drawExpectation(t, "006B")}
		c := Context{AsOf: asOf, Actor: "test", Now: now}
		said, err := Compare(context.Background(), db, es, c)
		if err != nil {
			t.Fatal(err)
		}
		var did Settled
		if err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			did, err = Settle(ctx, tx, es, c)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(said, did, cmp.Comparer(decimal.Decimal.Equal), cmp.Comparer(func(a, b clock.Month) bool { return a == b }),
			cmp.Comparer(func(a, b clock.Date) bool { return a == b })); d != "" {
			t.Fatalf("-compare +settle:\n%s", d)
		}
	})
}
