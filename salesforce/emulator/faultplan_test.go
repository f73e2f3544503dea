package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

// play puts a plan into force, one rule a line.
func (c *client) play(seed uint64, rules ...string) {
	c.t.Helper()
	p, err := fault.Parse([]byte("rules:\n- "+strings.Join(rules, "\n- ")+"\n"), "plan")
	if err != nil {
		c.t.Fatal(err)
	}
	c.org.PlayFaults(p, seed)
}

// create makes a record over HTTP and gives its id.
func (c *client) create(object, body string) string {
	c.t.Helper()
	status, text, _ := c.do("POST", "sobjects/"+object, body)
	var out struct{ ID string }
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != 201 {
		c.t.Fatalf("create %s: %d %s", object, status, text)
	}
	return out.ID
}

const modstamps = "SELECT Name, SystemModstamp FROM Account WHERE SystemModstamp >= 2026-11-01T00:00:00Z ORDER BY SystemModstamp, Id"

// stamps gives name and time of day of the accounts, in the order of a query.
func (c *client) stamps(soql string) string {
	var out []string
	for _, r := range c.query("query", soql).Records {
		out = append(out, fmt.Sprintf("%s %s", r["Name"], r["SystemModstamp"].(string)[11:19]))
	}
	return strings.Join(out, ", ")
}

// The classical gap: who pages by SystemModstamp passes an instant before the
// records that are stamped with it can be seen.
func TestLateWritesAreSeenLaterWithTheirEarlierStamp(t *testing.T) {
	c := newClient(t, emulator.Options{})
	a := c.create("Account", `{"Name":"A"}`)
	c.clock.Advance(time.Minute)
	c.create("Account", `{"Name":"B"}`)
	c.play(1, "{name: late, when: {kind: record, method: [POST, PATCH, DELETE], first: 3}, do: {late: 5m}}")
	c.clock.Advance(time.Minute)
	c.create("Account", `{"Name":"C"}`)
	if status, body, _ := c.do("PATCH", "sobjects/Account/"+a, `{"Name":"A2"}`); status != 204 {
		t.Fatal(body)
	}
	c.clock.Advance(time.Minute)
	c.create("Account", `{"Name":"D"}`) // late too, until 12:08
	c.create("Account", `{"Name":"E"}`) // at once
	if got := c.stamps(modstamps); got != "A 12:00:00, B 12:01:00, E 12:03:00" {
		t.Errorf("before: %s", got)
	}
	if got := c.stamps(strings.Replace(modstamps, "SystemModstamp, Id", "SystemModstamp DESC LIMIT 2", 1)); got != "E 12:03:00, B 12:01:00" {
		t.Errorf("before, the latest: %s", got)
	}
	if got := c.names("SELECT Name FROM Account WHERE Id = '" + a + "'"); got != "A" {
		t.Errorf("by id: %s", got)
	}
	if n := c.query("query", "SELECT COUNT() FROM Account").TotalSize; n != 3 {
		t.Errorf("%d are counted", n)
	}
	c.clock.Advance(4 * time.Minute)
	if got := c.stamps(modstamps); got != "B 12:01:00, A2 12:02:00, C 12:02:00, E 12:03:00" && got != "B 12:01:00, C 12:02:00, A2 12:02:00, E 12:03:00" {
		t.Errorf("after: %s", got)
	}
	c.clock.Advance(time.Minute)
	if n := c.query("query", "SELECT COUNT() FROM Account").TotalSize; n != 5 {
		t.Errorf("%d are counted in the end", n)
	}
}

func TestALateRecordThatIsWrittenAgainIsSeenAtOnce(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: late, when: {kind: record, first: 2}, do: {late: 1h}}")
	id := c.create("Account", `{"Name":"A"}`)
	if status, body, _ := c.do("PATCH", "sobjects/Account/"+id, `{"Name":"A2"}`); status != 204 || c.names("SELECT Name FROM Account") != "" {
		t.Fatalf("%d %s, seen: %s", status, body, c.names("SELECT Name FROM Account"))
	}
	c.do("PATCH", "sobjects/Account/"+id, `{"Name":"A3"}`)
	if got := c.names("SELECT Name FROM Account"); got != "A3" {
		t.Errorf("seen: %q", got)
	}
}

func TestALateDeletionIsSeenLater(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.create("Account", `{"Name":"A"}`)
	c.play(1, "{name: late, when: {method: DELETE}, do: {late: 1h}}")
	c.do("DELETE", "sobjects/Account/"+id, "")
	if got := c.names("SELECT Name FROM Account WHERE IsDeleted = false"); got != "A" {
		t.Errorf("before: %q", got)
	}
	c.clock.Advance(time.Hour)
	if got := c.names("SELECT Name FROM Account"); got != "" {
		t.Errorf("after: %q", got)
	}
}

