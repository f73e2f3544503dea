package console_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/net/html"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// node is an element of a page.
type node = html.Node

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// browser loads pages of an org and reads them.
type browser struct {
	t       *testing.T
	org     *emulator.Org
	clock   *clock.Manual
	handler http.Handler
}

func newBrowser(t *testing.T, o emulator.Options) *browser {
	t.Helper()
	b := &browser{t: t, clock: clock.NewManual(noon)}
	o.Clock = b.clock
	b.org = emulator.New(o)
	b.handler = b.org.Handler()
	return b
}

// must puts a record into the org.
func (b *browser) must(object string, fields map[string]any) string {
	b.t.Helper()
	id, err := b.org.Insert(object, fields)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// load gets a page under a host name.
func (b *browser) load(host, method, path string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// page loads a page and reads it; it must have the status.
func (b *browser) page(status int, path string) *page {
	b.t.Helper()
	w := b.load("localhost:8081", "GET", path)
	if w.Code != status {
		b.t.Fatalf("%s is answered %d, not %d:\n%s", path, w.Code, status, w.Body)
	}
	return read(b.t, path, w.Body.String())
}

// page is a page that was read.
type page struct {
	t    *testing.T
	path string
	text string
	root *html.Node
}

func read(t *testing.T, path, text string) *page {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return &page{t, path, text, root}
}

// all gives the elements of a name, of a class if one is named ("p.amount").
func (p *page) all(selector string) []*html.Node { return within(p.root, selector) }

func within(root *html.Node, selector string) []*html.Node {
	name, class, hasClass := strings.Cut(selector, ".")
	var out []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || name != "*" && n.Data != name {
			continue
		}
		if !hasClass || strings.Contains(" "+attr(n, "class")+" ", " "+class+" ") {
			out = append(out, n)
		}
	}
	return out
}

func (p *page) one(selector string) *html.Node {
	p.t.Helper()
	found := p.all(selector)
	if len(found) != 1 {
		p.t.Fatalf("%s has %d %s, not one", p.path, len(found), selector)
	}
	return found[0]
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words is the text of an element, its white space made one.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case d.Data == "td", d.Data == "th", d.Data == "dd", d.Data == "dt", d.Data == "li", d.Data == "div":
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// column gives the texts of a table's column, counted from 0.
func (p *page) column(i int) []string {
	p.t.Helper()
	var out []string
	for _, row := range within(p.all("tbody")[0], "tr") {
		var cells []*html.Node
		for c := range row.ChildNodes() {
			if c.Type == html.ElementNode {
				cells = append(cells, c)
			}
		}
		out = append(out, words(cells[i]))
	}
	return out
}

// link finds the address of a link by its text.
func (p *page) link(text string) string {
	p.t.Helper()
	for _, a := range p.all("a") {
		if words(a) == text {
			return attr(a, "href")
		}
	}
	p.t.Fatalf("%s has no link %q", p.path, text)
	return ""
}

func (p *page) wants(texts ...string) {
	p.t.Helper()
	all := words(p.root)
	for _, text := range texts {
		if !strings.Contains(all, text) {
			p.t.Errorf("%s does not say %q:\n%s", p.path, text, all)
		}
	}
}

// golden compares a page with the one that was kept.
func (p *page) golden(name string) {
	p.t.Helper()
	path := filepath.Join("testdata", name+".html")
	got := tidy(p.text)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		p.t.Errorf("%s (go test -update writes it anew): %s", path, diff)
	}
}

var (
	machineTime = regexp.MustCompile(`<td class="n( slow)?">(&lt; )?[0-9.]+ m?s</td>`)
	examples    = regexp.MustCompile(`(?s)<ul class="examples">.*?</ul>`)
)

// tidy takes out what is another on every machine, and the examples of the box,
// which are tested by themselves.
func tidy(text string) string {
	text = machineTime.ReplaceAllString(text, `<td class="n">… ms</td>`)
	return examples.ReplaceAllString(text, "<!-- examples -->")
}

// world is an org with a commission and what it is for.
type world struct {
	*browser
	partner, account, opportunity, space, statement, commission string
}

const explanation = `FG3877 earns 92.05 USD for February 2026: 10 % of 12000.00 USD (opportunity “Acme renewal”), registered with {id}.
Through 2026-02-28: 59 days of 365 held
12000.00 USD × 10 % × 59 ÷ 365 = 193.972602…, rounded to 193.97 USD`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{browser: newBrowser(t, emulator.Options{MultiCurrency: true})}
	w.partner = w.must("Partner__c", map[string]any{"Name": "Northlight", "Partner_ID__c": "FG3877", "Kind__c": "Consulting", "Status__c": "Active", "Joined_On__c": "2019-04-01"})
	w.account = w.must("Account", map[string]any{"Name": "شركة النور", "Website": "https://noor.example/", "AnnualRevenue": "1250000", "Description": "One line.\nAnother line."})
	w.space = w.must("Space__c", map[string]any{"Name": "Noor", "Space_Key__c": "S-1", "Account__c": w.account, "Partner_ID__c": "AB1234"})
	w.opportunity = w.must("Opportunity", map[string]any{"Name": "Acme renewal", "AccountId": w.account, "Space__c": w.space, "Amount": "12000", "StageName": "Closed Won", "CloseDate": "2025-12-20"})
	w.statement = w.must("Partner_Statement__c", map[string]any{"Statement_Key__c": "FG3877/2026-02/USD", "Partner__c": w.partner, "Period__c": "2026-02", "Currency__c": "USD", "Opening__c": "0", "Closing__c": "92.05"})
	w.commission = w.must("Partner_Commission__c", map[string]any{
		"Commission_Key__c": "FG3877/space/x/referral/2026-02", "Partner__c": w.partner, "Partner_ID__c": "FG3877", "Opportunity__c": w.opportunity,
		"Space__c": w.space, "Account__c": w.account, "Period__c": "2026-02", "Base_Amount__c": "12000", "Rate__c": "10", "Amount__c": "92.05",
		"Currency__c": "USD", "Status__c": "Accrued", "Statement__c": w.statement, "Explanation__c": strings.ReplaceAll(explanation, "{id}", w.opportunity),
	})
	w.clock.Advance(time.Hour)
	if err := w.org.Update("Space__c", w.space, map[string]any{"Partner_ID__c": "FG3877"}, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	gone := w.must("Account", map[string]any{"Name": "Gone"})
	if err := w.org.Delete("Account", gone); err != nil {
		t.Fatal(err)
	}
	return w
}

// token logs in and gives an access token.
func (b *browser) token() string {
	b.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}}
	r := httptest.NewRequestWithContext(b.t.Context(), "POST", "/services/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	m := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(w.Body.String())
	if m == nil {
		b.t.Fatalf("login: %d %s", w.Code, w.Body)
	}
	return m[1]
}

// api sends a GET to the REST API.
func (b *browser) api(token, path string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), "GET", "/services/data/v62.0/"+path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("User-Agent", "a client/1.0")
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}
