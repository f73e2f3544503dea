package wholeway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/sync/stage"
)

// twoSpaces is a customer with Spaces of FG3877 and of AB1234, and a sale that names the
// first: one that names none would be held.
func twoSpaces(t *testing.T) (w *way, account, space, sold string) {
	t.Helper()
	w = newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, space = acme(w, "FG3877")
	w.insert("Space__c", map[string]any{"Space_Key__c": "S-2", "Name": "Second", "Account__c": account, "Created_Via__c": "Manual",
		"Space_Created_At__c": instant("2020-01-01T00:00:00Z"), "Partner_ID__c": "AB1234"})
	sold = w.insert("Opportunity", sale(account, "1000", "2026-03-20", "Space__c", space))
	w.settle()
	want(t, w.totals(), "FG3877", "100.00")
	return w, account, space, sold
}

// links gives where a sale's commission leads in Salesforce.
func (w *way) links() (account, opportunity, space string) {
	w.t.Helper()
	records := w.org.Records("Partner_Commission__c")
	if len(records) != 1 {
		w.t.Fatalf("%d commissions", len(records))
	}
	return text(records[0]["Account__c"]), text(records[0]["Opportunity__c"]), text(records[0]["Space__c"])
}

func (w *way) wantLinks(what, account, opportunity, space string) {
	w.t.Helper()
	if a, o, s := w.links(); a != account || o != opportunity || s != space {
		w.t.Errorf("%s: the commission leads to %q, %q and %q, want %q, %q and %q", what, a, o, s, account, opportunity, space)
	}
}

// pushes changes a sale, and wants its commission to be written at once, with every link
// that it is given.
func (w *way) pushes(sold, amount string) {
	w.t.Helper()
	w.change("Opportunity", sold, w.clock.Now().Format(time.RFC3339), map[string]any{"Amount": amount})
	r := w.run()[stage.Push]
	for _, c := range r.Counts {
		if c.N > 0 && strings.Contains(c.Name, "commission") && c.Name != "commission written" {
			w.t.Errorf("pushed: %+v", r)
		}
	}
	if r.Get("commission written") != 1 {
		w.t.Errorf("pushed: %+v", r)
	}
	var waits int
	if err := w.db.Get(&waits, `select count(*) from outbox.record where wanted > confirmed or last_error <> ''`); err != nil || waits > 0 {
		w.t.Errorf("%d records wait (%v)", waits, err)
	}
}

// TestR2_11_ADeletedSpaceTakesNothing from its sale; and that Salesforce clears the links
// to it, and puts them back, is no drift, no refusal and no reason to write.
func TestR2_11_ADeletedSpaceTakesNothing(t *testing.T) {
	t.Parallel()
	w, account, space, sold := twoSpaces(t)
	w.clock.Advance(time.Hour)
	must(t, w.org.Delete("Space__c", space))
	w.agrees()
	want(t, w.totals(), "FG3877", "100.00")
	w.wantLinks("deleted", account, sold, "")
	w.pushes(sold, "2000")
	w.wantLinks("changed while it is deleted", account, sold, "")
	w.agrees()

	w.clock.Advance(time.Hour)
	must(t, w.org.Undelete("Space__c", space))
	if d := w.differences(); len(d) > 0 {
		t.Errorf("undeleted, and nobody has seen it: %+v", d)
	}
	w.agrees()
	w.wantLinks("undeleted", account, sold, space)
	w.pushes(sold, "3000")
	w.wantLinks("changed since", account, sold, space)
	want(t, w.totals(), "FG3877", "300.00")

	w.clock.Advance(time.Hour)
	w.purge("Space__c", space)
	w.run()
	w.recount()
	want(t, w.totals(), "FG3877", "300.00")
	if got := w.openOf(space); !slices.Contains(got, "vanished_in_salesforce") {
		t.Errorf("open of the Space: %v", got)
	}
	w.confirm(space, "")
	w.agrees()
	w.pushes(sold, "4000")
	want(t, w.totals(), "FG3877", "400.00")
	w.wantLinks("purged", account, sold, "")
	w.agrees()
}

// TestR3_3_ASpaceThatAPersonClearedBeforeItWasPurged does not come back.
func TestR3_3_ASpaceThatAPersonClearedBeforeItWasPurged(t *testing.T) {
	t.Parallel()
	w, _, space, sold := twoSpaces(t)
	w.change("Opportunity", sold, w.clock.Now().Format(time.RFC3339), map[string]any{"Space__c": nil})
	w.run()
	held := func(when string) {
		t.Helper()
		if got := w.totals(); len(got) > 0 {
			t.Errorf("%s: %v", when, got)
		}
	}
	held("cleared")
	w.clock.Advance(2 * time.Hour)
	w.recount() // the Space is still there
	w.clock.Advance(2 * time.Hour)
	w.purge("Space__c", space)
	w.recount()
	held("purged")
	w.confirm(space, "")
	w.run()
	held("confirmed")
}