func TestWritesOfAnIntervalShareAStamp(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: same, do: {stamp: 1h}}")
	for _, name := range []string{"A", "B", "C"} {
		c.create("Account", `{"Name":"`+name+`"}`)
		c.clock.Advance(25 * time.Minute)
	}
	if got := c.stamps(modstamps); got != "A 12:00:00, B 12:00:00, C 12:00:00" {
		t.Error(got)
	}
}

func TestASkewedClockDatesAndStamps(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: jump, when: {method: POST, kind: record}, do: {skew: -90m}}")
	_, _, h := c.do("POST", "sobjects/Account", `{"Name":"A"}`)
	if h.Get("Date") != "Fri, 20 Nov 2026 10:30:00 GMT" {
		t.Errorf("Date %s", h.Get("Date"))
	}
	if got := c.stamps(modstamps); got != "A 10:30:00" {
		t.Error(got)
	}
	if _, _, h := c.do("GET", "limits", ""); h.Get("Date") != "Fri, 20 Nov 2026 12:00:00 GMT" {
		t.Errorf("Date %s", h.Get("Date"))
	}
}

func TestRowsFailByPlan(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(3, "{name: lock, when: {kind: collection}, do: {rows: {code: UNABLE_TO_LOCK_ROW, key: '[13579]$'}}}",
		"{name: rule, when: {kind: record}, do: {rows: {code: FIELD_CUSTOM_VALIDATION_EXCEPTION, message: No, fields: [Name], key: '^Bad', field: name}}}")
	rows := func() []row {
		var out []row
		for i := range 10 {
			out = append(out, row{"Partner_ID__c": fmt.Sprintf("FG%d", i), "Name": "P"})
		}
		return out
	}
	for i, r := range c.upsert("Partner__c", "Partner_ID__c", false, rows()...) {
		if r.Success == (i%2 == 1) || i%2 == 1 && (r.Errors[0].StatusCode != "UNABLE_TO_LOCK_ROW" || !strings.Contains(r.Errors[0].Message, "exclusive access")) {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	for i, r := range c.upsert("Partner__c", "Partner_ID__c", true, rows()...) {
		want := map[bool]string{true: "UNABLE_TO_LOCK_ROW", false: "ALL_OR_NONE_OPERATION_ROLLED_BACK"}[i%2 == 1]
		if r.Success || r.Errors[0].StatusCode != want {
			t.Errorf("row %d, all or none: %+v", i, r)
		}
	}
	if m := c.refused(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "POST", "sobjects/Account", `{"Name":"Bad one"}`); m != "No" {
		t.Error(m)
	}
	c.create("Account", `{"Name":"Good one"}`)
}

func TestCursorsVanishOnAPageAndLoop(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1})
	for i := range 7 {
		c.insert("Account", row{"Name": fmt.Sprint(i)})
	}
	small := []string{"Sforce-Query-Options", "batchSize=2"}
	c.play(1, "{name: gone, when: {object: Account, page: 3}, do: {cursor: vanish}}")
	first := c.query("query", "SELECT Id FROM Account", small...)
	second := c.page(first.NextRecordsURL, small...)
	c.refused(400, "INVALID_QUERY_LOCATOR", "GET", second.NextRecordsURL, "", small...)
	c.org.PlayFaults(nil, 0)
	c.refused(400, "INVALID_QUERY_LOCATOR", "GET", second.NextRecordsURL, "", small...)

	c.play(1, "{name: loop, when: {page: 4}, do: {cursor: loop}}")
	p := c.query("query", "SELECT Id FROM Account", small...)
	for range 3 {
		p = c.page(p.NextRecordsURL, small...)
	}
	if again := c.page(p.NextRecordsURL, small...); p.Done || again.Done || again.NextRecordsURL != p.NextRecordsURL || again.Records[0]["Id"] != p.Records[0]["Id"] {
		t.Errorf("the last page ends: %+v", p)
	}
}

func TestAnEndedSessionIsDead(t *testing.T) {
	for _, status := range []int{401, 403} {
		c := newClient(t, emulator.Options{})
		c.play(1, fmt.Sprintf("{name: out, when: {kind: limits}, times: 1, do: {session: %d}}", status))
		c.refused(status, "INVALID_SESSION_ID", "GET", "limits", "")
		c.refused(401, "INVALID_SESSION_ID", "GET", "limits", "")
		c.login()
		if got, _, _ := c.do("GET", "limits", ""); got != 200 {
			t.Errorf("after a new login: %d", got)
		}
	}
}

