package emulator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestFieldHistory(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Space__c", row{"Space_Key__c": "k", "Partner_ID__c": "FG3877", "CreatedDate": "2020-05-01T10:00:00Z"})
	change := func(v any, at time.Time) {
		t.Helper()
		if err := c.org.Update("Space__c", id, row{"Partner_ID__c": v, "Name": "n"}, at); err != nil {
			t.Fatal(err)
		}
	}
	change("AB1234", noon.Add(-time.Hour))
	change("AB1234", noon.Add(-30*time.Minute)) // no change, no row
	change(nil, noon.Add(-time.Minute))
	var got []string
	for _, r := range c.query("queryAll", "SELECT ParentId, Field, OldValue, NewValue, CreatedDate, IsDeleted, Parent.Space_Key__c FROM Space__History ORDER BY CreatedDate, Id").Records {
		if r["ParentId"] != id || r["IsDeleted"] != false || r["Parent"].(row)["Space_Key__c"] != "k" {
			t.Errorf("row %v", r)
		}
		got = append(got, fmt.Sprint(r["CreatedDate"], r["Field"], r["OldValue"], r["NewValue"]))
	}
	want := []string{
		"2020-05-01T10:00:00.000+0000 created <nil> <nil>",
		"2026-11-20T11:00:00.000+0000 Partner_ID__c FG3877 AB1234",
		"2026-11-20T11:59:00.000+0000 Partner_ID__c AB1234 <nil>",
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], " ", "")
	}
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], " ", "")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	r, _ := c.org.Record("Space__c", id)
	if r["SystemModstamp"] != "2026-11-20T11:59:00.000+0000" {
		t.Errorf("SystemModstamp is %v", r["SystemModstamp"])
	}
	untracked := newClient(t, emulator.Options{Without: []string{"Space__History"}})
	untracked.insert("Space__c", row{"Partner_ID__c": "FG3877"})
	if n := len(untracked.org.Records("Space__History")); n != 0 {
		t.Errorf("%d history rows without history", n)
	}
}

func TestOpportunityFollowsItsStage(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Opportunity", row{"Name": "o", "StageName": "closed won", "CloseDate": "2026-01-01"})
	check := func(stage string, closed, won bool, probability any) {
		t.Helper()
		r, _ := c.org.Record("Opportunity", id)
		if r["StageName"] != stage || r["IsClosed"] != closed || r["IsWon"] != won || fmt.Sprint(r["Probability"]) != fmt.Sprint(probability) {
			t.Errorf("%s: %v %v %v %v", stage, r["StageName"], r["IsClosed"], r["IsWon"], r["Probability"])
		}
	}
	set := func(f row) {
		t.Helper()
		if err := c.org.Update("Opportunity", id, f, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	check("Closed Won", true, true, "100.0")
	set(row{"StageName": "Closed Lost"})
	check("Closed Lost", true, false, "0.0")
	set(row{"StageName": "Our own stage", "Probability": 33})
	check("Our own stage", false, false, "33.0")
	set(row{"IsWon": true})
	check("Our own stage", false, false, "33.0")
}

func TestRecycleBin(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Space__c", row{"Name": "s", "Partner_ID__c": "FG3877"})
	c.clock.Advance(time.Minute)
	if err := c.org.Delete("Space__c", id); err != nil {
		t.Fatal(err)
	}
	for _, object := range []string{"Space__c", "Space__History"} {
		if n := c.query("query", "SELECT Id FROM "+object).TotalSize; n != 0 {
			t.Errorf("query sees %d deleted records of %s", n, object)
		}
		if n := c.query("queryAll", "SELECT Id FROM "+object+" WHERE IsDeleted = true").TotalSize; n != 1 {
			t.Errorf("queryAll sees %d deleted records of %s", n, object)
		}
	}
	if r, _ := c.org.Record("Space__c", id); r["SystemModstamp"] != "2026-11-20T12:01:00.000+0000" {
		t.Errorf("a deletion leaves SystemModstamp at %v", r["SystemModstamp"])
	}
	if err := c.org.Update("Space__c", id, row{"Name": "x"}, time.Time{}); err == nil || !strings.Contains(err.Error(), "ENTITY_IS_DELETED") {
		t.Errorf("a deleted record was changed: %v", err)
	}
	if err := c.org.Undelete("Space__c", id); err != nil || c.org.Count("Space__c") != 1 || c.org.Count("Space__History") != 1 {
		t.Errorf("undelete: %v", err)
	}
	if err := c.org.Purge("Space__c", id); err != nil {
		t.Fatal(err)
	}
	if n := c.query("queryAll", "SELECT Id FROM Space__c").TotalSize + c.query("queryAll", "SELECT Id FROM Space__History").TotalSize; n != 0 {
		t.Errorf("%d records are left after a purge", n)
	}
	if err := c.org.Delete("Space__c", id); errs.KindOf(err) != errs.NotFound {
		t.Errorf("deleting what is gone: %v", err)
	}
}

// A page that was opened before a purge leaves out what is gone.
func TestPurgeWhileACursorIsOpen(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1})
	for range 4 {
		c.insert("Account", row{"Name": "a"})
	}
	p := c.query("query", "SELECT Id FROM Account ORDER BY Id", "Sforce-Query-Options", "batchSize=2")
	if err := c.org.Purge("Account", c.org.Records("Account")[2]["Id"].(string)); err != nil {
		t.Fatal(err)
	}
	if p = c.page(p.NextRecordsURL); !p.Done || len(p.Records) != 1 || p.TotalSize != 4 {
		t.Errorf("second page: %+v", p)
	}
}

