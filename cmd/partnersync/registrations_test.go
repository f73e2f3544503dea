package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
)

// twoPartners is a file as `apply` takes it.
const twoPartners = program + `  - {key: bluefin, name: Bluefin, kind: registered, joined_on: 2016-06-20, partner_ids: [AB1234]}
`

// dealing gives commands on a ledger with two partners.
func dealing(t *testing.T, env ...string) *command {
	t.Helper()
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", twoPartners)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	return c
}

// create drafts and submits a registration for Acme.
func (c *command) register(partnerID string, more ...string) outcome {
	c.t.Helper()
	return c.run(append([]string{"registrations", "create", "--partner-id", partnerID, "--customer", "Acme", "--domain", "acme.example",
		"--involvement", "referred", "--submit"}, more...)...)
}

// decided is what a decision prints as JSON.
type decided struct {
	Registration registrationDocument `json:"registration"`
	Due          int                  `json:"opportunities_due"`
}

func TestR5_2_ARegistrationGoesThroughItsStates(t *testing.T) {
	c := dealing(t)
	c.run("registrations", "list").want(t, exitOK, "0 registrations")
	c.run("registrations", "create", "--partner-id", "fg3877", "--customer", "Acme", "--actor", "ana").want(t, exitOK, "REG-000001 is a draft")
	c.run("registrations", "submit", "REG-000001").want(t, exitInvalid, "lacks", "domain", "involvement", "hint: ")
	c.run("registrations", "approve", "REG-000001").want(t, exitFailed, "draft", "cannot become approved", "hint: ")
	c.register("AB1234", "--actor", "ben").want(t, exitOK, "REG-000002 is submitted")
	c.run("registrations", "reject", "REG-000002").want(t, exitInvalid, "for a reason")
	c.run("registrations", "approve", " reg-000002 ", "--actor", "cem", "--reason", "fits").want(t, exitOK, "REG-000002 is approved")
	c.run("registrations", "withdraw", "REG-000002").want(t, exitFailed, "approved, and cannot become withdrawn")
	c.run("registrations", "revoke", "REG-000002", "--reason", "another firm did it", "--actor", "dee").want(t, exitOK, "REG-000002 is revoked")
	c.run("registrations", "show", "REG-000002").want(t, exitOK, "REG-000002 revoked", "AB1234 Bluefin", "Acme", "ben", "cem", "fits", "dee", "another firm did it")

	var v registrationDocument
	c.run("registrations", "show", "REG-000002", "--output", "json").document(t, &v)
	var states []string
	for _, e := range v.Journal {
		states = append(states, e.State+" by "+e.Actor)
	}
	if got := strings.Join(states, ", "); got != "draft by ben, submitted by ben, approved by cem, revoked by dee" || v.Origin != "portal" {
		t.Errorf("of %s: %s", v.Origin, got)
	}
	c.run("registrations", "list", "--state", "revoked").want(t, exitOK, "REG-000002", "1 registration", "!REG-000001")
	c.run("registrations", "list", "--partner-id", "FG3877").want(t, exitOK, "REG-000001", "draft", "!REG-000002")
	c.run("registrations", "list", "--limit", "1").want(t, exitOK, "the list stops at --limit 1")
	c.run("registrations", "show", "REG-000099").want(t, exitFailed, "there is no registration", "hint: ")
}

