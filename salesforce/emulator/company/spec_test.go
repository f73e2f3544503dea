package company_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/company"
)

func TestASpecSaysWhatCompanyItIs(t *testing.T) {
	for text, want := range map[string]company.Options{
		"customers=10000,seed=7":              {Customers: 10_000, Seed: 7},
		" opportunities = 50 , years=3":       {Opportunities: 50, Years: 3},
		"leads=0,seed=-9223372036854775808":   {Leads: -1, Seed: -1 << 63},
		"leads=5,partners=3,customers=1":      {Leads: 5, Partners: []string{"FG3877", "AB1234", "KM5521"}, Customers: 1},
		"customers=1000000,partners=1,seed=0": {Customers: 1_000_000, Partners: []string{"FG3877"}},
	} {
		s, err := company.ParseSpec(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(want, s.Options()); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestASpecThatIsWrongSaysWhat(t *testing.T) {
	for text, want := range map[string]struct{ message, hint string }{
		"":                          {"empty part", "customers=10000,seed=7"},
		"customers=10,":             {"empty part", ""},
		"customers=10,000":          {`"000" is not key=number`, "without a separator"},
		"customer=10":               {`no key "customer"`, "Is customers meant?"},
		"Seeds=1":                   {`no key "Seeds"`, "Is seed meant? The keys are customers, opportunities, partners, leads, years, seed."},
		"=3":                        {`no key ""`, "The keys are"},
		"colour=blue":               {`no key "colour"`, "The keys are"},
		"seed=1,seed=2":             {"seed is given twice", ""},
		"seed":                      {"seed= is not a whole number", "seed=7"},
		"customers=ten":             {"customers=ten is not a whole number", "customers=7"},
		"customers=1e4":             {"not a whole number", ""},
		"customers=0":               {"customers=0 is not within 1 to 1000000", ""},
		"years=100":                 {"years=100 is not within 1 to 25", ""},
		"seed=99999999999999999999": {"not a whole number", ""},
	} {
		_, err := company.ParseSpec(text)
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want.message) || !strings.Contains(errs.HintOf(err), want.hint) {
			t.Errorf("%q: %v (%s)", text, err, errs.HintOf(err))
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add("customers=10000,seed=7")
	f.Add("ñ=,=é=3")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := company.ParseSpec(text)
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Fatal(err)
		}
		if err == nil && len(text) < 30 {
			if err := s.Options().Validate(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestPartnerIDsAreIssuedOnce(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z]{2}[0-9]{4}$`)
	ids := company.PartnerIDs(company.MaxPartners)
	seen := map[string]bool{company.UnknownPartner: true}
	for _, id := range ids {
		if seen[id] || !form.MatchString(id) {
			t.Fatalf("%s is malformed, unknown or there twice", id)
		}
		seen[id] = true
	}
	if len(ids) != company.MaxPartners {
		t.Errorf("%d ids", len(ids))
	}
}
