package peer_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// maker makes records that describe says are good.
type maker struct {
	*desk
	objects map[string]object
	known   map[string]string // an id of each object, for lookups
	n       int
}

// each runs a test on each object of which records may be made.
func each(t *testing.T, test func(t *testing.T, m *maker, o object)) {
	m := &maker{objects: map[string]object{}, known: map[string]string{}}
	eachObject(t, func(t *testing.T, d *desk, o object) {
		if len(m.objects) == 0 {
			for _, other := range d.describeAll() {
				m.objects[other.Name] = other
			}
		}
		if !o.Createable {
			t.Skip("it says that no record can be made of it")
		}
		m.desk = d
		test(t, m, o)
	})
}

// parent gives the id of a record of an object: "" if there is none and none can
// be made.
func (m *maker) parent(name string) string {
	if m.known[name] == "" {
		if found := m.query("SELECT Id FROM " + name + " LIMIT 1"); len(found) == 1 {
			m.known[name] = found[0]["Id"].(string)
		} else if m.objects[name].Createable {
			m.known[name] = m.make(m.objects[name], nil)
		}
	}
	return m.known[name]
}

// value makes a value that fits a field, another each time.
func (m *maker) value(f field) any {
	m.n++
	switch f.Type {
	case "boolean":
		return m.n%2 == 0
	case "double", "currency", "percent":
		return float64(m.n % 8)
	case "int":
		return float64(m.n % 100)
	case "date":
		return fmt.Sprintf("2026-03-%02d", m.n%28+1)
	case "datetime":
		return fmt.Sprintf("2026-03-%02dT10:11:12.000+0000", m.n%28+1)
	case "reference":
		return m.parent(f.ReferenceTo[0])
	case "email":
		return fmt.Sprintf("a%d@b.example", m.n)
	case "url":
		return fmt.Sprintf("https://a%d.example", m.n)
	case "picklist":
		if len(f.PicklistValues) > 0 {
			return f.PicklistValues[m.n%len(f.PicklistValues)].Value
		}
	}
	v := "v" + strconv.Itoa(m.n)
	return v[:min(len(v), f.Length)]
}

// draft makes the fields that a record of an object cannot be without.
func (m *maker) draft(o object) row {
	out := row{}
	for _, f := range o.Fields {
		if f.required() {
			out[f.Name] = m.value(f)
		}
	}
	return out
}

// try makes a record with the required fields and those of more; a field that
// more has as "-" is left out.
func (m *maker) try(o object, more row) (string, error) {
	fields := m.draft(o)
	for k, v := range more {
		if v == "-" {
			delete(fields, k)
		} else {
			fields[k] = v
		}
	}
	made, err := m.InsertOne(o.Name, fields)
	return made.Id, err
}

// make makes a record that has to be good.
func (m *maker) make(o object, more row) string {
	m.t.Helper()
	id, err := m.try(o, more)
	if err != nil {
		m.t.Fatalf("%s with %v: %v", o.Name, more, err)
	}
	return id
}

// read gives a field of a record.
func (m *maker) read(o object, id, name string) any {
	m.t.Helper()
	return m.only("SELECT " + name + " FROM " + o.Name + " WHERE Id = '" + id + "'")[name]
}

