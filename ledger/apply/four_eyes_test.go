package apply_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
)

// by gives the options of somebody while four eyes are on.
func by(actor string) apply.Options { return apply.Options{Actor: actor, Zone: time.UTC, Now: now} }

// proposes applies a file as somebody while four eyes are on.
func proposes(t *testing.T, db *sqlx.DB, actor, text string) (changes []apply.Change, err error) {
	t.Helper()
	f, err := apply.Read(strings.NewReader(text), "f")
	if err != nil {
		t.Fatal(err)
	}
	err = pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		changes, err = apply.Apply(ctx, tx, f, by(actor))
		return err
	})
	return changes, err
}

func approves(db *sqlx.DB, actor string, numbers ...int64) error {
	return pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Approve(ctx, tx, numbers, by(actor))
		return err
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantRefused checks that a person is told what is wrong and what to do.
func wantRefused(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) || errs.HintOf(err) == "" || errs.KindOf(err) != errs.Conflict {
		t.Errorf("got %v (hint %q), want a refusal that says %q", err, errs.HintOf(err), says)
	}
}

// wantVersions compares all versions, written "2010-01-01 10% in force by ada+bob".
func wantVersions(t *testing.T, db *sqlx.DB, want ...string) {
	t.Helper()
	history, err := book.PlanHistory(context.Background(), db, book.DefaultPlan)
	must(t, err)
	var got []string
	for _, v := range history {
		line := fmt.Sprintf("%s %s%% %s by %s", v.Plan.EffectiveFrom, v.Plan.SpaceRate.Shift(2), v.State(), v.AppliedBy)
		if v.ApprovedBy != "" {
			line += "+" + v.ApprovedBy
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("versions are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const plan10, plan12 = "plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%}}]", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 12%}}]"

func TestR8_5_AVersionGovernsOnceASecondPersonApprovesIt(t *testing.T) {
	db := pgtest.New(t)
	registered(t, db)
	changes, err := proposes(t, db, "ada", good)
	must(t, err)
	if len(changes) != 2 || changes[0].State != "" || changes[1].State != book.PlanProposed || changes[1].Version != 1 {
		t.Errorf("the changes are %+v", changes)
	}
	if inForce, err := book.Plans(t.Context(), db, book.DefaultPlan); err != nil || len(inForce) != 0 {
		t.Errorf("in force are %v (%v)", inForce, err)
	}
	if got := due(t, db); got != "" {
		t.Errorf("a proposal marks %s", got)
	}
	wantRefused(t, approves(db, "ada", 1), "ada proposed it, and cannot approve it too")
	wantRefused(t, approves(db, " ADA ", 1), "cannot approve it too")
	must(t, approves(db, "bob", 1))
	if got := due(t, db); got != "006-found 006-named" {
		t.Errorf("the approval marks %q", got)
	}
	wantVersions(t, db, "2010-01-01 12.5% in force by ada+bob")
	wantRefused(t, approves(db, "cem", 1), "plan default from 2010-01-01 is in force, approved by bob")
	if err := approves(db, "cem", 99); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a version that nobody knows: %v", err)
	}
}

func TestR8_5_TheSameProposalAgainIsNoChangeAndAnotherSupersedesIt(t *testing.T) {
	db := pgtest.New(t)
	for _, c := range []struct {
		actor, text string
		changes     int
	}{{"ada", plan10, 1}, {"ada", plan10, 0}, {"bob", plan10, 0}, {"bob", plan12, 1}, {"ada", plan10, 1}} {
		if changes, err := proposes(t, db, c.actor, c.text); err != nil || len(changes) != c.changes {
			t.Errorf("%s applies %s: %+v (%v)", c.actor, c.text, changes, err)
		}
	}
	wantVersions(t, db, "2010-01-01 10% superseded by ada", "2010-01-01 12% superseded by bob", "2010-01-01 10% proposed by ada")
	wantRefused(t, approves(db, "eve", 2), "was superseded by ada")
	must(t, approves(db, "bob", 3))
	// What is in force already is no change; what would change it is proposed beside it.
	if changes, err := proposes(t, db, "ada", plan10); err != nil || len(changes) != 0 {
		t.Errorf("what is in force: %+v (%v)", changes, err)
	}
	changes, err := proposes(t, db, "bob", plan12)
	if err != nil || len(changes) != 1 || strings.Join(changes[0].Fields, "; ") != "space.referral_rate: 10% → 12%" || changes[0].IsNew {
		t.Errorf("what would change it: %+v (%v)", changes, err)
	}
	must(t, approves(db, "ada", 4))
	wantVersions(t, db, "2010-01-01 10% superseded by ada", "2010-01-01 12% superseded by bob", "2010-01-01 10% superseded by ada+bob",
		"2010-01-01 12% in force by bob+ada")
}

// A version that was in order when it was proposed may touch what was posted since.
func TestR8_5_WhatWasPostedSinceItWasProposedRefusesIt(t *testing.T) {
	db := pgtest.New(t)
	apply1(t, db, plan10)
	later := "plans: [{effective_from: 2026-06-01, space: {referral_rate: 12%}}]"
	if _, err := proposes(t, db, "ada", later); err != nil {
		t.Fatal(err)
	}
	postedOn(t, db, "2026-06-15")
	wantRefused(t, approves(db, "bob", 2), "would govern what is already posted, up to the close date 2026-06-15")
	wantVersions(t, db, "2010-01-01 10% in force by ada+ada", "2026-06-01 12% proposed by ada")
	if _, err := proposes(t, db, "ada", strings.Replace(later, "12%", "13%", 1)); err == nil {
		t.Error("a version that would govern what is posted is proposed")
	} else {
		wantRefused(t, err, "would govern what is already posted")
	}
	if _, err := proposes(t, db, "ada", strings.Replace(later, "2026-06-01", "2026-06-16", 1)); err != nil {
		t.Errorf("from the day after: %v", err)
	}
	must(t, approves(db, "bob", 3))
}

