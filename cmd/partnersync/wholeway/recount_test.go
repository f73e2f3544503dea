package wholeway_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/recount"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
)

// recount counts everything again, and the other stages follow.
func (w *way) recount() stage.Report {
	w.t.Helper()
	r := w.count()
	w.run()
	return r
}

func (w *way) count() stage.Report {
	w.t.Helper()
	client := orgtest.Client(w.t, w.url, salesforce.Config{Clock: w.clock})
	r, err := recount.New(recount.Config{DB: w.db, Source: client, Mapping: mapping.Default(), Clock: w.clock}).Run(context.Background(), stage.Options{Actor: "test"})
	must(w.t, err)
	return r
}

func (w *way) purge(object string, ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		must(w.t, w.org.Purge(object, id))
	}
}

// vanish marks records as a recount does that finds them gone.
func (w *way) vanish(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		_, err := w.db.Exec(`update staging.record set vanished_at = $2, reconciled_at = null where id = $1`, id, w.clock.Now())
		must(w.t, err)
	}
}

// settle lets pulls come to where nothing is read again.
func (w *way) settle() {
	w.t.Helper()
	w.run()
	w.clock.Advance(time.Hour)
	w.run()
}

// openOf gives the kinds of the open discrepancies of a subject, and whether they hold.
func (w *way) openOf(subject string) (out []string) {
	w.t.Helper()
	ds, err := ledger.Discrepancies(context.Background(), w.db, ledger.DiscrepancyFilter{Subject: subject})
	must(w.t, err)
	for _, d := range ds {
		out = append(out, d.Kind+map[bool]string{true: " hold"}[d.IsHold])
	}
	return out
}

// TestR9_1_WhatVanishedIsHeldUntilAPersonConfirms: what was posted stays, until
// somebody says that the opportunity is gone; then it posts like a deletion.
func TestR9_1_WhatVanishedIsHeldUntilAPersonConfirms(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "AB1234")
	stays := w.insert("Opportunity", sale(account, "1000", "2026-03-20"))
	gone := w.insert("Opportunity", sale(account, "500", "2026-03-21"))
	w.settle()
	want(t, w.totals(), "AB1234", "150.00")
	entries := fetch[int](t, w.db, `select count(*) from ledger.entry`)

	w.purge("Opportunity", gone)
	w.run()
	want(t, w.totals(), "AB1234", "150.00") // nobody has seen it
	w.recount()
	if got := w.openOf(gone); !slices.Equal(got, []string{"vanished_in_salesforce hold"}) {
		t.Errorf("open: %v", got)
	}
	if n := fetch[int](t, w.db, `select count(*) from ledger.entry`); n != entries {
		t.Errorf("%d entries, %d before", n, entries)
	}
	if s := fetch[string](t, w.db, `select status || ' ' || reason from ledger.line where source_id = $1`, gone); s != "on_hold vanished_in_salesforce" {
		t.Errorf("its line is %s", s)
	}
	if got := w.openOf(stays); len(got) != 0 {
		t.Errorf("open of the other: %v", got)
	}

	w.confirm(gone, "")
	w.confirm(stays, errs.NotFound)
	w.confirm(gone, errs.Conflict)
	w.run()
	want(t, w.totals(), "AB1234", "100.00")
	if got := w.openOf(gone); len(got) != 0 {
		t.Errorf("still open: %v", got)
	}
	v, err := ledger.ReadVanished(t.Context(), w.db, gone)
	if err != nil || v.IsHeld || v.ConfirmedBy != "ana" || v.Reason != "a duplicate" || v.ConfirmedAt == nil || v.ReturnedAt != nil {
		t.Errorf("%+v, %v", v, err)
	}
	if r := w.count(); r.Problems != 0 {
		t.Errorf("found again: %+v", r)
	}
	w.agrees()
}

// agrees verifies the book.
func (w *way) agrees() {
	w.t.Helper()
	if r := w.run()[stage.Verify]; r.Get(verify.CountDifferences) != 0 {
		w.t.Errorf("verify: %+v", r)
	}
}

// confirm says as a person that a record is gone for good, and wants an error's kind.
func (w *way) confirm(id string, want errs.Kind) {
	w.t.Helper()
	_, err := recount.Confirm(context.Background(), w.db, id, "ana", "a duplicate", w.clock.Now())
	if errs.KindOf(err) != want {
		w.t.Errorf("confirm %s: %v, want %q", id, err, want)
	}
}

// TestR9_1_WhatVanishedAndComesBackPaysAgain, also after somebody confirmed that it
// was gone.
func TestR9_1_WhatVanishedAndComesBackPaysAgain(t *testing.T) {
	t.Parallel()
	for name, confirmed := range map[string]bool{"held": false, "confirmed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWay(t, "2027-02-01T06:00:00Z")
			w.apply(partnersAndPlan)
			account, _ := acme(w, "AB1234")
			w.insert("Opportunity", sale(account, "1000", "2026-03-20"))
			back := w.insert("Opportunity", sale(account, "500", "2026-03-21"))
			w.settle()
			w.vanish(back) // as if the integration user did not see it for a while
			w.run()
			if got := w.openOf(back); !slices.Equal(got, []string{"vanished_in_salesforce hold"}) {
				t.Errorf("open: %v", got)
			}
			if confirmed {
				w.confirm(back, "")
				w.run()
				want(t, w.totals(), "AB1234", "100.00")
			}
			w.recount()
			want(t, w.totals(), "AB1234", "150.00")
			if got := w.openOf(back); len(got) != 0 {
				t.Errorf("open: %v", got)
			}
			v, err := ledger.ReadVanished(t.Context(), w.db, back)
			if err != nil || v.IsHeld || v.ReturnedAt == nil || (v.ConfirmedAt != nil) != confirmed {
				t.Errorf("%+v, %v", v, err)
			}
			w.agrees()
		})
	}
}