func TestAnAnswerIsLostAfterTheWork(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: lost, when: {method: POST, kind: record}, do: {lose: {status: 500, body: '[]'}}}")
	if status, body, _ := c.do("POST", "sobjects/Account", `{"Name":"A"}`); status != 500 || body != "[]" || c.names("SELECT Name FROM Account") != "A" {
		t.Errorf("%d %s", status, body)
	}
}

func TestASchemaDrifts(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.create("Account", `{"Name":"A","Industry":"Retail"}`)
	c.insert("Space__c", row{"Name": "S"})
	c.play(1, "{name: drift, do: {hide: [Lead, Account.Industry, Space__c.Account__c]}}")
	if _, body, _ := c.do("GET", "sobjects/Account/describe", ""); strings.Contains(body, `"name":"Industry"`) || strings.Contains(body, `"Space__c"`) || !strings.Contains(body, `"name":"Name"`) {
		t.Error("describe shows what is hidden, or too little")
	}
	if _, body, _ := c.do("GET", "sobjects", ""); strings.Contains(body, `"name":"Lead"`) || !strings.Contains(body, `"name":"Account"`) {
		t.Error("the list of objects shows what is hidden, or too little")
	}
	c.refused(404, "NOT_FOUND", "GET", "sobjects/Lead/describe", "")
	if _, body, _ := c.do("GET", "sobjects/Account/"+id, ""); strings.Contains(body, "Industry") || !strings.Contains(body, `"Name":"A"`) {
		t.Errorf("the record: %s", body)
	}
	m := c.refused(400, "INVALID_FIELD", "GET", "query?q=SELECT+Id,+Industry+FROM+Account", "")
	if !strings.Contains(m, "No such column 'Industry' on entity 'Account'") || !strings.Contains(m, "ERROR at Row:1:Column:12") {
		t.Error(m)
	}
	c.refused(400, "INVALID_FIELD", "GET", "query?q=SELECT+Id+FROM+Contact+WHERE+Account.Industry='x'", "")
	c.refused(400, "INVALID_TYPE", "GET", "query?q=SELECT+Id+FROM+Lead", "")
	c.refused(400, "INVALID_FIELD", "PATCH", "sobjects/Account/"+id, `{"industry":"x"}`)
	if got := c.names("SELECT Name FROM Account WHERE Name != 'Industry'"); got != "A" {
		t.Errorf("a text that says so: %s", got)
	}
}

// transcript asks an org the same things and tells what it answered.
func transcript(t *testing.T, seed uint64) string {
	c := newClient(t, emulator.Options{})
	c.play(seed, "{name: down, when: {kind: query, probability: 0.3}, do: {answer: {status: 503, form: html}}}",
		"{name: rows, when: {kind: collection}, do: {rows: {code: UNABLE_TO_LOCK_ROW, rate: 0.3}}}",
		"{name: late, when: {kind: collection, probability: 0.5}, do: {late: 2m}}")
	var out strings.Builder
	for i := range 12 {
		for _, r := range c.upsert("Partner__c", "Partner_ID__c", false, row{"Partner_ID__c": fmt.Sprint("A", i)}, row{"Partner_ID__c": fmt.Sprint("B", i)}) {
			fmt.Fprint(&out, r.Success, " ")
		}
		c.clock.Advance(time.Minute)
		status, body, _ := c.do("GET", "query?q=SELECT+Partner_ID__c+FROM+Partner__c+ORDER+BY+Id", "")
		fmt.Fprintln(&out, status, body)
	}
	return out.String()
}

func TestAnOrgMisbehavesTheSameByTheSameSeed(t *testing.T) {
	one, again, other := transcript(t, 1), transcript(t, 1), transcript(t, 2)
	if one != again {
		t.Errorf("%s\n%s", one, again)
	}
	if one == other {
		t.Error("another seed makes no difference")
	}
}

func TestAHookGoesBeforeThePlan(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: quota, when: {kind: limits}, do: {quota: concurrent}}")
	c.org.FailTimes(1, "/limits", emulator.Fault{Status: 420, Body: "{}"})
	if status, _, _ := c.do("GET", "limits", ""); status != 420 {
		t.Errorf("status %d", status)
	}
	c.refused(403, "REQUEST_LIMIT_EXCEEDED", "GET", "limits", "")
	if n := c.org.Faults().Counts()[0]; n.Matches != 1 || n.Plays != 1 {
		t.Errorf("%+v", n)
	}
}

