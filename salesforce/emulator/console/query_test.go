package console_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

func ask(soql string) string { return "/console/query?q=" + url.QueryEscape(soql) }

func TestAResultShowsParentsAsColumns(t *testing.T) {
	w := newWorld(t)
	w.must("Opportunity", map[string]any{"Name": "Alone", "StageName": "Prospecting", "CloseDate": "2026-01-01", "Amount": "0.10"})
	p := w.page(200, ask("SELECT Id, Account.Name, Name, Account.Owner.Email, Amount, IsWon FROM Opportunity ORDER BY Name DESC"))
	var heads []string
	for _, th := range within(p.one("thead"), "th") {
		heads = append(heads, words(th))
	}
	if want := []string{"Id", "Account.Name", "Account.Owner.Email", "Name", "Amount", "IsWon"}; !slices.Equal(heads, want) {
		t.Errorf("the columns are %v", heads)
	}
	if got := p.column(1); !slices.Equal(got, []string{"–", "شركة النور"}) {
		t.Errorf("the accounts are %v", got)
	}
	w.page(200, p.link(w.opportunity)).wants("Acme renewal")
}

func TestACountIsShownAsANumber(t *testing.T) {
	w := newWorld(t)
	w.page(200, ask("SELECT COUNT() FROM Account")).wants("1 records")
	w.page(200, ask("SELECT COUNT() FROM Account")+"&all=on").wants("2 records")
	w.page(200, ask("SELECT Id FROM Lead")).wants("No records.")
}

func TestARefusalIsInThePlatformsWordsWithItsPlace(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ soql, code, message, at string }{
		{"SELECT Name,\n  Nothing__c\nFROM Account", "INVALID_FIELD", "ERROR at Row:2:Column:3 No such column 'Nothing__c' on entity 'Account'.", "Nothing__c"},
		{"SELECT Name FROM Nobody", "INVALID_TYPE", "sObject type 'Nobody' is not supported.", "Nobody"},
		{"SELECT Name FROM Account WHERE Name = 'שלום' AND Nothing__c = 1", "INVALID_FIELD", "No such column 'Nothing__c'", "Nothing__c"},
		{"SELECT Name FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000", ""},
	} {
		p := w.page(400, ask(tt.soql))
		p.wants(tt.code, tt.message)
		at := ""
		if marks := p.all("mark"); len(marks) > 0 {
			at = words(marks[0])
		}
		if at != tt.at {
			t.Errorf("%s: the mark is on %q, not on %q", tt.soql, at, tt.at)
		}
		if got := words(p.one("textarea")); got != strings.Join(strings.Fields(tt.soql), " ") {
			t.Errorf("the box has lost its text: %q", got)
		}
	}
	w.page(400, "/console/query?q="+strings.Repeat("x", 15_001)).wants("URI Too Long")
	w.page(400, ask("SELECT Id FROM Account")+"&at=01g000000000000AAA-200").wants("INVALID_QUERY_LOCATOR")
}

func TestALongResultIsPagedAndDownloadedWhole(t *testing.T) {
	b := newBrowser(t, emulator.Options{})
	for i := range 450 {
		b.must("Lead", map[string]any{"LastName": fmt.Sprintf("L%03d", i), "Company": "a, \"b\"\nc"})
	}
	soql := "SELECT LastName, Company, Email FROM Lead ORDER BY LastName"
	p := b.page(200, ask(soql))
	p.wants("1–200 of 450")
	p = b.page(200, p.link("After →"))
	p.wants("201–400 of 450")
	p = b.page(200, p.link("After →"))
	p.wants("401–450 of 450")
	if rows := p.column(0); rows[0] != "L400" || rows[49] != "L449" {
		t.Errorf("the last page goes from %s to %s", rows[0], rows[49])
	}
	b.page(200, p.link("← From the beginning")).wants("1–200 of 450")

	w := b.load("localhost", "GET", p.link("CSV"))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
		t.Fatalf("the download is answered %d %v", w.Code, w.Header())
	}
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 451 || !slices.Equal(rows[0], []string{"LastName", "Company", "Email"}) || !slices.Equal(rows[450], []string{"L449", "a, \"b\"\nc", ""}) {
		t.Errorf("the download has %d rows: %q … %q", len(rows), rows[0], rows[len(rows)-1])
	}
	if w := b.load("localhost", "GET", "/console/query.csv?q=SELECT"); w.Code != 400 || !strings.Contains(w.Body.String(), "MALFORMED_QUERY") {
		t.Errorf("a bad query's download is answered %d %s", w.Code, w.Body)
	}
}

