package mapping_test

import (
	"encoding/json"
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
