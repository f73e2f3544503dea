package mapping_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestLoadSaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	inputs, err := filepath.Glob("testdata/fault_*.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatal(inputs, err)
	}
	for _, path := range inputs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = mapping.Load(strings.NewReader(string(text)), "mapping.yaml")
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", path, err)
			continue
		}
		golden(t, strings.TrimSuffix(filepath.Base(path), ".yaml")+".golden", err.Error()+"\n")
	}
}

func TestLoadReplacesWholeFacts(t *testing.T) {
	t.Parallel()
	m, err := mapping.Load(strings.NewReader(`
version: 1
facts:
  customer:
    object: Client__c
    fields:
      name: Name
  invitation: {off: true}
targets:
  partner:
    object: Reseller__c
    key: Code__c
    fields: {name: {path: Label__c, optional: true}}
`), "mine")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.Select(mapping.Customer), " "); got != "Id SystemModstamp IsDeleted Name" {
		t.Errorf("customer: %s", got)
	}
	if _, on := m.Fact(mapping.Invitation); on || m.Object(mapping.Invitation) != "" || m.Select(mapping.Invitation) != nil {
		t.Error("invitation is not off")
	}
	if _, problems := m.Decode(mapping.Invitation, []byte(`{}`)); len(problems) != 1 {
		t.Errorf("a kind that is off was decoded: %v", problems)
	}
	r, problems := m.Decode(mapping.Customer, []byte(`{"Name": "Acme"}`))
	if len(problems) > 0 || r.Text("name") != "Acme" || r.Has("website") {
		t.Errorf("%v %v", r, problems)
	}
	if o := m.Target(mapping.PartnerTarget); o.Object != "Reseller__c" || o.Key != "Code__c" {
		t.Errorf("%+v", o)
	}
	if path, ok := m.Target(mapping.PartnerTarget).Path("name"); !ok || path != "Label__c" {
		t.Errorf("path %s", path)
	}
	if m.Object(mapping.Space) != mapping.Default().Object(mapping.Space) {
		t.Error("what the file does not name is not the default's")
	}
}

// defaultText is the file of the default mapping.
func defaultText(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDefaultYAMLCanBeStartedFrom(t *testing.T) {
	t.Parallel()
	m, err := mapping.Load(strings.NewReader(defaultText(t)), "a copy")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range mapping.Kinds() {
		was, _ := mapping.Default().Fact(kind)
		is, _ := m.Fact(kind)
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%s differs in the copy: %s", kind, diff)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(defaultText(f))
	f.Add("version: 1\nfacts: {customer: {object: A, fields: {name: [B, C.D]}}}")
	f.Add("version: 1\nfacts: {\"a'b]\": {off: true}}")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := mapping.Load(strings.NewReader(text), "fuzz")
		if (m == nil) == (err == nil) {
			t.Fatal(m, err)
		}
	})
}
