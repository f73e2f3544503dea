package accrue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/brought"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
)

const broughtHeading = "kind,partner_id,currency,amount,period,reference,opportunity_id,paid_on,regime,slice\n"

// paid gives a row of what was paid to FG3877 for a month of an opportunity.
func paid(opportunity, month, amount string, regimeAndSlice ...string) string {
	return fmt.Sprintf("paid,FG3877,USD,%s,%s,PAY-%s,%s,2026-05-15,%s", amount, month, month, opportunity, strings.Join(regimeAndSlice, ","))
}

// bring brings rows into the book, or says why not.
func (c *company) bring(goLive book.GoLive, rows ...string) (r brought.Report, err error) {
	c.t.Helper()
	f, err := brought.Read(strings.NewReader(broughtHeading+strings.Join(rows, "\n")), "paid.csv")
	if err != nil {
		c.t.Fatal(err)
	}
	c.clock.Advance(time.Second)
	err = pg.InTx(context.Background(), c.db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		r, err = brought.Bring(ctx, tx, f, brought.Context{Zone: time.UTC, GoLive: goLive, Actor: "ana", Now: c.clock.Now()})
		return err
	})
	return r, err
}

func (c *company) mustBring(rows ...string) brought.Report {
	c.t.Helper()
	r, err := c.bring(book.GoLive{Decided: true}, rows...)
	if err != nil {
		c.t.Fatalf("%v\n%v", err, r.Faults)
	}
	return r
}

// refuses wants rows to be refused, the first fault to say something, and nothing to be
// written.
func (c *company) refuses(goLive book.GoLive, kind errs.Kind, says string, rows ...string) {
	c.t.Helper()
	before := c.digests()
	r, err := c.bring(goLive, rows...)
	if errs.KindOf(err) != kind || len(r.Faults) == 0 || !strings.Contains(r.Faults[0].String(), says) {
		c.t.Errorf("got %q %v %v, want it to say %q", errs.KindOf(err), err, r.Faults, says)
	}
	if d := cmp.Diff(before, c.digests()); d != "" {
		c.t.Errorf("what was refused has changed %s", d)
	}
}

// worked is the opportunity of worked example 1, before anything accrued.
func worked(t *testing.T) *company {
	t.Helper()
	c := newCompany(t)
	c.space(spaceNorth, "FG3877")
	c.opportunity(workedExample("12000"))
	return c
}

func workedExample(worth string) revenue.Opportunity {
	return revenue.Opportunity{
		ID: oppTerm, Name: "Term", SpaceID: spaceNorth, Amount: amount(worth), CloseDate: day("2025-12-20"),
		ServiceStart: day("2026-01-01"), ServiceEnd: day("2026-12-31"),
	}
}

