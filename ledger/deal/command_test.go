package deal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

// office is a ledger in which people register and decide, an hour apart.
type office struct {
	t   *testing.T
	db  *sqlx.DB
	now time.Time
}

func openOffice(t *testing.T) *office {
	db := pgtest.New(t)
	partners(t, db)
	return &office{t: t, db: db, now: at("2026-01-01")}
}

func (o *office) by(actor string) By {
	o.now = o.now.Add(time.Hour)
	return By{Actor: actor, Now: o.now, Terms: Terms{Zone: time.UTC, AsOf: on("2026-01-01")}}
}

// do runs a command in a transaction of its own.
func (o *office) do(f func(ctx context.Context, tx *sqlx.Tx, by By) error) error {
	by := o.by("ana")
	return pg.InTx(context.Background(), o.db, func(ctx context.Context, tx *sqlx.Tx) error { return f(ctx, tx, by) })
}

// submits drafts and submits a registration for c1.example and gives its id.
func (o *office) submits(partner string, want commission.State) (id string) {
	o.t.Helper()
	if err := o.do(func(ctx context.Context, tx *sqlx.Tx, by By) (err error) {
		id, err = Create(ctx, tx, Registration{PartnerID: partner, CustomerName: "C1", EmailDomain: "c1.example", Involvement: "engaged"}, by)
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	if err := o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error {
		state, err := Submit(ctx, tx, id, by)
		if state != want {
			o.t.Errorf("%s is %s when submitted, want %s", id, state, want)
		}
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return id
}

func (o *office) approve(id string, shares map[string]decimal.Decimal) error {
	return o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error { return Approve(ctx, tx, id, shares, "", by) })
}

func (o *office) reject(id, reason string) error {
	return o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error { return Reject(ctx, tx, id, reason, by) })
}

func (o *office) withdraw(id string) error {
	return o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error { return Withdraw(ctx, tx, id, "", by) })
}

func (o *office) revoke(id, reason string) error {
	return o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error { return Revoke(ctx, tx, id, reason, by) })
}

// want checks what an error says and that it tells what to do; "" is no error.
func (o *office) want(err error, says string) {
	o.t.Helper()
	switch {
	case says == "" && err != nil:
		o.t.Errorf("refused: %v (%s)", err, errs.HintOf(err))
	case says != "" && (err == nil || !strings.Contains(err.Error(), says) || errs.HintOf(err) == "" || errs.KindOf(err) == errs.Unknown):
		o.t.Errorf("got %v (hint %q), want a refusal that says %q", err, errs.HintOf(err), says)
	}
}

func (o *office) get(id string) View {
	o.t.Helper()
	v, err := Get(o.t.Context(), o.db, id, Terms{Zone: time.UTC, AsOf: on("2026-01-01")})
	if err != nil {
		o.t.Fatal(err)
	}
	return v
}

func (o *office) wantState(id string, want commission.State) {
	o.t.Helper()
	if got := o.get(id).State; got != want {
		o.t.Errorf("%s is %s, want %s", id, got, want)
	}
}

// halves are even shares of registrations.
func halves(ids ...string) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, id := range ids {
		out[id] = decimal.New(5, -1)
	}
	return out
}

func TestR5_2_TheLifeOfARegistrationMadeHere(t *testing.T) {
	o := openOffice(t)
	id := o.submits("fg3877", commission.Submitted)
	if id != "REG-000001" {
		t.Errorf("its id is %s", id)
	}
	o.want(o.revoke(id, "why"), "is submitted, and cannot become revoked")
	o.want(o.approve(id, nil), "")
	o.want(o.approve(id, nil), "is approved, and cannot become approved")
	o.want(o.reject(id, "too late"), "is approved, and cannot become rejected")
	o.want(o.withdraw(id), "is approved, and cannot become withdrawn")
	o.want(o.revoke(id, " "), "for a reason, and none is given")
	o.want(o.revoke(id, "it was another's"), "")
	o.want(o.approve(id, nil), "is revoked, and cannot become approved")
	v := o.get(id)
	var journal []string
	for _, e := range v.Journal {
		journal = append(journal, fmt.Sprintf("%s by %s %s", e.State, e.Actor, e.Reason))
	}
	if got := strings.Join(journal, "; "); got != "draft by ana ; submitted by ana ; approved by ana ; revoked by ana it was another's" {
		t.Errorf("the journal says %s", got)
	}
	if v.Reason != "it was another's" || v.Key != id || v.Origin != OriginPortal || v.PartnerID != "fg3877" {
		t.Errorf("%+v", v)
	}
	second := o.submits("FG3877", commission.Submitted)
	o.want(o.reject(second, ""), "for a reason")
	o.want(o.reject(second, "not a customer of ours"), "")
	third := o.submits("FG3877", commission.Submitted)
	o.want(o.withdraw(third), "")
	o.wantState(second, commission.Rejected)
	o.wantState(third, commission.Withdrawn)
	o.want(o.withdraw("REG-009999"), "there is no registration")
}

