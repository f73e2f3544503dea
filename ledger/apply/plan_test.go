package apply_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// wantFault reads a text that is wrong and wants to be told so, with a hint.
func wantFault(t *testing.T, text, want string) {
	t.Helper()
	_, err := apply.Read(strings.NewReader(text), "f")
	if err == nil || !strings.Contains(err.Error(), want) || errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
		t.Errorf("%s\ngot %v\nwant it to say %q", text, err, want)
	}
}

// wantRefusal applies a text that is refused, with a hint.
func wantRefusal(t *testing.T, db *sqlx.DB, text string, kind errs.Kind, want string) {
	t.Helper()
	_, err := applied(t, db, text)
	if err == nil || !strings.Contains(err.Error(), want) || errs.KindOf(err) != kind || errs.HintOf(err) == "" {
		t.Errorf("%s\ngot %q %v (hint %q)\nwant a %q that says %q", text, errs.KindOf(err), err, errs.HintOf(err), kind, want)
	}
}

func apply1(t *testing.T, db *sqlx.DB, text string) []apply.Change {
	t.Helper()
	changes, err := applied(t, db, text)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return changes
}

// due takes the marks of due sources.
func due(t *testing.T, db *sqlx.DB) string {
	t.Helper()
	var ids []string
	if err := db.Select(&ids, `with taken as (delete from ledger.due_source returning source_id) select source_id from taken order by 1`); err != nil {
		t.Fatal(err)
	}
	return strings.Join(ids, " ")
}

// won puts a won opportunity of 2026-10-10 into the ledger; change may set another
// day or currency.
func won(t *testing.T, db *sqlx.DB, id, closed, currency string) {
	t.Helper()
	if _, err := db.Exec(`insert into ledger.opportunity (id, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		values ($1, $2, $3, true, true, $4, false, $4)`, id, currency, closed, now); err != nil {
		t.Fatal(err)
	}
}

func TestR4_4_BadVersionsAreRefused(t *testing.T) {
	version := func(from, through, more string) string {
		return fmt.Sprintf("{effective_from: %s, effective_through: %s, space: {referral_rate: 10%%}%s}", from, through, more)
	}
	plan := func(more string) string { return "plans: [" + version("2010-01-01", `""`, more) + "]" }
	for want, text := range map[string]string{
		"it would end on 2009-12-31, before it starts on 2010-01-01": "plans: [" + version("2010-01-01", "2009-12-31", "") + "]",
		"overlaps the version from 2024-01-01":                       "plans: [" + version("2010-01-01", "2024-01-01", "") + "," + version("2024-01-01", `""`, "") + "]",
		`effective_through: "soon" is not a date`:                    "plans: [" + version("2010-01-01", "soon", "") + "]",
		"registration.net_new_rate: 100.01% is not between 0% and":   plan(", registration: {net_new_rate: 100.01%}"),
		"registration.referral_rate: -1% is not between 0% and":      plan(", registration: {referral_rate: -1%}"),
		`registration.remainder_rate: "10" is not a rate`:            plan(", registration: {remainder_rate: 10}"),
		"engagement_days: -1 is not from 0 to 3650 days":             plan(", registration: {engagement_days: -1}"),
		"window_days: 3651 is not from 1 to 3650 days":               plan(", registration: {window_days: 3651}"),
		"window_days: 0 is not from 1":                               plan(", registration: {window_days: 0}"),
		"renewal_days: -90 is not from 0":                            plan(", net_new: {renewal_days: -90}"),
		`"renewal " stands under expansion and under renewal`:        plan(`, net_new: {types: {expansion: [Renewal], renewal: ["renewal "]}}`),
		`"new" stands under new_business twice`:                      plan(`, net_new: {types: {new_business: [New, new]}}`),
		"net_new.types.renewal: one of them is blank":                plan(`, net_new: {types: {renewal: [" "]}}`),
		`unknown field "upgrade"`:                                    plan(`, net_new: {types: {upgrade: [New]}}`),
		`payout_currency: "EURO" is not a currency code`:             plan(", payout_currency: EURO"),
		"payout.holding_days: -1 is not from 0 to 3650 days":         plan(", payout: {holding_days: -1}"),
		`payout.minimum: "usd" is not a currency`:                    plan(", payout: {minimum: {usd: 1}}"),
		`payout.minimum.USD: -1 is below zero`:                       plan(", payout: {minimum: {USD: -1}}"),
		`payout.minimum.JPY: 0.5 is finer than the 0 decimals`:       plan(", payout: {minimum: {JPY: 0.5}}"),
		`payout.minimum.EUR: "fifty" is not an amount`:               plan(", payout: {minimum: {EUR: fifty}}"),
		`payout_currency: "ZZZ" is not a currency that ISO 4217`:     plan(", payout_currency: ZZZ"),
	} {
		wantFault(t, text, want)
	}
}

