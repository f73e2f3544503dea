package emulator_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// queryOrg holds a few accounts and opportunities that differ in every way that
// a condition can ask for.
func queryOrg(t *testing.T) *client {
	c := newClient(t, emulator.Options{})
	a := c.insert("Account", row{"Name": "Alpha", "Website": "https://alpha.example", "Description": "long"})
	b := c.insert("Account", row{"Name": "βeta"})
	add := func(name string, fields row) {
		f := row{"Name": name, "StageName": "Prospecting", "CloseDate": "2026-01-31"}
		maps.Copy(f, fields)
		c.insert("Opportunity", f)
	}
	add("o1", row{"AccountId": a, "Amount": "100.50", "StageName": "Closed Won", "CloseDate": "2026-01-01", "SystemModstamp": "2026-02-01T00:00:00Z"})
	add("o2", row{"AccountId": a, "Amount": "20", "Type": "Renewal", "CloseDate": "2026-02-28", "SystemModstamp": "2026-02-02T00:00:00Z"})
	add("o3", row{"AccountId": b, "Amount": "-3", "Type": "renewal", "SystemModstamp": "2026-02-02T00:00:00Z"})
	add("o4", row{"Type": "100%", "SystemModstamp": "2026-02-03T00:00:00Z", "CloseDate": "2026-11-20"})
	return c
}

func TestWhere(t *testing.T) {
	c := queryOrg(t)
	for _, tt := range []struct{ where, want string }{
		{"Name = 'O1'", "o1"}, // text in any case
		{"name != 'o1'", "o2 o3 o4"},
		{"Type = 'RENEWAL'", "o2 o3"},
		{"Type != 'Renewal'", "o1 o4"}, // a null is different from everything
		{"Type = null", "o1"},
		{"Type != NULL", "o2 o3 o4"},
		{"Type NOT IN ('Renewal')", "o1 o4"},
		{"Type IN (null, '100%')", "o1 o4"},
		{`Type LIKE '100\%'`, "o4"},
		{"Name LIKE 'O_' AND NOT Name LIKE '%1'", "o2 o3 o4"},
		{"Amount > 20", "o1"}, // not as text, and not the null
		{"Amount <= 20.0", "o2 o3"},
		{"Amount = 100.5", "o1"},
		{"Amount IN (20, -3)", "o2 o3"},
		{"Amount != 20", "o1 o3 o4"},
		{"Amount > 1e1", "o1 o2"},
		{"IsWon = true", "o1"},
		{"IsWon != TRUE", "o2 o3 o4"},
		{"CloseDate < 2026-01-31", "o1"},
		{"CloseDate = 2026-02-28", "o2"},
		{"CloseDate = TODAY", "o4"},
		{"CloseDate = LAST_N_DAYS:300", "o2 o3 o4"},
		{"CloseDate > LAST_YEAR AND CloseDate < THIS_MONTH", "o1 o2 o3"},
		{"SystemModstamp = 2026-02-02T00:00:00.000Z", "o2 o3"},
		{"SystemModstamp = 2026-02-02T02:00:00+02:00", "o2 o3"},
		{"SystemModstamp > 2026-02-02T00:00:00.001Z", "o4"},
		{"SystemModstamp >= 2026-02-02T00:00:00Z", "o2 o3 o4"},
		{"Account.Name = 'alpha'", "o1 o2"},
		{"Account.Name = null", "o4"},
		{"Account.Owner.Username LIKE 'integration@%'", "o1 o2 o3"},
		{"(Name = 'o1' OR Name = 'o2') AND Amount = 20", "o2"},
		{"NOT (Name = 'o1' OR Amount < 0)", "o2 o4"},
	} {
		if got := c.names("SELECT Name FROM opportunity WHERE " + tt.where + " ORDER BY Name"); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.where, got, tt.want)
		}
	}
}

func TestOrderLimitOffset(t *testing.T) {
	c := queryOrg(t)
	for _, tt := range []struct{ tail, want string }{
		{"ORDER BY Amount", "o4 o3 o2 o1"}, // nulls first
		{"ORDER BY Amount NULLS LAST", "o3 o2 o1 o4"},
		{"ORDER BY Amount DESC NULLS LAST", "o1 o2 o3 o4"},
		{"ORDER BY Amount DESC", "o4 o1 o2 o3"},
		{"ORDER BY SystemModstamp DESC, Id DESC", "o4 o3 o2 o1"},
		{"ORDER BY SystemModstamp, Id LIMIT 2", "o1 o2"},
		{"ORDER BY Id LIMIT 2 OFFSET 1", "o2 o3"},
		{"ORDER BY Account.Name, Name DESC", "o4 o2 o1 o3"},
		{"LIMIT 0", ""},
	} {
		if got := c.names("SELECT Name FROM Opportunity " + tt.tail); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.tail, got, tt.want)
		}
	}
	if n := c.query("query", "SELECT COUNT() FROM Opportunity WHERE Amount != null").TotalSize; n != 3 {
		t.Errorf("COUNT() says %d, want 3", n)
	}
}

