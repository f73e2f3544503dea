package console

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/query"
)

// queryPageSize is how many records a page of a result has, the smallest that
// the platform lets a client ask for.
const queryPageSize = 200

// queryPage is the box with what came of it.
type queryPage struct {
	Text     string
	All      bool // the recycle bin too
	Examples []example
	Error    *queryError
	Result   *table
	Total    string
	From     string // the number of the first record of the page
	To       string
	IsCount  bool // only the number was asked for
	Next     string
	First    string
	CSV      string
	Took     string
}

// queryError is a refusal in the platform's words.
type queryError struct {
	Status        int
	Code, Message string
	Before, At    string // the query, cut where the platform points
	After         string
	HasPlace      bool
}

// maxQuery bounds a query; the platform's bound is 100,000 characters, but a GET
// holds less.
const maxQuery = 15_000

// locatorPattern is how a nextRecordsUrl ends.
var locatorPattern = regexp.MustCompile(`^[A-Za-z0-9]{15,18}-(\d{1,9})$`)

func (s *site) query(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := queryPage{Text: strings.TrimSpace(q.Get("q")), All: q.Get("all") == "on", Examples: s.examples()}
	status := http.StatusOK
	if p.Text != "" {
		status = s.ask(r, &p, q.Get("at"))
	}
	s.show(w, status, "query", view{Title: "SOQL", Here: "query", Page: p})
}

// ask runs a query, or gets the page of it that a locator names, and gives the
// status of the page.
func (s *site) ask(r *http.Request, p *queryPage, locator string) int {
	if len(p.Text) > maxQuery {
		p.Error = &queryError{Status: http.StatusRequestURITooLong, Code: "URI Too Long", Message: fmt.Sprintf("The box takes %d characters; a POST to the API takes more.", maxQuery)}
		return http.StatusBadRequest
	}
	began := s.org.Now()
	a := s.fetch(r, p.Text, p.All, locator, queryPageSize)
	p.Took = took(s.org.Now().Sub(began))
	body, err := parseJSON(a.Body)
	if err != nil || a.Status != http.StatusOK {
		p.Error = errorOf(a, body, p.Text)
		return http.StatusBadRequest
	}
	rd := newReader(s.org.Data())
	p.Result = tableOf(body.get("records"), rd.isRecordID)
	p.Total = groupDigits(body.get("totalSize").text)
	p.IsCount = len(p.Result.Columns) == 0 && body.get("totalSize").text != "0"
	from := 1
	if m := locatorPattern.FindStringSubmatch(locator); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			from = n + 1
		}
		p.First = p.href("")
	}
	p.From, p.To = groupDigits(strconv.Itoa(from)), groupDigits(strconv.Itoa(from+len(p.Result.Rows)-1))
	if next := locatorOf(body); next != "" {
		p.Next = p.href(next)
	}
	p.CSV = prefix + "/query.csv" + strings.TrimPrefix(p.href(""), prefix+"/query")
	return http.StatusOK
}

// fetch asks the org for a page of a query.
func (s *site) fetch(r *http.Request, text string, all bool, locator string, batch int) Answer {
	path := "query"
	if all {
		path = "queryAll"
	}
	if locatorPattern.MatchString(locator) {
		return s.org.Ask(r, path+"/"+locator, nil, batch)
	}
	return s.org.Ask(r, path, url.Values{"q": {text}}, batch)
}

// locatorOf is the end of an answer's nextRecordsUrl, or "".
func locatorOf(body node) string {
	next := body.get("nextRecordsUrl").text
	return next[strings.LastIndexByte(next, '/')+1:]
}

// href is the box's address with the query, at a page of its result.
func (p *queryPage) href(locator string) string {
	q := url.Values{"q": {p.Text}}
	if p.All {
		q.Set("all", "on")
	}
	if locator != "" {
		q.Set("at", locator)
	}
	return prefix + "/query?" + q.Encode()
}

// placePattern is how the platform says where in a query it stumbled.
var placePattern = regexp.MustCompile(`ERROR at Row:(\d{1,6}):Column:(\d{1,6})`)

// errorOf reads a refusal: [{"errorCode": …, "message": …}].
func errorOf(a Answer, body node, text string) *queryError {
	e := &queryError{Status: a.Status, Code: "UNKNOWN_EXCEPTION", Message: shorten(string(a.Body), 500)}
	if body.kind == '[' && len(body.children) > 0 {
		e.Code, e.Message = body.children[0].get("errorCode").text, body.children[0].get("message").text
	}
	if m := placePattern.FindStringSubmatch(e.Message); m != nil {
		row, errRow := strconv.Atoi(m[1])
		col, errCol := strconv.Atoi(m[2])
		if errRow == nil && errCol == nil {
			e.Before, e.At, e.After, e.HasPlace = cutAt(text, row, col)
		}
	}
	return e
}

// cutAt cuts a text around the word that begins at a row and a column, both
// counted from 1, columns in characters.
func cutAt(text string, row, col int) (before, at, after string, ok bool) {
	r := []rune(text)
	i := 0
	for ; row > 1 && i < len(r); i++ {
		if r[i] == '\n' {
			row--
		}
	}
	i += col - 1
	if row != 1 || i < 0 || i >= len(r) {
		return "", "", "", false
	}
	j := i + 1
	for j < len(r) && !strings.ContainsRune(" \t\r\n,()", r[j]) && !strings.ContainsRune(" \t\r\n,()", r[i]) {
		j++
	}
	return string(r[:i]), string(r[i:j]), string(r[j:]), true
}

// example is a query to begin with.
type example struct{ Title, Text, Href string }

// allExamples are the examples that orgs of different schemas may understand.
var allExamples = []struct{ title, text string }{
	{"What each partner earned", "SELECT Partner__r.Name, Currency__c, COUNT(Id) lines, SUM(Amount__c) amount FROM Partner_Commission__c WHERE Status__c = 'Accrued' GROUP BY Partner__r.Name, Currency__c ORDER BY Partner__r.Name"},
	{"The largest commissions and their sales", "SELECT Name, Partner__r.Name, Opportunity__r.Name, Opportunity__r.Amount, Amount__c, Currency__c, Period__c FROM Partner_Commission__c ORDER BY Amount__c DESC NULLS LAST LIMIT 20"},
	{"Commissions and why", "SELECT Name, Amount__c, Explanation__c FROM Partner_Commission__c WHERE Amount__c != 0 LIMIT 5"},
	{"Sales that were won this year", "SELECT Name, Account.Name, Amount, CloseDate, Space__r.Partner_ID__c FROM Opportunity WHERE IsWon = true AND CloseDate = THIS_YEAR ORDER BY CloseDate DESC"},
	{"Customers and their sales", "SELECT Name, Website, (SELECT Name, StageName, Amount FROM Opportunities ORDER BY CloseDate DESC LIMIT 3) FROM Account LIMIT 10"},
	{"Whose Partner ID was changed", "SELECT ParentId, Parent.Name, Field, OldValue, NewValue, CreatedDate FROM Space__History WHERE Field = 'Partner_ID__c' ORDER BY CreatedDate DESC LIMIT 20"},
}

// examples are those that the org understands: it may be without an object, or
// without a field.
func (s *site) examples() []example {
	var out []example
	for _, e := range allExamples {
		if _, err := query.New(s.org.Data(), e.text, false); err == nil {
			out = append(out, example{e.title, e.text, prefix + "/query?" + url.Values{"q": {e.text}}.Encode()})
		}
	}
	return out
}
