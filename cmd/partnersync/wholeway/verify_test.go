package wholeway_test

import (
	"context"
	"testing"
	"time"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
)

// verifyStage gives the stage that compares.
func (w *way) verifyStage() *verify.Stage {
	return w.stages[4].(*verify.Stage)
}

// differences compares everything and gives what differs, the first of each check.
func (w *way) differences() (out []book.Difference) {
	w.t.Helper()
	r, err := w.verifyStage().Verify(context.Background(), nil)
	must(w.t, err)
	for _, c := range r.Checks {
		out = append(out, c.Kept...)
	}
	return out
}

// runs makes one pass of a stage, by its place.
func (w *way) runs(i int, o stage.Options) stage.Report {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	o.Actor = "test"
	r, err := w.stages[i].Run(context.Background(), o)
	must(w.t, err)
	return r
}

func openOf(w *way, kind string) (out []ledger.Discrepancy) {
	w.t.Helper()
	out, err := ledger.Discrepancies(context.Background(), w.db, ledger.DiscrepancyFilter{Kind: kind})
	must(w.t, err)
	return out
}

func TestR8_3_DriftInSalesforceIsFoundRepairedAndClosed(t *testing.T) {
	t.Parallel()
	w, account, _ := one(t)
	w.insert("Opportunity", sale(account, "1000", "2026-04-15", "SystemModstamp", instant("2027-02-01T06:00:30Z")))
	w.run()
	if d := w.differences(); len(d) > 0 {
		t.Fatalf("nothing has changed, and differs: %+v", d)
	}
	var changed, gone string
	for _, r := range w.org.Records("Partner_Commission__c") {
		switch text(r["Period__c"]) {
		case "2026-03":
			changed = text(r["Commission_Key__c"])
			must(t, w.org.Update("Partner_Commission__c", text(r["Id"]), map[string]any{"Amount__c": "999999", "Reason__c": "because I say so"}, instant("2027-02-02T00:00:00Z")))
		case "2026-04":
			gone = text(r["Commission_Key__c"])
			must(t, w.org.Delete("Partner_Commission__c", text(r["Id"])))
		}
	}
	partner := w.org.Records("Partner__c")[0]
	must(t, w.org.Update("Partner__c", text(partner["Id"]), map[string]any{"Name": "Somebody else"}, instant("2027-02-02T00:00:00Z")))
	extra := w.insert("Partner_Commission__c", map[string]any{"Commission_Key__c": "FG3877/space/006XX0000000000AAA/referral/2026-03"})

	// A run of every stage: push believes what Salesforce confirmed, verify does not.
	if r := w.run()[stage.Verify]; r.Problems != 4 || r.Status(nil) != stage.WithProblems {
		t.Errorf("found: %+v", r)
	}
	drift := map[string]string{}
	for _, d := range openOf(w, "salesforce_drift") {
		drift[d.Subject] = d.Object
	}
	if len(drift) != 3 || drift[changed] != "commission" || drift[gone] != "commission" || drift[text(partner["Partner_ID__c"])] != "partner" {
		t.Errorf("drift: %v", drift)
	}
	if open := openOf(w, "salesforce_extra"); len(open) != 1 || open[0].Subject != "FG3877/space/006XX0000000000AAA/referral/2026-03" {
		t.Errorf("extra: %+v", open)
	}
	r := w.runs(3, stage.Options{Repair: true})
	if r.Get("records to repair") != 3 || r.Get("commission written") != 2 || r.Get("partner written") != 1 {
		t.Errorf("repaired: %+v", r)
	}
	r = w.runs(4, stage.Options{})
	// What is left is no news: a run that finds nothing else is well.
	if n := len(openOf(w, "salesforce_drift")); n != 0 || r.Get(verify.CountDifferences) != 1 || r.Problems != 0 || r.Status(nil) != stage.OK {
		t.Errorf("after the repair %d are open: %+v", n, r)
	}
	want(t, w.commissions(), "FG3877 2026-03", "500.00", "FG3877 2026-04", "100.00")
	must(t, w.org.Delete("Partner_Commission__c", extra))
	if r = w.runs(4, stage.Options{}); r.Get(verify.CountDifferences) != 0 || len(openOf(w, "salesforce_extra")) != 0 {
		t.Errorf("without the extra one: %+v", r)
	}
}

func TestR8_3_WhatIsOnItsWayIsNoDrift(t *testing.T) {
	t.Parallel()
	w, _, id := one(t)
	w.change("Opportunity", id, "2027-02-01T06:00:30Z", map[string]any{"Amount": "3000"})
	for i := range 3 { // all but push
		w.runs(i, stage.Options{})
	}
	if d := w.differences(); len(d) > 0 {
		t.Errorf("%+v", d)
	}
	r, err := w.verifyStage().Verify(context.Background(), nil)
	must(t, err)
	if left := r.Checks[len(r.Checks)-1]; left.LeftOut == 0 || left.Why == "" {
		t.Errorf("left out: %+v", left)
	}
}

func TestR8_3_WhatIsDueIsLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	w, _, id := one(t)
	w.change("Opportunity", id, "2027-02-01T06:00:30Z", map[string]any{"Amount": "3000"})
	w.runs(0, stage.Options{})
	w.runs(1, stage.Options{})
	r, err := w.verifyStage().Verify(context.Background(), nil)
	must(t, err)
	for _, c := range r.Checks {
		if c.Differences > 0 || c.Name == verify.CheckFacts && (c.LeftOut != 1 || c.Looked != 0) {
			t.Errorf("%+v", c)
		}
	}
}
