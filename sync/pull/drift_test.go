package pull_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/stage"
)

// redescribed changes what an object is described as.
type redescribed struct {
	*salesforce.Client
	object string
	change func(o *salesforce.Object)
	asked  int
}

func (r *redescribed) DescribeSince(ctx context.Context, object, modified string) (salesforce.Described, error) {
	r.asked++
	d, err := r.Client.DescribeSince(ctx, object, "")
	if err == nil && object == r.object {
		r.change(d.Object)
	}
	return d, err
}

// field changes a field of an object.
func field(o *salesforce.Object, name string, change func(*salesforce.Field)) {
	i := slices.IndexFunc(o.Fields, func(f salesforce.Field) bool { return f.Name == name })
	change(&o.Fields[i])
}

// TestDriftIsToldOnce: what has changed in the org since it was described last.
func TestDriftIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, object, says string
		problems           int64
		change             func(o *salesforce.Object)
	}{
		{"a field is added", "Space__c", "Space__c has new fields: Colour__c", 0, func(o *salesforce.Object) {
			o.Fields = append(o.Fields, salesforce.Field{Name: "Colour__c", Type: "string"})
		}},
		{"a mapped field changes its type", "Space__c", "The field Name of Space__c was of type string and is of type textarea now", 1,
			func(o *salesforce.Object) { field(o, "Name", func(f *salesforce.Field) { f.Type = "textarea" }) }},
		{"another field does", "Space__c", "It is not mapped", 0,
			func(o *salesforce.Object) {
				field(o, "LastModifiedDate", func(f *salesforce.Field) { f.Type = "date" })
			}},
		{"a mapped field becomes a formula", "Opportunity", "The field Amount of Opportunity is a formula now", 1,
			func(o *salesforce.Object) { field(o, "Amount", func(f *salesforce.Field) { f.Calculated = true }) }},
		{"a field of a parent does", "Lead", "The field Email of Lead is a formula now", 1,
			func(o *salesforce.Object) { field(o, "Email", func(f *salesforce.Field) { f.Calculated = true }) }},
		{"a field is gone", "Account", "Account has lost fields that are not mapped: Industry", 0, func(o *salesforce.Object) {
			o.Fields = slices.DeleteFunc(o.Fields, func(f salesforce.Field) bool { return f.Name == "Industry" })
		}},
		{"a mapped field is gone", "Space__c", "The mapping of space is stopped", 2, func(o *salesforce.Object) { // and that of its history
			o.Fields = slices.DeleteFunc(o.Fields, func(f salesforce.Field) bool { return f.Name == "Partner_ID__c" })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			ours := clock.NewManual(noon)
			b.config.Clock = ours
			if r := b.pull(); r.Problems != 0 || len(r.Notices) != 0 {
				t.Fatalf("%+v", r)
			}
			b.config.Source = &redescribed{Client: b.client, object: c.object, change: c.change}
			ours.Advance(2 * time.Hour)
			first := b.pull()
			if isMapped := c.problems > 0; (len(first.Warnings) == 1) != isMapped {
				t.Errorf("warnings: %+v", first.Warnings)
			}
			ours.Advance(2 * time.Hour)
			if first.Problems != c.problems || !strings.Contains(strings.Join(first.Notices, "\n"), c.says) {
				t.Errorf("%d problems: %q", first.Problems, first.Notices)
			}
			second := b.pull()
			if strings.Contains(c.says, "stopped") {
				if !slices.Equal(first.Warnings, second.Warnings) || second.Warnings[0].Kind != stage.Stopped || second.Warnings[0].Subject != "space" {
					t.Errorf("first %+v, then %+v", first.Warnings, second.Warnings)
				}
			} else if second.Problems != 0 || len(second.Notices) != 0 || len(second.Warnings) != 0 {
				t.Errorf("the second time: %d problems, %q", second.Problems, second.Notices)
			}
		})
	}
}