// A file states everything; a flag beside it counts more.
func TestR5_1_AFileStatesARegistration(t *testing.T) {
	c := dealing(t)
	const stated = `partner_id: FG3877
customer: Acme
domain: www.acme.example
account: "001000000000001"
involvement: Engaged
opportunity: "006000000000001AAA"
space: a01000000000001AAA
project: Replace the old CRM
key_people:
  - {name: Ana García, role: CFO, relation: decides}
  - {name: Omar}
use_case: Quoting
business_outcome: Quotes in a day
timeframe: 6 months
priority: high
speculative: true
`
	writeFile(t, "deal.yaml", stated)
	c.run("registrations", "create", "-f", "deal.yaml", "--customer", "Acme Ltd", "--speculative=false").want(t, exitOK, "REG-000001 is a draft")
	var v registrationDocument
	c.run("registrations", "show", "REG-000001", "--output", "json").document(t, &v)
	want := registrationDocument{
		ID: "REG-000001", Key: "REG-000001", Origin: "portal", State: "draft", StatedStatus: "draft", PartnerID: "FG3877", Customer: "Acme Ltd",
		Domain: "www.acme.example", Account: "001000000000001AAA", Space: "a01000000000001AAA", Opportunity: "006000000000001AAA",
		Involvement: "engaged", Project: "Replace the old CRM", KeyPeople: "Ana García, CFO: decides\nOmar", UseCase: "Quoting",
		BusinessOutcome: "Quotes in a day", Timeframe: "6 months", Priority: "high",
	}
	v.Journal = nil
	if got := mustJSON(t, v); got != mustJSON(t, want) {
		t.Errorf("drafted\n%s\nwant\n%s", got, mustJSON(t, want))
	}
	c.run("registrations", "show", "REG-000001").want(t, exitOK, "Ana García, CFO: decides\n", "business outcome", "Quotes in a day")

	for text, says := range map[string]string{
		"customr: Acme\n":                    "customr",
		"partner_id: FG-3877\n":              "FG-3877",
		"involvement: helped\n":              "neither referred nor engaged",
		"account: Acme\n":                    "not a Salesforce id",
		"key_people: [{role: CFO}]\n":        "has no name",
		"opportunity: 006000000000001AAB\n":  "checksum",
		strings.Repeat("# long\n", 200_000):  "larger than 1 MB",
		"key_people: Ana García, the boss\n": "key_people",
	} {
		writeFile(t, "bad.yaml", text)
		o := c.run("registrations", "create", "-f", "bad.yaml")
		o.want(t, exitInvalid, says)
		if o.out != "" {
			t.Errorf("standard output has %q", o.out)
		}
	}
	c.run("registrations", "create", "-f", "missing.yaml").want(t, exitInvalid, "missing.yaml", "hint: -f wants the path")
	// What cannot be submitted is not drafted either.
	c.run("registrations", "create", "--partner-id", "FG3877", "--submit").want(t, exitInvalid, "lacks")
	c.run("registrations", "list").want(t, exitOK, "1 registration")
}

func TestR5_4_ConflictsAreShownSideBySideAndShared(t *testing.T) {
	c := dealing(t)
	c.run("registrations", "conflicts").want(t, exitOK, "no registration is in conflict")
	c.register("FG3877").want(t, exitOK, "REG-000001 is submitted")
	c.register("AB1234").want(t, exitOK, "REG-000002 is in conflict", "REG-000001", "registrations conflicts")
	c.run("registrations", "conflicts").want(t, exitOK, "REG-000002 for Acme", "FG3877 Northlight", "AB1234 Bluefin",
		"approve REG-000002 --share REG-000001=PERCENT% --share REG-000002=PERCENT%", "reject REG-000002 --reason")
	c.run("discrepancies", "--kind", "registration_conflict").want(t, exitOK, "REG-000002", "R5.4", "hold")
	var list struct{ Conflicts []conflictDocument }
	c.run("registrations", "conflicts", "--output", "json").document(t, &list)
	if len(list.Conflicts) != 1 || list.Conflicts[0].Claim.ID != "REG-000002" || len(list.Conflicts[0].Rivals) != 1 {
		t.Fatalf("listed %+v", list)
	}

	share := func(a, b string) outcome {
		return c.run("registrations", "approve", "REG-000002", "--share", "REG-000001="+a, "--share", "reg-000002="+b)
	}
	c.run("registrations", "approve", "REG-000001").want(t, exitOK, "REG-000001 is approved")
	c.run("registrations", "approve", "REG-000002").want(t, exitFailed, "stands beside it", "hint: ")
	share("60%", "30%").want(t, exitInvalid, "90 %, not to 100 %")
	share("60", "40").want(t, exitInvalid, "with the percent sign")
	share("60%", "4e1%").want(t, exitInvalid, "no share")
	share("60%", "40 %").want(t, exitOK, "REG-000002 is approved")
	c.run("registrations", "list").want(t, exitOK, "60 %", "40 %")
	c.run("registrations", "conflicts").want(t, exitOK, "no registration is in conflict")
	c.run("discrepancies").want(t, exitOK, "0 open discrepancies")
}

