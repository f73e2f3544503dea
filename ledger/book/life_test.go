package book

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

var by = Context{AsOf: clock.NewDate(2026, 11, 20), Actor: "ana", Now: now}

// within runs a step of lines' lives in a transaction.
func within[T any](t testing.TB, db *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) (T, error)) (out T, err error) {
	t.Helper()
	err = pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = f(ctx, tx)
		return err
	})
	return out, err
}

func step(t testing.TB, db *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) (Outcome, error)) Outcome {
	t.Helper()
	out, err := within(t, db, f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func approve(t testing.TB, db *sqlx.DB, c Context, keys ...string) Outcome {
	t.Helper()
	return step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
		return Approve(ctx, tx, Selection{Keys: keys}, nil, c)
	})
}

func takeBack(t testing.TB, db *sqlx.DB, keys ...string) Outcome {
	t.Helper()
	return step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
		return Unapprove(ctx, tx, keys, "it was wrong", by)
	})
}

func hold(t testing.TB, db *sqlx.DB, reason string, keys ...string) Outcome {
	t.Helper()
	return step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) { return Hold(ctx, tx, keys, reason, by) })
}

func release(t testing.TB, db *sqlx.DB, keys ...string) Outcome {
	t.Helper()
	return step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) { return Release(ctx, tx, keys, by) })
}

