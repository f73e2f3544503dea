package siege_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outcome is what an undisturbed run makes of the company: the book and what
// stands in Salesforce, without what differs from run to run.
type outcome struct{ book, salesforce []string }

// calm is the outcome of a company to which nothing happens, worked out once by one process.
type calm struct {
	once    sync.Once
	outcome outcome
}

var ofUsual, ofLarge calm

// undisturbed gives the outcome of the usual company.
func undisturbed(t *testing.T) outcome {
	t.Helper()
	return ofUsual.of(t, newWorld)
}

func (c *calm) of(t *testing.T, company func(testing.TB) *world) outcome {
	t.Helper()
	c.once.Do(func() {
		w := company(t)
		w.settle()
		c.outcome = w.outcome()
	})
	if len(c.outcome.book) == 0 {
		t.Fatal("the undisturbed run posts nothing")
	}
	return c.outcome
}

func (w *world) outcome() (o outcome) {
	w.t.Helper()
	must(w.t, w.db.Select(&o.book, `
		select concat_ws(' ', line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, corrects,
			encode(input_hash, 'hex'))
		from ledger.entry order by line_key, nth`))
	for _, r := range w.seer.queryAll(`SELECT Commission_Key__c, Partner__r.Partner_ID__c, Opportunity__c, Space__c, Account__c, Regime__c,
		Slice__c, Period__c, Base_Amount__c, Rate__c, Amount__c, Status__c, Reason__c, Statement__r.Statement_Key__c FROM Partner_Commission__c`) {
		delete(r, "attributes")
		for _, link := range []string{"Partner__r", "Statement__r"} {
			if m, ok := r[link].(map[string]any); ok {
				delete(m, "attributes")
			}
		}
		o.salesforce = append(o.salesforce, fmt.Sprint(r))
	}
	slices.Sort(o.salesforce)
	return o
}

// checkCalm is check, for a case that has left the org's records alone: book and
// Salesforce are those of an undisturbed run.
func (w *world) checkCalm(want outcome) {
	w.t.Helper()
	w.check()
	got := w.outcome()
	if d := cmp.Diff(want.book, got.book); d != "" {
		w.t.Errorf("the book differs from an undisturbed run's:\n%s", head(d))
	}
	if d := cmp.Diff(want.salesforce, got.salesforce); d != "" {
		w.t.Errorf("Salesforce differs from an undisturbed run's:\n%s", head(d))
	}
}