// linesOf gives the lines of an opportunity as "regime/slice/period status amount".
func (c *company) linesOf(opportunity string) (out []string) {
	c.t.Helper()
	if err := c.db.Select(&out, `
		select concat_ws('/', regime, slice, period) || ' ' || status || ' ' || amount_minor from ledger.line
		where source_id = $1 order by period, slice, regime`, opportunity); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// sumOf gives the entries of a kind added up, in minor units, signed as what they add.
func (c *company) sumOf(kind string) (minor int64) {
	c.t.Helper()
	if err := c.db.Get(&minor, `
		select coalesce(sum(case when debit in ('commission_expense', 'brought_in') then amount_minor else -amount_minor end), 0)::bigint
		from ledger.entry where kind = $1`, kind); err != nil {
		c.t.Fatal(err)
	}
	return minor
}

// Worked example 1: January to April were paid by another system, 394.52 in all. What
// accrues here is May to December, 805.48, and nothing of January to April.
func TestR8_9_WhatWasPaidBeforeIsNotPaidAgain(t *testing.T) {
	t.Parallel()
	c := worked(t)
	rows := []string{
		paid(oppTerm, "2026-01", "101.92"), paid(oppTerm, "2026-02", "92.05"), paid(oppTerm, "2026-03", "101.92"), paid(oppTerm, "2026-04", "98.63"),
	}
	r := c.mustBring(rows...)
	for _, l := range r.Lines {
		if l.Posts != 0 || l.Held != 0 || l.Expected() != l.Minor {
			t.Errorf("%s: accrue would post %d", l.Key, l.Posts)
		}
	}
	if len(r.Next) != 1 || !r.Next[0].Corrects.IsZero() || r.Next[0].Others.StringFixed(2) != "805.48" {
		t.Errorf("the next accrue would post %+v", r.Next)
	}
	c.accrue()
	c.accrue()
	want := []string{
		"space/referral/2026-01 paid 10192", "space/referral/2026-02 paid 9205", "space/referral/2026-03 paid 10192", "space/referral/2026-04 paid 9863",
		"space/referral/2026-05 accrued 10192", "space/referral/2026-06 accrued 9863", "space/referral/2026-07 accrued 10192", "space/referral/2026-08 accrued 10191",
		"space/referral/2026-09 accrued 9863", "space/referral/2026-10 accrued 10192", "space/referral/2026-11 accrued 9863", "space/referral/2026-12 accrued 10192",
	}
	if d := cmp.Diff(want, c.linesOf(oppTerm)); d != "" {
		t.Error(d)
	}
	if accrued, imported := c.sumOf("accrue"), c.sumOf("import"); accrued != 80548 || imported != 39452 {
		t.Errorf("%d accrued and %d imported", accrued, imported)
	}
	var entry string
	if err := c.db.Get(&entry, `
		select concat_ws(' ', line_key || '#' || nth, debit, credit, amount_minor, period, as_of, posted_by) from ledger.entry where kind = 'import' order by seq limit 1`); err != nil ||
		entry != "FG3877/space/006000000000001AAA/referral/2026-01#1 brought_in settled 10192 2026-01 2027-02-01 ana" {
		t.Errorf("the entry is %s %v", entry, err)
	}
	lines, err := book.LinesByKey(context.Background(), c.db, []string{"FG3877/space/006000000000001AAA/referral/2026-01"})
	if err != nil || len(lines) != 1 {
		t.Fatal(len(lines), err)
	}
	l := lines[0]
	if l.Plan != "default from 2010-01-01" || l.SpaceID != spaceNorth || l.TermEnd != day("2026-12-31") || l.Base.String() != "12000" ||
		!strings.Contains(string(l.Explanation), "101.92 USD was paid to FG3877 on 2026-05-15 for 2026-01, before this ledger began (PAY-2026-01). ana brought it in from line 2 of paid.csv.") {
		t.Errorf("the line is %+v %s", l, l.Explanation)
	}

	before := c.digests()
	if r := c.mustBring(rows...); r.Known != 4 || len(r.Lines) != 0 {
		t.Errorf("again, %d rows are known", r.Known)
	}
	if d := cmp.Diff(before, c.digests()); d != "" {
		t.Errorf("the same file again has changed %s", d)
	}
}

// A difference comes as an adjustment, whichever way, and the dry run had said it.
func TestR8_9_ADifferenceIsAnAdjustment(t *testing.T) {
	t.Parallel()
	c := worked(t)
	r := c.mustBring(paid(oppTerm, "2026-02", "90.00"), paid(oppTerm, "2026-03", "110.00"), paid(oppTerm, "2026-04", "-98.63"))
	var said []string
	for _, l := range r.Lines {
		said = append(said, fmt.Sprintf("%s %d %d", l.Period, l.Expected(), l.Posts))
	}
	if d := cmp.Diff([]string{"2026-02 9205 205", "2026-03 10192 -808", "2026-04 9863 19726"}, said); d != "" {
		t.Error(d)
	}
	if len(r.Totals) != 1 || r.Totals[0].Paid.String() != "101.37" || r.Totals[0].Posts.String() != "191.23" || r.Totals[0].Partner != "Northwind" {
		t.Errorf("the totals are %+v", r.Totals)
	}
	c.accrue()
	got := c.linesOf(oppTerm)
	want := []string{
		"space/referral/2026-01 accrued 10192", "space/referral/2026-02 paid 9000", "space/referral~adj:2026-02/2026-02 accrued 205",
		"space/referral/2026-03 paid 11000", "space/referral~adj:2026-03/2026-03 accrued -808",
		"space/referral/2026-04 paid -9863", "space/referral~adj:2026-04/2026-04 accrued 19726", "space/referral/2026-05 accrued 10192",
	}
	if len(got) < len(want) {
		t.Fatal(got)
	}
	if d := cmp.Diff(want, got[:len(want)]); d != "" {
		t.Error(d)
	}
	if accrued, imported := c.sumOf("accrue"), c.sumOf("import"); accrued+imported != 120000 {
		t.Errorf("%d accrued and %d imported, which is not 1,200.00", accrued, imported)
	}
	var corrects string
	if err := c.db.Get(&corrects, `select corrects from ledger.entry where line_key like '%adj:2026-03%'`); err != nil || corrects != "FG3877/space/006000000000001AAA/referral/2026-03#1" {
		t.Errorf("the adjustment corrects %q %v", corrects, err)
	}
}

// What was paid before and is un-won is taken back (R8.7), and the same file is known
// all the same.
func TestR8_7_WhatWasPaidBeforeIsTakenBackIfItIsUnWon(t *testing.T) {
	t.Parallel()
	c := worked(t)
	rows := []string{paid(oppTerm, "2026-01", "101.92"), paid(oppTerm, "2026-02", "92.05")}
	c.mustBring(rows...)
	c.accrue()
	c.unwin(oppTerm)
	c.accrue()
	got := c.linesOf(oppTerm)[:4]
	want := []string{
		"space/referral/2026-01 paid 10192", "space/referral~adj:2026-01/2026-01 accrued -10192",
		"space/referral/2026-02 paid 9205", "space/referral~adj:2026-02/2026-02 accrued -9205",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if accrued, imported := c.sumOf("accrue"), c.sumOf("import"); accrued != -19397 || imported != 19397 {
		t.Errorf("%d accrued and %d imported", accrued, imported)
	}
	if r := c.mustBring(rows...); r.Known != 2 {
		t.Errorf("%d rows are known", r.Known)
	}
	c.refuses(book.GoLive{Decided: true}, errs.Conflict, "was brought in already with 101.92 USD (PAY-2026-01, paid on 2026-05-15) from paid.csv, and the row says 100.00 USD",
		paid(oppTerm, "2026-01", "100.00"))
}

func (c *company) unwin(opportunity string) {
	c.t.Helper()
	if _, err := c.db.Exec(`update ledger.opportunity set is_won = false where id = $1`, opportunity); err != nil {
		c.t.Fatal(err)
	}
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		return book.MarkDue(ctx, tx, []string{opportunity}, c.clock.Now())
	})
}

