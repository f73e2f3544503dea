package mapping_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// org gives a client of an org of its own.
func org(t *testing.T, o emulator.Options) *salesforce.Client {
	t.Helper()
	return orgtest.Client(t, orgtest.Serve(t, emulator.New(o)), salesforce.Config{})
}

// resolve tells a resolution as text.
func resolve(t *testing.T, m *mapping.Mapping, d mapping.Describer) string {
	t.Helper()
	r, err := m.Resolve(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, reading := range r.Readings {
		fmt.Fprintf(&b, "%s: %s: %s\n", reading.Kind, reading.Object, reading.Signature())
		if reading.At != "" {
			fmt.Fprintf(&b, "  at %s\n", reading.At)
		}
		if len(reading.Absent) > 0 {
			fmt.Fprintf(&b, "  without %s\n", strings.Join(reading.Absent, ", "))
		}
	}
	for _, s := range r.Stopped {
		fmt.Fprintf(&b, "stopped %s: %v\n  (%s)\n", s.Kind, s.Err, errs.HintOf(s.Err))
	}
	for _, notice := range r.Notices {
		fmt.Fprintln(&b, notice)
	}
	return b.String()
}

func TestDefaultResolvesAgainstThePackage(t *testing.T) {
	t.Parallel()
	golden(t, "resolved_default.golden", resolve(t, mapping.Default(), org(t, emulator.Options{})))
	golden(t, "resolved_multicurrency.golden", resolve(t, mapping.Default(),
		org(t, emulator.Options{MultiCurrency: true, SandboxField: emulator.SandboxFlagOfSubscriber})))
}

func TestR9_4_ResolveNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	golden(t, "resolved_lacking.golden", resolve(t, mapping.Default(), org(t, emulator.Options{Without: []string{
		"Lead", "Space_Org__c", "Space_User__History", "Opportunity.Amount", "Opportunity.Space__c", "Space__c.Partner_ID__c",
	}})))
	unfit, err := mapping.Load(strings.NewReader(`{version: 1, facts: {install: {object: sfLma__License__c, fields: {
		org_id: sflma__subscriber_org_id__c, is_sandbox: sfLma__Is_Sandbox__c, expires_on: sfLma__Expiration_Date__c}}}}`), "unfit")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "resolved_unfit.golden", resolve(t, unfit, org(t, emulator.Options{})))
}