// TestAMappedFieldThatComesBackIsNoNewOne: what was missing is read again.
func TestAMappedFieldThatComesBackIsNoNewOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	ours := clock.NewManual(noon)
	b.config.Clock = ours
	isGone := true
	b.config.Source = &redescribed{Client: b.client, object: "Space__c", change: func(o *salesforce.Object) {
		if isGone {
			o.Fields = slices.DeleteFunc(o.Fields, func(f salesforce.Field) bool { return f.Name == "Partner_ID__c" })
		}
	}}
	// It is told from the first pull on, and once: that of its history is stopped by it alone.
	if r := b.pull(); r.Problems != 2 || len(r.Warnings) != 1 || !strings.HasSuffix(r.Notices[len(r.Notices)-1], "It is read again when space is.") || r.Warnings[0].Kind != stage.Stopped || r.Warnings[0].Subject != "space" {
		t.Fatalf("%+v", r)
	}
	isGone = false
	ours.Advance(2 * time.Hour)
	r := b.pull()
	if all := strings.Join(r.Notices, "\n"); r.Problems != 0 || !strings.Contains(all, "Space__c has fields that are mapped and were missing: Partner_ID__c") || strings.Contains(all, "new fields") {
		t.Errorf("%d problems: %q", r.Problems, r.Notices)
	}
	if len(r.Warnings) != 0 || !slices.Equal(r.Settled, []string{"Space__c.Partner_ID__c"}) {
		t.Errorf("warnings %+v, settled %q", r.Warnings, r.Settled)
	}
}

// TestDescriptionsAreKeptAndAskedForAgain: not in every pass, then only for news; and at
// once when a query is refused.
func TestDescriptionsAreKeptAndAskedForAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	sent := b.watched()
	ours := clock.NewManual(noon)
	b.config.Clock = ours
	b.pull()
	described := sent.count("/describe")
	if described < 8 {
		t.Fatalf("%d descriptions", described)
	}
	sent.forget()
	b.pull()
	if n := sent.count("/describe"); n != 0 {
		t.Errorf("%d descriptions though they are young", n)
	}
	var news int
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if strings.HasSuffix(r.URL.Path, "/describe") && r.Header.Get("If-Modified-Since") != "" {
			news++
		}
		return nil
	})
	ours.Advance(2 * time.Hour)
	if b.pull(); news != described {
		t.Errorf("%d of %d were asked for news", news, described)
	}
	b.org.Fail(nil)
	b.play("{name: hidden, when: {kind: [query, describe, page]}, do: {hide: [Space__c.Partner_ID__c]}}")
	report := b.pull()
	if !strings.Contains(strings.Join(report.Notices, "\n"), "Space__c has no field Partner_ID__c") || report.Problems != 1 {
		t.Errorf("%d problems: %q", report.Problems, report.Notices)
	}
	b.play("{name: other, when: {kind: search}, do: {hide: [Lead]}}")
	if report = b.pull(); report.Problems != 0 {
		t.Errorf("mended, and still: %+v", report)
	}
}

// TestFieldsThatDontMoveTheStampAreReadOnASchedule: the e-mail of a license's lead
// changes, and the license does not.
func TestFieldsThatDontMoveTheStampAreReadOnASchedule(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	lead := b.insert("Lead", map[string]any{"LastName": "L", "Company": "C", "Email": "old@x.example"})
	b.insert("sfLma__License__c", map[string]any{"sfLma__Subscriber_Org_ID__c": "00D000000000001", "sfLma__Lead__c": lead})
	b.space(1)
	b.clock.Advance(time.Hour)
	b.pull()
	if err := b.org.Update("Lead", lead, map[string]any{"Email": "new@x.example"}, b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Hour)
	b.expect(b.pull(), "sfLma__License__c", 0, 0)
	b.clock.Advance(23 * time.Hour)
	report := b.pull()
	b.expect(report, "sfLma__License__c", 1, 1)
	b.expect(report, "Space__c", 0, 0) // nothing of it is derived
	for _, payload := range b.payloads("sfLma__License__c") {
		var got struct {
			Lead struct{ Email string } `json:"sfLma__Lead__r"`
		}
		if err := json.Unmarshal([]byte(payload), &got); err != nil || got.Lead.Email != "new@x.example" {
			t.Errorf("%s, %v", payload, err)
		}
	}
	b.clock.Advance(time.Hour)
	b.expect(b.pull(), "sfLma__License__c", 0, 0)
}