// An Amount that changes after the import is the difference, no more (R8.1).
func TestR8_9_AChangedFactPostsTheDifference(t *testing.T) {
	t.Parallel()
	c := worked(t)
	c.mustBring(paid(oppTerm, "2026-01", "101.92"))
	c.accrue()
	c.opportunity(workedExample("6000"))
	c.accrue()
	if d := cmp.Diff([]string{"space/referral/2026-01 paid 10192", "space/referral~adj:2026-01/2026-01 accrued -5096"}, c.linesOf(oppTerm)[:2]); d != "" {
		t.Error(d)
	}
}

// What has accrued here is not brought in: nothing is paid twice.
func TestR8_9_WhatHasAccruedHereIsRefused(t *testing.T) {
	t.Parallel()
	c := worked(t)
	c.mustBring(paid(oppTerm, "2026-01", "90.00"))
	c.accrue()
	yes := book.GoLive{Decided: true}
	c.refuses(yes, errs.Conflict, "line 2, period: FG3877/space/006000000000001AAA/referral/2026-05 has accrued here with 101.92 USD", paid(oppTerm, "2026-05", "101.92"))
	c.refuses(yes, errs.Conflict, "was brought in already with 90.00 USD (PAY-2026-01, paid on 2026-05-15) from paid.csv, and the row says 90.00 USD (PAY-2, paid on 2026-05-15)",
		"paid,FG3877,USD,90.00,2026-01,PAY-2,"+oppTerm+",2026-05-15")
	c.refuses(yes, errs.Conflict, "line 3, opportunity_id: line 2 is of the same line, FG3877/space/006000000000001AAA/referral/2026-01",
		paid(oppTerm, "2026-01", "90.00"), paid(oppTerm, "2026-01", "90.00", "space", "referral"))
}