// TestR9_1_AVanishedRegistrationOrEngagementHoldsWhatItClaims, and gives way once it
// is confirmed.
func TestR9_1_AVanishedRegistrationOrEngagementHoldsWhatItClaims(t *testing.T) {
	t.Parallel()
	for object, after := range map[string][]string{
		"Partner_Registration__c": {}, // then Space attribution pays
		"Partner_Engagement__c":   {"FG3877 referral", "5000.00"},
	} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			w, opportunity, _ := acmeRenewal(t, "2026-02-03")
			w.settle()
			entries := fetch[int](t, w.db, `select count(*) from ledger.entry where source_id = $1`, opportunity)
			id := w.org.Records(object)[0]["Id"].(string)
			w.purge(object, id)
			w.vanish(id)
			w.run()
			if got := w.openOf(id); !slices.Equal(got, []string{"vanished_in_salesforce hold"}) {
				t.Errorf("open: %v", got)
			}
			if got := w.openOf(opportunity); !slices.Contains(got, "registration_unclear hold") {
				t.Errorf("open of the opportunity: %v", got)
			}
			if n := fetch[int](t, w.db, `select count(*) from ledger.entry where source_id = $1`, opportunity); n != entries {
				t.Errorf("%d entries, %d before", n, entries)
			}
			w.confirm(id, "")
			w.run()
			if got := w.openOf(id); len(got) != 0 {
				t.Errorf("still open: %v", got)
			}
			if got := w.openOf(opportunity); slices.Contains(got, "registration_unclear hold") {
				t.Errorf("open of the opportunity: %v", got)
			}
			want(t, w.bySlice("Registration"), after...)
			w.agrees()
		})
	}
}

// TestR9_1_WhatOthersVanishedGoesOnCounting: Spaces, users, Accounts end nothing.
func TestR9_1_WhatOthersVanishedGoesOnCounting(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, space := acme(w, "AB1234")
	w.insert("Opportunity", sale(account, "1000", "2026-03-20"))
	for range 2 {
		w.insert("Account", map[string]any{"Name": "Another"})
		w.insert("Space__c", map[string]any{"Space_Key__c": "S" + w.insert("Account", map[string]any{"Name": "Third"}), "Space_Created_At__c": instant("2020-01-01T00:00:00Z")})
	}
	w.settle()
	w.vanish(account, space)
	w.run()
	for _, id := range []string{account, space} {
		if got := w.openOf(id); !slices.Contains(got, "vanished_in_salesforce") { // and no hold
			t.Errorf("open of %s: %v", id, got)
		}
		w.confirm(id, "")
	}
	w.run()
	want(t, w.totals(), "AB1234", "100.00")
	w.agrees()
}

// TestR9_2_AMergeWhoseLoserWasPurgedIsNoLoss: the merge was seen, then the bin emptied.
func TestR9_2_AMergeWhoseLoserWasPurgedIsNoLoss(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "AB1234")
	winner := w.insert("Account", map[string]any{"Name": "Winner"})
	w.insert("Opportunity", sale(account, "1000", "2026-03-20"))
	w.settle()
	must(t, w.org.Merge("Account", winner, account))
	w.settle()
	w.purge("Account", account)
	if r := w.recount(); r.Problems != 0 || len(w.openOf(account)) != 0 {
		t.Errorf("%+v, open: %v", r, w.openOf(account))
	}
	want(t, w.totals(), "AB1234", "100.00")
}

// TestRecountAndPullComeToTheSameInAnyOrder: a change, a deletion, a late commit and a
// purge, with the recount before the pull and after it.
func TestRecountAndPullComeToTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	var stood []map[string]string
	for _, first := range []string{"pull", "recount"} {
		w := newWay(t, "2027-02-01T06:00:00Z")
		w.apply(partnersAndPlan)
		account, _ := acme(w, "AB1234")
		var ids []string
		for _, amount := range []string{"1000", "2000", "3000", "4000"} {
			ids = append(ids, w.insert("Opportunity", sale(account, amount, "2026-03-20")))
		}
		w.settle()
		w.change("Opportunity", ids[0], w.clock.Now().Format(time.RFC3339), map[string]any{"Amount": "1500"})
		w.change("Opportunity", ids[1], "2027-01-01T00:00:00Z", map[string]any{"Amount": "2500"}) // behind the cursor
		must(t, w.org.Delete("Opportunity", ids[2]))
		w.purge("Opportunity", ids[3])
		w.insert("Opportunity", sale(account, "7000", "2026-04-20", "SystemModstamp", instant("2027-01-15T00:00:00Z")))
		if first == "pull" {
			w.run()
		}
		w.recount()
		w.recount()
		out := w.commissions()
		out["held"] = fetch[string](t, w.db, `select string_agg(status || ' ' || amount_minor, ', ' order by amount_minor) from ledger.line where source_id = $1`, ids[3])
		stood = append(stood, out)
		w.agrees()
	}
	want(t, stood[0], pairs(stood[1])...)
	if stood[0]["AB1234 2026-03"] == "" || stood[0]["AB1234 2026-04"] != "700.00" {
		t.Errorf("%v", stood[0])
	}
}

func pairs(m map[string]string) (out []string) {
	for k, v := range m {
		out = append(out, k, v)
	}
	return out
}
