package console_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestAListIsSortedByValueAndPaged(t *testing.T) {
	b := newBrowser(t, emulator.Options{})
	for i := range 120 {
		b.must("Opportunity", map[string]any{"Name": fmt.Sprintf("Deal %03d", i), "Amount": fmt.Sprint(i * 25), "StageName": "Prospecting", "CloseDate": "2026-01-01"})
	}
	b.must("Opportunity", map[string]any{"Name": "Without", "StageName": "Prospecting", "CloseDate": "2026-01-02"})

	p := b.page(200, "/console/objects/Opportunity?sort=Amount&col=Name&col=Amount")
	if got := p.column(1)[:4]; !slices.Equal(got, []string{"0.00 USD", "25.00 USD", "50.00 USD", "75.00 USD"}) {
		t.Errorf("the smallest are %v", got)
	}
	p.wants("1–50 of 121")
	p = b.page(200, p.link("After →"))
	p.wants("51–100 of 121")
	p = b.page(200, p.link("After →"))
	p.wants("101–121 of 121")
	if rows := p.column(0); len(rows) != 21 || rows[20] != "Without" {
		t.Errorf("the last page has %v", rows)
	}
	p = b.page(200, p.link("Amount ↑"))
	if got := p.column(1)[:2]; !slices.Equal(got, []string{"2,975.00 USD", "2,950.00 USD"}) {
		t.Errorf("the largest are %v", got)
	}
	p = b.page(200, "/console/objects/opportunity?page=999999999&sort=nothing&col=nothing&by=Name&is=x")
	p.wants("101–121 of 121")
}

func TestAListFindsTextInAnyScriptAndCase(t *testing.T) {
	b := newBrowser(t, emulator.Options{})
	var ids []string
	for _, name := range []string{"ÅNGSTRÖM AB", "שלום בע״מ", "富士商事", "O'Neill 100%_x"} {
		ids = append(ids, b.must("Account", map[string]any{"Name": name}))
	}
	contact := b.must("Contact", map[string]any{"LastName": "Li", "AccountId": ids[2], "Email": "li@fuji.example"})
	for _, tt := range []struct{ object, find, name string }{
		{"Account", "ångström", "ÅNGSTRÖM AB"}, {"Account", "לום", "שלום בע״מ"}, {"Account", "商", "富士商事"}, {"Account", "%_", "O'Neill 100%_x"},
		{"Account", ids[1], "שלום בע״מ"}, {"Contact", "富士", "Li"}, {"Contact", "LI@FUJI", "Li"}, {"Contact", contact[:15], "Li"},
	} {
		p := b.page(200, "/console/objects/"+tt.object+"?find="+url.QueryEscape(tt.find))
		if got := p.column(0); !slices.Equal(got, []string{tt.name}) {
			t.Errorf("%q finds %v", tt.find, got)
		}
		b.page(200, p.link("As SOQL"))
	}
	b.page(200, "/console/objects/Account?find=nobody").wants("None has “nobody”.")
}

func TestTheRecycleBinIsAListOfItsOwn(t *testing.T) {
	w := newWorld(t)
	p := w.page(200, "/console/objects/Account")
	if got := p.column(0); !slices.Equal(got, []string{"شركة النور"}) {
		t.Errorf("the list has %v", got)
	}
	p = w.page(200, p.link("Recycle bin"))
	if got := p.column(0); !slices.Equal(got, []string{"Gone"}) {
		t.Errorf("the recycle bin has %v", got)
	}
	w.page(200, p.link("As SOQL")).wants("Gone", "1–1 of 1")
	w.page(200, p.link("Gone")).wants("in the recycle bin")
}

func TestRelatedRecordsAreLinkedBothWays(t *testing.T) {
	w := newWorld(t)
	for i := range 8 {
		w.must("Opportunity", map[string]any{"Name": fmt.Sprintf("Deal %d", i), "AccountId": w.account, "StageName": "Prospecting", "CloseDate": "2026-01-01"})
	}
	p := w.page(200, "/console/records/"+w.account)
	p.wants("Opportunities 9", "Spaces 1", "Partner Commissions 1")
	p = w.page(200, p.link("All 9"))
	p.wants("Only those whose Account is شركة النور.", "1–9 of 9")
	w.page(200, p.link("شركة النور")).wants("One line. Another line.")
	w.page(200, "/console/records/"+w.account[:15]).wants("شركة النور")
}

func TestAMergedRecordLeadsToItsMaster(t *testing.T) {
	w := newWorld(t)
	loser := w.must("Account", map[string]any{"Name": "Twin"})
	if err := w.org.Merge("Account", w.account, loser); err != nil {
		t.Fatal(err)
	}
	w.page(200, "/console/records/"+loser).wants("in the recycle bin", "It was merged into شركة النور.")
}

func TestACommissionSaysWhy(t *testing.T) {
	w := newWorld(t)
	p := w.page(200, "/console/records/"+w.commission)
	if got := words(p.one("p.amount")); got != "92.05 USD" {
		t.Errorf("the amount is %q", got)
	}
	if got := words(p.one("p.sentence")); !strings.HasPrefix(got, "FG3877 earns 92.05 USD for February 2026") || !strings.Contains(got, w.opportunity) {
		t.Errorf("the sentence is %q", got)
	}
	if got := len(within(p.one("ol.steps"), "li")); got != 2 {
		t.Errorf("there are %d steps", got)
	}
	for _, text := range []string{"Northlight", "Acme renewal", "Noor", "شركة النور", "PS-000001", w.opportunity} {
		w.page(200, p.link(text))
	}
	bare := w.must("Partner_Commission__c", map[string]any{"Commission_Key__c": "bare"})
	w.page(200, "/console/records/"+bare).wants("It gives no explanation.")
}

func TestAnOrgWithoutObjectsStillHasItsPages(t *testing.T) {
	b := newBrowser(t, emulator.Options{Without: []string{"Organization", "Partner_Commission__c", "Space__History", "User", "Opportunity.Name"}})
	space := b.must("Space__c", map[string]any{"Name": "x"})
	opportunity := b.must("Opportunity", map[string]any{"Amount": "12.5", "StageName": "Prospecting", "CloseDate": "2026-01-01"})
	b.visit(func(p *page) { sound(p) })
	if p := b.page(200, "/console/records/"+space); strings.Contains(words(p.root), "History") {
		t.Error("a record without history has one")
	}
	b.page(200, "/console/records/"+opportunity).wants("12.5")
}

func TestTheHistoryTellsChangesNewestFirst(t *testing.T) {
	w := newWorld(t)
	p := w.page(200, "/console/records/"+w.space)
	section := p.all("section")
	got := words(section[len(section)-1])
	want := "History At Field From To By 2026-11-20 13:00:00 UTC Partner ID AB1234 FG3877 Integration User 2026-11-20 12:00:00 UTC The record was made. Integration User"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
