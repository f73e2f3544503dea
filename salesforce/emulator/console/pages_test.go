package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestPagesAreAsTheyWere(t *testing.T) {
	w := newWorld(t)
	token := w.token()
	w.api(token, "query?q="+url.QueryEscape("SELECT Id FROM Opportunity"))
	w.api(token, "query?q="+url.QueryEscape("SELECT Nothing FROM Opportunity"))
	for _, tt := range []struct {
		name   string
		status int
		path   string
	}{
		{"overview", 200, "/"},
		{"list", 200, "/console/objects/Partner_Commission__c?sort=-Amount__c"},
		{"bin", 200, "/console/objects/Account?bin=on"},
		{"commission", 200, "/console/records/" + w.commission},
		{"space", 200, "/console/records/" + w.space},
		{"fields", 200, "/console/objects/Space__c/fields"},
		{"query", 200, "/console/query?q=" + url.QueryEscape("SELECT Id, Name, Account.Name, Amount, IsWon, Partner_Registration__r.Name FROM Opportunity")},
		{"refused", 400, "/console/query?q=" + url.QueryEscape("SELECT Name,\n  Nothing__c\nFROM Account")},
		{"requests", 200, "/console/requests"},
		{"find", 200, "/console/find?q=fg3877"},
		{"sorry", 404, "/console/records/001000000000000AAA"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := *w.browser
			b.t = t
			b.page(tt.status, tt.path).golden(tt.name)
		})
	}
}

// visit loads every page that links lead to, and gives each to look at.
func (b *browser) visit(look func(*page)) int {
	b.t.Helper()
	const enough = 500
	seen := map[string]bool{"/": true}
	queue := []string{"/"}
	n := 0
	for ; len(queue) > 0 && n < enough; n++ {
		path := queue[0]
		queue = queue[1:]
		w := b.load("localhost:8081", "GET", path)
		if w.Code == http.StatusSeeOther {
			queue = append(queue, w.Header().Get("Location"))
			continue
		}
		if w.Code != http.StatusOK {
			b.t.Errorf("%s is answered %d", path, w.Code)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		p := read(b.t, path, w.Body.String())
		look(p)
		for _, a := range p.all("a") {
			href, _, _ := strings.Cut(attr(a, "href"), "#")
			if strings.HasPrefix(href, "/") && !seen[href] {
				seen[href] = true
				queue = append(queue, href)
			}
		}
	}
	if n == enough {
		b.t.Logf("stopped at %d pages", n)
	}
	return n
}

func TestEveryLinkLeadsSomewhereAndEveryPageIsSound(t *testing.T) {
	w := newWorld(t)
	if n := w.visit(func(p *page) { sound(p) }); n < 100 {
		t.Errorf("only %d pages were found", n)
	}
}

// sound checks what every page owes to those who read it by eye, by ear or by
// keyboard.
func sound(p *page) {
	p.t.Helper()
	p.one("main")
	p.one("h1")
	if attr(p.one("html"), "lang") == "" || words(p.one("title")) == "" {
		p.t.Errorf("%s has no language or no title", p.path)
	}
	ids, labelled := map[string]bool{}, map[string]bool{}
	for _, l := range p.all("label") {
		labelled[attr(l, "for")] = true
	}
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				p.t.Errorf("%s has two elements with the id %q", p.path, id)
			}
			ids[id] = true
		}
		checkElement(p, n, labelled)
	}
	for _, n := range p.all("*") {
		if by := attr(n, "aria-labelledby"); by != "" && !ids[by] {
			p.t.Errorf("%s has something labelled by %q, which is not there", p.path, by)
		}
	}
}

