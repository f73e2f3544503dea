package mapping_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/mapping"
)

func TestDefaultMapsEveryFactAndTarget(t *testing.T) {
	t.Parallel()
	m := mapping.Default()
	for _, k := range mapping.Kinds() {
		f, on := m.Fact(k)
		if !on || len(f.Fields) != len(k.Fields()) {
			t.Errorf("%s: on %v, %d of %d fields", k, on, len(f.Fields), len(k.Fields()))
		}
	}
	for _, target := range mapping.Targets() {
		if o := m.Target(target); len(o.Fields) != len(target.Fields()) || o.Key == "" {
			t.Errorf("%s: %d of %d fields, key %q", target, len(o.Fields), len(target.Fields()), o.Key)
		}
	}
	if got := strings.Join(m.Select(mapping.SpaceHistory), ","); got != "Id,CreatedDate,IsDeleted,ParentId,Field,OldValue,NewValue" {
		t.Errorf("Select(space_history) = %s", got)
	}
}

func TestDecodeReadsExactly(t *testing.T) {
	t.Parallel()
	r, problems := mapping.Default().Decode(mapping.Opportunity, json.RawMessage(`{
		"Id": "0065g00000XyZAbAAN", "Name": "Naïve \u0000", "AccountId": "0015g00000XyZAb", "Space__c": null,
		"Amount": 12345678901234567.891, "CloseDate": "2026-10-31", "StageName": "Closed Won", "IsClosed": true,
		"IsWon": true, "Type": "", "CreatedDate": "2026-11-20T12:00:00.123+0530",
		"Service_Start__c": null, "Service_End__c": null, "Net_New_Amount__c": 1.0E2}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if d, ok := r.Decimal("amount"); !ok || d.String() != "12345678901234567.891" {
		t.Errorf("amount = %s", d)
	}
	if d, ok := r.Decimal("net_new_amount"); !ok || d.String() != "100" {
		t.Errorf("net_new_amount = %s", d)
	}
	if got := r.ID("account_id"); got != "0015g00000XyZAbAAN" {
		t.Errorf("account_id = %s", got)
	}
	if d, ok := r.Date("close_date"); !ok || d != clock.NewDate(2026, 10, 31) {
		t.Errorf("close_date = %s", d)
	}
	if at, ok := r.Time("created_at"); !ok || at.Format("15:04:05.000") != "06:30:00.123" {
		t.Errorf("created_at = %s", at)
	}
	if got := r.Text("name"); got != "Naïve \uFFFD" {
		t.Errorf("name = %q", got)
	}
	if r.Has("space_id") || r.Has("type") || r.Has("currency") || !r.Has("is_won") || !r.Bool("is_won") {
		t.Error("null, blank and absent are not told from stated")
	}
}

func TestDecodeReportsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	r, problems := mapping.Default().Decode(mapping.Opportunity, json.RawMessage(`{
		"Name": {"x": 1}, "AccountId": "0015g00000XyZAbAAX", "Space__c": "short", "Amount": "12", "CurrencyIsoCode": "XQX",
		"CloseDate": "31.10.2026", "StageName": 5, "IsClosed": "yes", "IsWon": 1, "Type": null, "CreatedDate": "0000-01-01T00:00:00Z",
		"Service_Start__c": "9999-01-01", "Service_End__c": null, "Net_New_Amount__c": 1e999999999}`))
	got := map[string]bool{}
	for _, p := range problems {
		got[p.Field] = true
		if p.Message == "" || p.Path == "" || p.Raw == "" {
			t.Errorf("an incomplete problem: %+v", p)
		}
		if r.Has(p.Field) {
			t.Errorf("%s is both unreadable and there", p.Field)
		}
	}
	for _, want := range []string{"name", "account_id", "space_id", "amount", "currency", "close_date",
		"is_closed", "is_won", "created_at", "service_start", "net_new_amount"} {
		if !got[want] {
			t.Errorf("%s: no problem", want)
		}
	}
	if len(problems) != 11 || r.Text("stage") != "5" {
		t.Errorf("%d problems, stage %q", len(problems), r.Text("stage"))
	}
	_, problems = mapping.Default().Decode(mapping.Customer, json.RawMessage(`{"Name": "Acme", "Website": null}`))
	if len(problems) != 1 || problems[0].Field != "master_account_id" {
		t.Errorf("a missing key: %v", problems)
	}
}

func TestDecodeTakesAlternativesAndRelationships(t *testing.T) {
	t.Parallel()
	const rest = `"sfLma__Subscriber_Org_ID__c": "00D5g00000XyZAb", "sfLma__License_Status__c": "Active",
		"sfLma__Install_Date__c": "2026-01-02", "sfLma__Expiration__c": null, "sfLma__Account__c": null`
	for name, c := range map[string]struct {
		payload, email string
		sandbox        bool
	}{
		"first":  {`{"sfLma__Is_Sandbox__c": true, "sfLma__Lead__r": {"Email": "a@b.example"}, ` + rest + `}`, "a@b.example", true},
		"second": {`{"sfLma__Subscriber_Org_Is_Sandbox__c": true, "sfLma__Lead__r": null, ` + rest + `}`, "", true},
		"null":   {`{"sfLma__Subscriber_Org_Is_Sandbox__c": null, "sfLma__Lead__r": {"Email": null}, ` + rest + `}`, "", false},
	} {
		r, problems := mapping.Default().Decode(mapping.Install, json.RawMessage(c.payload))
		if len(problems) > 0 || r.Text("lead_email") != c.email || r.Bool("is_sandbox") != c.sandbox {
			t.Errorf("%s: %v, %q, %v", name, problems, r.Text("lead_email"), r.Bool("is_sandbox"))
		}
		if got := r.ID("org_id"); got != "00D5g00000XyZAbEAN" {
			t.Errorf("%s: org_id = %s", name, got)
		}
	}
}

const registrationPayload = `{"Id": "a055g00000XyZAbAAN", "Registration_Key__c": "PR-1", "Partner_ID__c": "FG3877", "Customer_Name__c": "Acme",
	"Email_Domain__c": null, "Account__c": null, "Opportunity__c": null, "Space__c": null, "Involvement__c": "Engaged", "Status__c": "Approved",
	"Submitted_At__c": "2026-01-02T10:00:00.000+0000", "Decided_At__c": null, "Decision_Reason__c": null, "Share__c": %s, "Project__c": null,
	"Key_People__c": null, "Use_Case__c": null, "Business_Outcome__c": null, "Timeframe__c": null, "Priority__c": null, "Speculative__c": false}`

// A share is a fraction as a fact, whichever unit the org writes it in, and exact.
func TestDecodeGivesSharesAsFractions(t *testing.T) {
	t.Parallel()
	number := func(unit string) *mapping.Mapping {
		m, err := mapping.Load(strings.NewReader(strings.Replace(defaultText(t),
			"share: Share__c", "share: {path: Share__c, unit: "+unit+"}", 1)), "mine")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		m         *mapping.Mapping
		raw, want string
	}{
		{mapping.Default(), "60", "0.6"}, {mapping.Default(), "33.333333", "0.33333333"}, {mapping.Default(), "250.0", "2.5"},
		{number("percent"), "60.0", "0.6"}, {number("fraction"), "0.6", "0.6"}, {number("fraction"), "60", "60"},
	} {
		r, problems := c.m.Decode(mapping.Registration, fmt.Appendf(nil, registrationPayload, c.raw))
		if share, ok := r.Fraction("share"); len(problems) > 0 || !ok || share.String() != c.want {
			t.Errorf("%s is %s (%v), want %s; %v", c.raw, share, ok, c.want, problems)
		}
	}
	r, problems := mapping.Default().Decode(mapping.Registration, fmt.Appendf(nil, registrationPayload, "null"))
	if _, ok := r.Fraction("share"); ok || len(problems) > 0 || r.Has("share") {
		t.Errorf("no share is one: %v", problems)
	}
	if _, problems := mapping.Default().Decode(mapping.Registration, fmt.Appendf(nil, registrationPayload, `"60 %"`)); len(problems) != 1 {
		t.Errorf("a share in words: %v", problems)
	}
}

func TestRecordPanicsOnWhatAKindDoesNotHave(t *testing.T) {
	t.Parallel()
	r, _ := mapping.Default().Decode(mapping.Customer, json.RawMessage(`{}`))
	for name, f := range map[string]func(){
		"field": func() { r.Text("amount") },
		"type":  func() { r.Bool("name") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("an unknown %s went through", name)
				}
			}()
			f()
		}()
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"Amount": 1e5, "CloseDate": "2026-10-31"}`)
	f.Add(`{"sfLma__Lead__r": {"Email": "\u0000\ud800"}, "Name": "x"}`)
	f.Add(`[]`)
	f.Add(`{"Amount":-0.0E-99,"Amount":  null ,"OldValue":[{}]}`)
	m := mapping.Default()
	f.Fuzz(func(t *testing.T, payload string) {
		for _, k := range mapping.Kinds() {
			r, problems := m.Decode(k, json.RawMessage(payload))
			for _, p := range problems {
				if p.Field != "" && r.Has(p.Field) {
					t.Errorf("%s of %s is both unreadable and there", p.Field, k)
				}
			}
			for _, def := range k.Fields() {
				if def.Type == mapping.DecimalType {
					if d, ok := r.Decimal(def.Name); ok && len(d.String()) > 200 {
						t.Errorf("%s is too large to handle", def.Name)
					}
				}
				if def.Type == mapping.TextType && strings.Contains(r.Text(def.Name), "\x00") {
					t.Errorf("%s holds a NUL", def.Name)
				}
			}
		}
	})
}
