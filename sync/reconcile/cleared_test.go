package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

// twoSpaces is a customer with Spaces of FG3877 and of AB1234, and a sale that names the
// first: one that names none is held.
func twoSpaces(t *testing.T) *ledgerOf {
	t.Helper()
	l := newLedger(t)
	l.stage(mapping.Customer, acct1, account("Acme", ""))
	l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "FG3877"))
	l.stage(mapping.Space, spaceID(2), with(spaceOf(acct1, "AB1234"), "Space_Key__c", "S-2"))
	l.stage(mapping.Opportunity, opp1, won(acct1, "Space__c", spaceID(1)))
	l.wantPaid("first seen", toFirst)
	l.later(1)
	return l
}

var toFirst = opp1 + " FG3877 space 10000"

func (l *ledgerOf) deletesSpace() {
	l.stage(mapping.Space, spaceID(1), with(spaceOf(acct1, "FG3877"), "IsDeleted", true))
}
func (l *ledgerOf) undeletesSpace() { l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "FG3877")) }
func (l *ledgerOf) clears()         { l.stage(mapping.Opportunity, opp1, won(acct1)) }

// over stages what a version says in place of the last one: Salesforce shows it
// otherwise, and nobody has written it.
func (l *ledgerOf) over(kind mapping.Kind, id string, fields map[string]any) {
	l.t.Helper()
	text, err := json.Marshal(whole(kind, fields))
	must(l.t, err)
	object := mapping.Default().Object(kind)
	stamp := fetchTime(l, `select max(modstamp) from staging.record where id = $1`, id)
	l.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := staging.Put(ctx, tx, object, []staging.Record{{Object: object, ID: id, Modstamp: stamp, Payload: text}}, l.clock.Now())
		return err
	})
}

func fetchTime(l *ledgerOf, query string, args ...any) (out time.Time) {
	l.t.Helper()
	must(l.t, l.db.Get(&out, query, args...))
	return out
}

// vanishes marks a Space as a recount does; it was there until alive.
func (l *ledgerOf) vanishes(alive time.Time) {
	l.t.Helper()
	_, err := l.db.Exec(`update staging.record set vanished_at = $2, alive_at = $3, reconciled_at = null where id = $1`, spaceID(1), l.clock.Now(), alive)
	must(l.t, err)
}

// Salesforce clears the lookup to a Space that is deleted; deleting a Space ends nothing
// (R2.11), so the sale goes on counting for it (R3.3), whichever is learned first.
func TestR2_11_ASaleKeepsTheSpaceThatWasDeleted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		steps []func(*ledgerOf)
	}{
		{"the sale first", []func(*ledgerOf){(*ledgerOf).clears, (*ledgerOf).deletesSpace}},
		{"the Space first", []func(*ledgerOf){(*ledgerOf).deletesSpace, (*ledgerOf).clears}},
		{"changed again while it is deleted", []func(*ledgerOf){
			(*ledgerOf).deletesSpace, (*ledgerOf).clears,
			func(l *ledgerOf) { l.later(30); l.stage(mapping.Opportunity, opp1, won(acct1, "Name", "renamed")) },
		}},
		{"changed long after", []func(*ledgerOf){
			(*ledgerOf).deletesSpace,
			func(l *ledgerOf) { l.later(30); l.stage(mapping.Opportunity, opp1, won(acct1, "Name", "renamed")) },
		}},
		{"under the stamp that it had", []func(*ledgerOf){
			(*ledgerOf).deletesSpace, func(l *ledgerOf) { l.over(mapping.Opportunity, opp1, won(acct1)) },
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := twoSpaces(t)
			for _, step := range c.steps {
				step(l)
				l.run()
				l.pay()
			}
			l.wantPaid(c.name, toFirst)
		})
	}
}

// An undelete puts the lookup back, whether or not the sale shows it by then.
func TestR2_11_AnUndeletedSpaceIsNamedAgain(t *testing.T) {
	t.Parallel()
	l := twoSpaces(t)
	l.deletesSpace()
	l.clears()
	l.wantPaid("deleted", toFirst)
	l.later(2)
	l.undeletesSpace()
	l.wantPaid("undeleted, and the sale not read again", toFirst)
	l.stage(mapping.Opportunity, opp1, won(acct1, "Space__c", spaceID(1)))
	l.wantPaid("undeleted", toFirst)
	l.later(2)
	l.clears()
	l.wantPaid("cleared by a person")
	l.later(2)
	l.deletesSpace()
	l.wantPaid("cleared by a person before it was deleted again")
}

// Whoever shows none after the undelete has cleared it.
func TestR2_11_WhatIsClearedAfterTheUndeleteIsCleared(t *testing.T) {
	t.Parallel()
	l := twoSpaces(t)
	l.deletesSpace()
	l.clears()
	l.later(2)
	l.undeletesSpace()
	l.wantPaid("undeleted", toFirst)
	l.later(2)
	l.clears()
	l.wantPaid("cleared")
}

