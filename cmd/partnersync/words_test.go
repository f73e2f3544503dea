package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/partnersync/partnersync/sync/stage"
)

func TestPlural(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int64
		want string
	}{
		{"partner written", 10, "partners written"},
		{"partner written", 1, "partner written"},
		{"commission written without a link", 0, "commissions written without a link"},
		{"entries posted", 1, "entry posted"},
		{"discrepancies opened", 1, "discrepancy opened"},
		{"discrepancies opened", 2, "discrepancies opened"},
		{"Partner ID histories changed", 1, "Partner ID history changed"},
		{"Space__c received", 5, "Space__c received"},
		{"partnership__c received", 5, "partnership__c received"},
		{"commission", 2, "commissions"},
	} {
		if got := plural(tt.name, tt.n); got != tt.want {
			t.Errorf("%d %q is %q, want %q", tt.n, tt.name, got, tt.want)
		}
	}
}

// Every kind that the rooms open is one that --kind takes.
func TestEveryKindOfDiscrepancyIsKnown(t *testing.T) {
	// A kind stands before its rule where one is opened, or is named so.
	opened := regexp.MustCompile(`"([a-z]+(?:_[a-z]+)+)", "R[0-9]+\.|\bkind: +"([a-z_]+)"|\bkind[A-Z][A-Za-z]* += "([a-z_]+)"`)
	found := 0
	for _, room := range []string{"ledger/attribution", "ledger/commission", "ledger/revenue", "sync/accrue", "sync/reconcile"} {
		files, err := filepath.Glob(filepath.Join(testdata, "../../..", room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range opened.FindAllStringSubmatch(string(text), -1) {
				kind := m[1] + m[2] + m[3]
				if found++; !slices.Contains(discrepancyKinds(), kind) {
					t.Errorf("%s opens %s, which --kind refuses", file, kind)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d kinds were found", found)
	}
}

// A pass that was put off halfway did not do nothing.
func TestWhatAPassDidBeforeItWasPutOffIsTold(t *testing.T) {
	r := stage.Report{Deferred: "the reserve", Counts: []stage.Count{{Name: "records reconciled", N: 1204}, {Name: "lines new", N: 0}}}
	if got, want := reportCounts(r), "1,204 records reconciled; then stopped: the reserve"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Counts = nil
	if got, want := reportCounts(r), "nothing done: the reserve"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A recount of which all is here as it is in Salesforce says each number once.
func TestWhatIsHereAsItIsThereIsToldOnce(t *testing.T) {
	r := stage.Report{Counts: []stage.Count{
		{Name: "Account in Salesforce", N: 12}, {Name: "Account known here", N: 12}, {Name: "Space__c in Salesforce", N: 27}, {Name: "Space__c known here", N: 26},
	}}
	if got, want := reportCounts(r), "12 Account known here, 27 Space__c in Salesforce, 26 Space__c known here"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