// advance moves all that an account holds for lines one step.
func advance(t testing.TB, db *sqlx.DB, kind string, back bool, keys ...string) []Taken {
	t.Helper()
	from := moves[kind].debit
	if back {
		from = moves[kind].credit
	}
	out, err := within(t, db, func(ctx context.Context, tx *sqlx.Tx) ([]Taken, error) {
		lines, err := LinesByKey(ctx, tx, keys)
		if err != nil {
			return nil, err
		}
		standing, err := Standing(ctx, tx, pointers(lines))
		if err != nil {
			return nil, err
		}
		var parts []Part
		for _, l := range lines {
			for _, a := range standing[l.Key].amounts(from) {
				parts = append(parts, Part{LineKey: l.Key, PayeeID: l.PayeeID, Currency: a.Currency, Minor: a.Minor})
			}
		}
		return Advance(ctx, tx, kind, back, parts, by)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lineIn gives the key of a source's line in October.
func lineIn(source string) string { return "FG3877/space/" + source + "/referral/2026-10" }

// standsAt says where a line stands: its status, and what each account holds for it.
func standsAt(t testing.TB, db *sqlx.DB, key string) string {
	t.Helper()
	lines, err := LinesByKey(t.Context(), db, []string{key})
	if err != nil || len(lines) != 1 {
		t.Fatal(err, len(lines))
	}
	standing, err := Standing(t.Context(), db, pointers(lines))
	if err != nil {
		t.Fatal(err)
	}
	out := []string{lines[0].Status}
	for _, account := range []string{AccountAccrued, AccountPayable, AccountInPayment, AccountSettled} {
		for _, a := range standing[key].amounts(account) {
			out = append(out, fmt.Sprintf("%s %d %s", account, a.Minor, a.Currency))
		}
	}
	return strings.Join(out, ", ")
}

func wantAt(t testing.TB, db *sqlx.DB, key, want string) {
	t.Helper()
	if got := standsAt(t, db, key); got != want {
		t.Errorf("%s is at %q, want %q", key, got, want)
	}
}

// wantRefused wants one line refused, with a reason that says something, and nothing done.
func wantRefused(t testing.TB, o Outcome, says string) {
	t.Helper()
	if len(o.Done) != 0 || len(o.Refused) != 1 || !strings.Contains(o.Refused[0].Reason, says) {
		t.Fatalf("got %+v, want it refused: %s", o, says)
	}
	if err := o.Refused[0].Err(); errs.KindOf(err) != errs.Conflict || errs.HintOf(err) == "" {
		t.Errorf("as an error: %v (%s, hint %q)", err, errs.KindOf(err), errs.HintOf(err))
	}
}

func isDue(t testing.TB, db *sqlx.DB, source string) bool {
	t.Helper()
	due, err := IsDue(t.Context(), db, source)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

// TestR8_5_ALineGoesThroughItsLife, and back, each step an entry between the accounts
// that R8.2 names; what it takes part in is told at each step.
func TestR8_5_ALineGoesThroughItsLife(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	settle(t, db, expect("006A", "FG3877", 50000))
	for _, s := range []struct {
		what string
		do   func()
		want string
	}{
		{"accrued", func() {}, "accrued, accrued 50000 USD"},
		{"approved", func() { approve(t, db, by, key) }, "approved, payable 50000 USD"},
		{"unapproved", func() { takeBack(t, db, key) }, "accrued, accrued 50000 USD"},
		{"approved again", func() { approve(t, db, by, key) }, "approved, payable 50000 USD"},
		{"exported", func() { advance(t, db, KindExport, false, key) }, "exported, in_payment 50000 USD"},
		{"failed", func() { advance(t, db, KindExport, true, key) }, "approved, payable 50000 USD"},
		{"exported again", func() { advance(t, db, KindExport, false, key) }, "exported, in_payment 50000 USD"},
		{"paid", func() { advance(t, db, KindPay, false, key) }, "paid, settled 50000 USD"},
		{"returned", func() { advance(t, db, KindPay, true, key) }, "exported, in_payment 50000 USD"},
	} {
		s.do()
		if got := standsAt(t, db, key); got != s.want {
			t.Fatalf("%s: %s, want %s", s.what, got, s.want)
		}
	}
	var kinds []string
	for _, e := range entriesOf(t, db, "FG3877") {
		kinds = append(kinds, e.Kind+" "+e.Debit+">"+e.Credit)
	}
	want := []string{
		"accrue commission_expense>accrued", "approve accrued>payable", "approve payable>accrued", "approve accrued>payable",
		"export payable>in_payment", "export in_payment>payable", "export payable>in_payment", "pay in_payment>settled", "pay settled>in_payment",
	}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
	checkChained(t, db, "FG3877")
	if !isDue(t, db, "006A") {
		t.Error("the source of an approval that was taken back is not due")
	}
	var reason string
	if err := db.Get(&reason, `select reason || ' by ' || unapproved_by from ledger.unapproval where line_key = $1`, key); err != nil || reason != "it was wrong by ana" {
		t.Error(reason, err)
	}
}

// TestR8_5_ANegativeLineLivesTheSame: what takes back moves the other way (R8.2).
func TestR8_5_ANegativeLineLivesTheSame(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	settle(t, db, expect("006A", "FG3877", -700))
	approve(t, db, by, key)
	wantAt(t, db, key, "approved, payable -700 USD")
	advance(t, db, KindExport, false, key)
	advance(t, db, KindPay, false, key)
	wantAt(t, db, key, "paid, settled -700 USD")
	advance(t, db, KindPay, true, key)
	advance(t, db, KindExport, true, key)
	wantAt(t, db, key, "approved, payable -700 USD")
}

// TestR8_5_WrongStepsAreRefused: from every status, with a reason and what to do.
func TestR8_5_WrongStepsAreRefused(t *testing.T) {
	db := pgtest.New(t)
	at := func(source, status string) string {
		e := expect(source, "FG3877", 50000)
		switch status {
		case statusOnHold:
			e.Lines[0].Status, e.Lines[0].Reason = commission.OnHold, commission.ReasonSuspended
		case string(commission.Zero):
			e.Lines[0].Status, e.Lines[0].Reason, e.Lines[0].Amount = commission.Zero, commission.ReasonJoinedLate, decimal.Zero
		}
		settle(t, db, e)
		key := lineIn(source)
		switch status {
		case StatusVoid:
			settle(t, db, Expectation{SourceID: source})
		case StatusApproved, StatusExported, StatusPaid:
			approve(t, db, by, key)
		}
		if status == StatusExported || status == StatusPaid {
			advance(t, db, KindExport, false, key)
		}
		if status == StatusPaid {
			advance(t, db, KindPay, false, key)
		}
		return key
	}
	for _, c := range []struct{ status, approve, unapprove, hold string }{
		{statusAccrued, "", "it is accrued, not approved", ""},
		{statusOnHold, "it is on hold: " + commission.ReasonSuspended, "it is on hold, not approved", ""},
		{string(commission.Zero), "it came to nothing: " + commission.ReasonJoinedLate, "it is zero, not approved", "it is zero"},
		{StatusVoid, "nothing is due under it any more", "it is void, not approved", "it is void"},
		{StatusApproved, "it is approved already", "", "it is approved"},
		{StatusExported, "it is exported already", "it is exported, not approved", "it is exported"},
		{StatusPaid, "it is paid already", "it is paid, not approved", "it is paid"},
	} {
		t.Run(c.status, func(t *testing.T) {
			key := at("006-"+c.status, c.status)
			before := standsAt(t, db, key)
			if c.approve != "" {
				wantRefused(t, approve(t, db, by, key), c.approve)
			}
			if c.unapprove != "" {
				wantRefused(t, takeBack(t, db, key), c.unapprove)
			}
			if c.hold != "" {
				wantRefused(t, hold(t, db, "no", key), c.hold)
			}
			wantRefused(t, release(t, db, key), "no person holds it")
			if after := standsAt(t, db, key); after != before {
				t.Errorf("it went from %s to %s", before, after)
			}
		})
	}
	o := approve(t, db, by, "FG3877/space/006Z/referral/2026-10")
	if len(o.Refused) != 1 || errs.KindOf(o.Refused[0].Err()) != errs.NotFound {
		t.Errorf("a line that there is not: %+v", o)
	}
	if _, err := within(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
		return Approve(ctx, tx, Selection{Keys: []string{lineIn("006A")}}, nil, Context{AsOf: by.AsOf, Actor: " ", Now: now})
	}); errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
		t.Errorf("nobody approves: %v", err)
	}
	for name, f := range map[string]func(ctx context.Context, tx *sqlx.Tx) (Outcome, error){
		"hold":      func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) { return Hold(ctx, tx, nil, " ", by) },
		"unapprove": func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) { return Unapprove(ctx, tx, nil, "", by) },
	} {
		if _, err := within(t, db, f); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s for no reason: %v", name, err)
		}
	}
}

