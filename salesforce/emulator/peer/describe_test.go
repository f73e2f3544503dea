package peer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// field is what describe says of a field.
type field struct {
	Name, Type, RelationshipName                           string
	Length, ByteLength, Precision, Scale, Digits           int
	Createable, Updateable, Nillable, DefaultedOnCreate    bool
	Unique, CaseSensitive, ExternalID, IDLookup, NameField bool
	RestrictedPicklist, AutoNumber, Calculated             bool
	Filterable, Sortable, Groupable, Aggregatable          bool
	ReferenceTo                                            []string
	DefaultValue                                           any
	PicklistValues                                         []struct {
		Value  string
		Active bool
	}
}

// object is what describe says of an object.
type object struct {
	Name, KeyPrefix, Label, LabelPlural                        string
	Createable, Updateable, Deletable, Queryable, Retrieveable bool
	Fields                                                     []field
	ChildRelationships                                         []struct {
		ChildSObject, Field, RelationshipName string
		CascadeDelete, RestrictedDelete       bool
	}
}

// field finds a field by its name.
func (o object) field(name string) field {
	for _, f := range o.Fields {
		if f.Name == name {
			return f
		}
	}
	return field{}
}

// required says whether a record cannot be made without the field.
func (f field) required() bool {
	return f.Createable && !f.Nillable && !f.DefaultedOnCreate && f.Type != "boolean"
}

// describeAll reads what the org says of each of its objects, in the way that a
// program gets to know an org.
func (d *desk) describeAll() []object {
	d.t.Helper()
	var global struct{ SObjects []object }
	d.get("/sobjects", &global)
	if len(global.SObjects) < 10 {
		d.t.Fatalf("the org has %d objects", len(global.SObjects))
	}
	out := make([]object, len(global.SObjects))
	for i, o := range global.SObjects {
		d.get("/sobjects/"+o.Name+"/describe", &out[i])
		if out[i].Name != o.Name || out[i].KeyPrefix != o.KeyPrefix || out[i].Createable != o.Createable || out[i].Queryable != o.Queryable {
			d.t.Errorf("describe and the list of objects disagree on %s", o.Name)
		}
	}
	return out
}

