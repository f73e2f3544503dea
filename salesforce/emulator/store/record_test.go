package store

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

func TestAPackedRecordGivesBackWhatWasPutIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Just(""), rapid.StringN(0, 12, -1),
			rapid.Map(rapid.IntRange(0, 70_000), func(n int) string { return strings.Repeat("x", n) })), 0, 40).Draw(t, "values")
		p := pack(values)
		for slot := range len(values) + 3 {
			want := ""
			if slot < len(values) {
				want = values[slot]
			}
			if got := p.get(slot); got != want {
				t.Fatalf("slot %d is %.20q, want %.20q", slot, got, want)
			}
		}
		if got := p.unpack(len(values)); !slices.Equal(got, values) {
			t.Fatalf("%.20q is unpacked as %.20q", values, got)
		}
	})
}

func TestAFieldYoungerThanARecordIsNullAndCanBeSet(t *testing.T) {
	r := newRecord(&schema.Object{Width: 1})
	first, young := &schema.Field{Name: "A__c", Slot: 0}, &schema.Field{Name: "B__c", Slot: 7}
	r.Set(first, "a")
	r.seal()
	if r.Get(young) != "" {
		t.Error("the young field is not null")
	}
	r.Set(young, "b")
	if r.Get(first) != "a" || r.Get(young) != "b" || r.draft != nil {
		t.Errorf("%q %q", r.Get(first), r.Get(young))
	}
}

// TestTheRecordsOfAValueAreFoundWhateverCameAndWent compares keyedField with a
// plain list.
func TestTheRecordsOfAValueAreFoundWhateverCameAndWent(t *testing.T) {
	f := &schema.Field{Name: "Key__c", Slot: 0}
	rapid.Check(t, func(t *rapid.T) {
		k := &keyedField{f, map[string]*Record{}, map[string][]*Record{}}
		var model []*Record
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(model) > 0 && rapid.Bool().Draw(t, "remove") {
				i := rapid.IntRange(0, len(model)-1).Draw(t, "which")
				k.remove(model[i])
				model = slices.Delete(model, i, i+1)
				continue
			}
			r := newRecord(&schema.Object{Width: 1})
			r.Set(f, rapid.SampledFrom([]string{"", "a", "A", "b"}).Draw(t, "value"))
			k.add(r)
			model = append(model, r)
		}
		for _, v := range []string{"a", "b"} {
			var want []*Record
			for _, r := range model {
				if strings.EqualFold(r.Get(f), v) {
					want = append(want, r)
				}
			}
			if got := k.find(v); !slices.Equal(got, want) {
				t.Fatalf("%s finds %v, want %v", v, got, want)
			}
		}
	})
}