func TestR4_4_VersionsMeetWithoutGapOrOverlap(t *testing.T) {
	db := pgtest.New(t)
	version := func(from, through string) string {
		return fmt.Sprintf("plans: [{effective_from: %s, effective_through: %s, space: {referral_rate: 10%%}}]", from, through)
	}
	both := func(through, from string) string {
		return fmt.Sprintf("plans: [{effective_from: %s, space: {referral_rate: 20%%}}, {effective_from: 2010-01-01, effective_through: %s, space: {referral_rate: 10%%}}]",
			from, through)
	}
	wantRefusal(t, db, version("2010-01-01", "2023-12-31"), errs.Invalid, "ends on 2023-12-31, and no version follows"[8:])
	wantRefusal(t, db, both("2023-12-31", "2024-01-02"), errs.Invalid, "none governs the days between")
	if got := apply1(t, db, both("2023-12-31", "2024-01-01")); len(got) != 2 {
		t.Errorf("%d changes, want the two versions that meet", len(got))
	}
	// The one that the ledger has counts as well.
	wantRefusal(t, db, version("2005-01-01", "2010-01-01"), errs.Invalid, "overlaps the version from 2010-01-01")
	wantRefusal(t, db, version("2005-01-01", "2009-12-30"), errs.Invalid, "none governs the days between")
	apply1(t, db, version("2005-01-01", "2009-12-31"))
	wantRefusal(t, db, version("2024-01-01", "2030-12-31"), errs.Invalid, "no version follows")
	plans, err := book.Plans(context.Background(), db, book.DefaultPlan)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range plans {
		got = append(got, p.String())
	}
	if d := cmp.Diff([]string{"default from 2005-01-01", "default from 2010-01-01", "default from 2024-01-01"}, got); d != "" {
		t.Error(d)
	}
}

func TestR4_3_ALeftOutCutoffIsTheRulebooks(t *testing.T) {
	for _, tt := range []struct{ space, want string }{
		{"{referral_rate: 10%}", "space.joined_before: 2021-01-01"},
		{"{referral_rate: 10%, joined_before: 2019-06-01}", "space.joined_before: 2019-06-01"},
		{"{referral_rate: 10%, joined_before: none}", "space.joined_before: none"},
	} {
		db := pgtest.New(t)
		stated := "plans: [{effective_from: 2024-01-01, space: " + tt.space + "}]"
		if fields := apply1(t, db, stated)[0].Fields; !slices.Contains(fields, tt.want) {
			t.Errorf("%s: %v", tt.space, fields)
		}
		if again := apply1(t, db, stated); len(again) != 0 {
			t.Errorf("%s again: %v", tt.space, again)
		}
	}
}

func TestR4_4_AVersionKeepsAllOfItsTerms(t *testing.T) {
	db := pgtest.New(t)
	const all = `
plans:
  - plan: default
    effective_from: 2024-01-01
    space: {referral_rate: 7.25%, joined_before: 2019-06-01, beside: true}
    registration: {referral_rate: 11%, net_new_rate: 22%, remainder_rate: 3%, engagement_days: 0, window_days: 365}
    net_new: {renewal_days: 14, types: {new_business: [First Order], renewal: [Again, " RENEWAL "]}}
    payout_currency: JPY
    payout: {holding_days: 12, minimum: {USD: 50.5, KWD: "1.125", JPY: 0}}
`
	changes := apply1(t, db, all)
	want := []string{
		"space.referral_rate: 7.25%", "space.joined_before: 2019-06-01", "space.beside: true", "registration.referral_rate: 11%",
		"registration.net_new_rate: 22%", "registration.remainder_rate: 3%", "registration.engagement_days: 0",
		"registration.window_days: 365", "net_new.renewal_days: 14", "net_new.types.new_business: first order",
		"net_new.types.renewal: again, renewal", "payout_currency: JPY",
		"payout.holding_days: 12", "payout.minimum: KWD 1.125, USD 50.5",
	}
	if d := cmp.Diff(want, changes[0].Fields); d != "" {
		t.Error(d)
	}
	if again := apply1(t, db, all); len(again) != 0 {
		t.Errorf("again: %v", again)
	}
	plans, err := book.Plans(context.Background(), db, book.DefaultPlan)
	if err != nil {
		t.Fatal(err)
	}
	p := plans[0]
	if p.SaleTypes["again"] != commission.Renewal || len(p.SaleTypes) != 3 || p.Registration.EngagementDays != 0 || p.PayoutCurrency != "JPY" ||
		p.Payout.HoldingDays != 12 || len(p.Payout.Minimum) != 2 || p.Payout.Minimum["USD"].String() != "50.5" {
		t.Errorf("it is kept as %+v", p)
	}
	changes = apply1(t, db, strings.NewReplacer("22%", "23%", "payout_currency: JPY", "", "USD: 50.5, ", "", "holding_days: 12, ", "", "[Again,", "[").Replace(all))
	want = []string{
		"registration.net_new_rate: 22% → 23%", "net_new.types.renewal: again, renewal → renewal", "payout_currency: JPY → (nothing)",
		"payout.holding_days: 12 → (nothing)", "payout.minimum: KWD 1.125, USD 50.5 → KWD 1.125",
	}
	if d := cmp.Diff(want, changes[0].Fields); d != "" {
		t.Error(d)
	}
}