func TestSumsAndChildrenAreTables(t *testing.T) {
	w := newWorld(t)
	p := w.page(200, ask("SELECT Partner__r.Name, SUM(Amount__c) total, COUNT(Id) FROM Partner_Commission__c GROUP BY Partner__r.Name"))
	if got := words(p.one("tbody")); got != "Northlight 92.05 1" {
		t.Errorf("the sums are %q", got)
	}
	p = w.page(200, ask("SELECT Name, (SELECT Name, Amount FROM Opportunities), (SELECT Name FROM Contacts) FROM Account"))
	inner := p.one("div.inner")
	if got := words(within(inner, "tbody")[0]); !strings.HasPrefix(got, "Acme renewal 12000") {
		t.Errorf("the children are %q", got)
	}
	r := w.load("localhost", "GET", p.link("CSV"))
	if !strings.Contains(r.Body.String(), `""Acme renewal""`) {
		t.Errorf("the download is %s", r.Body)
	}
}

func TestTheLogNamesTheFaultsThatPlayed(t *testing.T) {
	w := newWorld(t)
	plan, err := fault.Parse([]byte("rules:\n  - name: <b>maintenance</b>\n    do: {answer: {status: 503, body: \"<html>\"}}\n"), "plan")
	if err != nil {
		t.Fatal(err)
	}
	w.org.PlayFaults(plan, 1)
	w.api("x", "limits")
	p := w.page(200, "/console/requests")
	p.wants("503", "fault played: <b>maintenance</b>")
	sound(p)
}

func TestTheLogShowsWhatClientsAsked(t *testing.T) {
	w := newWorld(t)
	token := w.token()
	soql := "SELECT Name FROM Opportunity"
	w.api(token, "query?q="+url.QueryEscape(soql))
	w.api(token, "sobjects/Nothing")
	p := w.page(200, "/console/requests?refresh=on")
	if metas := p.all("meta"); !slices.ContainsFunc(metas, func(m *node) bool { return attr(m, "http-equiv") == "refresh" && attr(m, "content") == "3" }) {
		t.Error("the page does not load again")
	}
	if got := p.column(3); !slices.Equal(got, []string{"404", "200", "200"}) {
		t.Errorf("the statuses are %v", got)
	}
	if got := p.column(4); !slices.Equal(got, []string{"–", "1", "–"}) {
		t.Errorf("the rows are %v", got)
	}
	w.page(200, p.link(soql)).wants("Acme renewal")
	if strings.Contains(p.text, emulator.DemoClientSecret) || strings.Contains(p.text, token) {
		t.Error("the log has a secret")
	}
	p = w.page(200, p.link("Only failed ones"))
	if got := p.column(3); !slices.Equal(got, []string{"404"}) {
		t.Errorf("those that failed are %v", got)
	}
	w.page(200, p.link("Stop refreshing"))
}

func TestEveryExampleIsUnderstood(t *testing.T) {
	w := newWorld(t)
	p := w.page(200, "/console/query")
	links := within(p.one("ul.examples"), "a")
	if len(links) != 6 {
		t.Errorf("there are %d examples", len(links))
	}
	for _, a := range links {
		w.page(200, attr(a, "href"))
	}
}