// A person clears the Space of a sale; that the Space is deleted later brings nothing
// back.
func TestR3_3_WhatAPersonClearedStaysCleared(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(*ledgerOf){
		"deleted":  (*ledgerOf).deletesSpace,
		"vanished": func(l *ledgerOf) { l.vanishes(l.stamp.AddDate(0, 0, -1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := twoSpaces(t)
			l.clears()
			l.wantPaid("cleared")
			l.later(20)
			goes(l)
			l.wantPaid(name)
			l.stage(mapping.Opportunity, opp1, won(acct1, "Name", "renamed"))
			l.wantPaid("changed again")
			l.stage(mapping.Opportunity, opp1, won(acct1, "Space__c", spaceID(2)))
			l.wantPaid("given another", opp1+" AB1234 space 10000")
		})
	}
}

// A Space that was purged before anybody saw it deleted: what was cleared since it was
// last there was cleared by that.
func TestR9_1_ASaleKeepsTheSpaceThatVanished(t *testing.T) {
	t.Parallel()
	for _, saleFirst := range []bool{true, false} {
		t.Run(fmt.Sprint("the sale first ", saleFirst), func(t *testing.T) {
			t.Parallel()
			l := twoSpaces(t)
			alive := l.stamp.Add(-time.Hour)
			if saleFirst {
				l.clears()
				l.run()
				l.vanishes(alive)
			} else {
				l.vanishes(alive)
				l.run()
				l.clears()
			}
			l.wantPaid("vanished", toFirst)
			l.stage(mapping.Space, spaceID(1), spaceOf(acct1, "FG3877")) // it was only hidden
			l.wantPaid("it is back, and a person had cleared it")
		})
	}
}

// What says nothing without its lookup keeps what it said when Salesforce clears it, and
// is no discrepancy, whichever is learned first (R2.11).
func TestR2_11_WhatNamedADeletedRecordKeepsWhatItSaid(t *testing.T) {
	t.Parallel()
	const id, org, person = "a0A000000000001AAA", "00D0E0000000001", "ana@client.example"
	when := "2019-05-01T00:00:00.000+0000"
	for _, c := range []struct {
		kind          mapping.Kind
		says          map[string]any
		link          string
		table, column string
	}{
		{mapping.Invitation, map[string]any{"Email__c": person, "Invited_At__c": when}, "Space__c", "invitation", "space_id"},
		{mapping.Connection, map[string]any{"Org_ID__c": org, "Connected_At__c": when}, "Space__c", "connection", "space_id"},
		{mapping.Engagement, map[string]any{"Engaged_On__c": "2026-03-01", "Kind__c": "Demo"}, "Partner_Registration__c", "engagement", "registration_id"},
	} {
		for _, first := range []string{"what it named", "it"} {
			for _, gone := range []string{"deleted", "vanished"} {
				t.Run(string(c.kind)+", "+first+" first, "+gone, func(t *testing.T) {
					t.Parallel()
					l := twoSpaces(t)
					l.stage(mapping.Registration, reg1, approved("Account__c", acct1))
					to, goes := spaceID(1), l.deletesSpace
					if c.kind == mapping.Engagement {
						to, goes = reg1, func() {
							l.stage(mapping.Registration, reg1, with(approved("Account__c", acct1), "IsDeleted", true))
						}
					}
					if gone == "vanished" {
						goes = func() {
							_, err := l.db.Exec(`update staging.record set vanished_at = $2, reconciled_at = null where id = $1`, to, l.clock.Now())
							must(t, err)
						}
					}
					l.stage(c.kind, id, with(c.says, c.link, to))
					l.run()
					l.later(1)
					steps := []func(){goes, func() { l.stage(c.kind, id, c.says) }}
					if first == "it" {
						steps[0], steps[1] = steps[1], steps[0]
					}
					steps[0]()
					l.run()
					if first == "it" {
						l.wantOpen(id, "unreadable_record")
					}
					steps[1]()
					l.run()
					l.wantOpen(id)
					var names string
					var stamp time.Time
					must(t, l.db.QueryRow(`select `+c.column+`, modstamp from ledger.`+c.table+` where id = $1`, id).Scan(&names, &stamp))
					if want := fetchTime(l, `select max(modstamp) from staging.record where id = $1`, id); names != to || !stamp.Equal(want) {
						t.Errorf("it names %q as of %s, want %q as of %s", names, stamp, to, want)
					}
				})
			}
		}
	}
}

// A lookup that a person has cleared while what it named is there asks a person to look.
func TestAnInvitationWithoutItsSpaceIsUnreadable(t *testing.T) {
	t.Parallel()
	l := twoSpaces(t)
	says := map[string]any{"Email__c": "ana@client.example", "Invited_At__c": "2019-05-01T00:00:00.000+0000"}
	l.stage(mapping.Invitation, "a0A000000000001AAA", with(says, "Space__c", spaceID(1)))
	l.run()
	l.stage(mapping.Invitation, "a0A000000000001AAA", says)
	l.run()
	l.wantOpen("a0A000000000001AAA", "unreadable_record")
}
