package accrue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/stage"
)

const termsAndPartners = `
partners:
  - {key: north, name: Northwind, kind: registered, joined_on: 2016-05-01, partner_ids: [FG3877]}
  - {key: contoso, name: Contoso, kind: registered, joined_on: 2018-01-15, partner_ids: [AB1234]}
plans:
  - {effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}
`

// company is a ledger of its own whose clock stands at 2027-02-01.
type company struct {
	t     *testing.T
	db    *sqlx.DB
	clock *clock.Manual
	stage *accrue.Stage
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{t: t, db: pgtest.New(t), clock: clock.NewManual(instant("2027-02-01T06:00:00Z"))}
	c.stage = accrue.New(accrue.Config{
		DB: c.db, Clock: c.clock, Zone: time.UTC, GoLive: book.GoLive{Decided: true},
	})
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, c.file(termsAndPartners), apply.Options{Actor: "test", Zone: time.UTC, Now: c.clock.Now(), Alone: true})
		return err
	})
	return c
}

func (c *company) in(f func(ctx context.Context, tx *sqlx.Tx) error) {
	c.t.Helper()
	if err := pg.InTx(context.Background(), c.db, f); err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) file(text string) apply.File {
	c.t.Helper()
	f, err := apply.Read(strings.NewReader(text), "test")
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

// space makes a Space that holds a Partner ID since 2020.
func (c *company) space(id, partnerID string) {
	c.t.Helper()
	made, now := instant("2020-01-01T00:00:00Z"), c.clock.Now()
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		s := attribution.Space{ID: id, Key: id, Name: "Space " + id, CreatedVia: "Manual", CreatedAt: made, Modstamp: made}
		if err := attribution.SaveSpaces(ctx, tx, []attribution.Space{s}, now); err != nil {
			return err
		}
		seen := []attribution.Observation{{RecordID: id, Raw: partnerID, Modstamp: made}}
		if err := attribution.SaveObservations(ctx, tx, attribution.KindSpace, seen, now); err != nil {
			return err
		}
		_, err := attribution.Replay(ctx, tx, 1000, now)
		return err
	})
}

// opportunity keeps a won opportunity and marks it due.
func (c *company) opportunity(o revenue.Opportunity) {
	c.t.Helper()
	o.Currency, o.IsClosed, o.IsWon, o.Type, o.CreatedAt = "USD", true, true, "New Business", o.CloseDate.Start(time.UTC)
	c.clock.Advance(time.Second)
	o.Modstamp = c.clock.Now()
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := revenue.SaveOpportunities(ctx, tx, []revenue.Opportunity{o}); err != nil {
			return err
		}
		return book.MarkDue(ctx, tx, []string{o.ID}, c.clock.Now())
	})
}

func (c *company) accrue() {
	c.t.Helper()
	if _, err := c.stage.Run(context.Background(), stage.Options{Actor: "test"}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) whatIf(o stage.Options, text string) accrue.WhatIf {
	c.t.Helper()
	w, err := c.stage.WhatIf(context.Background(), o, c.file(text))
	if err != nil {
		c.t.Fatal(err)
	}
	return w
}

// digests gives a digest of every table that the stages write.
func (c *company) digests() map[string]string {
	c.t.Helper()
	var tables []string
	if err := c.db.Select(&tables, `
		select format('%I.%I', table_schema, table_name) from information_schema.tables
		where table_schema in ('ledger', 'outbox', 'job', 'staging') and table_type = 'BASE TABLE'`); err != nil {
		c.t.Fatal(err)
	}
	out := map[string]string{}
	for _, table := range tables {
		var digest string
		if err := c.db.Get(&digest, `select count(*) || ' ' || md5(coalesce(string_agg(t::text, E'\n' order by t::text), '')) from `+table+` t`); err != nil {
			c.t.Fatal(err)
		}
		out[table] = digest
	}
	return out
}

// sums writes sums as "payee regime/slice plan: posted → would (held → would hold) currency".
func sums(w accrue.WhatIf) []string {
	var out []string
	for _, s := range w.Sums {
		amount := func(minor int64) string { return s.Currency.FromMinor(minor).StringFixed(s.Currency.Digits()) }
		line := fmt.Sprintf("%s %s/%s %s: %s → %s", s.PayeeID, s.Regime, s.Slice, s.Plan, amount(s.Posted), amount(s.Would))
		if s.Held != 0 || s.WouldHold != 0 {
			line += fmt.Sprintf(" (%s → %s)", amount(s.Held), amount(s.WouldHold))
		}
		out = append(out, line+" "+string(s.Currency))
	}
	return out
}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func day(s string) clock.Date {
	d, err := clock.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func amount(s string) *decimal.Decimal {
	d := decimal.RequireFromString(s)
	return &d
}

// The ids of the story, as Salesforce makes them.
const (
	spaceNorth, spaceContoso, spaceNobody = "a01000000000001AAA", "a01000000000002AAA", "a01000000000003AAA"
	oppTerm, oppPoint, oppUnknown         = "006000000000001AAA", "006000000000002AAA", "006000000000003AAA"
	oppMended, oppDeal                    = "006000000000004AAA", "006000000000005AAA"
)

// example is worked example 1 with what else a book may have: point revenue, a hold,
// an opportunity that lost its Amount after it was posted, and a registration.
func example(t *testing.T) *company {
	t.Helper()
	c := newCompany(t)
	c.space(spaceNorth, "FG3877")
	c.space(spaceContoso, "AB1234")
	c.space(spaceNobody, "ZZ9999")
	c.opportunity(revenue.Opportunity{
		ID: oppTerm, Name: "Term", SpaceID: spaceNorth, Amount: amount("12000"), CloseDate: day("2025-12-20"),
		ServiceStart: day("2026-01-01"), ServiceEnd: day("2026-12-31"),
	})
	c.opportunity(revenue.Opportunity{ID: oppPoint, Name: "Point", SpaceID: spaceContoso, Amount: amount("5000"), CloseDate: day("2026-03-15")})
	c.opportunity(revenue.Opportunity{ID: oppUnknown, Name: "Unknown", SpaceID: spaceNobody, Amount: amount("1000"), CloseDate: day("2026-04-01")})
	c.opportunity(revenue.Opportunity{ID: oppMended, Name: "Mended", SpaceID: spaceContoso, Amount: amount("2000"), CloseDate: day("2026-05-01")})
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := deal.SaveRegistrations(ctx, tx, []deal.Registration{{
			ID: "a05000000000001AAA", Origin: deal.OriginSalesforce, Key: "REG-1", PartnerID: "FG3877", OpportunityID: oppDeal,
			Involvement: "referred", Status: "Approved", SubmittedAt: instant("2026-05-02T09:00:00Z"),
			DecidedAt: instant("2026-05-03T09:00:00Z"), Modstamp: c.clock.Now(),
		}}, c.clock.Now())
		return err
	})
	c.opportunity(revenue.Opportunity{ID: oppDeal, Name: "Deal", SpaceID: spaceContoso, Amount: amount("20000"), CloseDate: day("2026-06-10")})
	c.accrue()
	c.opportunity(revenue.Opportunity{ID: oppMended, Name: "Mended", SpaceID: spaceContoso, CloseDate: day("2026-05-01")})
	c.accrue()
	return c
}

