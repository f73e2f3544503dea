package emulator_test

import (
	"encoding/json"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// ok ends the test if something failed.
func (c *client) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// By whichever way a record is deleted, lookups to it are cleared; where one fails
// and is taken back, they are as they were.
func TestEveryWayOfDeletionClearsLookups(t *testing.T) {
	for name, remove := range map[string]func(c *client, id string){
		"Go":          func(c *client, id string) { c.ok(c.org.Delete("Space__c", id)) },
		"Go, purged":  func(c *client, id string) { c.ok(c.org.Purge("Space__c", id)) },
		"REST":        func(c *client, id string) { c.must(204, "DELETE", data+"sobjects/Space__c/"+id, "") },
		"Collections": func(c *client, id string) { c.must(200, "DELETE", data+"composite/sobjects?ids="+id, "") },
		"composite": func(c *client, id string) {
			c.must(200, "POST", data+"composite", `{"allOrNone":true,"compositeRequest":[{"method":"DELETE","url":"`+data+`sobjects/Space__c/`+id+`","referenceId":"a"}]}`)
		},
		"SOAP":            func(c *client, id string) { c.soapOK(`<delete><ids>`+id+`</ids></delete>`, "<success>true</success>") },
		"Bulk":            func(c *client, id string) { c.ingest(`{"operation":"delete","object":"Space__c"}`, "Id\n"+id+"\n") },
		"Bulk hardDelete": func(c *client, id string) { c.ingest(`{"operation":"hardDelete","object":"Space__c"}`, "Id\n"+id+"\n") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, emulator.Options{})
			space := c.insert("Space__c", row{"Space_Key__c": "k"})
			opportunity := c.insert("Opportunity", row{"Name": "O", "StageName": "Closed Won", "CloseDate": "2026-01-02", "Space__c": space})
			soql := "SELECT Id FROM Opportunity WHERE Space__c "
			c.must(200, "POST", data+"composite", `{"allOrNone":true,"compositeRequest":[{"method":"DELETE","url":"`+data+`sobjects/Space__c/`+space+
				`","referenceId":"a"},{"method":"DELETE","url":"`+data+`sobjects/Space__c/`+space+`","referenceId":"b"}]}`)
			if n := c.query("query", soql+"= '"+space+"'").TotalSize; n != 1 {
				t.Fatal("a deletion that was taken back cleared a lookup")
			}
			remove(c, space)
			if n := c.query("query", "SELECT Id FROM Space__c").TotalSize; n != 0 {
				t.Error("it is still there")
			}
			if p := c.query("query", soql+"= null"); p.TotalSize != 1 || p.Records[0]["Id"] != opportunity {
				t.Errorf("cleared: %+v", p)
			}
			if n := c.query("query", soql+"= '"+space+"'").TotalSize; n != 0 {
				t.Error("it is found by what it named")
			}
		})
	}
}

func TestEveryWayOfDeletionIsRefusedWhereAWonOpportunityHoldsIt(t *testing.T) {
	c := newClient(t, emulator.Options{})
	account := c.insert("Account", row{"Name": "A"})
	c.insert("Opportunity", row{"Name": "O", "StageName": "Closed Won", "CloseDate": "2026-01-02", "AccountId": account})
	c.refused(400, "DELETE_FAILED", "DELETE", data+"sobjects/Account/"+account, "")
	c.soapOK(`<delete><ids>`+account+`</ids></delete>`, "<statusCode>DELETE_FAILED</statusCode>")
	for _, operation := range []string{"delete", "hardDelete"} {
		if _, info := c.ingest(`{"operation":"`+operation+`","object":"Account"}`, "Id\n"+account+"\n"); info["numberRecordsFailed"] != 1.0 {
			t.Errorf("%s: %v", operation, info)
		}
	}
	var rows []upsertRow
	body, _ := c.must(200, "DELETE", data+"composite/sobjects?ids="+account, "")
	if err := json.Unmarshal([]byte(body), &rows); err != nil || rows[0].Errors[0].StatusCode != "DELETE_FAILED" {
		t.Errorf("%v %s", err, body)
	}
	if c.org.Count("Account") != 1 || c.org.Count("Opportunity") != 1 {
		t.Error("something has gone")
	}
}