// A row that leaves out regime or slice is of the only line that is expected.
func TestR8_9_TheLineIsToldFromWhatIsExpected(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, c.file(`plans: [{effective_from: 2026-06-01, space: {referral_rate: 10%, joined_before: 2021-01-01, beside: true}}]`),
			apply.Options{Actor: "test", Zone: time.UTC, Now: c.clock.Now(), Alone: true})
		return err
	})
	c.space(spaceNorth, "FG3877")
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := deal.SaveRegistrations(ctx, tx, []deal.Registration{{
			ID: "a05000000000001AAA", Origin: deal.OriginSalesforce, Key: "REG-1", PartnerID: "FG3877", OpportunityID: oppDeal,
			Involvement: "referred", Status: "Approved", SubmittedAt: instant("2026-05-02T09:00:00Z"),
			DecidedAt: instant("2026-05-03T09:00:00Z"), Modstamp: c.clock.Now(),
		}}, c.clock.Now())
		return err
	})
	c.opportunity(revenue.Opportunity{ID: oppDeal, Name: "Deal", SpaceID: spaceNorth, Amount: amount("20000"), CloseDate: day("2026-06-10")})
	c.opportunity(revenue.Opportunity{ID: oppPoint, Name: "Point", SpaceID: spaceNorth, Amount: amount("5000"), CloseDate: day("2026-03-15")})
	c.opportunity(revenue.Opportunity{ID: oppMended, Name: "Mended", SpaceID: spaceNorth, CloseDate: day("2026-05-01")})
	yes := book.GoLive{Decided: true}
	c.refuses(yes, errs.Invalid, "line 2, regime: it may be of several lines: FG3877/registration/006000000000005AAA/referral/2026-06 (2000.00 USD), FG3877/space/006000000000005AAA/referral/2026-06 (2000.00 USD)",
		paid(oppDeal, "2026-06", "2000.00"))
	c.refuses(yes, errs.Invalid, "several lines", paid(oppDeal, "2026-06", "2000.00", "", "referral"))
	c.refuses(yes, errs.Invalid, "line 2, period: no line is expected of it for FG3877 in 2026-04; expected: FG3877/space/006000000000002AAA/referral/2026-03 (500.00 USD)", paid(oppPoint, "2026-04", "500.00"))
	c.refuses(yes, errs.Invalid, "no line is expected of it for AB1234 in 2026-03; expected: FG3877/space", strings.Replace(paid(oppPoint, "2026-03", "500.00"), "FG3877", "AB1234", 1))
	c.refuses(yes, errs.Invalid, "what it pays is on hold", paid(oppMended, "2026-04", "500.00"))
	c.refuses(yes, errs.Invalid, "line 2, currency: FG3877/space/006000000000002AAA/referral/2026-03 is due in USD, not in EUR", strings.Replace(paid(oppPoint, "2026-03", "500.00"), "USD", "EUR", 1))
	r := c.mustBring(paid(oppDeal, "2026-06", "1500.00", "registration"), paid(oppPoint, "2026-03", "500.00"))
	if len(r.Lines) != 2 || r.Lines[0].Key != "FG3877/registration/006000000000005AAA/referral/2026-06" || r.Lines[0].Posts != 50000 ||
		r.Lines[1].Key != "FG3877/space/006000000000002AAA/referral/2026-03" {
		t.Errorf("it brought in %+v", r.Lines)
	}
	// What the Space earns beside the registration is not paid yet.
	if r.Next[0].Corrects.String() != "500" || r.Next[0].Others.String() != "2000" {
		t.Errorf("the next accrue would post %+v", r.Next)
	}
	c.accrue()
	if accrued, imported := c.sumOf("accrue"), c.sumOf("import"); accrued != 250000 || imported != 200000 {
		t.Errorf("%d accrued and %d imported", accrued, imported)
	}
	c.unwin(oppPoint)
	c.refuses(yes, errs.Invalid, "line 2, opportunity_id: the opportunity 006000000000002AAA is not won, or is deleted", strings.Replace(paid(oppPoint, "2026-03", "500.00"), "FG3877", "AB1234", 1))
}

// Whoever names regime and slice says that it was paid, whatever the rules say: the dry
// run shows that accrue takes it back, and accrue does.
func TestR8_9_WhatWasNotDueIsTakenBack(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.space(spaceContoso, "AB1234")
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, c.file(`partners: [{key: late, name: Latecomer, kind: registered, joined_on: 2022-02-01, partner_ids: [LT2022]}]`),
			apply.Options{Actor: "test", Zone: time.UTC, Now: c.clock.Now(), Alone: true})
		return err
	})
	c.space(spaceNorth, "LT2022")
	c.opportunity(revenue.Opportunity{ID: oppPoint, Name: "Point", SpaceID: spaceNorth, Amount: amount("5000"), CloseDate: day("2026-03-15")})
	row := func(more string) string {
		return "paid,LT2022,USD,500.00,2026-03,PAY-1," + oppPoint + ",2026-04-15" + more
	}
	c.refuses(book.GoLive{Decided: true}, errs.Invalid, "nothing is due for it here: LT2022/space/006000000000002AAA/referral/2026-03 (zero, joined_after_cutoff)", row(""))
	r := c.mustBring(row(",space,referral"))
	if len(r.Lines) != 1 || r.Lines[0].Posts != -50000 || r.Lines[0].Expected() != 0 {
		t.Errorf("it says %+v", r.Lines)
	}
	c.accrue()
	if d := cmp.Diff([]string{"space/referral/2026-03 paid 50000", "space/referral~adj:2026-03/2026-03 accrued -50000"}, c.linesOf(oppPoint)); d != "" {
		t.Error(d)
	}
}