// Worked example 1 under 12 %: 1,440.00 instead of 1,200.00, and so on by hand.
func TestWhatIf_AnotherRate(t *testing.T) {
	t.Parallel()
	c := example(t)
	w := c.whatIf(stage.Options{}, `plans: [{effective_from: 2010-01-01, space: {referral_rate: 12%, joined_before: 2021-01-01}, registration: {referral_rate: 15%}}]`)
	want := []string{
		"AB1234 space/referral default from 2010-01-01: 700.00 → 800.00 USD", // 5,000 at 12 %, and 200.00 that is frozen
		"FG3877 registration/referral default from 2010-01-01: 2000.00 → 3000.00 USD",
		"FG3877 space/referral default from 2010-01-01: 1200.00 → 1440.00 USD",
		"ZZ9999 space/referral default from 2010-01-01: 0.00 → 0.00 (100.00 → 120.00) USD",
	}
	if d := cmp.Diff(want, sums(w)); d != "" {
		t.Error(d)
	}
	if w.Sources != 5 || w.Frozen != 1 || w.Due != 0 || w.AsOf != day("2027-01-31") || w.PostedThrough != w.AsOf {
		t.Errorf("it worked out %d sources, %d of them frozen, %d due, through %s", w.Sources, w.Frozen, w.Due, w.AsOf)
	}
	if len(w.Changes) != 1 || w.Changes[0].IsNew {
		t.Errorf("the terms differ by %+v", w.Changes)
	}
	if w.Sums[0].Partner != "Contoso" || w.Sums[0].PartnerKey != "contoso" || w.Sums[3].Partner != "" {
		t.Errorf("the partners are %+v", w.Sums)
	}
}

// The terms in force, tried on history, pay what was posted.
func TestWhatIf_TheTermsInForceMakeNoDifference(t *testing.T) {
	t.Parallel()
	c := example(t)
	w := c.whatIf(stage.Options{}, `plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}]`)
	if len(w.Changes) != 0 || len(w.Sums) != 4 {
		t.Errorf("changes %+v, sums %v", w.Changes, sums(w))
	}
	for i, s := range w.Sums {
		if s.Posted != s.Would || s.Held != s.WouldHold {
			t.Errorf("differs: %s", sums(w)[i])
		}
	}
}

func TestR4_4_WhatIf_AVersionGovernsWhatClosesFromItsDayOn(t *testing.T) {
	t.Parallel()
	c := example(t)
	w := c.whatIf(stage.Options{}, `plans: [{effective_from: 2026-03-01, space: {referral_rate: 12%}}]`)
	want := []string{
		"AB1234 space/referral default from 2010-01-01: 700.00 → 0.00 USD",
		"AB1234 space/referral default from 2026-03-01: 0.00 → 800.00 USD",
		"FG3877 registration/referral default from 2010-01-01: 2000.00 → 0.00 USD",
		"FG3877 registration/referral default from 2026-03-01: 0.00 → 2000.00 USD",
		"FG3877 space/referral default from 2010-01-01: 1200.00 → 1200.00 USD",
		"ZZ9999 space/referral default from 2010-01-01: 0.00 → 0.00 (100.00 → 0.00) USD",
		"ZZ9999 space/referral default from 2026-03-01: 0.00 → 0.00 (0.00 → 120.00) USD",
	}
	if d := cmp.Diff(want, sums(w)); d != "" {
		t.Error(d)
	}
}