// The side-by-side table fits the terminal, whatever its width, and loses no word.
func TestConflictsFitTheTerminal(t *testing.T) {
	half := decimal.RequireFromString("0.5")
	view := func(id, partner string) deal.View {
		return deal.View{State: commission.Conflict, Registration: deal.Registration{
			ID: id, Origin: deal.OriginPortal, PartnerID: partner, CustomerName: "Северный Путь & Sons", EmailDomain: "sever.example", Share: &half,
			KeyPeople: "Ana García, CFO: decides\nOmar Haddad, head of sales: champion", Project: strings.Repeat("replace the old CRM ", 8),
		}}
	}
	views := []deal.View{view("REG-000001", "FG3877"), view("REG-000002", "AB1234"), view("a055g00000XyZAbAAN", "KM5521")}
	name := func(id string) string { return id + " Partner" }
	for _, width := range []int{40, 60, 80, 100, 120, 200} {
		shown := compare(views, name, deal.Terms{}, width).render(width)
		if n := text.LongestLineLen(shown); n > width {
			t.Errorf("at %d it has a line of %d:\n%s", width, n, shown)
		}
		for _, word := range []string{"KM5521", "champion", "sever.example", "50", "REG-000002", "a055g00000XyZAbAAN"} {
			if !strings.Contains(shown, word) {
				t.Errorf("at %d it lacks %q:\n%s", width, word, shown)
			}
		}
	}
}