func TestRecordsPrintAsThePlatformPrintsThem(t *testing.T) {
	c := newClient(t, emulator.Options{})
	acc := c.insert("Account", row{"Name": "Ünïcode \"q\" \\ \n\u2028", "NumberOfEmployees": 12, "AnnualRevenue": "139000000"})
	c.insert("Space__c", row{"Name": "S", "Account__c": acc, "Space_Created_At__c": "2026-03-01T10:20:30.987+02:00", "CreatedDate": "2020-01-02T03:04:05Z"})
	_, body, h := c.do("GET", "query/?q="+url.QueryEscape("select id, account__r.name, account__r.numberofemployees, ACCOUNT__R.annualrevenue, Space_Created_At__c, CreatedDate, IsDeleted, Partner_ID__c from space__c"), "")
	id := c.org.Records("Space__c")[0]["Id"]
	want := fmt.Sprintf(`{"totalSize":1,"done":true,"records":[{"attributes":{"type":"Space__c","url":"/services/data/v62.0/sobjects/Space__c/%s"},"Id":"%s",`+
		`"Account__r":{"attributes":{"type":"Account","url":"/services/data/v62.0/sobjects/Account/%s"},"Name":"Ünïcode \"q\" \\ `+"\\n\u2028"+`","NumberOfEmployees":12,"AnnualRevenue":1.39E8},`+
		`"Space_Created_At__c":"2026-03-01T08:20:30.000+0000","CreatedDate":"2020-01-02T03:04:05.000+0000","IsDeleted":false,"Partner_ID__c":null}]}`, id, id, acc)
	want = strings.Replace(want, "\\n\u2028", "", 1) // trailing white space is trimmed when it is stored
	want = strings.Replace(want, `\\ "`, `\\"`, 1)
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	if got := h.Get("Date"); got != "Fri, 20 Nov 2026 12:00:00 GMT" {
		t.Errorf("Date is %q, not the org's clock", got)
	}
	if got := h.Get("Sforce-Limit-Info"); got != "api-usage=1/100000" {
		t.Errorf("Sforce-Limit-Info is %q", got)
	}
}

