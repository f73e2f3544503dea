package wholeway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/statement"
)

// does runs a command of the program as a process, which has to end with an exit code,
// and gives what it printed.
func (p *program) does(code int, args ...string) string {
	p.t.Helper()
	var out, errOut bytes.Buffer
	cmd := p.command(p.t.Context(), args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("%s ended with %d, want %d: %v\n%s%s", strings.Join(args, " "), got, code, err, errOut.String(), out.String())
	}
	return out.String() + errOut.String()
}

// inSalesforce gives the commissions that Salesforce holds: "slice period" → status and
// amount.
func (w *way) inSalesforce() map[string]string {
	out := map[string]string{}
	for _, r := range w.org.Records("Partner_Commission__c") {
		out[text(r["Slice__c"])+" "+text(r["Period__c"])] = text(r["Status__c"]) + " " + number(w.t, r["Amount__c"]).StringFixed(2)
	}
	return out
}

// A company begins in the middle: another system has paid worked example 1's January to
// April, of 2025 here, and owes 1,500.00 of before. What it says is brought in; the rest
// accrues, is billed with the balance, and reaches Salesforce. Then the sale is un-won.
func TestR8_9_ACompanyBeginsInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWay(t, clock.System{}.Now().Format(time.RFC3339))
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	opportunity := w.insert("Opportunity", sale(account, "12000", "2024-12-20", "Service_Start__c", "2025-01-01", "Service_End__c", "2025-12-31"))
	p := newProgram(t, w.dsn, w.url)
	p.does(0, "run", "pull", "reconcile", "--lenient")

	file := broughtFile(t, opportunity)
	tried := p.does(0, "ledger", "import", file, "--dry-run")
	if !strings.Contains(tried, "it would bring in 5 lines") || !strings.Contains(tried, "The next accrue posts 1.92 USD to correct what was paid, and 805.48 USD that these") {
		t.Errorf("the dry run said %s", tried)
	}
	if n := fetch[int](t, w.db, `select count(*) from ledger.entry`); n != 0 {
		t.Fatalf("the dry run has posted %d entries", n)
	}
	p.does(0, "ledger", "import", file)
	if again := p.does(0, "ledger", "import", file); !strings.Contains(again, "nothing to bring in; 5 rows are in the book already") {
		t.Errorf("the same file again: %s", again)
	}
	p.does(0, "run", "accrue", "push", "--lenient")
	want := map[string]string{
		"balance 2025-04": "Approved 1500.00", "referral 2025-01": "Paid 101.92", "referral 2025-02": "Paid 92.05", "referral 2025-03": "Paid 100.00",
		"referral 2025-04": "Paid 98.63", "referral~adj:2025-03 2025-03": "Accrued 1.92",
		"referral 2025-05": "Accrued 101.92", "referral 2025-06": "Accrued 98.63", "referral 2025-07": "Accrued 101.92", "referral 2025-08": "Accrued 101.91",
		"referral 2025-09": "Accrued 98.63", "referral 2025-10": "Accrued 101.92", "referral 2025-11": "Accrued 98.63", "referral 2025-12": "Accrued 101.92",
	}
	if d := cmp.Diff(want, w.inSalesforce()); d != "" {
		t.Error(d)
	}
	w.statementOpens("2025-05", "1,501.92") // with what March adjusted
	p.does(0, "ledger", "verify")

	// The balance is on the next bill by itself; what accrued waits for somebody.
	var exported struct {
		Bills []struct {
			Bill, Amount string
			Lines        int
		}
	}
	out := p.does(0, "ledger", "export", "2025-12", "--out", filepath.Join(t.TempDir(), "bills.csv"), "--output", "json")
	must(t, json.NewDecoder(strings.NewReader(out)).Decode(&exported))
	if len(exported.Bills) != 1 || exported.Bills[0].Amount != "1500.00" || exported.Bills[0].Lines != 1 {
		t.Fatalf("the export made %+v of %s", exported.Bills, out)
	}

	w.clock.Set(clock.System{}.Now())
	w.change("Opportunity", opportunity, w.clock.Now().Format(time.RFC3339), map[string]any{"StageName": "Closed Lost"})
	p.does(0, "run", "--lenient")
	got := w.inSalesforce()
	for month, back := range map[string]string{"2025-01": "-101.92", "2025-02": "-92.05", "2025-03": "-100.00", "2025-04": "-98.63"} {
		if is := got["referral~adj:"+month+" "+month]; is != "Accrued "+back {
			t.Errorf("un-won, %s has %q, want %s to be taken back", month, is, back)
		}
	}
	if got["referral 2025-05"] != "Void 0.00" || got["balance 2025-04"] != "Exported 1500.00" || got["referral 2025-01"] != "Paid 101.92" {
		t.Errorf("un-won, Salesforce has %v", slices.Sorted(keysAndValues(got)))
	}
}

// broughtFile writes what another system says, as a spreadsheet of many places does.
func broughtFile(t *testing.T, opportunity string) (path string) {
	t.Helper()
	rows := "\ufeffkind;partner_id;currency;amount;period;reference;note;opportunity_id;paid_on\r\n" +
		"opening;FG3877;USD;1500,00;2025-04;INV-1;\"what was\r\nopen\";;\r\n"
	for month, amount := range map[string]string{"2025-01": "101,92", "2025-02": "92,05", "2025-03": "100,00", "2025-04": "98,63"} {
		rows += fmt.Sprintf("paid;fg3877;USD;%s;%s;PAY-%s;;%s;2025-05-15\r\n", amount, month, month, opportunity[:15])
	}
	path = filepath.Join(t.TempDir(), "brought.csv")
	must(t, os.WriteFile(path, []byte(rows), 0o600))
	return path
}

// keysAndValues gives a map as texts.
func keysAndValues(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k, v := range m {
			if !yield(k + ": " + v) {
				return
			}
		}
	}
}

// statementOpens wants the partner's statement of a month to open with an amount.
func (w *way) statementOpens(month, amount string) {
	w.t.Helper()
	m, err := clock.ParseMonth(month)
	must(w.t, err)
	s, err := statement.Of(context.Background(), w.db, "FG3877", "USD", m)
	must(w.t, err)
	if got := s.Opening.String(); got != amount {
		w.t.Errorf("the statement of %s opens with %s, want %s", month, got, amount)
	}
}