func TestR7_5_BadRatesAreRefused(t *testing.T) {
	rate := func(s string) string { return "exchange_rates: [" + s + "]" }
	good := `{from: USD, to: EUR, on: 2026-01-01, rate: "0.92"}`
	for want, text := range map[string]string{
		`from: "USDX" is not a currency code`:                    rate(strings.Replace(good, "USD", "USDX", 1)),
		`to: "ZZZ" is not a currency that ISO 4217`:              rate(strings.Replace(good, "EUR", "ZZZ", 1)),
		"to: USD is worth one USD":                               rate(strings.Replace(good, "EUR", "USD", 1)),
		`on: "January" is not a date`:                            rate(strings.Replace(good, "2026-01-01", "January", 1)),
		"rate: 0 is not more than 0":                             rate(strings.Replace(good, `"0.92"`, "0", 1)),
		"rate: -0.92 is not more than 0":                         rate(strings.Replace(good, "0.92", "-0.92", 1)),
		`rate: "" is not a number`:                               rate(strings.Replace(good, "0.92", "", 1)),
		`rate: "9e99" is not a number`:                           rate(strings.Replace(good, "0.92", "9e99", 1)),
		"rate: 0.0000000000001 is not from":                      rate(strings.Replace(good, "0.92", "0.0000000000001", 1)),
		"exchange rate USD to EUR on 2026-01-01 is stated twice": rate(good + "," + good),
	} {
		wantFault(t, text, want)
	}
}

func TestR7_5_RatesAreKeptAndMarkWhatTheyConvert(t *testing.T) {
	db := pgtest.New(t)
	won(t, db, "006-before", "2026-01-31", "USD")
	won(t, db, "006-after", "2026-03-01", "USD")
	won(t, db, "006-euro", "2026-03-01", "EUR")
	rates := func(s string) string { return "exchange_rates: [" + s + "]" }
	const february = `{from: USD, to: EUR, on: 2026-02-01, rate: 0.920000000000000000001}`
	apply1(t, db, rates(february))
	if got := due(t, db); got != "" {
		t.Errorf("due are %s, and no plan pays in another currency", got)
	}
	apply1(t, db, "plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%}, payout_currency: EUR}]")
	if got := due(t, db); got != "006-after 006-before 006-euro" {
		t.Errorf("a plan makes due %s, want all that it governs", got)
	}
	changes := apply1(t, db, rates(`{from: USD, to: EUR, on: 2026-02-01, rate: "0.93"}, {from: CHF, to: EUR, on: 2026-02-15, rate: 1.05}`))
	if d := cmp.Diff([]apply.Change{
		{What: "exchange rate USD to EUR on 2026-02-01", Fields: []string{"rate: 0.920000000000000000001 → 0.93"}},
		{What: "exchange rate CHF to EUR on 2026-02-15", IsNew: true, Fields: []string{"rate: 1.05"}},
	}, changes); d != "" {
		t.Error(d)
	}
	if got := due(t, db); got != "006-after" {
		t.Errorf("a rate makes due %s, want what closed from its day on in another currency", got)
	}
	list, err := book.ExchangeRates(context.Background(), db)
	if err != nil || len(list) != 2 || list[0].From != "CHF" || list[1].Rate.String() != "0.93" {
		t.Errorf("the rates are %v (%v)", list, err)
	}
	if changes = apply1(t, db, rates(`{from: USD, to: EUR, on: 2026-02-01, rate: none}, {from: GBP, to: EUR, on: 2026-02-01, rate: none}`)); len(changes) != 1 {
		t.Errorf("taking one back changes %v", changes)
	}
	var kept string
	if err := db.Get(&kept, `select string_agg(rate::text || ' ' || coalesce(superseded_by, ''), ', ' order by id) from ledger.exchange_rate where from_currency = 'USD'`); err != nil {
		t.Fatal(err)
	}
	if kept != "0.920000000000000000001 ada, 0.93 ada" {
		t.Errorf("the history is %s", kept)
	}
}