func TestR5_1_WhatADraftNeedsToBeSubmitted(t *testing.T) {
	o := openOffice(t)
	for says, d := range map[string]Registration{
		"lacks a Partner ID such as FG3877, the customer's name, the customer's e-mail domain or Account, an involvement": {},
		"lacks a Partner ID":   {PartnerID: "FG-3877", CustomerName: "C", EmailDomain: "c1.example", Involvement: "referred"},
		"e-mail domain":        {PartnerID: "FG3877", CustomerName: "C", EmailDomain: "localhost", Involvement: "referred"},
		"lacks an involvement": {PartnerID: "FG3877", CustomerName: "C", AccountID: "C1", Involvement: "maybe"},
	} {
		var id string
		o.want(o.do(func(ctx context.Context, tx *sqlx.Tx, by By) (err error) {
			id, err = Create(ctx, tx, d, by)
			return err
		}), "")
		o.want(o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error {
			_, err := Submit(ctx, tx, id, by)
			return err
		}), says)
		o.wantState(id, commission.Draft)
	}
	o.want(pg.InTx(t.Context(), o.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := Create(ctx, tx, Registration{}, By{Now: o.now, Terms: terms})
		return err
	}), "nobody is named")
}

func TestR5_4_ApprovingBesideAnother(t *testing.T) {
	o := openOffice(t)
	first := o.submits("FG3877", commission.Submitted)
	second := o.submits("AB1234", commission.Conflict)
	o.want(o.approve(second, nil), "another partner's registration stands beside it")
	o.want(o.approve(second, halves(first, second)), "is not decided")
	o.want(o.approve(first, halves(first)), "no other registration stands beside")
	o.want(o.approve(first, nil), "")
	o.want(o.approve(second, nil), "another partner's registration stands beside it")
	o.want(o.approve(second, halves(second)), "the share of "+first+" is missing")
	o.want(o.approve(second, halves(first, second, "REG-000077")), "REG-000077 has a share")
	shares := halves(first, second)
	shares[first] = decimal.New(51, -2)
	o.want(o.approve(second, shares), "the shares come to 101 %, not to 100 %")
	shares[first], shares[second] = decimal.New(1, 0), decimal.Zero
	o.want(o.approve(second, shares), "is not above 0 %")
	shares[first], shares[second] = decimal.New(7, -1), decimal.New(3, -1)
	o.want(o.approve(second, shares), "")
	for id, want := range map[string]string{first: "0.7", second: "0.3"} {
		v := o.get(id)
		last := v.Journal[len(v.Journal)-1]
		if v.State != commission.Approved || v.Share == nil || v.Share.String() != want || v.ShareFault != "" || !strings.Contains(last.Reason, "its share is") {
			t.Errorf("%s: %+v, %+v", id, v, last)
		}
	}
	// A revoked member leaves the rest its share; a third one may share with it anew.
	o.want(o.revoke(second, "left"), "")
	if v := o.get(first); v.ShareFault != "" || v.Share.String() != "0.7" {
		t.Errorf("after the revocation: %+v", v)
	}
	third := o.submits("CD5678", commission.Conflict)
	o.want(o.approve(third, halves(first, third)), "")
	if v := o.get(first); v.ShareFault != "" || v.Share.String() != "0.5" {
		t.Errorf("with a third: %+v", v)
	}
}

func TestR5_4_AfterTheOtherWasEnded(t *testing.T) {
	o := openOffice(t)
	first, second := o.submits("FG3877", commission.Submitted), o.submits("AB1234", commission.Conflict)
	queue, err := Queue(t.Context(), o.db, terms)
	if err != nil || len(queue) != 1 || queue[0].Claim.ID != second || len(queue[0].Rivals) != 1 || queue[0].Rivals[0].ID != first {
		t.Fatalf("the queue is %+v, %v", queue, err)
	}
	if !strings.Contains(queue[0].Claim.Reason, "in conflict with "+first+" of FG3877, submitted on 2026-01-01") {
		t.Errorf("it says %s", queue[0].Claim.Reason)
	}
	o.want(o.reject(first, "not involved"), "")
	o.wantState(second, commission.Conflict) // until somebody decides
	o.want(o.approve(second, nil), "")
	if queue, err = Queue(t.Context(), o.db, terms); err != nil || len(queue) != 0 {
		t.Errorf("the queue is %+v, %v", queue, err)
	}
	if v := o.get(second); v.State != commission.Approved || v.Share != nil {
		t.Errorf("%+v", v)
	}
}