// TestR9_2_LinksThatAMergeMovesAreNoDrift, and are written as it leaves them.
func TestR9_2_LinksThatAMergeMovesAreNoDrift(t *testing.T) {
	t.Parallel()
	w, account, space, sold := twoSpaces(t)
	winner := w.insert("Account", map[string]any{"Name": "Winner"})
	w.run()
	w.clock.Advance(time.Hour)
	must(t, w.org.Merge("Account", winner, account))
	w.agrees()
	w.wantLinks("merged", winner, sold, space)
	w.pushes(sold, "2000")
	w.wantLinks("changed since", winner, sold, space)
	w.agrees()

	w.clock.Advance(time.Hour)
	must(t, w.org.Undelete("Account", account))
	w.agrees()
	w.wantLinks("undone, which moves nothing back", winner, sold, space)
	w.pushes(sold, "3000")
	w.agrees()
}

// TestR9_1_TheLinkToADeletedSale is cleared, not refused, and comes back with it.
func TestR9_1_TheLinkToADeletedSale(t *testing.T) {
	t.Parallel()
	w, account, space, sold := twoSpaces(t)
	w.clock.Advance(time.Hour)
	must(t, w.org.Delete("Opportunity", sold))
	w.agrees()
	w.wantLinks("deleted", account, "", space)
	if n := fetch[int](t, w.db, `select count(*) from outbox.record where wanted > confirmed or last_error <> ''`); n > 0 {
		t.Errorf("%d records wait", n)
	}
	w.clock.Advance(time.Hour)
	must(t, w.org.Undelete("Opportunity", sold))
	w.agrees()
	w.wantLinks("undeleted", account, sold, space)
	want(t, w.totals(), "FG3877", "100.00")
}

// TestR8_3_AClearedLinkToWhatIsThereIsDrift: somebody has done that.
func TestR8_3_AClearedLinkToWhatIsThereIsDrift(t *testing.T) {
	t.Parallel()
	w, account, space, sold := twoSpaces(t)
	id := text(w.org.Records("Partner_Commission__c")[0]["Id"])
	must(t, w.org.Update("Partner_Commission__c", id, map[string]any{"Space__c": nil}, instant("2027-02-02T00:00:00Z")))
	w.run()
	if n := len(openOf(w, "salesforce_drift")); n != 1 {
		t.Errorf("%d drifts", n)
	}
	w.runs(3, stage.Options{Repair: true})
	w.wantLinks("repaired", account, sold, space)
	w.agrees()
}

// TestLinksToWhatIsThereAgainAreWritten, where Salesforce has none to put back: the
// commission was made while there was nothing to lead to.
func TestLinksToWhatIsThereAgainAreWritten(t *testing.T) {
	t.Parallel()
	w, account, space, sold := twoSpaces(t)
	w.clock.Advance(time.Hour)
	must(t, w.org.Delete("Space__c", space))
	w.run()
	must(t, w.org.Delete("Partner_Commission__c", text(w.org.Records("Partner_Commission__c")[0]["Id"])))
	must(t, w.org.Purge("Partner_Commission__c", text(w.org.Records("Partner_Commission__c")[0]["Id"])))
	w.run()
	w.runs(3, stage.Options{Repair: true})
	w.wantLinks("made while it is deleted", account, sold, "")
	w.clock.Advance(time.Hour)
	must(t, w.org.Undelete("Space__c", space))
	w.agrees()
	w.wantLinks("undeleted", account, sold, space)
}

// TestLinksOfLinesWhoseSaleHasMovedOnAreWritten: a line that is void leads to the Space that
// it was for, though its sale names another by now, which has been there all the time.
func TestLinksOfLinesWhoseSaleHasMovedOnAreWritten(t *testing.T) {
	t.Parallel()
	w, _, space, sold := twoSpaces(t)
	other := fetch[string](t, w.db, `select id from ledger.space where id <> '`+space+`'`)
	w.clock.Advance(time.Hour)
	must(t, w.org.Delete("Space__c", space))
	w.change("Opportunity", sold, w.clock.Now().Format(time.RFC3339), map[string]any{"Space__c": other})
	w.run()
	for _, r := range w.org.Records("Partner_Commission__c") { // or Salesforce would put the link back itself
		must(t, w.org.Delete("Partner_Commission__c", text(r["Id"])))
		must(t, w.org.Purge("Partner_Commission__c", text(r["Id"])))
	}
	w.run()
	w.runs(3, stage.Options{Repair: true})
	void := func() string {
		for _, r := range w.org.Records("Partner_Commission__c") {
			if text(r["Partner_ID__c"]) == "FG3877" {
				return text(r["Status__c"]) + " of " + text(r["Space__c"])
			}
		}
		return "none"
	}
	if is := void(); is != "Void of " {
		t.Errorf("while the Space is gone: %s", is)
	}
	w.clock.Advance(time.Hour)
	must(t, w.org.Undelete("Space__c", space))
	w.agrees()
	if is := void(); is != "Void of "+space {
		t.Errorf("undeleted: %s", is)
	}
}
