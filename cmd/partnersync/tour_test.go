package main

import (
	"strings"
	"testing"
)

// Who registers for the first time is told what is missing and what is probably not
// meant, in the words of what he typed.
func TestR5_1_WhatIsStatedIsLookedAt(t *testing.T) {
	c := dealing(t)
	create := func(more ...string) outcome { return c.run(append([]string{"registrations", "create"}, more...)...) }
	create().want(t, exitInvalid, "nothing is stated", "hint: ", "--partner-id", "--help")
	create("--customer", "Acme", "--domain", "not a domain").want(t, exitInvalid, `domain "not a domain" is not a domain`, "hint: ")
	create("--customer", strings.Repeat("x", 256)).want(t, exitInvalid, "customer's name has 256 characters", "hint: It may have 255")
	create("--partner-id", "FG3877", "--customer", "Acme", "--submit").want(t, exitInvalid,
		"submit the registration: it lacks the customer's e-mail domain", "!REG-", "hint: nothing was kept")
	create("--partner-id", "ZZ9999", "--customer", "Acme", "--domain", "ana@gmail.com", "--involvement", "referred", "--submit").want(t, exitOK,
		"is submitted", "note: nobody has the Partner ID ZZ9999", "note: gmail.com is a public mail domain, and identifies no customer")
	create("--partner-id", "AB1234", "--customer", "Acme", "--domain", "https://www.northlight.example/x").want(t, exitOK,
		"is a draft", "northlight.example is a domain of the partner Northlight")
	create("--partner-id", "AB1234", "--customer", "Acme", "--domain", "acme.example", "--opportunity", "0065g00000XyZAb").want(t, exitOK,
		"no pull has seen the opportunity 0065g00000XyZAb", "!note: nobody")
	c.run("registrations", "show", "REG-000099").want(t, exitFailed, "there is no registration", "hint: List them with: partnersync registrations list")
}

func TestR5_1_ADraftIsCompletedAndWhatItIsAboutIsConnected(t *testing.T) {
	c := dealing(t)
	c.run("registrations", "create", "--partner-id", "FG3877", "--customer", "Acme").want(t, exitOK, "REG-000001 is a draft")
	c.run("registrations", "submit", "REG-000001").want(t, exitInvalid, "lacks", "hint: Complete the draft with `partnersync registrations amend REG-000001`")
	c.run("registrations", "amend", "REG-000001").want(t, exitInvalid, "nothing is stated to change", "hint: ")
	writeFile(t, "more.yaml", "project: Quoting for all\nkey_people: [{name: Ana García, role: CFO}]\n")
	c.run("registrations", "amend", "reg-000001", "-f", "more.yaml", "--domain", "acme.example", "--involvement", "Engaged", "--speculative", "--actor", "amy").want(t, exitOK, "REG-000001 is a draft")
	c.run("registrations", "show", "REG-000001").want(t, exitOK, "FG3877 Northlight", "Acme", "acme.example", "engaged", "Quoting for all", "Ana García, CFO", "there is no opportunity yet", "amy", "it was changed")
	c.run("registrations", "amend", "REG-000001", "--speculative=false").want(t, exitOK)
	c.run("registrations", "submit", "REG-000001").want(t, exitOK, "is submitted")
	c.run("registrations", "show", "REG-000001").want(t, exitOK, "Quoting for all", "!there is no opportunity yet")
	c.run("registrations", "amend", "REG-000001", "--customer", "Acme Inc.").want(t, exitFailed, "no draft any more", "hint: Connect it", "registrations connect REG-000001")
	c.run("registrations", "connect", "REG-000001").want(t, exitInvalid, "nothing is named to connect it with", "hint: ")
	c.run("registrations", "connect", "REG-000001", "--account", "x").want(t, exitInvalid, "--account", "not a Salesforce id")
	c.run("registrations", "connect", "REG-000001", "--account", "0015g00000XyZAb", "--actor", "con").want(t, exitOK, "is submitted")
	c.run("registrations", "show", "REG-000001").want(t, exitOK, "0015g00000XyZAb", "con", "it is about the Account")
	c.run("registrations", "amend", "REG-000077", "--customer", "x").want(t, exitFailed, "there is no registration", "hint: ")
}

