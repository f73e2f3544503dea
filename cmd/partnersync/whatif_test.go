package main

import (
	"fmt"
	"strings"
	"testing"
)

// The table and the JSON of a what-if, beside a hand-worked book: 10 % of what each
// partner held, which would have been 12 %.
func TestWhatIfIsShownByPartnerAndByRule(t *testing.T) {
	w := acme(t)
	writeFile(t, "other.yaml", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 12%, joined_before: 2021-01-01}}]\n")
	o := w.run("run", "accrue", "--dry-run", "--plan", "other.yaml")
	o.want(t, exitOK)
	golden(t, "whatif/table", o.out)
	o = w.run("run", "accrue", "--dry-run", "--plan", "other.yaml", "--output", "json")
	o.want(t, exitOK)
	golden(t, "whatif/json", o.out)
	var d whatIfDocument
	o.document(t, &d)
	if len(d.Partners) != 2 || d.Partners[0].Posted != "620.00" || d.Partners[0].Would != "744.00" || d.Partners[1].Difference != "60.00" {
		t.Errorf("by partner it is %+v", d.Partners)
	}
	if len(d.Totals) != 1 || d.Totals[0].Posted != "920.00" || d.Totals[0].Would != "1104.00" || d.Totals[0].WouldOnHold != "500.00" {
		t.Errorf("in all it is %+v", d.Totals)
	}
	// A day in the middle of a month, of a book that goes further, says so.
	w.run("run", "accrue", "--dry-run", "--plan", "other.yaml", "--as-of", "2026-08-15").want(t, exitOK, "Through 2026-08-15", "compares like with like")
	w.run("run", "accrue", "--dry-run", "--plan", "other.yaml", "--as-of", "2026-07-31").want(t, exitOK, "610.00 USD posted, 732.00 under these terms: 122.00 more", "!like with like")
}

func TestWhatIfOfTheTermsInForceSaysSo(t *testing.T) {
	w := acme(t)
	writeFile(t, "same.yaml", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}]\n")
	w.run("run", "accrue", "--dry-run", "--plan", "same.yaml").want(t, exitOK, "920.00 under these terms: the same", "says nothing else than what is in force")
	w.run("run").want(t, exitInvalid, "no Salesforce org is configured") // a what-if needs none
}

func TestWhatIfRefusesWhatIsNone(t *testing.T) {
	w := acme(t)
	writeFile(t, "other.yaml", "plans: [{effective_from: 2010-01-01, space: {referral_rate: 12%}}]\n")
	writeFile(t, "partners.yaml", program)
	for _, tt := range []struct {
		args  string
		texts []string
	}{
		{"run accrue --plan other.yaml", []string{"--plan needs --dry-run", "partnersync apply -f"}},
		{"run --dry-run --plan other.yaml", []string{"--plan is for accrue alone"}},
		{"run all --dry-run --plan other.yaml", []string{"--plan is for accrue alone"}},
		{"run pull accrue --dry-run --plan other.yaml", []string{"--plan is for accrue alone"}},
		{"run accrue --dry-run --plan partners.yaml", []string{"partners.yaml names 1 partner", "leave only plans and exchange_rates"}},
		{"run accrue --dry-run --plan none.yaml", []string{"none.yaml", "--plan wants the path"}},
		{"run accrue --dry-run --plan=", []string{"--plan names no file"}},
		{"run accrue --dry-run --plan other.yaml --as-of 2999-01-01", []string{"is not over yet"}},
	} {
		t.Run(tt.args, func(t *testing.T) {
			o := w.run(strings.Fields(tt.args)...)
			o.want(t, exitInvalid, append(tt.texts, "hint: ")...)
			if o.out != "" {
				t.Errorf("standard output has %q", o.out)
			}
		})
	}
}

// The largest differences are listed, and JSON has all.
func TestWhatIfListsTheLargestDifferences(t *testing.T) {
	var d whatIfDocument
	for i := range 30 {
		d.Partners = append(d.Partners, whatIfTotal{
			PayeeID: fmt.Sprintf("AA%04d", i), Currency: "USD", Posted: "0.00", Would: "0.00", Difference: "0.00", minor: whatIfMinor{would: int64(i * i)},
		})
	}
	var out strings.Builder
	p := &page{app: &app{}, w: &out}
	p.whatIfPartners(d.Partners)
	if got := out.String(); !strings.Contains(got, "AA0029") || strings.Contains(got, "AA0009") || !strings.Contains(got, "10 payees more with smaller differences") {
		t.Errorf("it lists\n%s", got)
	}
}