// eachObject runs a test for each object of an org that holds a company, or of
// a multi-currency one.
func eachObject(t *testing.T, test func(t *testing.T, d *desk, o object)) {
	d := open(t, emulator.Options{MultiCurrency: true})
	if err := d.org.Generate(emulator.GenerateOptions{Opportunities: 60, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	for _, o := range d.describeAll() {
		t.Run(o.Name, func(t *testing.T) { test(t, &desk{Salesforce: d.Salesforce, t: t, org: d.org, url: d.url}, o) })
	}
}

// literal gives a literal of SOQL that fits a field.
func literal(f field) string {
	switch f.Type {
	case "boolean":
		return "true"
	case "double", "currency", "percent", "int":
		return "1"
	case "date":
		return "2026-01-31"
	case "datetime":
		return "2026-01-31T00:00:00Z"
	case "id", "reference":
		return "'001000000000000AAA'"
	}
	return "'x'"
}

// answers says whether the org answers a query, and wants a refusal to say why.
func (d *desk) answers(soql string) bool {
	d.t.Helper()
	var out []row
	err := d.Query(soql, &out)
	if err != nil && !strings.Contains(err.Error(), "INVALID_FIELD") && !strings.Contains(err.Error(), "MALFORMED_QUERY") {
		d.t.Errorf("%s: %v", soql, err)
	}
	return err == nil
}

func TestDescribeSaysWhatQueriesMayName(t *testing.T) {
	eachObject(t, func(t *testing.T, d *desk, o object) {
		if !o.Queryable {
			t.Skip("it says that it cannot be queried")
		}
		var names []string
		for _, f := range o.Fields {
			names = append(names, f.Name)
			for _, ask := range []struct {
				what string
				says bool
				soql string
			}{
				{"filterable", f.Filterable, "SELECT Id FROM " + o.Name + " WHERE " + f.Name + " = " + literal(f) + " LIMIT 1"},
				{"sortable", f.Sortable, "SELECT Id FROM " + o.Name + " ORDER BY " + f.Name + " LIMIT 1"},
				{"groupable", f.Groupable, "SELECT " + f.Name + ", COUNT(Id) FROM " + o.Name + " GROUP BY " + f.Name},
				{"aggregatable", f.Aggregatable, "SELECT COUNT_DISTINCT(" + f.Name + ") FROM " + o.Name},
			} {
				if got := d.answers(ask.soql); got != ask.says {
					t.Errorf("%s: %s is %t, but that the query is answered is %t: %s", f.Name, ask.what, ask.says, got, ask.soql)
				}
			}
		}
		d.query("SELECT " + strings.Join(names, ", ") + " FROM " + o.Name + " LIMIT 2")
		if got := len(d.query("SELECT FIELDS(ALL) FROM " + o.Name + " LIMIT 1")); got == 1 {
			one := d.query("SELECT FIELDS(ALL) FROM " + o.Name + " LIMIT 1")[0]
			if len(one) != len(names)+1 {
				t.Errorf("FIELDS(ALL) gives %d fields, describe %d", len(one)-1, len(names))
			}
		}
	})
}

func TestDescribeSaysHowRecordsAreJoined(t *testing.T) {
	eachObject(t, func(t *testing.T, d *desk, o object) {
		for _, f := range o.Fields {
			if (f.Type == "reference") != (len(f.ReferenceTo) > 0) {
				t.Errorf("%s is of type %s and refers to %v", f.Name, f.Type, f.ReferenceTo)
			}
			if f.RelationshipName == "" || len(f.ReferenceTo) != 1 {
				continue
			}
			if !d.answers("SELECT " + f.RelationshipName + ".Id FROM " + o.Name + " WHERE " + f.RelationshipName + ".Id != null LIMIT 1") {
				t.Errorf("%s: the relationship %s cannot be gone up", f.Name, f.RelationshipName)
			}
		}
		seen := map[string]bool{}
		for _, c := range o.ChildRelationships {
			var child object
			d.get("/sobjects/"+c.ChildSObject+"/describe", &child)
			f := child.field(c.Field)
			if !slices.Contains(f.ReferenceTo, o.Name) {
				t.Errorf("%s.%s is said to refer to %s, and refers to %v", c.ChildSObject, c.Field, o.Name, f.ReferenceTo)
			}
			if c.RelationshipName == "" {
				continue
			}
			if seen[c.RelationshipName] {
				t.Errorf("two sorts of children are called %s", c.RelationshipName)
			}
			seen[c.RelationshipName] = true
			if !d.answers("SELECT Id, (SELECT Id FROM " + c.RelationshipName + " LIMIT 1) FROM " + o.Name + " LIMIT 1") {
				t.Errorf("the children %s cannot be gone down to", c.RelationshipName)
			}
		}
	})
}

// What describe says of sizes is what a program makes its columns from.
func TestDescribeSaysSizesThatGoTogether(t *testing.T) {
	eachObject(t, func(t *testing.T, _ *desk, o object) {
		prefixes := 0
		for _, f := range o.Fields {
			switch f.Type {
			case "string", "textarea", "email", "url", "phone", "picklist", "id", "reference":
				if f.Length == 0 || f.ByteLength < f.Length {
					t.Errorf("%s: length %d, %d bytes", f.Name, f.Length, f.ByteLength)
				}
			case "double", "currency", "percent":
				if f.Precision == 0 || f.Scale > f.Precision || f.Length != 0 {
					t.Errorf("%s: precision %d, scale %d, length %d", f.Name, f.Precision, f.Scale, f.Length)
				}
			case "int":
				if f.Digits == 0 || f.Precision != 0 || f.Scale != 0 {
					t.Errorf("%s: digits %d, precision %d, scale %d", f.Name, f.Digits, f.Precision, f.Scale)
				}
			}
			if f.NameField {
				prefixes++
			}
			if f.Calculated && f.Createable || f.AutoNumber && f.Updateable {
				t.Errorf("%s: what the org works out may be written", f.Name)
			}
		}
		if prefixes > 1 {
			t.Errorf("%d fields are the name", prefixes)
		}
		if o.Label == "" || o.LabelPlural == "" || len(o.KeyPrefix) != 3 {
			t.Errorf("label %q, plural %q, prefix %q", o.Label, o.LabelPlural, o.KeyPrefix)
		}
	})
}