// Of versions that follow each other, each governs up to the next, proposed or not.
func TestR8_5_SeveralVersionsAreApprovedTogether(t *testing.T) {
	db := pgtest.New(t)
	apply1(t, db, plan10)
	postedOn(t, db, "2026-03-01")
	both := "plans:\n  - {effective_from: 2026-04-01, space: {referral_rate: 12%}}\n  - {effective_from: 2026-07-01, space: {referral_rate: 13%}}\n"
	if changes, err := proposes(t, db, "ada", both); err != nil || len(changes) != 2 {
		t.Fatalf("%+v (%v)", changes, err)
	}
	must(t, approves(db, "bob", 2, 3, 2))
	wantVersions(t, db, "2010-01-01 10% in force by ada+ada", "2026-04-01 12% in force by ada+bob", "2026-07-01 13% in force by ada+bob")
	// All or none.
	more := "plans:\n  - {effective_from: 2027-04-01, space: {referral_rate: 14%}}\n"
	if _, err := proposes(t, db, "ada", more); err != nil {
		t.Fatal(err)
	}
	if err := approves(db, "bob", 4, 77); errs.KindOf(err) != errs.NotFound {
		t.Errorf("one of them is not there: %v", err)
	}
	if inForce, err := book.Plans(t.Context(), db, book.DefaultPlan); err != nil || len(inForce) != 3 {
		t.Errorf("in force are %v (%v)", inForce, err)
	}
}

// Another window changes what there is to say of registrations once it is in force.
func TestR8_5_AnotherWindowCountsFromItsApproval(t *testing.T) {
	db := pgtest.New(t)
	apply1(t, db, stated("a", "c")+"plans:\n  - {effective_from: 2010-01-01, space: {referral_rate: 10%}}\n")
	known(t, db, nil,
		deal.Registration{ID: "a01-1", PartnerID: "AA0001", EmailDomain: "found.example", Status: "Approved", SubmittedAt: day(9, 1), DecidedAt: day(9, 2)},
		deal.Registration{ID: "a01-2", PartnerID: "CC0003", EmailDomain: "found.example", Status: "Submitted", SubmittedAt: day(11, 1)})
	_, err := proposes(t, db, "ada", "plans:\n  - {effective_from: 2026-08-01, space: {referral_rate: 10%}, registration: {window_days: 30}}\n")
	must(t, err)
	wantFound(t, db, "while it is proposed", "a01-2 registration_conflict")
	must(t, approves(db, "bob", 2))
	wantFound(t, db, "once it is approved", "")
}

func TestR8_5_WithoutFourEyesOnePersonDoesBothAndItIsOnRecord(t *testing.T) {
	db := pgtest.New(t)
	_, err := proposes(t, db, "ada", plan10)
	must(t, err)
	must(t, pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Approve(ctx, tx, []int64{1}, apply.Options{Actor: "ada", Zone: time.UTC, Now: now, Alone: true})
		return err
	}))
	apply1(t, db, plan12)
	history, err := book.PlanHistory(t.Context(), db, book.DefaultPlan)
	must(t, err)
	for _, v := range history {
		if !v.Alone || v.ApprovedBy != "ada" {
			t.Errorf("%+v", v)
		}
	}
	// Two persons are two persons, also while four eyes are off.
	_, err = proposes(t, db, "bob", plan10)
	must(t, err)
	must(t, pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		vs, err := apply.Approve(ctx, tx, []int64{3}, apply.Options{Actor: "ada", Zone: time.UTC, Now: now, Alone: true})
		if err == nil && vs[0].Alone {
			t.Errorf("%+v", vs[0])
		}
		return err
	}))
}

// postedOn puts an entry of an opportunity that closed on a day into the book.
func postedOn(t *testing.T, db *sqlx.DB, closed string) {
	t.Helper()
	for _, statement := range []string{
		`insert into ledger.opportunity (id, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		values ('006' || $1, 'USD', $1::date, true, true, now(), false, now())`,
		`insert into ledger.entry (payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency,
			source_id, period, as_of, input_hash, prev_hash, hash, posted_by, posted_at)
		values ('P' || $1, 1, 'P/space/006' || $1 || '/referral/2026-10', 1, 'accrue', 'commission_expense', 'accrued', 1, 'USD', '006' || $1,
			'2026-10', '2026-10-31', '', '', '', 'x', now())`,
	} {
		if _, err := db.ExecContext(t.Context(), statement, closed); err != nil {
			t.Fatal(err)
		}
	}
}

// Of two people who decide on one version at once, the second is told what the first
// did.
func TestR8_5_TwoPeopleApproveAtOnce(t *testing.T) {
	db := pgtest.New(t)
	_, err := proposes(t, db, "ada", plan10)
	must(t, err)
	outcome, start := make([]error, 2), make(chan struct{})
	var both sync.WaitGroup
	for i, actor := range []string{"bob", "cem"} {
		both.Go(func() {
			<-start
			outcome[i] = approves(db, actor, 1)
		})
	}
	close(start)
	both.Wait()
	if (outcome[0] == nil) == (outcome[1] == nil) {
		t.Fatalf("bob: %v; cem: %v", outcome[0], outcome[1])
	}
	for _, err := range outcome {
		if err != nil {
			wantRefused(t, err, "is in force, approved by")
		}
	}
}