func TestR5_7_AnEngagementThatChangesNothingIsSaidToBe(t *testing.T) {
	c := dealing(t)
	c.register("FG3877").want(t, exitOK, "REG-000001 is submitted")
	c.run("engagements", "log", "REG-000001", "--kind", "demo").want(t, exitInvalid, "--on is missing", "hint: ")
	c.run("engagements", "log", "REG-000001", "--on", "0026-11-19", "--kind", "demo").want(t, exitInvalid, "lies before 1990-01-01", "hint: Is its year complete?")
	c.run("engagements", "log", "REG-000001", "--on", "2026-01-19", "--kind", strings.Repeat("x", 300)).want(t, exitInvalid, "the kind has 300 characters")
	c.run("engagements", "log", "REG-000001", "--on", "2026-01-19", "--kind", "demo").want(t, exitOK, "it counts", "note: REG-000001 does not state the involvement engaged")
	c.run("registrations", "reject", "REG-000001", "--reason", "no").want(t, exitOK)
	c.run("engagements", "log", "REG-000001", "--on", "2026-01-19", "--kind", "demo").want(t, exitOK, "note: REG-000001 is rejected, so nothing is earned by it")
	c.run("engagements", "confirm", "ENG-000099").want(t, exitFailed, "there is no engagement", "hint: `partnersync registrations show REGISTRATION`")
}

func TestExplainTellsWhatWasProbablyMeant(t *testing.T) {
	c := withDatabase(t)
	c.run("explain").want(t, exitInvalid, "one KEY of a commission line, or --opportunity ID, or --space KEY")
	for key, hint := range map[string]string{
		"0065g00000XyZAb": "`partnersync explain --opportunity 0065g00000XyZAb",
		"reg-000001":      "`partnersync registrations show REG-000001`",
		"FG3877/space/0065g00000XyZAb/referral/2026-10#1": "`partnersync explain FG3877/space/0065g00000XyZAb/referral/2026-10`",
		"fg3877/space/0065g00000XyZAb/referral/2026-10":   "`partnersync explain --opportunity 0065g00000XyZAb`",
		"a/b/c/d/e": "keys are case-sensitive", "x": "keys look like",
	} {
		c.run("explain", key).want(t, exitFailed, "there is no line "+key, "hint: ", hint)
	}
}

func TestR8_5_WhoAccruesIsToldOfPlansThatWait(t *testing.T) {
	c := withFourEyes(t)
	c.run("apply", "-f", "program.yaml", "--actor", "ada").want(t, exitOK)
	c.run("run", "accrue").want(t, exitOK, "note: 1 plan version waits for a second person")
	c.run("plans", "approve", "1", "--actor", "bea").want(t, exitOK)
	c.run("run", "accrue").want(t, exitOK, "!waits")
}

func TestAFileThatIsNoTextIsNotShown(t *testing.T) {
	c := withDatabase(t)
	writeFile(t, "binary.yaml", "plans: \xff\xfe\x1b[31m")
	for _, args := range [][]string{{"apply", "-f", "binary.yaml"}, {"run", "accrue", "--dry-run", "--plan", "binary.yaml"}} {
		c.run(args...).want(t, exitInvalid, "binary.yaml is not a text in UTF-8", "!\x1b[31m", "hint: ")
	}
}

// What happened to a line is told as the book has it: by its kind, with its amount.
func TestR8_2_AnExplanationFollowsALineThroughItsLife(t *testing.T) {
	w := acme(t)
	w.run("ledger", "approve", acmeJune, "--actor", "bea").want(t, exitOK)
	w.run("ledger", "unapprove", acmeJune, "--reason", "not yet").want(t, exitOK)
	w.run("ledger", "approve", acmeJune, "--actor", "cem").want(t, exitOK)
	var line explained
	w.run("explain", acmeJune, "--output", "json").document(t, &line)
	var got []string
	for _, e := range line.Entries {
		got = append(got, strings.Join([]string{e.Kind, e.Amount, e.Debit, e.Credit}, " "))
	}
	want := "accrue 300.00 commission_expense accrued, approve 300.00 accrued payable, approve -300.00 payable accrued, approve 300.00 accrued payable"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("the entries are %s, want %s", text, want)
	}
	w.run("explain", "--opportunity", acmeTerm).want(t, exitOK, "APPROVED", "PAID", "approved")
	var o explainedOpportunity
	w.run("explain", "--opportunity", acmeTerm, "--output", "json").document(t, &o)
	for _, total := range o.Totals {
		if total.PayeeID == "FG3877" && (total.Approved != "300.00" || total.Paid != "0.00") {
			t.Errorf("%+v", total)
		}
	}
}