// Through the end of an earlier month, like is compared with like: 90 of 365 days.
func TestR7_3_WhatIf_ThroughAnEarlierMonth(t *testing.T) {
	t.Parallel()
	c := example(t)
	w := c.whatIf(stage.Options{AsOf: day("2026-03-31")}, `plans: [{effective_from: 2010-01-01, space: {referral_rate: 12%, joined_before: 2021-01-01}}]`)
	want := []string{
		"AB1234 space/referral default from 2010-01-01: 500.00 → 600.00 USD",
		"FG3877 space/referral default from 2010-01-01: 295.89 → 355.07 USD",
	}
	if d := cmp.Diff(want, sums(w)); d != "" {
		t.Error(d)
	}
}

// A payout currency moves what is paid to it; what is on hold stays in its own.
func TestR7_5_WhatIf_AnotherCurrency(t *testing.T) {
	t.Parallel()
	c := example(t)
	w := c.whatIf(stage.Options{}, `
plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}, payout_currency: EUR}]
exchange_rates: [{from: USD, to: EUR, on: 2026-01-01, rate: 0.9}]`)
	want := []string{
		"AB1234 space/referral default from 2010-01-01: 0.00 → 450.00 EUR",
		"FG3877 registration/referral default from 2010-01-01: 0.00 → 1800.00 EUR",
		"ZZ9999 space/referral default from 2010-01-01: 0.00 → 0.00 (0.00 → 90.00) EUR",
		"AB1234 space/referral default from 2010-01-01: 700.00 → 200.00 USD",
		"FG3877 registration/referral default from 2010-01-01: 2000.00 → 0.00 USD",
		// No rate is known for the day on which it closed, so a hold keeps what was posted.
		"FG3877 space/referral default from 2010-01-01: 1200.00 → 1200.00 USD",
		"ZZ9999 space/referral default from 2010-01-01: 0.00 → 0.00 (100.00 → 0.00) USD",
	}
	if d := cmp.Diff(want, sums(w)); d != "" {
		t.Error(d)
	}
}

func TestWhatIfWritesNothing(t *testing.T) {
	t.Parallel()
	c := example(t)
	before := c.digests()
	if len(before) < 20 {
		t.Fatalf("only %d tables were found", len(before))
	}
	for _, o := range []stage.Options{{}, {AsOf: day("2026-03-31")}} {
		c.whatIf(o, `
plans: [{effective_from: 2010-01-01, space: {referral_rate: 50%}}, {effective_from: 2026-01-01, space: {referral_rate: 1%}, payout_currency: EUR}]
exchange_rates: [{from: USD, to: EUR, on: 2020-01-01, rate: 0.9}]`)
	}
	if d := cmp.Diff(before, c.digests()); d != "" {
		t.Errorf("a what-if changed tables:\n%s", d)
	}
}

func TestWhatIfRefusals(t *testing.T) {
	t.Parallel()
	c := example(t)
	refused := func(name string, o stage.Options, text string, kind errs.Kind) {
		t.Helper()
		_, err := c.stage.WhatIf(context.Background(), o, c.file(text))
		if errs.KindOf(err) != kind || errs.HintOf(err) == "" {
			t.Errorf("%s: %v (%s, hint %q), want %s with a hint", name, err, errs.KindOf(err), errs.HintOf(err), kind)
		}
	}
	const plan = `plans: [{effective_from: 2010-01-01, space: {referral_rate: 12%}}]`
	refused("partners", stage.Options{}, termsAndPartners, errs.Invalid)
	refused("a day that is not over", stage.Options{AsOf: day("2027-02-01")}, plan, errs.Invalid)
	refused("a gap", stage.Options{}, `plans: [{effective_from: 2005-01-01, effective_through: 2008-12-31, space: {referral_rate: 12%}}]`, errs.Invalid)
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		return attribution.MarkSpaces(ctx, tx, []string{spaceNorth}, c.clock.Now())
	})
	refused("histories half worked out", stage.Options{}, plan, errs.Conflict)
}

// What is due says so: its part of the difference goes with the next accrue.
func TestWhatIfCountsWhatIsDue(t *testing.T) {
	t.Parallel()
	c := example(t)
	c.opportunity(revenue.Opportunity{ID: oppPoint, Name: "Point", SpaceID: spaceContoso, Amount: amount("6000"), CloseDate: day("2026-03-15")})
	w := c.whatIf(stage.Options{}, `plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}]`)
	if w.Due != 1 || w.Sums[0].Posted != 70000 || w.Sums[0].Would != 80000 {
		t.Errorf("%d are due, and %s", w.Due, sums(w)[0])
	}
}
