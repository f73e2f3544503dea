package emulator_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// fuzzOrg gives an org with a few records and a token for it.
func fuzzOrg(f *testing.F) (*emulator.Org, string) {
	org := emulator.New(emulator.Options{Clock: clock.NewManual(noon), DailyLimit: 1 << 40})
	if err := org.Generate(emulator.GenerateOptions{Opportunities: 40}); err != nil {
		f.Fatal(err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}}
	r := httptest.NewRequest("POST", "/services/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	org.Handler().ServeHTTP(w, r)
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		f.Fatal(err)
	}
	return org, body.Token
}

// Every answer is the platform's: JSON, and an array of errors unless it is 200.
func send(t *testing.T, org *emulator.Org, token, method, target, body, contentType string) {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return // net/http itself does not let it in
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	org.Handler().ServeHTTP(w, r)
	switch {
	case isForPeople(r.URL.Path):
		if w.Code >= 500 {
			t.Fatalf("%s %.200s: %d %s", method, target, w.Code, w.Body)
		}
	case w.Body.Len() == 0 && (w.Code == 200 && strings.Contains(target, "oauth2") || w.Code == 204 || w.Code == 304 || w.Code == 412):
	case w.Code == http.StatusForbidden && strings.Contains(target, "/id/"):
	case w.Code == http.StatusRequestURITooLong:
	case strings.HasPrefix(w.Header().Get("Content-Type"), "text/xml"):
		if err := xml.Unmarshal(w.Body.Bytes(), new(struct{})); err != nil {
			t.Fatalf("%s %.200s: not XML: %v in %s", method, target, err, w.Body)
		}
	case w.Code >= 500:
		t.Fatalf("%s %.200s: %d %s", method, target, w.Code, w.Body)
	case w.Code >= 400 && !strings.Contains(target, "oauth2"):
		var errs []struct{ Message, ErrorCode string }
		if err := json.Unmarshal(w.Body.Bytes(), &errs); err != nil || len(errs) == 0 || errs[0].ErrorCode == "" {
			t.Fatalf("%s %.200s: %d %s", method, target, w.Code, w.Body)
		}
	case !json.Valid(w.Body.Bytes()):
		t.Fatalf("%s %.200s: not JSON: %s", method, target, w.Body)
	}
}

// isForPeople says whether a path is the page's or the keeper's: what they answer is
// not the platform's.
func isForPeople(path string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	return first == "" || first == "console" || first == "emulator"
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"SELECT Id, Name, Account.Owner.Name FROM Opportunity WHERE Amount > 5 AND Name LIKE '%a_' ORDER BY Amount DESC NULLS LAST LIMIT 3",
		"SELECT COUNT() FROM Space__History WHERE CreatedDate = THIS_YEAR", "SELECT Id FROM Lead WHERE Email IN ('a', null) OR Id >= '00Q5g0000000001'",
		"SELECT Name, (SELECT Name, Account.Name, (SELECT Id FROM Partner_Registrations__r) FROM Opportunities WHERE Amount > 1 ORDER BY Name LIMIT 2) FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity)",
		"SELECT StageName, CALENDAR_YEAR(CloseDate) y, SUM(Amount), AVG(Amount), COUNT_DISTINCT(Type), FORMAT(MAX(CreatedDate)) FROM Opportunity GROUP BY ROLLUP(StageName, CALENDAR_YEAR(CloseDate)) HAVING COUNT(Id) > 1 ORDER BY GROUPING(StageName), SUM(Amount) DESC NULLS LAST LIMIT 5",
		"SELECT TYPEOF Owner WHEN User THEN Alias ELSE Name END, Space__r.Owner.Type, FORMAT(CreatedDate) f FROM Space_Org__c USING SCOPE mine FOR VIEW",
		"SELECT FIELDS(ALL) FROM Account WHERE HOUR_IN_DAY(convertTimezone(CreatedDate)) > 1 AND Type NOT IN ('a') LIMIT 200",
		"SELECT Id FROM Opportunity WHERE NOT (CloseDate < LAST_N_DAYS:5 OR SystemModstamp >= 2026-01-01T00:00:00+00:00) OFFSET 3",
	} {
		f.Add(s)
	}
	org, token := fuzzOrg(f)
	f.Fuzz(func(t *testing.T, soql string) {
		send(t, org, token, "GET", "/services/data/v62.0/queryAll?q="+url.QueryEscape(soql), "", "")
	})
}

