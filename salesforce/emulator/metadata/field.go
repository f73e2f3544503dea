package metadata

import (
	"strconv"
	"strings"
)

// FieldType is the type of a custom field as metadata names it.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_field_types.htm
type FieldType string

// The types of custom fields that the org can keep.
const (
	AutoNumber    FieldType = "AutoNumber"
	Checkbox      FieldType = "Checkbox"
	Currency      FieldType = "Currency"
	Date          FieldType = "Date"
	DateTime      FieldType = "DateTime"
	Email         FieldType = "Email"
	HTML          FieldType = "Html"
	LongTextArea  FieldType = "LongTextArea"
	Lookup        FieldType = "Lookup"
	MasterDetail  FieldType = "MasterDetail"
	MultiPicklist FieldType = "MultiselectPicklist"
	Number        FieldType = "Number"
	Percent       FieldType = "Percent"
	Phone         FieldType = "Phone"
	Picklist      FieldType = "Picklist"
	Text          FieldType = "Text"
	TextArea      FieldType = "TextArea"
	Time          FieldType = "Time"
	URL           FieldType = "Url"
)

// otherFieldTypes are those that the platform knows and this org cannot keep.
var otherFieldTypes = map[FieldType]bool{
	"EncryptedText": true, "ExternalLookup": true, "File": true, "Hierarchy": true, "IndirectLookup": true,
	"Location": true, "MetadataRelationship": true, "Summary": true, "Array": true,
}

// Value is a value of a picklist.
type Value struct {
	Name, Label       string
	Inactive, Default bool
}

// Field is a custom field as its metadata declares it.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/customfield.htm
type Field struct {
	Name, Label, Help                                       string
	Type                                                    FieldType
	Length, Precision, Scale                                int
	Required, Unique, ExternalID, CaseSensitive, Restricted bool
	TrackHistory                                            bool
	// Default is a formula: 'a text', 5, true, TODAY(). Of a checkbox, true or false.
	Default string
	// Formula says that the field's value follows from others. The org keeps values
	// of formulas and computes none.
	Formula       string
	DisplayFormat string // of an auto number: SO-{000000}
	Values        []Value
	// ReferenceTo is the parent of a Lookup or MasterDetail.
	ReferenceTo, RelationshipName string
	// DeleteConstraint is SetNull, Restrict or Cascade.
	DeleteConstraint  string
	RelationshipOrder int
	Reparentable      bool
}

// ReadField reads a field's element, which checkField has found to be good.
func ReadField(e *Element) Field {
	number := func(name string) int {
		n, _ := strconv.Atoi(e.Value(name)) // 0 where there is none
		return n
	}
	flag := func(name string) bool { return e.Value(name) == "true" }
	f := Field{
		Name: e.Value("fullName"), Label: e.Value("label"), Help: e.Value("inlineHelpText"),
		Type: FieldType(e.Value("type")), Length: number("length"), Precision: number("precision"), Scale: number("scale"),
		Required: flag("required"), Unique: flag("unique"), ExternalID: flag("externalId"),
		CaseSensitive: flag("caseSensitive"), TrackHistory: flag("trackHistory"), Default: e.Value("defaultValue"),
		Formula: e.Value("formula"), DisplayFormat: e.Value("displayFormat"), ReferenceTo: e.Value("referenceTo"),
		RelationshipName: e.Value("relationshipName"),
		DeleteConstraint: e.Value("deleteConstraint"), RelationshipOrder: number("relationshipOrder"),
		Reparentable: flag("reparentableMasterDetail"),
	}
	set := e.Child("valueSet")
	f.Restricted = set.Value("restricted") == "true"
	for _, v := range set.Child("valueSetDefinition").All("value") {
		value := Value{Name: v.Value("fullName"), Label: v.Value("label"), Inactive: v.Value("isActive") == "false",
			Default: v.Value("default") == "true"}
		if value.Label == "" {
			value.Label = value.Name
		}
		f.Values = append(f.Values, value)
	}
	return f
}

// IsReference says whether the field names a record of another object.
func (t FieldType) IsReference() bool { return t == Lookup || t == MasterDetail }

// CounterFormat turns the display format of an auto number into the words before
// and after its number, and how many digits that has: SO-{000000} is "SO-", 6, "".
// Dates in a format ({YYYY}) are kept as they stand.
func CounterFormat(display string) (before string, digits int, after string) {
	for from := 0; ; {
		open := strings.IndexByte(display[from:], '{')
		if open < 0 {
			return display, 0, ""
		}
		open += from
		end := strings.IndexByte(display[open:], '}')
		if end < 0 {
			return display, 0, ""
		}
		if zeros := display[open+1 : open+end]; zeros != "" && strings.Trim(zeros, "0") == "" {
			return display[:open], len(zeros), display[open+end+1:]
		}
		from = open + end
	}
}

// Object is what metadata declares of an object itself.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/customobject.htm
type Object struct {
	Label, Plural string
	EnableHistory bool
	// NameField is its name: Text or AutoNumber.
	NameField Field
}

// ReadObject reads what the element of an object declares.
func ReadObject(e *Element) Object {
	o := Object{
		Label: e.Value("label"), Plural: e.Value("pluralLabel"), EnableHistory: e.Value("enableHistory") == "true",
	}
	if nf := e.Child("nameField"); nf != nil {
		o.NameField = ReadField(nf)
		o.NameField.Name = "Name"
		if o.NameField.Label == "" {
			o.NameField.Label = o.Label + " Name"
		}
	}
	return o
}
