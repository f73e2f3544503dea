package alert

import (
	"fmt"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
)

func TestAMappingThatIsStoppedIsToldUntilItIsRead(t *testing.T) {
	const stopped = `{"problems":1,"warnings":[{"kind":"stopped","subject":"opportunity","text":"The mapping of opportunity is stopped."},{"kind":"remark","subject":"x","text":"y"}]}`
	f := newFixture(t)
	f.ran("pull", "ok with problems", stopped, "")
	f.want("it is stopped, from the first pull on", "opened stopped pull opportunity")
	f.ran("pull", "failed", `{}`, "no connection")
	f.want("nobody can say", "opened failed pull")
	f.ran("pull", "ok with problems", stopped, "")
	f.want("it still is", "recovered failed pull")
	f.ran("pull", "ok with problems", `{"problems":1,"notices":["Something else."]}`, "")
	f.want("it is read again", "recovered stopped pull opportunity")
}

// What has changed in the org is said by one pass; that the next says nothing is no end of it.
func TestADriftIsOverWhenAPersonHasLookedOrItIsAsItWas(t *testing.T) {
	said := func(subject, text string) string {
		return fmt.Sprintf(`{"warnings":[{"kind":"drift","subject":%q,"text":%q}]}`, subject, text)
	}
	f := newFixture(t)
	f.ran("pull", "ok with problems", said("Opportunity.Amount", "It is of type text now."), "")
	f.want("it is of another type", "opened drift pull Opportunity.Amount")
	f.ran("pull", "ok", `{}`, "")
	f.want("a pull later")
	f.ran("pull", "ok", said("Opportunity.Amount", "It is of type double now."), "")
	f.want("it is of a third", "changed drift pull Opportunity.Amount")
	f.ran("pull", "failed", `{}`, "no connection")
	f.want("a failure", "opened failed pull")

	for id, want := range map[int64]string{1: "", 2: "ends by itself", 3: "there is no alert 3"} {
		err := f.Close(t.Context(), []int64{id}, "kim")
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || errs.HintOf(err) == "") {
			t.Errorf("alert %d: %v (%s)", id, err, errs.HintOf(err))
		}
	}
	if err := f.Close(t.Context(), []int64{1}, "kim"); errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "is over since") {
		t.Errorf("twice: %v", err)
	}
	f.want("somebody has looked", "recovered drift pull Opportunity.Amount")
	list, err := List(t.Context(), f.DB, 10)
	if err != nil || len(list) != 2 || list[1].ClosedBy != "kim" {
		t.Errorf("%+v, %v", list, err)
	}

	f.ran("pull", "ok", said("Space__c.Region__c", "It is gone."), "")
	f.want("an optional one is gone", "opened drift pull Space__c.Region__c", "recovered failed pull")
	if err := f.Close(t.Context(), []int64{3}, "kim"); err != nil {
		t.Fatal(err)
	}
	f.want("somebody looks before the next pull", "recovered drift pull Space__c.Region__c")
	f.ran("pull", "ok", said("Space__c.Region__c", "It is gone."), "")
	f.want("it was back, and is gone again", "opened drift pull Space__c.Region__c")
	f.ran("pull", "ok", `{"settled":["Space__c.Region__c"]}`, "")
	f.want("it is back", "recovered drift pull Space__c.Region__c")
}

func TestWhatVerifyFindsIsToldUntilItFindsNone(t *testing.T) {
	f := newFixture(t)
	f.exec(`insert into ledger.discrepancy (kind, subject, object, rule, detail, opened_at, seen_at, is_hold) values
		('salesforce_drift', 'a', 'commission', 'R9.4', '', now(), now(), false), ('creator_mismatch', 'b', 'Space__c', 'R2.3', '', now(), now(), false)`)
	f.want("verify has found one", "opened drift salesforce_drift")
	f.exec(`update ledger.discrepancy set resolved_at = now()`)
	f.want("and no more", "recovered drift salesforce_drift")
}
