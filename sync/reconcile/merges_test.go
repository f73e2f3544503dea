package reconcile_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/partnersync/partnersync/mapping"
)

func spaceID(n int) string { return fmt.Sprintf("a01%012dAAA", n) }

// spaceOf is a Space that has been there for long.
func spaceOf(account, partner string) map[string]any {
	return map[string]any{
		"Space_Key__c": "S-" + account, "Name": "Space", "Account__c": account, "Created_Via__c": "Manual",
		"Space_Created_At__c": "2020-01-01T00:00:00.000+0000", "Partner_ID__c": partner,
	}
}

// mergedInto is an Account of which another is what is left.
func mergedInto(master string) map[string]any {
	return account("duplicate", "", "MasterRecordId", master, "IsDeleted", true)
}

// later lets days pass in Salesforce.
func (l *ledgerOf) later(days int) { l.stamp = l.stamp.AddDate(0, 0, days) }

// wantPaid works out what is due and compares the lines that come to something.
func (l *ledgerOf) wantPaid(what string, want ...string) {
	l.t.Helper()
	l.run()
	l.pay()
	var got []string
	must(l.t, l.db.Select(&got, `
		select concat_ws(' ', source_id, payee_id, regime, amount_minor) from ledger.line
		where status = 'accrued' and amount_minor <> 0`))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Errorf("%s: paid are %q, want %q", what, got, want)
	}
}

// A person moved what named the duplicate to the customer; that the duplicate is
// merged into that customer afterwards takes nothing of it back (R3.3, R9.2).
func TestR9_2_AMergeLeavesWhatAPersonHadCorrected(t *testing.T) {
	t.Parallel()
	t.Run("opportunity", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stage(mapping.Customer, acct1, account("duplicate", ""))
		l.stage(mapping.Customer, acct2, account("Acme", ""))
		l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "AB1234"))
		l.stage(mapping.Space, spaceID(2), spaceOf(acct2, "FG3877"))
		l.stage(mapping.Opportunity, opp1, won(acct1))
		l.wantPaid("first seen", opp1+" AB1234 space 10000")
		l.later(1)
		l.stage(mapping.Opportunity, opp1, won(acct2))
		l.wantPaid("corrected", opp1+" FG3877 space 10000")
		l.later(1)
		l.stage(mapping.Customer, acct1, mergedInto(acct2))
		l.wantPaid("merged", opp1+" FG3877 space 10000")
	})
	t.Run("Space", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stage(mapping.Customer, acct1, account("duplicate", ""))
		l.stage(mapping.Customer, acct2, account("Acme", ""))
		l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "FG3877"))
		l.stage(mapping.Opportunity, opp1, won(acct2))
		l.wantPaid("first seen")
		l.later(1)
		l.stage(mapping.Space, spaceID(1), spaceOf(acct2, "FG3877"))
		l.wantPaid("corrected", opp1+" FG3877 space 10000")
		l.later(1)
		l.stage(mapping.Customer, acct1, mergedInto(acct2))
		l.wantPaid("merged", opp1+" FG3877 space 10000")
	})
	t.Run("registration", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stage(mapping.Customer, acct1, account("duplicate", ""))
		l.stage(mapping.Customer, acct2, account("Acme", ""))
		l.stage(mapping.Opportunity, opp1, won(acct2))
		l.stage(mapping.Registration, reg1, approved("Account__c", acct1))
		l.wantPaid("first seen")
		l.later(1)
		l.stage(mapping.Registration, reg1, approved("Account__c", acct2))
		l.wantPaid("corrected", opp1+" FG3877 registration 10000")
		l.later(1)
		l.stage(mapping.Customer, acct1, mergedInto(acct2))
		l.wantPaid("merged", opp1+" FG3877 registration 10000")
	})
}