// Decisions reach the money with the next run: what is approved pays, what is revoked
// is reversed.
func TestR5_2_ARevocationReverses(t *testing.T) {
	org, env := withOrg(t)
	opportunity := sale(t, org, "FG3877")
	account := org.Records("Account")[0]["Id"].(string)
	c := dealing(t, env...)
	c.run("run", "pull", "reconcile").want(t, exitProblems)
	// The sale closed long before anybody could register it here, and Salesforce says that
	// it was registered in time.
	reg := insert(t, org, "Partner_Registration__c", map[string]any{
		"Partner_ID__c": "AB1234", "Customer_Name__c": "Client", "Account__c": account, "Involvement__c": "Referred", "Status__c": "Approved",
		"Submitted_At__c": "2026-01-10T09:00:00Z", "Decided_At__c": "2026-01-12T09:00:00Z", "Opportunity__c": opportunity,
	})
	c.run("run").want(t, exitOK)
	c.run("status").want(t, exitOK, "Bluefin", "500.00 USD in all")
	c.run("registrations", "list", "--state", "won").want(t, exitOK, reg, "AB1234 Bluefin", "First deal")
	c.run("registrations", "show", reg[:15]).want(t, exitOK, "covers", "First deal", "it names the opportunity", "won")
	c.run("registrations", "revoke", reg, "--reason", "no").want(t, exitFailed, "is Salesforce's", "hint: ")

	// What is logged here of it is evidence, and reaches its opportunity.
	var e engagementResult
	c.run("engagements", "log", reg, "--on", "2026-03-01", "--kind", "demo", "--by", "partner", "--actor", "paula", "--output", "json").document(t, &e)
	if e.Engagement != "ENG-000001" || e.Counts || e.Due != 1 {
		t.Errorf("logged %+v", e)
	}
	c.run("engagements", "confirm", "eng-000001", "--actor", "paula").want(t, exitFailed, "cannot confirm it too")
	c.run("engagements", "confirm", "eng-000001", "--actor", "sam").want(t, exitOK, "ENG-000001 of "+reg+" is confirmed; it counts", "1 opportunity is worked out anew")
	c.run("engagements", "confirm", "ENG-000001", "--actor", "sam").want(t, exitFailed, "sam confirmed it")
	c.run("registrations", "show", reg).want(t, exitOK, "ENG-000001", "2026-03-01", "demo", "partner paula", "sam")

	if err := org.Update("Partner_Registration__c", reg, map[string]any{"Status__c": "Revoked", "Decision_Reason__c": "another firm did it"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	c.run("run").want(t, exitOK)
	c.run("status").want(t, exitOK, "Northlight", "500.00 USD in all")
	c.run("registrations", "list", "--state", "revoked").want(t, exitOK, reg)
}

// What a decision reaches is marked in its transaction, and it says so.
func TestR5_5_ADecisionMarksWhatItReaches(t *testing.T) {
	org, env := withOrg(t)
	account := insert(t, org, "Account", map[string]any{"Name": "Acme", "Website": "https://acme.example"})
	opportunity := insert(t, org, "Opportunity", map[string]any{
		"Name": "Still to come", "AccountId": account, "Amount": "5000", "CloseDate": "2999-03-15", "StageName": "Closed Won", "Type": "New Business",
	})
	c := dealing(t, env...)
	c.run("run", "pull", "reconcile").want(t, exitOK)
	var made decided
	c.register("FG3877", "--account", account[:15], "--output", "json").document(t, &made)
	if made.Due != 1 || made.Registration.Linked != opportunity || made.Registration.State != "submitted" {
		t.Errorf("submitted: %+v", made)
	}
	for _, args := range [][]string{{"approve"}, {"revoke", "--reason", "asked for it"}} {
		var after decided
		c.run(append([]string{"registrations", args[0], made.Registration.ID, "--output", "json"}, args[1:]...)...).document(t, &after)
		if after.Due != 1 {
			t.Errorf("%s marks %d opportunities, want 1", args[0], after.Due)
		}
	}
	// A decision that is refused marks nothing, and changes nothing.
	c.run("registrations", "approve", made.Registration.ID).want(t, exitFailed, "cannot become approved")
	c.run("registrations", "create", "--partner-id", "AB1234", "--customer", "Acme", "--account", account).want(t, exitOK, "REG-000002 is a draft", "!worked out anew")
}

func TestUsageOfRegistrations(t *testing.T) {
	c := newCommand(t)
	for _, tt := range []struct {
		args  string
		texts []string
	}{
		{"registrations aprove REG-000001", []string{"hint: did you mean approve?"}},
		{"registrations show", []string{"show wants one REGISTRATION", "none was given"}},
		{"registrations list --state gone", []string{`--state "gone" is none of draft, submitted, conflict`}},
		{"registrations list --origin here", []string{"neither salesforce nor portal"}},
		{"registrations list --partner-id FG387", []string{"two letters and four digits"}},
		{"registrations list --account acme", []string{"--account", "not a Salesforce id"}},
		{"registrations list --limit 0", []string{"--limit 0 is not a number of rows"}},
		{"registrations approve REG-000001 --share =60%", []string{"no share"}},
		{"registrations approve REG-000001 --share REG-000001=60% --share reg-000001=40%", []string{"names REG-000001 twice"}},
		{"registrations approve REG-000001 --share REG-000001=most%", []string{"no share", "hint: "}},
		{"engagements log REG-000001 --kind demo", []string{"--on is missing", "hint: "}},
		{"engagements log REG-000001 --on 2026-03-01", []string{"--kind is missing", "hint: "}},
		{"engagements log REG-000001 --on 2026-03-01 --kind demo --by me", []string{"neither staff nor partner"}},
		{"engagements confirm", []string{"confirm wants one ENGAGEMENT"}},
	} {
		o := c.run(strings.Fields(tt.args)...)
		o.want(t, exitInvalid, tt.texts...)
		if o.out != "" {
			t.Errorf("%s: standard output has %q", tt.args, o.out)
		}
	}
	ledger := dealing(t)
	ledger.register("FG3877")
	ledger.run("engagements", "log", "REG-000001", "--on", "2999-01-01", "--kind", "demo").want(t, exitInvalid, "lies ahead", "hint: ")
	ledger.run("engagements", "log", "REG-000009", "--on", "2026-03-01", "--kind", "demo").want(t, exitFailed, "there is no registration")
	ledger.run("engagements", "log", "REG-000001", "--on", "2026-03-01", "--kind", "demo").want(t, exitOK, "ENG-000001 of REG-000001 is recorded; it counts")
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
