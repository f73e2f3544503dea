package apply_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
)

var now = time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)

const good = `
partners:
  - {key: north, name: North, kind: consulting, joined_on: 2016-05-01, partner_ids: [fg3877, FG4001], domains: [www.North.example]}
plans:
  - {effective_from: 2010-01-01, space: {referral_rate: 12.5 %, joined_before: 2021-01-01}}
`

// defaults are the terms of a plan version that states those of its Space regime.
var defaults = []string{
	"space.beside: false", "registration.referral_rate: 10%", "registration.net_new_rate: 25%", "registration.remainder_rate: 10%",
	"registration.engagement_days: 60", "registration.window_days: 90", "net_new.renewal_days: 90",
	"net_new.types.new_business: new, new business, new customer",
	"net_new.types.expansion: existing business, existing customer - upgrade, expansion, upsell",
	"net_new.types.renewal: existing customer - renewal, renewal",
}

func TestReadRefusesWhatIsWrongAndNamesIt(t *testing.T) {
	partner := func(change string) string {
		return "partners: [{key: a, name: A, kind: registered, joined_on: 2020-01-01, partner_ids: [AB1234]" + change + "}]"
	}
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "neither partners nor plans nor exchange rates"},
		{"no YAML", "partners: [", "[1:11]"},
		{"an unknown word", "partners:\n  - kay: a\n", `unknown field "kay"`},
		{"no key", "partners: [{name: A, kind: registered, joined_on: 2020-01-01, partner_ids: [AB1234]}]", "key is missing"},
		{"an odd kind", strings.Replace(partner(""), "registered", "friend", 1), `kind "friend" is neither`},
		{"a kind beside kinds (R5.6)", partner(", kinds: [{kind: consulting}]"), "kind stands beside kinds"},
		{"an odd status", partner(", status: asleep"), `status "asleep" is none of`},
		{"no date", strings.Replace(partner(""), "2020-01-01", "last year", 1), `joined_on: "last year" is not a date`},
		{"a day that is none", strings.Replace(partner(""), "2020-01-01", "2021-02-29", 1), "is not a date"},
		{"a malformed ID (R1.1)", strings.Replace(partner(""), "AB1234", "AB12345", 1), `"AB12345" is not two letters and four digits`},
		{"no ID", strings.Replace(partner(""), "[AB1234]", "[]", 1), "partner_ids is missing"},
		{"an ID twice", strings.Replace(partner(""), "AB1234", "AB1234, ab1234", 1), "Partner ID AB1234 is given to a and to a"},
		{"a public suffix", partner(", domains: [co.uk]"), `"co.uk" is not a domain`},
		{"a bare rate", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 10}}]", `"10" is not a rate such as 10%`},
		{"a rate above 100 %", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 101%}}]", "is not between 0% and 100%"},
		{"a negative rate", "plans: [{effective_from: 2010-01-01, space: {referral_rate: -1%}}]", "is not between 0% and 100%"},
		{"a rate of too many digits", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 1e999999999%}}]", "is not a rate such as 10%"},
		{"another plan", "plans: [{plan: other, effective_from: 2010-01-01, space: {referral_rate: 1%}}]", `plan "other" is unknown`},
		{
			"two versions of a day", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 1%}}, {effective_from: 2010-01-01, space: {referral_rate: 2%}}]",
			"is stated twice",
		},
		{
			"one ID for two partners", "partners: [" + strings.TrimSuffix(strings.TrimPrefix(partner(""), "partners: ["), "]") +
				", {key: b, name: B, kind: registered, joined_on: 2020-01-01, partner_ids: [ab1234]}]", "Partner ID AB1234 is given to a and to b",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := apply.Read(strings.NewReader(c.text), "partners.yaml")
			switch {
			case err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "partners.yaml"):
				t.Errorf("got %v\nwant it to name partners.yaml and say %q", err, c.want)
			case errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "":
				t.Errorf("kind %s, hint %q", errs.KindOf(err), errs.HintOf(err))
			}
		})
	}
}

func TestReadTellsAllFaultsAtOnce(t *testing.T) {
	_, err := apply.Read(strings.NewReader("partners: [{key: a}]\nplans: [{effective_from: soon}]"), "f")
	for _, want := range []string{"name is missing", "kind", "joined_on", "partner_ids", "effective_from", "referral_rate"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not speak of %s", err, want)
		}
	}
}

func applied(t *testing.T, db *sqlx.DB, text string) (changes []apply.Change, err error) {
	t.Helper()
	f, err := apply.Read(strings.NewReader(text), "f")
	if err != nil {
		t.Fatal(err)
	}
	err = pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		changes, err = apply.Apply(ctx, tx, f, apply.Options{Actor: "ada", Zone: time.UTC, Now: now, Alone: true})
		return err
	})
	return changes, err
}

func TestApplyShowsWhatDiffersAndOnlyThat(t *testing.T) {
	db := pgtest.New(t)
	got, err := applied(t, db, good)
	if err != nil {
		t.Fatal(err)
	}
	want := []apply.Change{
		{What: "partner north", IsNew: true, Fields: []string{
			"name: North", "kind: consulting", "joined_on: 2016-05-01", "status: active", "partner_ids: FG3877, FG4001", "domains: north.example",
		}},
		{What: "plan default from 2010-01-01", IsNew: true, Fields: append([]string{"space.referral_rate: 12.5%", "space.joined_before: 2021-01-01"}, defaults...), Version: 1, State: book.PlanInForce},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if again, err := applied(t, db, good); err != nil || len(again) != 0 {
		t.Errorf("again: %v, %v; want no change", again, err)
	}
	got, err = applied(t, db, strings.Replace(good, "kind: consulting", "kind: consulting, tier: gold, status: suspended", 1))
	if err != nil {
		t.Fatal(err)
	}
	want = []apply.Change{{What: "partner north", Fields: []string{"tier: (nothing) → gold", "status: active → suspended"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestR1_1_AnIDIsIssuedOnceForGood(t *testing.T) {
	db := pgtest.New(t)
	if _, err := applied(t, db, good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"given to another partner": `partners: [{key: south, name: South, kind: registered, joined_on: 2020-01-01, partner_ids: [FG4001]}]`,
		"left out":                 strings.Replace(good, "fg3877, FG4001", "FG3877", 1),
	} {
		if _, err := applied(t, db, text); errs.KindOf(err) != errs.Conflict || errs.HintOf(err) == "" {
			t.Errorf("%s: %v, want a conflict with a hint", name, err)
		}
	}
	var n int
	if err := db.Get(&n, `select count(*) from ledger.partner`); err != nil || n != 1 {
		t.Errorf("%d partners (%v), want 1: nothing of a refused file is kept", n, err)
	}
}