func TestQueryRefusals(t *testing.T) {
	c := queryOrg(t)
	for _, tt := range []struct{ query, code, message string }{
		{"SELECT Id, Foo FROM Account", "INVALID_FIELD", "\nSELECT Id, Foo FROM Account\n           ^\nERROR at Row:1:Column:12\nNo such column 'Foo' on entity 'Account'."},
		{"SELECT Id FROM Nothing__c", "INVALID_TYPE", "sObject type 'Nothing__c' is not supported."},
		{"SELECT Foo__r.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo__r' in field path."},
		{"SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "field 'Description' can not be filtered in a query call"},
		{"SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY", "can not be sorted"},
		{"SELECT Id, id FROM Account", "INVALID_FIELD", "duplicate field selected"},
		{"SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"},
		{"SELECT Id FROM Opportunity WHERE Amount = '5'", "INVALID_FIELD", "must be of type currency and should not be enclosed in quotes"},
		{"SELECT Id FROM Opportunity WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD", "must be of type dateTime"},
		{"SELECT Id FROM Opportunity WHERE CloseDate > 2026-13-01", "MALFORMED_QUERY", "Invalid date"},
		{"SELECT Id FROM Opportunity WHERE Id = '006'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: 006"},
		{"SELECT Id FROM Opportunity WHERE IsWon > true", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator"},
		{"SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"},
		{"", "MALFORMED_QUERY", "empty"},
		{"SELECT OldValue FROM Space__History WHERE NewValue = 'x'", "INVALID_FIELD", "can not be filtered"},
		{"SELECT SystemModstamp FROM Space__History", "INVALID_FIELD", "No such column 'SystemModstamp'"},
	} {
		if got := c.refused(400, tt.code, "GET", "query?q="+url.QueryEscape(tt.query), ""); !strings.Contains(got, tt.message) {
			t.Errorf("%s: got %q, want %q in it", tt.query, got, tt.message)
		}
	}
}

func TestIdsAreFoundInBothLengthsAndInTheirCase(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Account", row{"Name": "A", "Id": "001aaAAbbBB0001"})
	if id != "001aaAAbbBB0001"+id[15:] || len(id) != 18 {
		t.Fatalf("id is %s", id)
	}
	for _, literal := range []string{id, id[:15]} {
		if got := c.names("SELECT Name FROM Account WHERE Id = '" + literal + "'"); got != "A" {
			t.Errorf("%s: got %q", literal, got)
		}
	}
	if got := c.names("SELECT Name FROM Account WHERE Id = '001AAaabbBB0001'"); got != "" {
		t.Errorf("an id in another case found %q", got)
	}
}

func TestPagesWithLocators(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1, MaxCursors: 2})
	for i := range 7 {
		c.insert("Account", row{"Name": fmt.Sprintf("a%d", i)})
	}
	const q = "SELECT Name FROM Account ORDER BY Id"
	p := c.query("queryAll", q, "Sforce-Query-Options", "batchSize=3")
	first := p.NextRecordsURL
	if p.TotalSize != 7 || p.Done || len(p.Records) != 3 || !strings.HasSuffix(first, "-3") {
		t.Fatalf("first page: %+v", p)
	}
	seen := len(p.Records)
	for !p.Done {
		p = c.page(p.NextRecordsURL, "Sforce-Query-Options", "batchSize=3")
		seen += len(p.Records)
	}
	if seen != 7 || p.NextRecordsURL != "" {
		t.Errorf("saw %d records, last page %+v", seen, p)
	}
	// The same page again, as after a lost answer.
	if again := c.page(first, "Sforce-Query-Options", "batchSize=3"); len(again.Records) != 3 {
		t.Errorf("the second page again has %d records", len(again.Records))
	}
	// One more than the user may have open takes the oldest away.
	c.query("query", q, "Sforce-Query-Options", "batchSize=1")
	c.query("query", q, "Sforce-Query-Options", "batchSize=1")
	c.refused(400, "INVALID_QUERY_LOCATOR", "GET", first, "")
	for _, bad := range []string{"query/01g000000000001AAA-0", "query/x", "query/01g000000000001AAA-99999999999"} {
		c.refused(400, "INVALID_QUERY_LOCATOR", "GET", bad, "")
	}
	open := c.query("query", q, "Sforce-Query-Options", "batchSize=1").NextRecordsURL
	c.org.DropCursors()
	c.refused(400, "INVALID_QUERY_LOCATOR", "GET", open, "")
}

func TestBatchSize(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for i := range 201 {
		c.insert("Partner_Registration__c", row{"Registration_Key__c": fmt.Sprint(i)})
	}
	for _, size := range []string{"199", "2001", "x"} {
		c.refused(400, "INVALID_BATCH_SIZE", "GET", "query?q=SELECT+Id+FROM+Account", "", "Sforce-Query-Options", "batchSize="+size)
	}
	if p := c.query("query", "SELECT Id FROM Partner_Registration__c"); len(p.Records) != 201 {
		t.Errorf("a page has %d records", len(p.Records))
	}
	if p := c.query("query", "SELECT Project__c, Use_Case__c FROM Partner_Registration__c"); len(p.Records) != 200 || p.Done {
		t.Errorf("a page with two long text fields has %d records", len(p.Records))
	}
}

// Paging by (SystemModstamp = X AND Id > Y) OR SystemModstamp > X sees every
// record once, however many share an instant.
func TestKeysetPagesSeeEveryRecordOnce(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for i := range 300 {
		at := noon.Add(-time.Duration(i%7) * time.Hour)
		c.insert("Space__c", row{"Space_Key__c": fmt.Sprint(i), "SystemModstamp": at})
	}
	seen := map[string]bool{}
	cursor := ""
	for range 100 {
		p := c.query("queryAll", "SELECT Id, SystemModstamp FROM Space__c WHERE SystemModstamp < 2026-11-20T12:00:00.000Z"+cursor+" ORDER BY SystemModstamp, Id LIMIT 17")
		if len(p.Records) == 0 {
			break
		}
		for _, r := range p.Records {
			if id := r["Id"].(string); seen[id] {
				t.Fatalf("%s came twice", id)
			} else {
				seen[id] = true
			}
		}
		last := p.Records[len(p.Records)-1]
		x := strings.Replace(last["SystemModstamp"].(string), "+0000", "Z", 1)
		cursor = fmt.Sprintf(" AND ((SystemModstamp = %s AND Id > '%s') OR SystemModstamp > %s)", x, last["Id"], x)
	}
	if len(seen) != 300-43 { // 43 are stamped at noon itself
		t.Errorf("saw %d records", len(seen))
	}
}
