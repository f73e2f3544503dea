package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

var instant = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// shaped builds a schema of Thing__c with the fields that are named, and of others.
func shaped(t interface {
	Helper()
	Fatal(...any)
}, fields []schema.FieldDeclaration, others ...schema.ObjectDeclaration) *schema.Schema {
	t.Helper()
	thing := schema.ObjectDeclaration{Name: "Thing__c", Prefix: "a0C", Fields: append([]schema.FieldDeclaration{
		{Name: "Name", Type: "text", Length: 80, NameField: true}}, fields...)}
	d := schema.Declaration{Objects: append([]schema.ObjectDeclaration{{Name: "User", Prefix: "005",
		Fields: []schema.FieldDeclaration{{Name: "Name", Type: "text", Length: 80, NameField: true}}}, thing}, others...)}
	sc, err := schema.Build(d, schema.Options{SandboxField: schema.SandboxFlag})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func text(name string) schema.FieldDeclaration {
	return schema.FieldDeclaration{Name: name, Type: "text", Length: 80}
}

func TestAStoreTakesUpAnotherSchema(t *testing.T) {
	s := store.New(shaped(t, []schema.FieldDeclaration{text("A__c"), text("B__c")}), clock.NewManual(instant))
	id, err := s.InsertUnchecked("Thing__c", map[string]any{"Name": "n", "A__c": "a", "B__c": "b"})
	if err != nil {
		t.Fatal(err)
	}
	binned, err := s.InsertUnchecked("Thing__c", map[string]any{"Name": "gone"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("Thing__c", binned); err != nil {
		t.Fatal(err)
	}
	before, _ := s.Record("Thing__c", id)
	key := schema.FieldDeclaration{Name: "B__c", Type: "text", Length: 80, Unique: true, ExternalID: true}
	s.Evolve(shaped(t, []schema.FieldDeclaration{text("C__c"), key, {Name: "Flag__c", Type: "checkbox"}},
		schema.ObjectDeclaration{Name: "Other__c", Prefix: "a0D", Fields: []schema.FieldDeclaration{text("Name")}}), nil)
	got, _ := s.Record("Thing__c", id)
	if got["B__c"] != "b" || got["C__c"] != nil || got["Flag__c"] != false || got["SystemModstamp"] != before["SystemModstamp"] {
		t.Errorf("%v", got)
	}
	if _, has := got["A__c"]; has {
		t.Error("the field that is gone is there")
	}
	if bin, _ := s.Record("Thing__c", binned); bin["Flag__c"] != false || bin["IsDeleted"] != true {
		t.Errorf("the recycle bin was left out: %v", bin)
	}
	if _, err := s.InsertUnchecked("Thing__c", map[string]any{"B__c": "B"}); err == nil {
		t.Error("the field that is unique now has a value twice")
	}
	if other, err := s.InsertUnchecked("Other__c", map[string]any{"Name": "o"}); err != nil || other[:3] != "a0D" {
		t.Errorf("%s %v", other, err)
	}
	s.Evolve(shaped(t, []schema.FieldDeclaration{text("A__c")}), nil)
	if got, _ := s.Record("Thing__c", id); got["A__c"] != nil {
		t.Errorf("a field that comes back has a value from before: %v", got)
	}
	if _, err := s.InsertUnchecked("Other__c", nil); err == nil {
		t.Error("the object that is gone takes records")
	}
}

// Through whatever sequence of schemas, a record keeps the values of the fields that
// stay, and no field sees another's.
func TestValuesStayWithTheirFields(t *testing.T) {
	names := []string{"A__c", "B__c", "C__c", "D__c"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func() []string {
			return slices.DeleteFunc(slices.Clone(names), func(string) bool { return rapid.Bool().Draw(t, "leave out") })
		}
		declare := func(have []string) []schema.FieldDeclaration {
			var out []schema.FieldDeclaration
			for _, n := range rapid.Permutation(have).Draw(t, "order") {
				out = append(out, text(n))
			}
			return out
		}
		have := draw()
		s := store.New(shaped(t, declare(have)), clock.NewManual(instant))
		id, err := s.InsertUnchecked("Thing__c", map[string]any{"Name": "n"})
		if err != nil {
			t.Fatal(err)
		}
		model := map[string]any{}
		for step := range rapid.IntRange(1, 8).Draw(t, "steps") {
			for _, n := range have {
				if rapid.Bool().Draw(t, "write") {
					v := fmt.Sprint(n, step)
					if err := s.Update("Thing__c", id, map[string]any{n: v}, instant); err != nil {
						t.Fatal(err)
					}
					model[n] = v
				}
			}
			next := draw()
			for _, n := range names {
				if !slices.Contains(next, n) {
					delete(model, n)
				}
			}
			have = next
			s.Evolve(shaped(t, declare(have)), nil)
			got, _ := s.Record("Thing__c", id)
			for _, n := range have {
				if got[n] != model[n] {
					t.Fatalf("%s is %v, not %v", n, got[n], model[n])
				}
			}
		}
	})
}

func TestDetailsGoAndComeBackWithTheirMaster(t *testing.T) {
	detail := schema.ObjectDeclaration{Name: "Detail__c", Prefix: "a0D", Fields: []schema.FieldDeclaration{text("Name"),
		{Name: "Thing__c", Type: "masterdetail", To: "Thing__c", Required: true, OnDelete: schema.DeleteCascades}}}
	deeper := schema.ObjectDeclaration{Name: "Deeper__c", Prefix: "a0E", Fields: []schema.FieldDeclaration{text("Name"),
		{Name: "Detail__c", Type: "masterdetail", To: "Detail__c", Required: true, OnDelete: schema.DeleteCascades}}}
	guard := schema.ObjectDeclaration{Name: "Guard__c", Prefix: "a0F", Fields: []schema.FieldDeclaration{text("Name"),
		{Name: "Thing__c", Type: "lookup", To: "Thing__c", OnDelete: schema.DeleteRefused}}}
	s := store.New(shaped(t, nil, detail, deeper, guard), clock.NewManual(instant))
	insert := func(object string, fields map[string]any) string {
		id, err := s.InsertUnchecked(object, fields)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	thing := insert("Thing__c", map[string]any{"Name": "master"})
	one := insert("Detail__c", map[string]any{"Thing__c": thing})
	two := insert("Detail__c", map[string]any{"Thing__c": thing})
	insert("Deeper__c", map[string]any{"Detail__c": two})
	guardian := insert("Guard__c", map[string]any{"Thing__c": thing})
	if err := s.Delete("Thing__c", thing); err == nil {
		t.Fatal("a lookup that restricts was asked nothing")
	}
	if err := s.Delete("Guard__c", guardian); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("Detail__c", one); err != nil {
		t.Fatal(err)
	}
	counts := func() string {
		return fmt.Sprint(s.Count("Thing__c"), s.Count("Detail__c"), s.Count("Deeper__c"))
	}
	if err := s.Delete("Thing__c", thing); err != nil || counts() != "0 0 0" {
		t.Fatal(err, counts())
	}
	if err := s.Undelete("Thing__c", thing); err != nil || counts() != "1 1 1" {
		t.Errorf("what was deleted with it comes back, and no more: %v %s", err, counts())
	}
}