func checkElement(p *page, n *html.Node, labelled map[string]bool) {
	p.t.Helper()
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style":
			p.t.Errorf("%s has %s=%q, which its policy forbids", p.path, a.Key, a.Val)
		case (a.Key == "href" || a.Key == "src" || a.Key == "action") && strings.Contains(a.Val, ":") && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "http://") && !strings.HasPrefix(a.Val, "/"):
			p.t.Errorf("%s leads to %q", p.path, a.Val)
		case (a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/"):
			p.t.Errorf("%s has %s=%q", p.path, a.Key, a.Val)
		}
	}
	switch n.Data {
	case "script", "iframe", "object", "embed", "base", "style":
		p.t.Errorf("%s has a %s", p.path, n.Data)
	case "th":
		if attr(n, "scope") == "" {
			p.t.Errorf("%s has a th without scope: %s", p.path, words(n))
		}
	case "input", "textarea":
		if kind := attr(n, "type"); kind != "hidden" && kind != "checkbox" && !labelled[attr(n, "id")] {
			p.t.Errorf("%s has a field without a label: %s", p.path, attr(n, "name"))
		}
	case "a":
		if words(n) == "" {
			p.t.Errorf("%s has a link without a text to %s", p.path, attr(n, "href"))
		}
	}
}

func TestNothingThatARecordHoldsBecomesPartOfThePage(t *testing.T) {
	w := newWorld(t)
	attacks := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' autofocus onfocus='alert(1)`, `</textarea><script>alert(1)</script>`,
		`javascript:alert(1)`, `{{.}}`, `</title><svg onload=alert(1)>`, `--><script>alert(1)</script>`, "\u202egnp.exe", `&lt;b&gt;`,
	}
	for _, a := range attacks {
		account := w.must("Account", map[string]any{"Name": a, "Website": "javascript:alert(1)//" + a, "Description": a + "\n\n" + a})
		space := w.must("Space__c", map[string]any{"Name": a, "Account__c": account, "Partner_ID__c": "x"})
		if err := w.org.Update("Space__c", space, map[string]any{"Partner_ID__c": `<b>"'`}, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		commission := w.must("Partner_Commission__c", map[string]any{"Commission_Key__c": a, "Account__c": account, "Status__c": a, "Explanation__c": a + "\n" + a, "Currency__c": "<i>", "Amount__c": "1"})
		for _, id := range []string{account, space, commission} {
			sound(w.page(200, "/console/records/"+id))
		}
	}
	w.visit(func(p *page) { sound(p) })
	for _, a := range attacks {
		q := url.QueryEscape(a)
		for _, path := range []string{"/console/find?q=" + q, "/console/objects/Account?find=" + q + "&sort=" + q + "&col=" + q, "/console/query?q=" + q, "/console/query?q=SELECT+Name,Website+FROM+Account&at=" + q} {
			r := w.load("127.0.0.1", "GET", path)
			p := read(t, path, r.Body.String())
			sound(p)
		}
		sound(w.page(404, "/console/objects/"+url.PathEscape(a)))
		sound(w.page(404, "/console/records/"+url.PathEscape(a)))
	}
	p := w.page(200, "/console/objects/Account")
	p.wants(attacks[0], "javascript:alert(1)")
}

func TestOnlyAddressesOfTheWebAreLinks(t *testing.T) {
	b := newBrowser(t, emulator.Options{})
	for _, tt := range []struct {
		website string
		isLink  bool
	}{
		{"https://acme.example/a?b=c", true}, {"http://acme.example", true}, {"HTTPS://acme.example", true},
		{"acme.example", false}, {"javascript:alert(1)", false}, {"JaVaScRiPt:alert(1)", false}, {"data:text/html,x", false},
		{"//acme.example", false}, {"https:acme", false}, {"https://user:secret@acme.example/", false}, {"vbscript:x", false},
	} {
		id := b.must("Account", map[string]any{"Name": "x", "Website": tt.website})
		p := b.page(200, "/console/records/"+id)
		found := false
		for _, a := range p.all("a") {
			found = found || words(a) == tt.website
		}
		if found != tt.isLink {
			t.Errorf("%q is a link: %v", tt.website, found)
		}
		p.wants(tt.website)
	}
}