// wants a code of a refusal.
func (m *maker) wants(err error, code, what string) {
	m.t.Helper()
	if err == nil || !strings.Contains(err.Error(), `"`+code+`"`) {
		m.t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestDescribeSaysWhatMayBeWritten(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		id := m.make(o, nil)
		if !strings.HasPrefix(id, o.KeyPrefix) {
			t.Errorf("the record is %s, the prefix %s", id, o.KeyPrefix)
		}
		for _, f := range o.Fields {
			if f.Name == "Id" {
				continue // the library takes it out of a new record, and into the path of a change
			}
			v := m.value(f)
			if v == "" {
				continue // a lookup to what this org does not have
			}
			made, err := m.try(o, row{f.Name: v})
			switch {
			case f.Createable && err != nil:
				t.Errorf("%s is createable, but %v: %v", f.Name, v, err)
			case f.Createable:
				if got := m.read(o, made, f.Name); got != v {
					t.Errorf("%s was made as %v and reads %v", f.Name, v, got)
				}
			default:
				m.wants(err, "INVALID_FIELD_FOR_INSERT_UPDATE", f.Name+" is not createable")
			}
			v = m.value(f)
			err = m.UpdateOne(o.Name, row{"Id": id, f.Name: v})
			switch {
			case f.Updateable && err != nil:
				t.Errorf("%s is updateable, but %v: %v", f.Name, v, err)
			case f.Updateable:
				if got := m.read(o, id, f.Name); got != v {
					t.Errorf("%s was set to %v and reads %v", f.Name, v, got)
				}
			default:
				m.wants(err, "INVALID_FIELD_FOR_INSERT_UPDATE", f.Name+" is not updateable")
			}
		}
	})
}

func TestDescribeSaysWhatMayBeEmpty(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		id := m.make(o, nil)
		for _, f := range o.Fields {
			if f.required() {
				_, err := m.try(o, row{f.Name: "-"})
				m.wants(err, "REQUIRED_FIELD_MISSING", f.Name+" is left out")
				_, err = m.try(o, row{f.Name: nil})
				m.wants(err, "REQUIRED_FIELD_MISSING", f.Name+" is null")
			}
			if !f.Updateable || f.Type == "boolean" || f.DefaultedOnCreate {
				continue
			}
			err := m.UpdateOne(o.Name, row{"Id": id, f.Name: nil})
			switch {
			case !f.Nillable:
				m.wants(err, "REQUIRED_FIELD_MISSING", f.Name+" becomes null")
			case err != nil:
				t.Errorf("%s may be null, but: %v", f.Name, err)
			default:
				if got := m.read(o, id, f.Name); got != nil {
					t.Errorf("%s was set to null and reads %v", f.Name, got)
				}
			}
		}
	})
}

func TestDescribeSaysWhatARecordBeginsWith(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		id := m.make(o, nil)
		for _, f := range o.Fields {
			if f.DefaultValue != nil && f.Createable {
				if got := m.read(o, id, f.Name); got != f.DefaultValue {
					t.Errorf("%s begins as %v, describe says %v", f.Name, got, f.DefaultValue)
				}
			}
			if f.AutoNumber || f.DefaultedOnCreate {
				if m.read(o, id, f.Name) == nil {
					t.Errorf("%s is defaulted and null", f.Name)
				}
			}
		}
	})
}

func TestDescribeSaysHowLongTextsMayBe(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		for _, f := range o.Fields {
			if !f.Createable || f.Type != "string" && f.Type != "textarea" && f.Type != "phone" {
				continue
			}
			long := strings.Repeat("ü", f.Length)
			id := m.make(o, row{f.Name: long})
			if got := m.read(o, id, f.Name); got != long {
				t.Errorf("%s: %d letters read back as %.20v…", f.Name, f.Length, got)
			}
			_, err := m.try(o, row{f.Name: long + "ü"})
			m.wants(err, "STRING_TOO_LONG", fmt.Sprintf("%s with %d letters", f.Name, f.Length+1))
		}
	})
}

func TestDescribeSaysHowLargeNumbersMayBe(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		for _, f := range o.Fields {
			if !f.Createable || f.Type != "double" && f.Type != "currency" && f.Type != "percent" && f.Type != "int" {
				continue
			}
			digits := f.Precision - f.Scale
			if f.Type == "int" {
				digits = f.Digits
			}
			if digits <= 15 { // a float64 is exact so far
				largest := math.Pow10(digits) - 1
				id := m.make(o, row{f.Name: largest})
				if got := m.read(o, id, f.Name); got != largest {
					t.Errorf("%s: %v reads back as %v", f.Name, largest, got)
				}
			}
			_, err := m.try(o, row{f.Name: math.Pow10(digits)})
			if f.Type == "int" { // whose bounds are those of 32 bits
				continue
			}
			m.wants(err, "NUMBER_OUTSIDE_VALID_RANGE", fmt.Sprintf("%s: 1 with %d digits behind it", f.Name, digits))
			if f.Scale > 0 {
				finest := math.Round(1e6*math.Pow10(-f.Scale)) / 1e6
				id := m.make(o, row{f.Name: finest})
				if got := m.read(o, id, f.Name); got != finest {
					t.Errorf("%s: %v reads back as %v", f.Name, finest, got)
				}
			}
		}
	})
}

