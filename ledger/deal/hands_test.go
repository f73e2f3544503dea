package deal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger/commission"
)

// as runs a command as somebody.
func (o *office) as(actor string, f func(ctx context.Context, tx *sqlx.Tx, by By) error) {
	o.t.Helper()
	by := o.by(actor)
	inTx(o.t, o.db, func(ctx context.Context, tx *sqlx.Tx) error { return f(ctx, tx, by) })
}

// registers drafts a registration for a domain as one person, and submits it as
// another.
func (o *office) registers(partner, domain, enters, submits string) (id string) {
	o.t.Helper()
	o.as(enters, func(ctx context.Context, tx *sqlx.Tx, by By) (err error) {
		id, err = Create(ctx, tx, Registration{PartnerID: partner, CustomerName: "C", EmailDomain: domain, Involvement: "engaged"}, by)
		return err
	})
	o.as(submits, func(ctx context.Context, tx *sqlx.Tx, by By) error {
		_, err := Submit(ctx, tx, id, by)
		return err
	})
	return id
}

func (o *office) approves(actor, id string) {
	o.t.Helper()
	o.as(actor, func(ctx context.Context, tx *sqlx.Tx, by By) error { return Approve(ctx, tx, id, nil, "", by) })
}

// logs records an engagement of a registration on the first day of 2026.
func (o *office) logs(actor, recordedBy, registration string) (id string) {
	o.t.Helper()
	o.as(actor, func(ctx context.Context, tx *sqlx.Tx, by By) (err error) {
		id, err = LogEngagement(ctx, tx, Engagement{RegistrationID: registration, On: on("2026-01-01"), Kind: "demo", RecordedBy: recordedBy}, by)
		return err
	})
	return id
}

// wantHands compares who had a hand in sources, written "O1: ana bo; O2: cy".
func (o *office) wantHands(want string, sources ...string) {
	o.t.Helper()
	got, err := Hands(o.t.Context(), o.db, sources, terms)
	if err != nil {
		o.t.Fatal(err)
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(got)) {
		out = append(out, id+": "+strings.Join(got[id], " "))
	}
	if text := strings.Join(out, "; "); text != want {
		o.t.Errorf("hands are %q, want %q", text, want)
	}
}

// openOfficeWithSales opens an office with opportunities: O1 of C1 and O2 of C2 have a customer
// with a domain, O3 has nobody's.
func openOfficeWithSales(t *testing.T) *office {
	o := openOffice(t)
	tell().opp("O1", "C1", "2026-01-01", "2026-03-01", "won").opp("O2", "C2", "2026-01-01", "2026-03-01", "won").
		opp("O3", "", "2026-01-01", "2026-03-01", "won").keep(t, o.db)
	return o
}

func TestR8_5_HandsAreOfWhoeverEnteredDecidedLoggedAndConfirmed(t *testing.T) {
	o := openOfficeWithSales(t)
	o.wantHands("", "O1", "O2", "O3")
	first := o.registers("FG3877", "c1.example", "ed", "sue")
	o.wantHands("O1: ed sue", "O1", "O2", "O3")
	o.approves("dan", first)
	o.logs("stan", ByStaff, first)
	logged := o.logs("pat", ByPartner, first)
	o.wantHands("O1: dan ed pat stan sue", "O1", "O2", "O3")
	o.as("cora", func(ctx context.Context, tx *sqlx.Tx, by By) error {
		_, err := ConfirmEngagement(ctx, tx, logged, by)
		return err
	})
	// Who connected it with an Account has a hand in it too; each counts once.
	o.as("ann", func(ctx context.Context, tx *sqlx.Tx, by By) error { return Connect(ctx, tx, first, "C1", "", "", by) })
	o.as("dan", func(ctx context.Context, tx *sqlx.Tx, by By) error { return Connect(ctx, tx, first, "", "O1", "", by) })
	o.wantHands("O1: ann cora dan ed pat stan sue", "O1", "O2", "O3")
	// Another customer's registration is underneath its own sale only.
	o.registers("AB1234", "c2.example", "zoe", "zoe")
	o.wantHands("O1: ann cora dan ed pat stan sue; O2: zoe", "O1", "O2", "O3")
	o.wantHands("O2: zoe", "O2", "O3", "O9")
}