// TestR6_7_HoldingDays count from the end of the line's month, by the version that the
// line was worked out by.
func TestR6_7_HoldingDays(t *testing.T) {
	db := pgtest.New(t)
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		for _, v := range []struct {
			from clock.Date
			days int
		}{{clock.NewDate(2010, 1, 1), 0}, {clock.NewDate(2026, 1, 1), 10}, {clock.NewDate(2026, 10, 1), 40}} {
			p := DefaultTerms()
			p.EffectiveFrom, p.Payout.HoldingDays = v.from, v.days
			if err := SavePlan(ctx, tx, p, "test", now); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		plan, on string
		refused  string
	}{
		{"default from 2010-01-01", "2026-10-05", ""}, // none: the running month as well
		{"default from 2026-01-01", "2026-11-10", "10 holding days after 2026-10"},
		{"default from 2026-01-01", "2026-11-11", ""},
		{"default from 2026-10-01", "2026-11-11", "40 holding days after 2026-10"},
		{"", "2026-10-05", ""},
	} {
		source := fmt.Sprintf("006-%d", i)
		e := expect(source, "FG3877", 100)
		e.Lines[0].Plan = c.plan
		settle(t, db, e)
		on, err := clock.ParseDate(c.on)
		if err != nil {
			t.Fatal(err)
		}
		o := approve(t, db, Context{AsOf: on, Actor: "ana", Now: now}, lineIn(source))
		if c.refused != "" {
			wantRefused(t, o, c.refused)
		} else if len(o.Done) != 1 {
			t.Errorf("%s on %s: %+v", c.plan, c.on, o)
		}
	}
}

// TestR8_5_FourEyes: who had a hand in what lies underneath cannot approve it, whatever
// the capitals of the name.
func TestR8_5_FourEyes(t *testing.T) {
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 100), expect("006B", "FG3877", 200))
	hands := func(_ context.Context, sources []string) (map[string][]string, error) {
		if !slices.Equal(sources, []string{"006A", "006B"}) {
			t.Errorf("asked of %v", sources)
		}
		return map[string][]string{"006A": {"ben", "Ana "}}, nil
	}
	as := func(actor string) Outcome {
		return step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
			return Approve(ctx, tx, Selection{Keys: []string{lineIn("006A"), lineIn("006B")}}, hands, Context{AsOf: by.AsOf, Actor: actor, Now: now})
		})
	}
	o := as("ana")
	if len(o.Done) != 1 || len(o.Refused) != 1 || !strings.Contains(o.Refused[0].Reason, "ana entered, decided or confirmed") {
		t.Errorf("got %+v", o)
	}
	if o = as("cem"); len(o.Done) != 1 || o.Done[0].Key != lineIn("006A") {
		t.Errorf("another person: %+v", o)
	}
}

// TestR8_5_OfTwoWhoApproveAtOnceOneIsTold, and nothing doubles.
func TestR8_5_OfTwoWhoApproveAtOnceOneIsTold(t *testing.T) {
	db := pgtest.New(t)
	settle(t, db, expect("006A", "FG3877", 50000))
	var wg sync.WaitGroup
	outcomes := make([]Outcome, 4)
	for i := range outcomes {
		wg.Go(func() {
			out, err := within(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
				return Approve(ctx, tx, Selection{Keys: []string{lineIn("006A")}}, nil, by)
			})
			if err != nil {
				t.Error(err)
			}
			outcomes[i] = out
		})
	}
	wg.Wait()
	done := 0
	for _, o := range outcomes {
		done += len(o.Done)
		if len(o.Done) == 0 {
			wantRefused(t, o, "approved already")
		}
	}
	if done != 1 {
		t.Errorf("%d of them approved it", done)
	}
	wantAt(t, db, lineIn("006A"), "approved, payable 50000 USD")
}
