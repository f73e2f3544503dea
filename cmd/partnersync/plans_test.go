package main

import (
	"testing"

	"github.com/partnersync/partnersync/ledger/book"
)

// withFourEyes gives commands on a ledger whose plan nobody approves alone.
func withFourEyes(t *testing.T) *command {
	t.Helper()
	c := withDatabase(t, "PARTNERSYNC_COMPANY_FOUR_EYES=on")
	writeFile(t, "program.yaml", program)
	return c
}

func TestR8_5_ASecondPersonPutsAPlanInForce(t *testing.T) {
	c := withFourEyes(t)
	c.run("plans").want(t, exitOK, "no plan version yet")
	c.run("apply", "-f", "program.yaml", "--dry-run", "--actor", "ada").want(t, exitOK, "not applied: 2 changes", "!proposed as", "!waits")
	c.run("apply", "-f", "program.yaml", "--actor", "ada").want(t, exitOK,
		"applied 1 change, proposed 1 plan version", "proposed as version", "1 plan version waits for a second person", "!Four eyes are off")
	c.run("apply", "-f", "program.yaml", "--actor", "ada").want(t, exitOK, "nothing to change", "1 plan version waits")
	c.run("status").want(t, exitOK, "1 plan version waits for a second person")

	var doc struct {
		FourEyes string         `json:"four_eyes"`
		Versions []planDocument `json:"versions"`
	}
	c.run("plans", "--output", "json").document(t, &doc)
	if doc.FourEyes != "on" || len(doc.Versions) != 1 || doc.Versions[0].State != book.PlanProposed || doc.Versions[0].ProposedBy != "ada" {
		t.Fatalf("%+v", doc)
	}
	c.run("plans").want(t, exitOK, "proposed", "ada", "Version 1 waits for a second person", "+ plan default from 2010-01-01", "space.referral_rate: 10%", "partnersync plans approve 1")
	c.run("plans", "approve", "1", "--actor", "Ada").want(t, exitFailed, "ada proposed it, and cannot approve it too", "hint: Let a second person")
	c.run("plans", "approve", "1", "--actor", "bea").want(t, exitOK, "version 1 is in force: approved by bea on ", "!alone")
	c.run("plans", "approve", "1", "--actor", "bea").want(t, exitFailed, "is in force, approved by bea", "hint: ")
	c.run("status").want(t, exitOK, "!waits for a second person")

	writeFile(t, "dearer.yaml", "plans:\n  - {effective_from: 2031-01-01, space: {referral_rate: 12%, joined_before: 2021-01-01}}\n")
	c.run("apply", "-f", "dearer.yaml", "--actor", "bea").want(t, exitOK, "proposed 1 plan version", "!applied")
	c.run("plans").want(t, exitOK, "~ plan default from 2031-01-01, beside default from 2010-01-01", "space.referral_rate: 10% → 12%", "!net_new")
	c.run("plans", "show", "2").want(t, exitOK, "version 2 proposed", "net_new.renewal_days: 90", "Beside what is in force", "10% → 12%")
	c.run("plans", "refuse", "2", "--actor", "ada").want(t, exitInvalid, "for a reason", "hint: ")
	c.run("plans", "withdraw", "2", "--actor", "ada").want(t, exitFailed, "only bea withdraws it", "plans refuse 2 --reason")
	c.run("plans", "refuse", "2", "--actor", "ada", "--reason", "too dear").want(t, exitOK, "version 2 is refused: refused by ada on ", "too dear", "!accrue")
	c.run("apply", "-f", "dearer.yaml", "--actor", "bea").want(t, exitOK, "proposed 1 plan version")
	c.run("plans", "withdraw", "3", "--actor", "bea").want(t, exitOK, "version 3 is withdrawn")
	c.run("plans").want(t, exitOK, "refused by ada on ", ": too dear", "withdrawn by bea on", "!waits")
	c.run("plans", "approve").want(t, exitInvalid, "plans approve wants the number of at least one VERSION", "hint: ")
	for _, odd := range []string{"2031-01-01", "x", "0", "-1", "9999999999999999999999"} {
		c.run("plans", "approve", "--", odd).want(t, exitInvalid, "is not a version's number", "hint: `partnersync plans` lists them")
	}
	c.run("plans", "approve", "77", "--actor", "bea").want(t, exitFailed, "there is no plan version 77", "hint: List them")
	c.run("plans", "show", "77").want(t, exitFailed, "there is no plan version 77")
}

func TestR8_5_TextSaysThatFourEyesAreOff(t *testing.T) {
	c := withDatabase(t) // four eyes are off in it
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml", "--actor", "ada").want(t, exitOK, "applied 2 changes", oneApprovesText)
	c.run("plans").want(t, exitOK, "in force", "approved by ada alone on", oneApprovesText)
	c.run("plans", "show", "1").want(t, exitOK, oneApprovesText)
	c.run("status").want(t, exitOK, oneApprovesText)
	c.run("config", "check").want(t, exitOK, oneApprovesText)
	c.run("discrepancies").want(t, exitOK, oneApprovesText)
	var s statusDocument
	c.run("status", "--output", "json").document(t, &s)
	if s.FourEyes != "off" {
		t.Errorf("status says that four eyes are %q", s.FourEyes)
	}
}
