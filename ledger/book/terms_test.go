package book_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

var morning = time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)

// equal compares terms by value: 0.1 is 0.10.
var equal = cmp.Options{
	cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b clock.Date) bool { return a == b }),
}

func do(t *testing.T, db *sqlx.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}

// posted puts an opportunity with an entry into the book.
func posted(t *testing.T, db *sqlx.DB, id, closed string) {
	t.Helper()
	do(t, db, `insert into ledger.opportunity (id, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		values ($1, 'USD', $2, true, true, $3, false, $3)`, id, closed, morning)
	do(t, db, `insert into ledger.entry (payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency,
		source_id, period, as_of, input_hash, prev_hash, hash, posted_by, posted_at)
		values ('P' || $1, 1, 'P/registration/' || $1 || '/net_new/2026-10', 1, 'accrue', 'commission_expense', 'accrued', 1, 'USD', $1, '2026-10', '2026-10-31', '', '', '', 'x', $2)`,
		id, morning)
}

// version is the default terms from a day, changed.
func version(from string, change func(p *commission.Plan)) commission.Plan {
	p := book.DefaultTerms()
	d, err := clock.ParseDate(from)
	if err != nil {
		panic(err)
	}
	p.EffectiveFrom = d
	if change != nil {
		change(&p)
	}
	return p
}

func save(db *sqlx.DB, p commission.Plan, actor string) error {
	return pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		return book.SavePlan(ctx, tx, p, actor, morning)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestR4_4_TermsOfTheFirstDaysReadWithTheDefaults(t *testing.T) {
	db := pgtest.New(t)
	do(t, db, `insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at, approved_by, approved_at)
		values ('default', '2010-01-01', '{"space":{"referral_rate":"0.1","joined_before":"2021-01-01"}}', 'ada', now(), 'bob', now())`)
	got, err := book.Plans(context.Background(), db, book.DefaultPlan)
	must(t, err)
	want := version("2010-01-01", func(p *commission.Plan) { p.JoinedBefore = clock.NewDate(2021, 1, 1) })
	if d := cmp.Diff([]commission.Plan{want}, got, equal); d != "" {
		t.Error(d)
	}
}

func TestR4_4_PlanVersionsKeepTheirHistory(t *testing.T) {
	db := pgtest.New(t)
	must(t, save(db, version("2010-01-01", nil), "ada"))
	must(t, save(db, version("2024-01-01", nil), "ada"))
	changed := version("2010-01-01", func(p *commission.Plan) {
		p.Registration.EngagementDays, p.SaleTypes, p.PayoutCurrency = 0, map[string]commission.SaleType{}, "JPY"
	})
	must(t, save(db, changed, "bob"))
	history, err := book.PlanHistory(context.Background(), db, book.DefaultPlan)
	must(t, err)
	type row struct {
		Plan     commission.Plan
		By, Over string
	}
	var got []row
	for _, v := range history {
		got = append(got, row{v.Plan, v.AppliedBy, v.SupersededBy})
		if v.SupersededAt.IsZero() != (v.SupersededBy == "") || !v.AppliedAt.Equal(morning) {
			t.Errorf("times of %+v", v)
		}
	}
	want := []row{{version("2010-01-01", nil), "ada", "bob"}, {changed, "bob", ""}, {version("2024-01-01", nil), "ada", ""}}
	if d := cmp.Diff(want, got, equal); d != "" {
		t.Error(d)
	}
	inForce, err := book.Plans(context.Background(), db, book.DefaultPlan)
	must(t, err)
	if d := cmp.Diff([]commission.Plan{changed, version("2024-01-01", nil)}, inForce, equal); d != "" {
		t.Error(d)
	}
}

func TestR8_5_AChangeOfPostedTermsIsRefusedUnderEveryRegime(t *testing.T) {
	db := pgtest.New(t)
	must(t, save(db, version("2010-01-01", nil), "ada"))
	posted(t, db, "006A", "2026-10-10") // under the registration regime
	dearer := func(p *commission.Plan) { p.Registration.NetNewRate = decimal.New(3, -1) }
	for _, from := range []string{"2010-01-01", "2009-01-01", "2026-10-10"} {
		err := save(db, version(from, dearer), "bob")
		// A version before the first would govern up to that one only.
		if refused := from != "2009-01-01"; (errs.KindOf(err) == errs.Conflict && errs.HintOf(err) != "") != refused {
			t.Errorf("from %s: %v, want a refusal: %v", from, err, refused)
		}
	}
	must(t, save(db, version("2026-10-11", dearer), "bob"))
}

// A registration's window is that of the day on which it was submitted (R5.3), and
// may decide of what closes under a later version.
func TestR8_5_AnotherWindowForWhatIsPostedIsRefused(t *testing.T) {
	db := pgtest.New(t)
	must(t, save(db, version("2010-01-01", nil), "ada"))
	must(t, save(db, version("2026-06-01", nil), "ada"))
	posted(t, db, "006A", "2026-10-10")
	wider := func(p *commission.Plan) { p.Registration.WindowDays = 180 }
	must(t, save(db, version("2026-05-01", wider), "bob"))
	do(t, db, `insert into ledger.registration (id, origin, partner_id, submitted_at, modstamp)
		values ('a01', 'salesforce', 'AA0001', '2026-05-15', now())`)
	if err := save(db, version("2026-05-01", nil), "bob"); errs.KindOf(err) != errs.Conflict || errs.HintOf(err) == "" {
		t.Errorf("another window of a registration that what is posted may rest on: %v", err)
	}
	must(t, save(db, version("2026-05-01", func(p *commission.Plan) { wider(p); p.RenewalDays = 30 }), "bob"))
	must(t, save(db, version("2026-04-01", func(p *commission.Plan) { p.Registration.WindowDays = 30 }), "bob"))
}

// As long as nothing is decided everything accrues, so a first "none" changes nothing.
func TestR4_5_AnotherGoLiveMarksEverythingWon(t *testing.T) {
	db := pgtest.New(t)
	posted(t, db, "006A", "2026-10-10")
	posted(t, db, "006B", "2019-01-01")
	do(t, db, `update ledger.opportunity set is_won = false where id = '006B'`)
	posted(t, db, "006C", "2018-01-01")
	day := clock.NewDate(2026, 1, 1)
	for _, c := range []struct {
		name    string
		on      clock.Date
		changed bool
	}{
		{"none, at first", clock.Date{}, false}, {"none again", clock.Date{}, false}, {"a day", day, true},
		{"that day again", day, false}, {"another day", day.AddDays(1), true}, {"none after all", clock.Date{}, true},
	} {
		do(t, db, `delete from ledger.due_source`)
		var changed bool
		must(t, pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			changed, err = book.KeepGoLive(ctx, tx, c.on, "ada", morning)
			return err
		}))
		var due string
		must(t, db.Get(&due, `select coalesce(string_agg(source_id, ' ' order by source_id), '') from ledger.due_source`))
		if want := map[bool]string{true: "006A 006C"}[c.changed]; changed != c.changed || due != want {
			t.Errorf("%s: changed %v, due %q; want %v, %q", c.name, changed, due, c.changed, want)
		}
		g, err := book.ReadGoLive(context.Background(), db)
		must(t, err)
		if !g.Decided || g.On != c.on {
			t.Errorf("%s: it is kept as %+v", c.name, g)
		}
	}
}