func TestR8_5_WhoAmendedADraftHasAHandInIt(t *testing.T) {
	o := openOfficeWithSales(t)
	var id string
	o.as("ed", func(ctx context.Context, tx *sqlx.Tx, by By) (err error) {
		id, err = Create(ctx, tx, Registration{PartnerID: "FG3877"}, by)
		return err
	})
	o.as("amy", func(ctx context.Context, tx *sqlx.Tx, by By) error {
		return Amend(ctx, tx, id, Registration{PartnerID: "FG3877", CustomerName: "C", EmailDomain: "c1.example", Involvement: "referred"}, by)
	})
	o.wantHands("", "O1") // a draft claims nothing
	o.as("ed", func(ctx context.Context, tx *sqlx.Tx, by By) error {
		_, err := Submit(ctx, tx, id, by)
		return err
	})
	o.wantHands("O1: amy ed", "O1")
}

func TestR8_5_WhatClaimsAndLostIsNotUnderneath(t *testing.T) {
	o := openOfficeWithSales(t)
	first := o.registers("FG3877", "c1.example", "ed", "ed")
	second := o.registers("AB1234", "c1.example", "rita", "rita")
	o.logs("rob", ByStaff, second)
	o.approves("dan", first)
	o.wantHands("O1: dan ed", "O1")
	o.as("rex", func(ctx context.Context, tx *sqlx.Tx, by By) error { return Reject(ctx, tx, second, "theirs", by) })
	o.wantHands("O1: dan ed", "O1")
}

func TestR8_5_WhoSharesAndWhoSetSharesHaveAHandInIt(t *testing.T) {
	o := openOfficeWithSales(t)
	first := o.registers("FG3877", "c1.example", "ed", "ed")
	second := o.registers("AB1234", "c1.example", "sue", "sue")
	o.approves("dan", first)
	o.as("fay", func(ctx context.Context, tx *sqlx.Tx, by By) error {
		return Approve(ctx, tx, second, halves(first, second), "", by)
	})
	o.wantHands("O1: dan ed fay sue", "O1")
}

// A revocation takes back what the registration earned, so whoever revoked it does
// not approve that; nor does whoever entered it.
func TestR8_5_ARevokedRegistrationIsUnderneathWhatItTakesBack(t *testing.T) {
	o := openOfficeWithSales(t)
	id := o.registers("FG3877", "c1.example", "ed", "ed")
	o.approves("dan", id)
	o.as("rey", func(ctx context.Context, tx *sqlx.Tx, by By) error { return Revoke(ctx, tx, id, "another's", by) })
	o.wantHands("O1: dan ed rey", "O1", "O2")
	next := o.registers("AB1234", "c1.example", "sue", "sue")
	o.wantState(next, commission.Submitted)
	o.wantHands("O1: dan ed rey sue", "O1", "O2")
}

func TestR8_5_WhatSalesforceStatedIsSalesforces(t *testing.T) {
	o := openOfficeWithSales(t)
	tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-02", of("C2")).keep(t, o.db)
	inTx(t, o.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := SaveEngagements(ctx, tx, []Engagement{
			{ID: "E1", RegistrationID: "R1", On: on("2026-02-01"), Modstamp: now},
			{ID: "E2", RegistrationID: "R1", On: on("2026-02-02"), Actor: "gone", IsDeleted: true, Modstamp: now},
		}, now)
		return err
	})
	o.wantHands("O2: Salesforce", "O1", "O2")
	o.logs("stan", ByStaff, "R1")
	o.wantHands("O2: Salesforce stan", "O1", "O2")
}

// Thousands of lines are approved at once; what a source is asked with makes no
// difference.
func TestR8_5_HandsOfManySources(t *testing.T) {
	o := openOfficeWithSales(t)
	o.registers("FG3877", "c1.example", "ed", "ed")
	many := make([]string, 0, 2*handsAtOnce)
	for i := range cap(many) {
		many = append(many, fmt.Sprintf("X%04d", i))
	}
	many[3], many[handsAtOnce+3] = "O2", "O1"
	o.wantHands("O1: ed", many...)
}