func TestR5_4_BesideOneWhoseOpportunityIsOver(t *testing.T) {
	o := openOffice(t)
	first := o.submits("FG3877", commission.Submitted)
	o.want(o.approve(first, nil), "")
	story := tell()
	story.opp("O1", "C1", "2026-01-01", "2026-01-02", "won")
	story.keep(t, o.db)
	o.wantState(first, commission.Won)
	late := o.submits("AB1234", commission.Conflict) // on the day of the close
	o.want(o.approve(late, nil), "stands beside it")
	o.want(o.withdraw(late), "")
	o.now = at("2026-01-03")
	next := o.submits("AB1234", commission.Conflict)
	o.want(o.approve(next, nil), "") // what the first one covers is over (R5.9)
	if v := o.get(first); v.State != commission.Won || v.Linked != "O1" || v.Share != nil {
		t.Errorf("%+v", v)
	}
}

func TestR5_2_SalesforceDecidesOnItsOwn(t *testing.T) {
	o := openOffice(t)
	tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-02", domain("c1.example")).keep(t, o.db)
	o.now = at("2026-01-03")
	for _, err := range []error{o.approve("R1", nil), o.reject("R1", "why"), o.withdraw("R1"), o.revoke("R1", "why")} {
		o.want(err, "is Salesforce's")
	}
	second := o.submits("AB1234", commission.Conflict)
	o.want(o.approve(second, halves("R1", second)), "does not state this share")
	half := decimal.New(5, -1)
	inTx(t, o.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := SaveRegistrations(ctx, tx, []Registration{{
			ID: "R1", PartnerID: "FG3877", EmailDomain: "c1.example", Status: "Approved", SubmittedAt: at("2026-01-01"),
			DecidedAt: at("2026-01-02"), Share: &half, Modstamp: now.Add(time.Hour),
		}}, now)
		return err
	})
	o.want(o.approve(second, halves("R1", second)), "")
	for _, id := range []string{"R1", second} {
		if v := o.get(id); v.ShareFault != "" {
			t.Errorf("%s: %s", id, v.ShareFault)
		}
	}
}

// TestR5_4_TwoPeopleApproveAtOnce: of two approvals of registrations that are in
// conflict, at once on connections of their own, one wins and the other is told.
func TestR5_4_TwoPeopleApproveAtOnce(t *testing.T) {
	o := openOffice(t)
	for round := range 5 {
		first := o.submits("FG3877", commission.Submitted)
		second, third := o.submits("AB1234", commission.Conflict), o.submits("CD5678", commission.Conflict)
		o.want(o.reject(first, "not involved"), "") // now either of the two may be approved, if the other is not there
		o.want(o.withdraw(third), "")
		third = o.submits("CD5678", commission.Conflict)
		ids := []string{second, third}
		shares := []map[string]decimal.Decimal{nil, halves(second, third)}
		outcome := make([]error, 2)
		start, by := make(chan struct{}), o.by("bo")
		var both sync.WaitGroup
		for i := range ids {
			both.Go(func() {
				<-start
				outcome[i] = pg.InTx(context.Background(), o.db, func(ctx context.Context, tx *sqlx.Tx) error {
					return Approve(ctx, tx, ids[i], shares[i], "", by)
				})
			})
		}
		close(start)
		both.Wait()
		// The earlier one is approved either way; the later one shares with it if it
		// came after, and is told to wait if it came before.
		o.want(outcome[0], "")
		v := o.get(third)
		switch {
		case outcome[1] == nil && (v.State != commission.Approved || v.ShareFault != ""):
			t.Errorf("round %d: %+v", round, v)
		case outcome[1] != nil && (v.State != commission.Conflict || !strings.Contains(outcome[1].Error(), "is not decided")):
			t.Errorf("round %d: %v, %+v", round, outcome[1], v)
		}
		o.want(o.revoke(second, "over"), "")
		if outcome[1] == nil {
			o.want(o.revoke(third, "over"), "")
		} else {
			o.want(o.reject(third, "over"), "")
		}
	}
}

