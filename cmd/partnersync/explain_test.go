package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/sync/outbox"
)

// One line and one opportunity in every form: as a table for people, as plain text,
// and as JSON. Among them a claim that lost, a hold and a zero line.
func TestR10_ExplanationsInEveryForm(t *testing.T) {
	w := acme(t)
	for name, args := range map[string][]string{
		"line":        {"FG3877/space/" + acmeTerm + "/referral/2026-06"},
		"hold":        {"FG3877/registration/" + acmeAddOn + "/referral/2026-09"},
		"lost":        {"CN0001/registration/" + acmeAddOn + "/referral/2026-09"},
		"opportunity": {"--opportunity", acmeTerm},
		"add-on":      {"--opportunity", acmeAddOn[:15]},
		"space":       {"--space", "S-ACME", "--on", "2026-07-01"},
	} {
		forms := map[string][]string{"table": nil, "json": {"--output", "json"}, "text": {"--text"}}
		if name == "space" {
			delete(forms, "text")
		}
		for form, flags := range forms {
			t.Run(name+" as "+form, func(t *testing.T) {
				o := w.run(append(append([]string{"explain"}, args...), flags...)...)
				o.want(t, exitOK)
				golden(t, filepath.Join("explain", name+"."+form), o.out)
			})
		}
	}
}

// The three forms come of one structure: the text is that of the JSON's explanation.
func TestR10_TheFormsAgree(t *testing.T) {
	w := acme(t)
	var o explainedOpportunity
	w.run("explain", "--opportunity", acmeTerm, "--output", "json").document(t, &o)
	if len(o.Lines) < 4 {
		t.Fatalf("only %d lines", len(o.Lines))
	}
	table := w.run("explain", "--opportunity", acmeTerm)
	for _, l := range o.Lines {
		var e commission.Explanation
		if err := json.Unmarshal(l.Explanation, &e); err != nil {
			t.Fatal(err)
		}
		if text := w.run("explain", l.Key, "--text"); text.out != e.Text() {
			t.Errorf("%s: the text is\n%s\nand of the JSON it would be\n%s", l.Key, text.out, e.Text())
		}
		if !strings.Contains(table.out, e.Sentence) {
			t.Errorf("the table lacks %q", e.Sentence)
		}
	}
}

// What is shown of a source that is marked due is of before the next accrue; an
// opportunity that is not won says why it earns nothing.
func TestExplainSaysHowAnOpportunityStands(t *testing.T) {
	w := acme(t)
	w.run("explain", "--opportunity", acmeAddOn).want(t, exitOK, "It is won (R3.1).", "!before the next accrue")
	w.opportunity(revenue.Opportunity{
		ID: acmeAddOn, Name: "Acme add-on", AccountID: acmeAccount, Amount: exactAmount("6000"), CloseDate: calendarDay("2026-09-15"),
		Stage: "Closed Won", IsClosed: true, IsWon: true,
	})
	w.run("explain", "--opportunity", acmeAddOn).want(t, exitOK, "before the next accrue", "6,000.00 USD", "500.00 USD")
	w.run("explain", "--opportunity", acmeAddOn, "--text").want(t, exitOK, "before the next accrue")
	w.run("explain", "--opportunity", acmeOpen).want(t, exitOK, "not closed; it earns nothing before it is won", "it has no lines", "Proposal")
	w.opportunity(revenue.Opportunity{
		ID: acmeOpen, Name: "Acme next", Stage: "Closed Lost", IsClosed: true, CloseDate: calendarDay("2026-10-15"),
	})
	w.run("explain", "--opportunity", acmeOpen).want(t, exitOK, "closed and not won", "amount         none")
}

// R2.9: late news changes who held a Space, and what was believed before it can still
// be asked for.
func TestR2_9_ExplainSpaceAsKnownBeforeAndAfterLateNews(t *testing.T) {
	w := acme(t)
	before := exactly(w.clock.Now())
	w.clock.Set(moment("2026-11-10T06:00:00Z"))
	w.takeover("017000000000002AAA", acmeSpace, "2026-05-01T09:00:00Z", "FG3877", "AB1234")
	june := []string{"explain", "--space", acmeSpace, "--on", "2026-06-15"}
	w.run(june...).want(t, exitOK, "AB1234 (Contoso) held it at the end of that day (R3.4), since 2026-05-01 09:00:00Z", "No longer believed", "2026-11-10 06:00:01Z")
	w.run(append(june, "--known", before)...).want(t, exitOK,
		"what the ledger believed at "+before, "FG3877 (Northwind) held it at the end of that day (R3.4), since 2020-01-01", "!No longer believed")
	w.run(append(june, "--known", "2026-11-09")...).want(t, exitOK, "FG3877 (Northwind) held it")
	w.run(append(june, "--known", "2026-11-10T06:00:01Z")...).want(t, exitOK, "AB1234 (Contoso) held it")
	w.run("explain", "--space", "S-ACME", "--known", "2026-10-01").want(t, exitOK, "the ledger knew nothing of this Space")
	w.run("explain", "--space", "S-ACME", "--on", "2019-12-31").want(t, exitOK, "did not exist by the end of that day")
	var s explainedSpace
	w.run(append(june, "--known", before, "--output", "json")...).document(t, &s)
	if s.On == nil || s.On.PartnerID != "FG3877" || s.Known == nil || len(s.GivenUp) != 0 || len(s.History) != 2 {
		t.Errorf("as JSON it is %+v", s)
	}
}