func TestDescribeSaysWhatAListHolds(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		for _, f := range o.Fields {
			if !f.Createable || f.Type != "picklist" {
				continue
			}
			for _, v := range f.PicklistValues {
				id := m.make(o, row{f.Name: v.Value})
				if got := m.read(o, id, f.Name); got != v.Value {
					t.Errorf("%s: %q reads back as %v", f.Name, v.Value, got)
				}
			}
			_, err := m.try(o, row{f.Name: "Nobody has it"})
			if f.RestrictedPicklist {
				m.wants(err, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f.Name)
			} else if err != nil {
				t.Errorf("%s is open, but: %v", f.Name, err)
			}
		}
	})
}

func TestDescribeSaysWhatNamesARecord(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		for _, f := range o.Fields {
			if !f.Createable || !f.Unique && !f.IDLookup {
				continue
			}
			v := m.value(f).(string)
			id := m.make(o, row{f.Name: v})
			if f.Unique {
				_, err := m.try(o, row{f.Name: v})
				m.wants(err, "DUPLICATE_VALUE", f.Name)
				_, err = m.try(o, row{f.Name: strings.ToUpper(v)})
				if f.CaseSensitive == (err != nil) {
					t.Errorf("%s: case-sensitive is %t, but in capitals: %v", f.Name, f.CaseSensitive, err)
				}
			}
			if f.IDLookup {
				var one row
				m.get("/sobjects/"+o.Name+"/"+f.Name+"/"+v, &one)
				if one["Id"] != id {
					t.Errorf("%s %s is %v, want %s", f.Name, v, one["Id"], id)
				}
			}
		}
	})
}

func TestDescribeSaysWhereLookupsGo(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		for _, f := range o.Fields {
			if !f.Createable || f.Type != "reference" {
				continue
			}
			_, err := m.try(o, row{f.Name: "nonsense"})
			m.wants(err, "MALFORMED_ID", f.Name)
			parent := m.parent(f.ReferenceTo[0])
			if f.RelationshipName == "" || parent == "" {
				continue
			}
			id := m.make(o, row{f.Name: parent})
			got := m.only("SELECT " + f.RelationshipName + ".Id FROM " + o.Name + " WHERE Id = '" + id + "'")[f.RelationshipName]
			if up, ok := got.(row); !ok || up["Id"] != parent {
				t.Errorf("%s leads to %v, want %s", f.RelationshipName, got, parent)
			}
		}
	})
}

// What cannot be made or deleted, by describe's word, is refused.
func TestDescribeSaysWhatObjectsLetBeDone(t *testing.T) {
	eachObject(t, func(t *testing.T, d *desk, o object) {
		if !o.Createable {
			_, err := d.InsertOne(o.Name, row{"Name": "x"})
			d.refused(err, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
		}
		found := d.query("SELECT Id FROM " + o.Name + " LIMIT 1")
		if len(found) == 0 {
			t.Skip("it has no record")
		}
		id := found[0]["Id"].(string)
		if o.Retrieveable {
			var one row
			d.get("/sobjects/"+o.Name+"/"+id, &one)
			if one["Id"] != id {
				t.Errorf("%s reads back as %v", id, one)
			}
		}
		if !o.Updateable {
			if err := d.UpdateOne(o.Name, row{"Id": id, "Name": "x"}); err == nil {
				t.Error("it says that it cannot be updated, and is")
			}
		}
		if !o.Deletable {
			if err := d.DeleteOne(o.Name, row{"Id": id}); err == nil {
				t.Error("it says that it cannot be deleted, and is")
			}
		}
	})
}