func TestMerge(t *testing.T) {
	c := newClient(t, emulator.Options{})
	win, lose := c.insert("Account", row{"Name": "win"}), c.insert("Account", row{"Name": "lose"})
	space := c.insert("Space__c", row{"Account__c": lose, "LastModifiedDate": "2026-01-01T00:00:00Z"})
	c.clock.Advance(time.Hour)
	if err := c.org.Merge("Account", win, lose); err != nil {
		t.Fatal(err)
	}
	p := c.query("queryAll", "SELECT Id, MasterRecordId, MasterRecord.Name FROM Account WHERE IsDeleted = true")
	if p.TotalSize != 1 || p.Records[0]["MasterRecordId"] != win || p.Records[0]["MasterRecord"].(row)["Name"] != "win" {
		t.Errorf("the loser: %+v", p)
	}
	r, _ := c.org.Record("Space__c", space)
	if r["Account__c"] != win || r["SystemModstamp"] != "2026-11-20T13:00:00.000+0000" || r["LastModifiedDate"] != "2026-01-01T00:00:00.000+0000" {
		t.Errorf("the child: %v", r)
	}
	for _, bad := range [][3]string{{"Account", win, win}, {"Account", lose, win}, {"Space__c", space, space}} {
		if err := c.org.Merge(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("merged %v", bad)
		}
	}
}

func TestIds(t *testing.T) {
	c := newClient(t, emulator.Options{})
	last := ""
	for range 200 {
		id := c.insert("Account", row{"Name": "a"})
		if full, err := sfid.Parse(id[:15]); err != nil || full != id || id <= last || !strings.HasPrefix(id, "001") {
			t.Fatalf("id %s after %s: %v", id, last, err)
		}
		last = id
	}
	for _, tt := range []struct{ id, code string }{{last, "DUPLICATE_VALUE"}, {"0065g0000000001AAA", "MALFORMED_ID"}, {"001", "MALFORMED_ID"}} {
		_, err := c.org.Insert("Account", row{"Name": "a", "Id": tt.id})
		var rowErr *emulator.RowError
		if !errors.As(err, &rowErr) || rowErr.StatusCode != tt.code {
			t.Errorf("%s: %v", tt.id, err)
		}
	}
	if _, err := c.org.Insert("Nothing", nil); errs.KindOf(err) != errs.NotFound {
		t.Errorf("no such object: %v", err)
	}
	if c.org.Records("Nothing") != nil {
		t.Error("an object that is not there has records")
	}
}
