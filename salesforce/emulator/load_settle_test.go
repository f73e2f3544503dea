package emulator_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// What rows leave open is completed the way an org would have.
func TestLoadDirCompletesWhatRowsLeaveOpen(t *testing.T) {
	c := newClient(t, emulator.Options{})
	d := dir(t, map[string]string{
		"Space__c.CSV": "Space_Key__c,IsDeleted,SystemModstamp\nlive,false,2020-01-01T00:00:00Z\ngone,true,2020-01-01T00:00:00Z\n",
		// By external id, before and after what it leads to is read, and in the bin.
		"Space__History.csv": "Parent.Space_Key__c,Field,OldValue,NewValue,CreatedDate,DataType\n" +
			"live,Partner_ID__c,,FG3877,2020-02-01T00:00:00Z,\nlive,created,,,2020-01-01T00:00:00Z,EnumOrId\n",
		"Space_User__c.csv": "Name,Email__c,IsDeleted\nSU-000007,a@x.example,\n,b@x.example,true\nSU-000003,c@x.example,\n,d@x.example,\n",
		"Account.csv":       "Name,ParentId,LastModifiedDate,CreatedDate\nchild,001000000000009,,2019-01-01T00:00:00Z\nno day of its making,,2018-05-05T00:00:00Z,\n",
		"account2.txt":      "not looked at",
		"Contact.csv":       "LastName,Account.Id\nx,001000000000009AAA\n",
		"Lead.csv":          "Company,LastName,CreatedBy.Username,LastModifiedById\ny,z,integration@acme.example,005000000000003\n",
	})
	if err := c.org.LoadDir(d); err == nil {
		t.Fatal("a parent that is not there was taken")
	}
	if _, err := c.org.Insert("Account", row{"Id": "001000000000009", "Name": "there before"}); err != nil {
		t.Fatal(err)
	}
	if err := c.org.LoadDir(d); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range c.org.Records("Space_User__c") {
		names = append(names, fmt.Sprint(r["Name"], " ", r["Email__c"]))
	}
	slices.Sort(names)
	if got := fmt.Sprint(names); got != "[SU-000003 c@x.example SU-000007 a@x.example SU-000008 b@x.example SU-000009 d@x.example]" {
		t.Errorf("auto-numbers: %s", got)
	}
	next, _ := c.org.Record("Space_User__c", c.insert("Space_User__c", row{"Email__c": "e@x.example"}))
	if next["Name"] != "SU-000010" {
		t.Errorf("the next auto-number is %v", next["Name"])
	}
	if lead := c.org.Records("Lead")[0]; lead["CreatedById"] != c.org.UserID || lead["LastModifiedById"] != "005000000000003AAA" {
		t.Errorf("the lead is %v's and %v's", lead["CreatedById"], lead["LastModifiedById"])
	}
	bins := map[any]int{}
	for _, r := range c.org.Records("Space_User__History") {
		bins[r["IsDeleted"]]++
	}
	if bins[true] != 1 || bins[false] != 4 {
		t.Errorf("the history of users: %v are in the recycle bin", bins)
	}
	for _, r := range c.org.Records("Account") {
		if r["CreatedDate"].(string) > r["SystemModstamp"].(string) {
			t.Errorf("%v was made at %v and changed at %v", r["Name"], r["CreatedDate"], r["SystemModstamp"])
		}
	}
	// The history that was loaded by external id belongs to its Space.
	var space string
	for _, r := range c.org.Records("Space__c") {
		if r["Space_Key__c"] == "live" {
			space = r["Id"].(string)
		}
	}
	types := map[any]bool{}
	for _, r := range c.org.Records("Space__History") {
		types[r["DataType"]] = true
		if r["ParentId"] != space {
			t.Errorf("a row of %v", r["ParentId"])
		}
	}
	if !types["Text"] || !types["EnumOrId"] {
		t.Errorf("data types: %v", types)
	}
	if err := c.org.Purge("Space__c", space); err != nil {
		t.Fatal(err)
	}
	if n := len(c.org.Records("Space__History")); n != 0 {
		t.Errorf("%d rows of a purged Space are left", n)
	}
}

// A load that is refused gives no auto-number away.
func TestALoadThatIsRefusedCountsNothing(t *testing.T) {
	c := newClient(t, emulator.Options{})
	d := dir(t, map[string]string{"Space_User__c.csv": "Name,Email__c\nSU-000700,a@x.example\n,b\n"})
	if err := c.org.LoadDir(d); err == nil {
		t.Fatal("it was taken")
	}
	if r, _ := c.org.Record("Space_User__c", c.insert("Space_User__c", row{"Email__c": "e@x.example"})); r["Name"] != "SU-000001" {
		t.Errorf("the next auto-number is %v", r["Name"])
	}
}