func TestR4_5_NothingIsDecidedAtFirst(t *testing.T) {
	if g, err := book.ReadGoLive(context.Background(), pgtest.New(t)); err != nil || g.Decided || !g.On.IsZero() {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestR1_1_TheEngineSeesTheSurvivor(t *testing.T) {
	db := pgtest.New(t)
	do(t, db, `insert into ledger.partner (key, name, kind, joined_on, status, applied_by, applied_at) values
		('a', 'A', 'registered', '2016-05-01', 'active', 'ada', now()), ('b', 'B', 'consulting', '2022-01-01', 'suspended', 'ada', now())`)
	do(t, db, `insert into ledger.partner_id (id, partner_key, is_primary) values ('AA0001', 'a', true), ('BB0002', 'b', true)`)
	do(t, db, `insert into ledger.partner_kind (partner_key, effective_from, kind, applied_by, applied_at) values
		('a', '0001-01-01', 'registered', 'ada', now()), ('b', '0001-01-01', 'consulting', 'ada', now())`)
	do(t, db, `insert into ledger.partner_merge (partner_key, merged_into, merged_on, applied_by, applied_at)
		values ('a', 'b', '2024-01-01', 'ada', now())`)
	got, err := book.Partners(context.Background(), db)
	must(t, err)
	want := map[string]commission.Partner{
		"AA0001": {
			Key: "b", Name: "B", JoinedOn: clock.NewDate(2016, 5, 1), Suspended: true,
			Kinds: []commission.KindSince{{Kind: "registered"}, {From: clock.NewDate(2024, 1, 1), Kind: "consulting"}},
		},
		"BB0002": {Key: "b", Name: "B", JoinedOn: clock.NewDate(2022, 1, 1), Suspended: true, Kinds: []commission.KindSince{{Kind: "consulting"}}},
	}
	if d := cmp.Diff(want, got, equal); d != "" {
		t.Error(d)
	}
}