func FuzzBodies(f *testing.F) {
	f.Add("PATCH", "/services/data/v62.0/composite/sobjects/Partner__c/Partner_ID__c", `{"records":[{"attributes":{"type":"Partner__c"},"Partner_ID__c":"FG3877","Joined_On__c":"2020-01-01"}]}`, "application/json")
	f.Add("PATCH", "/services/data/v62.0/composite/sobjects/Opportunity/Id", `{"allOrNone":true,"records":[{"attributes":{"type":"opportunity"},"Name":1,"Amount":1e999,"Account":{"X":[]}},{}]}`, "application/json")
	f.Add("POST", "/services/Soap/u/62.0", `<Envelope><Body><login><username>x</username></login></Body></Envelope>`, "text/xml")
	f.Add("POST", "/services/oauth2/token", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c", "application/x-www-form-urlencoded")
	f.Add("GET", "/services/data/v62.0/sobjects/Account/Id/x/y?fields=,", "", "")
	f.Add("GET", "/services/Soap/u/", "", "")
	f.Add("POST", "/#/services/oauth2/token", "grant_type=password", "application/x-www-form-urlencoded")
	org, token := fuzzOrg(f)
	f.Fuzz(func(t *testing.T, method, path, body, contentType string) {
		if !strings.HasPrefix(path, "/") {
			path = "/services/data/v62.0/" + path
		}
		send(t, org, token, method, path, body, contentType)
	})
}

// FuzzRequest sends any method and body to each of the resources, with pieces of
// paths and parameters that are made up, and then a write that has to work: no
// request leaves the org locked or a savepoint open.
func FuzzRequest(f *testing.F) {
	account := `{"attributes":{"type":"Account","referenceId":"r"},"Name":"n"`
	part := `{"method":"POST","url":"/services/data/v62.0/sobjects/Account","referenceId":"a","body":{"Name":"@{b.id}"}}`
	for _, s := range []struct{ method, path, query, body string }{
		{"POST", "sobjects/Account", "_HttpMethod=PATCH", account + "}"},
		{"PATCH", "sobjects/Account/0015g0000000001AAA", "", `{"Name":null}`},
		{"DELETE", "sobjects/Lead/Email/a%2Fb", "", ""},
		{"PATCH", "sobjects/Space__c/Space_Key__c/x%00y", "updateOnly=true", `{"Account__r":{"Name":[]}}`},
		{"GET", "sobjects/Account/0015g0000000001AAA/Contacts", "fields=Id,Name", ""},
		{"GET", "sobjects/Account/updated/", "start=2026-11-20T12:00:00Z&end=2026-11-20T13:00:00Z", ""},
		{"GET", "recent", "limit=-1", ""},
		{"POST", "composite/sobjects", "", `{"allOrNone":true,"records":[` + account + `},{"attributes":{"type":"Lead"}}]}`},
		{"PATCH", "composite/sobjects", "", `{"records":[` + account + `,"Id":"0015g0000000001AAA"}]}`},
		{"DELETE", "composite/sobjects", "ids=0015g0000000001AAA,x&allOrNone=true", ""},
		{"POST", "composite/sobjects/Account", "", `{"ids":["0015g0000000001AAA"],"fields":["Name"]}`},
		{"POST", "composite/tree/Account", "", `{"records":[` + account + `,"Contacts":{"records":[{"attributes":{"type":"Contact","referenceId":"c"},"LastName":"l"}]}}]}`},
		{"POST", "composite", "", `{"allOrNone":true,"compositeRequest":[` + part + `]}`},
		{"POST", "composite/batch", "", `{"batchRequests":[{"method":"GET","url":"v62.0/limits"}]}`},
		{"POST", "composite/graph", "", `{"graphs":[{"graphId":"g","compositeRequest":[` + part + `]}]}`},
		{"POST", "/services/Soap/u/62.0", "", `<E><Header><SessionHeader><sessionId>TOKEN</sessionId></SessionHeader></Header><Body><create><sObjects><type>Account</type><Name>x</Name></sObjects></create></Body></E>`},
		{"POST", "/services/Soap/u/62.0", "", `<E><Header><SessionHeader><sessionId>TOKEN</sessionId></SessionHeader></Header><Body><merge><request><masterRecord><type>Account</type><Id>0015g0000000001AAA</Id></masterRecord><recordToMergeIds>0015g0000000002AAA</recordToMergeIds></request></merge></Body></E>`},
		{"POST", "/services/Soap/u/62.0", "", `<E><Header><SessionHeader><sessionId>TOKEN</sessionId></SessionHeader></Header><Body><query><queryString>SELECT Id, Owner.Name FROM Account</queryString></query></Body></E>`},
		{"GET", "/id/00D5g0000000001EAA/0055g0000000001AAA", "", ""},
		{"POST", "/services/oauth2/introspect", "", "token=x"},
	} {
		f.Add(s.method, s.path, s.query, s.body)
	}
	org, token := fuzzOrg(f)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if !strings.HasPrefix(path, "/") {
			path = "/services/data/v62.0/" + path
		}
		if strings.Contains(path, "revoke") || strings.Contains(body, "logout") {
			return // the session has to live
		}
		contentType := "application/json"
		if strings.Contains(path, "oauth2") {
			contentType = "application/x-www-form-urlencoded"
		}
		send(t, org, token, method, path+"?"+query, strings.ReplaceAll(body, "TOKEN", token), contentType)
		id, err := org.Insert("Lead", map[string]any{"LastName": "L", "Company": "C"})
		if err == nil {
			err = org.Purge("Lead", id)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add("Name,Owner.Username\na,integration@acme.example\n", "Space_Key__c,Account__r.Name,Partner_ID__c\nk,a,x\n")
	f.Add("\uFEFFId,Name\n001000000000001,\"a\nb\"\n", "Id\n")
	f.Fuzz(func(t *testing.T, accounts, spaces string) {
		d := t.TempDir()
		for name, text := range map[string]string{"Account.csv": accounts, "Space__c.csv": spaces} {
			if err := os.WriteFile(filepath.Join(d, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		org := emulator.New(emulator.Options{Clock: clock.NewManual(noon)})
		if err := org.LoadDir(d); err != nil && org.Count("Account")+org.Count("Space__c") > 0 {
			t.Fatalf("refused, yet kept: %v", err)
		}
	})
}