func TestR3_4_ExplainSpaceOnTheTakeoverDay(t *testing.T) {
	w := acme(t)
	w.run("explain", "--space", "S-ACME", "--on", "2026-06-30").want(t, exitOK, "FG3877 (Northwind) held it")
	w.run("explain", "--space", "S-ACME", "--on", "2026-07-01").want(t, exitOK, "AB1234 (Contoso) held it")
}

func TestExplainRefusals(t *testing.T) {
	w := acme(t)
	for _, tt := range []struct {
		args  []string
		code  int
		texts []string
	}{
		{[]string{"--opportunity", "006000000000009"}, exitFailed, []string{"error: there is no opportunity 006000000000009AAA", "hint: "}},
		{[]string{"--opportunity", "deal"}, exitInvalid, []string{`"deal" is not a Salesforce id`, "hint: "}},
		{[]string{"--opportunity", acmeTerm[:15] + "AAB"}, exitInvalid, []string{"its checksum should be", "hint: "}},
		{[]string{"--opportunity", ""}, exitInvalid, []string{"--opportunity", "hint: "}},
		{[]string{"--space", "s-acme"}, exitFailed, []string{`there is no Space "s-acme"`, "hint: "}},
		{[]string{"--space", "S-ACME", "--on", "1.7.2026"}, exitInvalid, []string{"--on", "is not a date"}},
		{[]string{"--space", "S-ACME", "--known", "noon"}, exitInvalid, []string{"--known", "2026-07-15T12:00:00Z"}},
		{[]string{"--space", "S-ACME", "--known", "2027-01-01"}, exitInvalid, []string{"lies ahead", "hint: "}},
		{[]string{"--space", "S-ACME", "--text"}, exitInvalid, []string{"--text is for", "hint: "}},
		{[]string{"--space", "S-ACME", "--opportunity", acmeTerm}, exitInvalid, []string{"both given", "hint: "}},
		{[]string{"KEY", "--opportunity", acmeTerm}, exitInvalid, []string{"KEY was given beside a flag", "hint: "}},
		{[]string{"KEY", "--on", "2026-07-01"}, exitInvalid, []string{"ask about a Space", "hint: "}},
		{[]string{"KEY", "--text", "--output", "json"}, exitInvalid, []string{"exclude each other", "hint: "}},
		{[]string{"FG3877/space/" + acmeTerm + "/referral/2031-01"}, exitFailed, []string{"there is no line", "hint: "}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			o := w.run(append([]string{"explain"}, tt.args...)...)
			o.want(t, tt.code, tt.texts...)
			if o.out != "" {
				t.Errorf("standard output has %q", o.out)
			}
		})
	}
}

// Provenance: where a line stands in Salesforce is said in words.
func TestExplainSaysHowALineStandsInSalesforce(t *testing.T) {
	at := moment("2026-11-01T06:00:00Z")
	for _, tt := range []struct {
		w    *explainedWrite
		want string
	}{
		{nil, "it was never to reach Salesforce"},
		{&explainedWrite{State: outbox.Unsent}, "not written yet; the next push writes it"},
		{&explainedWrite{State: outbox.Settled, SalesforceID: "a07", WrittenAt: &at}, "written at 2026-11-01 06:00:00Z as a07"},
		{&explainedWrite{State: outbox.Unsent, SalesforceID: "a07", WrittenAt: &at}, "written at 2026-11-01 06:00:00Z as a07, and changed since; the next push writes it"},
		{&explainedWrite{State: outbox.Waiting, LastError: "locked"}, "not written yet; put off for a while: locked"},
		{&explainedWrite{State: outbox.Quarantined, LastError: "too long"}, "not written yet; Salesforce refused it: too long"},
	} {
		if got := tt.w.words(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// Days on which several Spaces differ, nobody's, malformed ones and those before the
// Space was there are all told.
func TestR3_3_ExplainNamesEveryDayThatEarns(t *testing.T) {
	r := revenue.Record{Opportunity: revenue.Opportunity{
		CloseDate: calendarDay("2026-01-10"), ServiceStart: calendarDay("2026-01-01"), ServiceEnd: calendarDay("2026-01-31"),
	}}
	s := commission.Source{Holders: []commission.Stretch{
		{From: calendarDay("2026-01-03")},
		{From: calendarDay("2026-01-05"), PartnerID: "FG3877", SpaceID: "a01"},
		{From: calendarDay("2026-01-11"), Disagree: true},
		{From: calendarDay("2026-01-21"), PartnerID: "x1", Malformed: true},
		{From: calendarDay("2026-02-01"), PartnerID: "AB1234"},
	}}
	var got []string
	days := 0
	for _, h := range holdersOf(r, s, map[string]string{"FG3877": "Northwind"}) {
		got, days = append(got, h.First+" "+h.Last+" "+h.who()+" "+h.Partner), days+h.Days
	}
	want := []string{
		"2026-01-01 2026-01-02 nobody ", "2026-01-03 2026-01-04 nobody ", "2026-01-05 2026-01-10 FG3877 Northwind",
		"2026-01-11 2026-01-20 several ", `2026-01-21 2026-01-31 malformed: "x1" `,
	}
	if d := cmp.Diff(want, got); d != "" || days != 31 {
		t.Errorf("%d days of 31:\n%s", days, d)
	}
	r.ServiceEnd = calendarDay("2025-12-31") // a term that cannot be meant
	if h := holdersOf(r, s, nil); len(h) != 1 || h[0].First != "2026-01-10" {
		t.Errorf("of a bad term the days are %+v", h)
	}
}