func TestWhatAFileNamesIsRequiredUnlessItSaysOtherwise(t *testing.T) {
	t.Parallel()
	d := org(t, emulator.Options{})
	for required, want := range map[string]string{"": "stopped", "required: true, ": "stopped", "required: false, ": "off"} {
		m, err := mapping.Load(strings.NewReader(`{version: 1, facts: {invitation: {object: Space_Invitaion__c, `+required+`
			fields: {space_id: Space__c, email: Email__c, invited_at: Invited_At__c}}}}`), "mine")
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Resolve(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		got := "off"
		for _, s := range r.Stopped {
			got = "stopped"
			if s.Kind != mapping.Invitation || !strings.Contains(s.Err.Error(), "Space_Invitaion__c") || errs.HintOf(s.Err) == "" {
				t.Errorf("%q stopped %s: %v", required, s.Kind, s.Err)
			}
		}
		if got != want || len(r.Stopped)+len(r.Notices) != 1 {
			t.Errorf("%q: the misspelt object is %s, want %s; notices %q", required, got, want, r.Notices)
		}
	}
}

func TestResolveTarget(t *testing.T) {
	t.Parallel()
	for _, multi := range []bool{false, true} {
		d := org(t, emulator.Options{MultiCurrency: multi})
		for _, target := range mapping.Targets() {
			to, err := mapping.Default().ResolveTarget(t.Context(), d, target)
			if err != nil {
				t.Fatal(err)
			}
			want := len(target.Fields())
			if target != mapping.PartnerTarget && !multi {
				want-- // the record's currency
			}
			if len(to.Fields) != want {
				t.Errorf("%s: %d fields, not %d", target, len(to.Fields), want)
			}
		}
	}
	d := org(t, emulator.Options{Without: []string{"Partner_Commission__c.Amount__c", "Partner__c"}})
	_, err := mapping.Default().ResolveTarget(t.Context(), d, mapping.CommissionTarget)
	if err == nil || !strings.Contains(err.Error(), "Amount__c") || !strings.Contains(err.Error(), "Partner__") {
		t.Errorf("%v", err)
	}
	d = org(t, emulator.Options{})
	for bad, want := range map[string]string{
		`{object: Partner__c, key: Name, fields: {tier: Tier__c}}`:                   "no external id",
		`{object: Partner__c, key: Partner_ID__c, fields: {tier: LastModifiedDate}}`: "may not write",
		`{object: Partner__c, key: Nope__c, fields: {}}`:                             "no field Nope__c",
		`{object: Nope__c, key: Nope__c, fields: {}}`:                                "no object Nope__c",
	} {
		m, err := mapping.Load(strings.NewReader(`{version: 1, targets: {partner: `+bad+`}}`), "bad")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.ResolveTarget(t.Context(), d, mapping.PartnerTarget); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// An org without registrations is read as it was before there were any.
func TestResolveWithoutRegistrations(t *testing.T) {
	t.Parallel()
	r, err := mapping.Default().Resolve(t.Context(), org(t, emulator.Options{Without: []string{"Partner_Registration__c", "Partner_Engagement__c"}}))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Stopped) > 0 || len(r.Notices) != 2 {
		t.Errorf("stopped %v, notices %q", r.Stopped, r.Notices)
	}
	for _, reading := range r.Readings {
		if reading.Kind == mapping.Opportunity && strings.Join(reading.Absent, " ") != "CurrencyIsoCode Partner_Registration__c" {
			t.Errorf("of the opportunity, %v are absent", reading.Absent)
		}
	}
}

// What 60 per cent is in a field is never guessed: the platform says it of a
// percent field, the mapping of a number.
func TestR9_4_TheUnitOfAShareIsSaidOrTheMappingStops(t *testing.T) {
	t.Parallel()
	d := org(t, emulator.Options{})
	for share, want := range map[string]string{
		"Share__c": "", "{path: Share__c, unit: percent}": "",
		"{path: Share__c, unit: fraction}":                            "a percent field, in which 60 is 60 %",
		"Account__r.NumberOfEmployees":                                "does not say whether 60 or 0.6 is 60 %",
		"{path: Account__r.NumberOfEmployees, unit: fraction}":        "",
		"{path: Account__r.NumberOfEmployees, unit: percent}":         "",
		"{path: Account__r.AnnualRevenue, unit: percent}":             "can't be read as percent",
		"{path: [Nope__c, Share__c], unit: percent, optional: false}": "",
	} {
		m, err := mapping.Load(strings.NewReader(strings.Replace(defaultText(t), "share: Share__c", "share: "+share, 1)), "mine")
		if err != nil {
			t.Fatal(err)
		}
		got := resolve(t, m, d)
		if stopped := strings.Contains(got, "stopped registration"); stopped != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s:\n%s", share, got)
		}
	}
}

// brokenDescriber cannot ask the org.
type brokenDescriber struct{}

func (brokenDescriber) Describe(context.Context, string) (*salesforce.Object, error) {
	return nil, errs.New(errs.Transient, "no line")
}

func TestResolveFailsWhenTheOrgCannotBeAsked(t *testing.T) {
	t.Parallel()
	if _, err := mapping.Default().Resolve(t.Context(), brokenDescriber{}); errs.KindOf(err) != errs.Transient {
		t.Errorf("%v", err)
	}
	if _, err := mapping.Default().ResolveTarget(t.Context(), brokenDescriber{}, mapping.PartnerTarget); errs.KindOf(err) != errs.Transient {
		t.Errorf("%v", err)
	}
}
