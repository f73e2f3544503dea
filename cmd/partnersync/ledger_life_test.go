package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// The lines of Acme's term, and what they come to.
const (
	acmeJune   = "FG3877/space/" + acmeTerm + "/referral/2026-06" // 300.00
	acmeJuly   = "AB1234/space/" + acmeTerm + "/referral/2026-07" // 310.00
	acmeAugust = "AB1234/space/" + acmeTerm + "/referral/2026-08" // 310.00
)

// unsentLines counts the lines that have to reach Salesforce again.
func (w *told) unsentLines() (n int) {
	w.t.Helper()
	if err := w.db.Get(&n, `select count(*) from outbox.record where object = 'commission' and wanted > confirmed`); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// sent makes as if everything had reached Salesforce.
func (w *told) sent() {
	w.t.Helper()
	if _, err := w.db.Exec(`update outbox.record set confirmed = wanted`); err != nil {
		w.t.Fatal(err)
	}
}

func TestR8_5_LinesAreApprovedOnTheCommandLine(t *testing.T) {
	w := acme(t)
	w.sent()
	w.run("ledger", "approve").want(t, exitInvalid, "not said which lines", "hint: ")
	w.run("ledger", "approve", acmeJune, "--through", "2026-10").want(t, exitInvalid, "not by both")
	w.run("ledger", "approve", "--most", "5").want(t, exitInvalid, "says no currency", "--currency")
	w.run("ledger", "approve", "--regime", "spaces").want(t, exitInvalid, "none of space, registration, program")
	w.run("ledger", "approve", "--partner", "nobody").want(t, exitFailed, `there is no partner "nobody"`, "hint: ")
	w.run("ledger", "approve", "--through", "October").want(t, exitInvalid, "not a month")

	w.run("ledger", "approve", "--through", "2026-07", "--dry-run").want(t, exitOK, acmeJune, acmeJuly, "2 lines would be approved", "!"+acmeAugust)
	if n := w.unsentLines(); n != 0 {
		t.Errorf("a dry run sends %d lines", n)
	}
	w.run("ledger", "approve", acmeJune, "--actor", "ana").want(t, exitOK, acmeJune, "approved", "300.00 USD", "1 line approved: 300.00 USD")
	if n := w.unsentLines(); n != 1 {
		t.Errorf("%d lines have to reach Salesforce", n)
	}
	w.run("ledger", "approve", acmeJune).want(t, exitFailed, "it is approved already", "hint: ")
	w.run("ledger", "approve", "FG3877/space/none/referral/2026-06").want(t, exitFailed, "there is no such line", "hint: ")
	w.run("ledger", "approve", acmeJune, acmeJuly).want(t, exitFailed, "1 line approved", "1 line refused", "approved already", "1 of 2 lines were refused")

	var o struct {
		DryRun  bool `json:"dry_run"`
		Done    []lineOut
		Refused []struct{ Line, Reason, Hint string }
	}
	w.run("ledger", "approve", "--partner", "contoso", "--through", "2026-10", "--currency", "usd", "--most", "310", "--output", "json").document(t, &o)
	if len(o.Done) != 1 || o.Done[0].Line != acmeAugust || o.Done[0].Amounts[0] != (amountOut{"310.00", "USD"}) || o.DryRun || o.Refused == nil {
		t.Errorf("got %+v", o)
	}
	w.run("ledger", "unapprove", acmeAugust).want(t, exitInvalid, "for a reason", "--reason")
	w.run("ledger", "unapprove", acmeAugust, "--reason", "not yet").want(t, exitOK, "1 line accrued again", "310.00 USD")
	w.run("ledger", "unapprove", acmeAugust, "--reason", "not yet").want(t, exitFailed, "it is accrued, not approved")

	w.run("ledger", "hold", acmeAugust).want(t, exitInvalid, "for a reason")
	w.run("ledger", "hold", acmeAugust, "--reason", "they dispute it", "--actor", "ben").want(t, exitOK, "1 line held")
	w.run("explain", acmeAugust).want(t, exitOK, "A person holds it: ben: they dispute it.")
	w.run("ledger", "approve", acmeAugust).want(t, exitFailed, "it is on hold: held_by_hand", "ledger release")
	w.accrue()
	w.run("ledger", "approve", acmeAugust).want(t, exitFailed, "it is on hold")
	w.run("ledger", "release", acmeAugust).want(t, exitOK, "1 line released")
	w.run("ledger", "approve", acmeAugust).want(t, exitOK, "1 line approved")
}

// TestR8_5_WhoHadAHandInADealDoesNotApproveItsLines, unless one person does everything.
func TestR8_5_WhoHadAHandInADealDoesNotApproveItsLines(t *testing.T) {
	w := acme(t)
	const globex = "001000000000009AAA"
	w.customer(globex, "Globex")
	w.run("registrations", "create", "--partner-id", "CN0001", "--customer", "Globex", "--account", globex, "--opportunity", acmeOpen,
		"--involvement", "referred", "--submit", "--actor", "ben").want(t, exitOK, "REG-000001")
	w.run("registrations", "approve", "REG-000001", "--actor", "cem").want(t, exitOK, "approved")
	w.clock.Set(moment("2026-11-20T06:00:00Z"))
	w.opportunity(revenue.Opportunity{
		ID: acmeOpen, Name: "Globex", AccountID: globex, Stage: "Closed Won", IsClosed: true, IsWon: true, Amount: exactAmount("1000"), CloseDate: calendarDay("2026-11-10"),
	})
	w.accrue()
	const line = "CN0001/registration/" + acmeOpen + "/referral/2026-11"
	for _, actor := range []string{"ben", "Cem"} {
		w.run("ledger", "approve", line, "--actor", actor).want(t, exitFailed, actor+" entered, decided or confirmed", "hint: Somebody else")
	}
	w.run("ledger", "approve", line, "--actor", "dee").want(t, exitOK, "100.00 USD", "1 line approved")
}

// TestR8_6_BillsOnTheCommandLine: from the export to the payment that came back.
func TestR8_6_BillsOnTheCommandLine(t *testing.T) {
	w := acme(t)
	w.run("ledger", "export", "2026-10").want(t, exitOK, "nothing is to be billed through 2026-10")
	w.run("ledger", "bills").want(t, exitOK, "0 bills")
	w.run("ledger", "approve", "--through", "2026-10", "--actor", "ana").want(t, exitOK, "3 lines approved")
	w.run("ledger", "export", "2026-10", "--format", "xero", "--out", "bills.csv").want(t, exitInvalid, "Xero wants", "export.account_code")
	w.run("ledger", "export", "2026-10", "--out", "none/bills.csv").want(t, exitInvalid, "--out", "hint: ")
	w.run("ledger", "export", "2026-13").want(t, exitInvalid, "not a month")
	w.run("ledger", "export", "2026-10", "--dry-run").want(t, exitOK, "2026-10-AB1234-USD", "620.00 USD", "2 bills would be made")
	w.sent()

	w.run("ledger", "export", "2026-10", "--out", "bills.csv").want(t, exitOK, "2 bills made by the export no. 1", "written to bills.csv")
	if n := w.unsentLines(); n != 3 {
		t.Errorf("%d lines have to reach Salesforce", n)
	}
	first := fileOf(t, "bills.csv")
	if !strings.HasPrefix(first, "bill,export,") || strings.Count(first, "\r\n") != 4 || !strings.Contains(first, "2026-10-FG3877-USD,2026-10/1,2026-11-01,2026-12-01,north,Northwind") {
		t.Errorf("the file is\n%s", first)
	}
	again := w.run("ledger", "export", "2026-10")
	again.want(t, exitOK, "nothing is new; this is the export no. 1 of 2026-10 again")
	if again.out != first {
		t.Errorf("standard output has another file:\n%s", again.out)
	}
	w.run("ledger", "export", "2026-10", "--number", "7").want(t, exitFailed, "no export no. 7", "hint: ")

	const bill = "2026-10-FG3877-USD"
	w.run("ledger", "paid").want(t, exitInvalid, "not said which bill")
	w.run("ledger", "paid", bill).want(t, exitInvalid, "on which day")
	w.run("ledger", "paid", bill, "--on", "2026-11-02").want(t, exitInvalid, "today is 2026-11-01")
	w.run("ledger", "paid", bill, "--on", "2026-11-01", "--outcome", "returned").want(t, exitFailed, "cannot be returned", "hint: ")
	w.run("ledger", "paid", bill, "--on", "2026-11-01", "--reference", "TRX-1").want(t, exitOK, "1 bill confirmed", "paid")
	w.run("ledger", "paid", bill, "--on", "2026-11-01", "--reference", "TRX-1").want(t, exitOK, "1 confirmation known already")
	w.run("ledger", "paid", bill, "--on", "2026-11-01", "--reference", "TRX-2").want(t, exitFailed, "(TRX-1)")
	writeFile(t, "paid.csv", "bill,paid_on,amount,currency,reference,outcome\n"+bill+",2026-11-01,300.00,USD,R01,returned\n2026-10-AB1234-USD,2026-11-01,619.00,USD,x,paid\n")
	w.run("ledger", "paid", "-f", "paid.csv").want(t, exitInvalid, "1 of 2 are refused, and none is kept", "row 3", "620.00 USD")
	writeFile(t, "paid.csv", "bill,paid_on,amount,currency,reference,outcome\n"+bill+",2026-11-01,300.00,USD,R01,returned\n2026-10-AB1234-USD,2026-11-01,620.00,USD,x,paid\n")
	w.run("ledger", "paid", "-f", "paid.csv", bill).want(t, exitInvalid, "a file says everything itself")
	w.run("ledger", "paid", "-f", "paid.csv").want(t, exitOK, "2 bills confirmed", "returned")
	w.run("ledger", "paid", "-f", "missing.csv").want(t, exitInvalid, "missing.csv", "hint: ")
	w.run("ledger", "bills", strings.ToLower(bill)).want(t, exitOK, "R01", "TRX-1", "exported", acmeJune, "Acme Inc")
	w.run("ledger", "bills", "2026-10-FG3877-EUR").want(t, exitFailed, "there is no bill", "hint: ")
	w.run("ledger", "bills", "--state", "paid").want(t, exitOK, "2026-10-AB1234-USD", "1 bill", "!"+bill)
	w.run("ledger", "bills", "--state", "lost").want(t, exitInvalid, "none of exported")

	var e exportOut
	w.run("ledger", "export", "2026-10", "--output", "json").document(t, &e)
	if e.Number != 2 || len(e.Bills) != 1 || e.Bills[0].Bill != bill+"-2" || e.Bills[0].Amount != "300.00" || e.File != "" {
		t.Errorf("got %+v", e)
	}
	w.run("ledger", "export", "2026-10", "--number", "1", "--out", "again.csv").want(t, exitOK, "export no. 1 of 2026-10 again")
	if fileOf(t, "again.csv") != first {
		t.Error("the first export's file is another one now")
	}
	if left, err := filepath.Glob(".*.csv*"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// fileOf reads a file that only its owner may read.
func fileOf(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s may be read by others: %v", name, info.Mode())
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Few refusals are listed with what to do about each; many are counted by their reasons.
func TestManyRefusalsAreCountedByReason(t *testing.T) {
	var many []book.Refusal
	for i := range 30 {
		reason := "it is on hold: partner_suspended"
		if i == 20 {
			reason = "it is approved already"
		}
		many = append(many, book.Refusal{Key: fmt.Sprintf("line-%02d", i), Reason: reason, Hint: fmt.Sprintf("look at line-%02d", i)})
	}
	said := func(refused []book.Refusal) string {
		var out strings.Builder
		(&page{app: &app{}, w: &out}).refused(refused)
		return out.String()
	}
	few := said(many[:3])
	if !strings.Contains(few, "line-02") || !strings.Contains(few, "look at line-01") {
		t.Errorf("three refusals are told as\n%s", few)
	}
	all := said(many)
	for _, want := range []string{"29", "partner_suspended", "approved already", "line-00", "line-20"} {
		if !strings.Contains(all, want) {
			t.Errorf("thirty refusals are told without %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "line-07") {
		t.Errorf("thirty refusals are listed one by one:\n%s", all)
	}
}