// TestR5_4_ApprovalRacesWithRejection: two people decide on one registration at
// once; the second is told what the first did.
func TestR5_4_ApprovalRacesWithRejection(t *testing.T) {
	o := openOffice(t)
	for range 5 {
		id := o.submits("FG3877", commission.Submitted)
		by := o.by("bo")
		decisions := []func(ctx context.Context, tx *sqlx.Tx) error{
			func(ctx context.Context, tx *sqlx.Tx) error { return Approve(ctx, tx, id, nil, "", by) },
			func(ctx context.Context, tx *sqlx.Tx) error { return Reject(ctx, tx, id, "no", by) },
		}
		outcome, start := make([]error, 2), make(chan struct{})
		var both sync.WaitGroup
		for i, decision := range decisions {
			both.Go(func() {
				<-start
				outcome[i] = pg.InTx(context.Background(), o.db, decision)
			})
		}
		close(start)
		both.Wait()
		if (outcome[0] == nil) == (outcome[1] == nil) {
			t.Errorf("approval: %v; rejection: %v", outcome[0], outcome[1])
		}
		for _, err := range outcome {
			if err != nil && !strings.Contains(err.Error(), "cannot become") {
				t.Error(err)
			}
		}
		if outcome[0] == nil {
			o.want(o.revoke(id, "over"), "")
		}
	}
}

func TestListNarrows(t *testing.T) {
	o := openOffice(t)
	tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-02", of("C1")).
		reg("R2", "ab1234", "2026-01-02", "", of("C1")).
		reg("R3", "FG3877", "2026-01-03", "approved 2026-01-02", of("C2")).
		reg("R4", "FG3877", "", "Draft").
		reg("R5", "FG3877", "2026-01-05", "", func(r *record) { r.IsDeleted = true }).
		opp("O1", "C1", "2026-01-02", "2026-03-01", "won").keep(t, o.db)
	for want, f := range map[string]Filter{
		"R4 R3 R2 R1": {}, "R4 R3": {Limit: 2}, "R1": {State: commission.Won}, "R2": {State: commission.Conflict},
		"R4 R3 R1": {Partner: "fg3877"}, "R2 R1": {Account: "C1"}, "": {Origin: OriginPortal},
	} {
		got, err := List(t.Context(), o.db, f, terms)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, v := range got {
			ids = append(ids, v.ID)
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("%+v lists %v, want %s", f, ids, want)
		}
	}
	v := o.get("R2")
	if !slices.Equal(v.Rivals, []string{"R1"}) || v.Linked != "" || !v.ExclusiveUntil.IsZero() || !v.WindowEnd.IsZero() {
		t.Errorf("%+v", v)
	}
	if _, err := Get(t.Context(), o.db, "R9", terms); errs.KindOf(err) != errs.NotFound {
		t.Errorf("R9: %v", err)
	}
}

func TestR5_1_ADraftIsAmendedAndWhatIsSubmittedIsConnected(t *testing.T) {
	o := openOffice(t)
	story := tell()
	story.opp("O1", "C2", "2025-11-01", "2026-03-01", "won")
	story.keep(t, o.db)
	var id string
	o.want(o.do(func(ctx context.Context, tx *sqlx.Tx, by By) (err error) {
		id, err = Create(ctx, tx, Registration{CustomerName: "C1"}, by)
		return err
	}), "")
	amend := func(ctx context.Context, tx *sqlx.Tx, by By) error {
		return Amend(ctx, tx, id, Registration{PartnerID: "FG3877 ", CustomerName: "C1", EmailDomain: "c1.example", Involvement: "referred", Speculative: true}, by)
	}
	o.want(o.do(amend), "")
	o.want(o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error {
		_, err := Submit(ctx, tx, id, by)
		return err
	}), "")
	o.want(o.do(amend), "no draft any more")
	connect := func(account, opportunity string) error {
		return o.do(func(ctx context.Context, tx *sqlx.Tx, by By) error {
			return Connect(ctx, tx, id, account, opportunity, "", by)
		})
	}
	o.want(connect("", ""), "nothing is named")
	o.want(connect("C1", "O1"), "")
	v := o.get(id)
	if v.Linked != "O1" || v.How != howNames || v.AccountID != "C1" || !v.Speculative {
		t.Errorf("%+v", v)
	}
	last := v.Journal[len(v.Journal)-1]
	if last.State != commission.Submitted || last.Reason != "it is about the Account C1, the opportunity O1" || last.Actor != "ana" {
		t.Errorf("%+v", last)
	}
	o.want(o.reject(id, "no"), "")
	o.want(connect("C2", ""), "it is rejected")
}