// What a merge has moved stays the customer's that it was, whichever comes first:
// the merge, or the records that it moved (R3.3, R9.2).
func TestR9_2_WhatAMergeMovesStaysWithItsCustomer(t *testing.T) {
	t.Parallel()
	for _, accountFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("the Account comes first %v", accountFirst), func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			l.stage(mapping.Customer, acct1, account("duplicate", ""))
			l.stage(mapping.Customer, acct2, account("Acme", ""))
			l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "AB1234"))
			l.stage(mapping.Space, spaceID(2), spaceOf(acct2, "FG3877"))
			l.stage(mapping.Opportunity, opp1, won(acct1))
			l.wantPaid("first seen", opp1+" AB1234 space 10000")
			l.later(1)
			moved := func() {
				l.stage(mapping.Opportunity, opp1, won(acct2))
				l.stage(mapping.Space, spaceID(1), spaceOf(acct2, "AB1234"))
			}
			if accountFirst {
				l.stage(mapping.Customer, acct1, mergedInto(acct2))
				l.wantPaid("merged", opp1+" AB1234 space 10000")
				moved()
			} else {
				moved()
				l.run()
				l.stage(mapping.Customer, acct1, mergedInto(acct2))
			}
			l.wantPaid("merged and moved", opp1+" AB1234 space 10000")
			l.later(1)
			l.stage(mapping.Opportunity, opp1, won(acct2, "Name", "another name"))
			l.wantPaid("edited since", opp1+" AB1234 space 10000")
		})
	}
}

// The platform may move a lookup and leave the stamp: no person did that, however
// late the merge is dated.
func TestR9_2_AMoveWithoutAStampIsTheMerges(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "AB1234"))
	l.stage(mapping.Space, spaceID(2), spaceOf(acct2, "FG3877"))
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.wantPaid("first seen", opp1+" AB1234 space 10000")
	l.stamp = l.stamp.Add(-time.Second)
	l.stage(mapping.Opportunity, opp1, won(acct2))
	l.later(9)
	l.stage(mapping.Customer, acct1, mergedInto(acct2))
	l.wantPaid("merged", opp1+" AB1234 space 10000")
}

// A merge that is undone, or leads elsewhere from now on, parts what it had brought
// together: what earned by it is worked out again on both sides (R9.2).
func TestR9_2_AMergeUndoneReachesBothSides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		now  map[string]any
		paid []string
		due  []string
	}{
		{"undeleted", account("A", ""), nil, []string{opp2}},
		{"merged elsewhere", mergedInto(acct3), []string{opp3 + " FG3877 space 10000"}, []string{opp2, opp3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			l.stamp = at("2026-01-01T00:00:00Z")
			for _, id := range []string{acct1, acct2, acct3} {
				l.stage(mapping.Customer, id, account("A", ""))
			}
			l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "FG3877"))
			l.stage(mapping.Opportunity, opp2, won(acct2))
			l.stage(mapping.Opportunity, opp3, won(acct3))
			l.wantPaid("apart")
			l.stage(mapping.Customer, acct1, mergedInto(acct2))
			l.wantPaid("merged", opp2+" FG3877 space 10000")
			l.stage(mapping.Customer, acct1, c.now)
			l.wantDue(c.name, c.due...)
			l.stage(mapping.Opportunity, opp2, won(acct2))
			l.stage(mapping.Opportunity, opp3, won(acct3))
			l.wantPaid(c.name, c.paid...)
		})
	}
	t.Run("with a registration", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stamp = at("2026-01-01T00:00:00Z")
		l.stage(mapping.Customer, acct1, account("A", ""))
		l.stage(mapping.Customer, acct2, account("B", ""))
		l.stage(mapping.Registration, reg1, approved("Account__c", acct1))
		l.stage(mapping.Opportunity, opp2, won(acct2))
		l.wantPaid("apart")
		l.stage(mapping.Customer, acct1, mergedInto(acct2))
		l.wantPaid("merged", opp2+" FG3877 registration 10000")
		l.stage(mapping.Customer, acct1, account("A", ""))
		l.wantPaid("undeleted")
	})
}

// A merge is dated by the oldest version that tells of it, also one that comes late;
// what the date decides is worked out again (R7.7, R9.2).
func TestR7_7_AMergeIsDatedByItsOldestVersion(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stamp = at("2026-01-01T00:00:00Z")
	l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "FG3877"))
	l.stage(mapping.Space, spaceID(2), spaceOf(acct2, "AB1234"))
	l.stage(mapping.Opportunity, opp2, won(acct2))
	l.stamp = at("2026-05-01T00:00:00Z")
	l.stage(mapping.Customer, acct1, mergedInto(acct2))
	l.wantPaid("merged after the close, as far as is known", opp2+" AB1234 space 10000")
	l.stamp = at("2026-02-01T00:00:00Z")
	l.stage(mapping.Customer, acct1, mergedInto(acct2))
	l.wantPaid("merged before it: two Spaces that differ")
	l.stamp = at("2026-03-01T00:00:00Z")
	l.stage(mapping.Customer, acct1, mergedInto(acct2))
	l.wantDue("told once more")
}