func TestRepeatedSlashesAreOne(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: a, when: {path: /services/data/*/limits}, do: {quota: daily}}")
	c.refused(403, "REQUEST_LIMIT_EXCEEDED", "GET", "//services/data/v62.0//limits", "")
	c.org.PlayFaults(nil, 0)
	for _, path := range []string{"//services/data/", "//services/data/v62.0/limits", "/services//data/v62.0//sobjects/Account/describe/"} {
		if status, body, _ := c.do("GET", path, ""); status != 200 {
			t.Errorf("%s: %d %.100s", path, status, body)
		}
	}
	c.upsert("Partner__c", "Partner_ID__c", false, row{"Partner_ID__c": "a//b"})
	if status, body, _ := c.do("GET", "/services/data//v62.0/sobjects/Partner__c/Partner_ID__c/a%2F%2Fb", ""); status != 200 {
		t.Errorf("a key with slashes: %d %s", status, body)
	}
}

// Many clients at once: nothing is lost count of.
func TestAPlanCountsUnderConcurrency(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: half, when: {kind: limits, every: 2}, do: {quota: daily}}", "{name: late, when: {kind: record}, do: {late: 1m}}")
	done := make(chan int)
	for range 8 {
		go func() {
			refused := 0
			for i := range 10 {
				req, _ := http.NewRequest("GET", c.url+"/services/data/v62.0/limits", nil)
				if i%3 == 0 {
					req, _ = http.NewRequest("POST", c.url+"/services/data/v62.0/sobjects/Account", strings.NewReader(`{"Name":"A"}`))
				}
				req.Header.Set("Authorization", "Bearer "+c.token)
				req.Header.Set("Content-Type", "application/json")
				if resp, err := http.DefaultClient.Do(req); err == nil {
					resp.Body.Close()
					if resp.StatusCode == 403 {
						refused++
					}
				}
				if i == 5 {
					if resp, err := http.Get(c.url + "/emulator/requests"); err == nil {
						resp.Body.Close()
					}
				}
			}
			done <- refused
		}()
	}
	refused := 0
	for range 8 {
		refused += <-done
	}
	if refused != 24 || c.query("query", "SELECT COUNT() FROM Account").TotalSize != 0 {
		t.Errorf("%d are refused", refused)
	}
	if log := c.org.RequestLog(1000); len(log) != 82 || !slices.IsSortedFunc(log, func(a, b emulator.LoggedRequest) int { return int(b.ID) - int(a.ID) }) {
		t.Errorf("%d requests are logged", len(log))
	}
}

// A person in the org saves something while an integration reads: the plan has a
// say in that too, if a rule asks for it.
func TestWritesBehindTheAPIAreLateToo(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Account", row{"Name": "A"})
	c.play(1, "{name: everything, do: {late: 9h}}", "{name: people, when: {kind: direct, object: Account}, times: 2, do: {late: 5m}}")
	c.clock.Advance(time.Minute)
	if err := c.org.Update("Account", id, row{"Name": "A2"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	c.insert("Account", row{"Name": "B"})
	c.insert("Account", row{"Name": "C"})
	if got := c.stamps(modstamps); got != "A 12:00:00, C 12:01:00" {
		t.Errorf("before: %s", got)
	}
	c.clock.Advance(5 * time.Minute)
	if got := c.stamps(modstamps); got != "A2 12:01:00, B 12:01:00, C 12:01:00" {
		t.Errorf("after: %s", got)
	}
}

func TestTheObjectOfABulkJobIsInItsBody(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.play(1, "{name: jobs, when: {kind: [bulk-ingest, bulk-query], object: Account}, do: {answer: {status: 503, form: html}}}")
	for _, tt := range []struct {
		path, body string
		isDown     bool
	}{
		{"jobs/ingest", `{"object":"account","operation":"insert"}`, true},
		{"jobs/ingest", `{"object":"Contact","operation":"insert"}`, false},
		{"jobs/query", `{"operation":"query","query":"SELECT Id FROM Account"}`, true},
		{"jobs/query", `{"operation":"query","query":"SELECT Id FROM Contact"}`, false},
		{"jobs/query", `{`, false},
	} {
		if status, _, _ := c.do("POST", tt.path, tt.body); (status == 503) != tt.isDown {
			t.Errorf("%s: %d", tt.body, status)
		}
	}
}

func TestLateWritesAreForgottenOnceSeen(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for i := range 200 { // more than are kept before the first look for old ones
		c.play(1, "{name: late, when: {kind: direct}, do: {late: 1m}}")
		c.insert("Account", row{"Name": fmt.Sprint(i)})
		c.clock.Advance(time.Second)
	}
	if n := c.query("query", "SELECT COUNT() FROM Account").TotalSize; n != 141 {
		t.Errorf("%d are seen", n)
	}
	c.clock.Advance(time.Minute)
	if n := c.query("query", "SELECT COUNT() FROM Account").TotalSize; n != 200 {
		t.Errorf("%d are seen in the end", n)
	}
}
