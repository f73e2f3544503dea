package emulator

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// fieldType is a field's type under the name that describe gives it.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
type fieldType string

const (
	typeID        fieldType = "id"
	typeString    fieldType = "string"
	typeEmail     fieldType = "email"
	typeURL       fieldType = "url"
	typePhone     fieldType = "phone"
	typeTextArea  fieldType = "textarea"
	typePicklist  fieldType = "picklist"
	typeReference fieldType = "reference"
	typeBoolean   fieldType = "boolean"
	typeDouble    fieldType = "double"
	typeCurrency  fieldType = "currency"
	typePercent   fieldType = "percent"
	typeInt       fieldType = "int"
	typeDate      fieldType = "date"
	typeDateTime  fieldType = "datetime"
	typeAny       fieldType = "anyType"
)

// isNumber says whether values of the type are decimals.
func (t fieldType) isNumber() bool {
	return t == typeDouble || t == typeCurrency || t == typePercent || t == typeInt
}

// typesByName reads the words of schema.yaml.
var typesByName = map[string]fieldType{
	"text": typeString, "email": typeEmail, "url": typeURL, "phone": typePhone, "number": typeDouble,
	"int": typeInt, "currency": typeCurrency, "percent": typePercent, "checkbox": typeBoolean,
	"date": typeDate, "datetime": typeDateTime, "lookup": typeReference, "picklist": typePicklist,
	"longtext": typeTextArea, "auto": typeString, "any": typeAny, "id": typeID,
}

// field is one field of an object of the org.
type field struct {
	name, label string
	typ         fieldType
	// slot is where a record keeps the value: an index into record.values, or
	// one of the negative slots of the columns that every record has.
	slot                                               int
	length, precision, scale                           int
	required, unique, externalID, caseSensitive        bool
	idLookup, nameField, tracked, readOnly, restricted bool
	custom, isAudit                                    bool
	defaultValue, autoFormat, from                     string
	values                                             []string
	refTo, relationship, children                      string
}

// object is one object of the org.
type object struct {
	name, label, prefix string
	custom, readOnly    bool
	historyOf           string // the object whose changes these records are
	history             string // the object that holds the changes of this one
	fields              []*field
	byName              map[string]*field // by lower-case name
	byRelationship      map[string]*field // lookups by lower-case relationship name
	width               int               // number of slots in record.values
	stages              []stage
	hasModstamp         bool
}

// stage is a value of Opportunity.StageName and what follows from it.
type stage struct {
	Name        string `yaml:"name"`
	Probability string `yaml:"probability"`
	Closed      bool   `yaml:"closed"`
	Won         bool   `yaml:"won"`
}

type fieldSource struct {
	Name          string   `yaml:"name"`
	Label         string   `yaml:"label"`
	Type          string   `yaml:"type"`
	Length        int      `yaml:"length"`
	Precision     int      `yaml:"precision"`
	Scale         int      `yaml:"scale"`
	Required      bool     `yaml:"required"`
	Unique        bool     `yaml:"unique"`
	ExternalID    bool     `yaml:"externalId"`
	CaseSensitive bool     `yaml:"caseSensitive"`
	IDLookup      bool     `yaml:"idLookup"`
	NameField     bool     `yaml:"nameField"`
	Tracked       bool     `yaml:"tracked"`
	ReadOnly      bool     `yaml:"readOnly"`
	Restricted    bool     `yaml:"restricted"`
	Default       string   `yaml:"default"`
	Format        string   `yaml:"format"`
	From          string   `yaml:"from"` // "person": FirstName and LastName; "stages"
	Values        []string `yaml:"values"`
	To            string   `yaml:"to"`
	Relationship  string   `yaml:"relationship"`
	Children      string   `yaml:"children"`
}

type objectSource struct {
	Name     string        `yaml:"name"`
	Label    string        `yaml:"label"`
	Prefix   string        `yaml:"prefix"`
	Owner    bool          `yaml:"owner"`
	ReadOnly bool          `yaml:"readOnly"`
	History  string        `yaml:"history"`
	Stages   []stage       `yaml:"stages"`
	Fields   []fieldSource `yaml:"fields"`
}

type schemaSource struct {
	Objects []objectSource `yaml:"objects"`
}

//go:embed schema.yaml
var schemaYAML []byte

// defaultSource reads the embedded schema once; it is never changed afterwards.
var defaultSource = sync.OnceValues(func() (schemaSource, error) {
	var s schemaSource
	if err := yaml.UnmarshalWithOptions(schemaYAML, &s, yaml.Strict()); err != nil {
		return s, fmt.Errorf("read the emulator's schema: %w", err)
	}
	return s, nil
})

// field finds a field by name in any case, as the platform does.
func (o *object) field(name string) (*field, bool) {
	f, ok := o.byName[strings.ToLower(name)]
	return f, ok
}

// lookup finds a lookup by the name of its relationship, in any case.
func (o *object) lookup(relationship string) (*field, bool) {
	f, ok := o.byRelationship[strings.ToLower(relationship)]
	return f, ok
}

// isCustom says whether an API name is of something that an admin or a package
// made.
func isCustom(name string) bool {
	return strings.HasSuffix(name, "__c") || strings.HasSuffix(name, "__History")
}

// isFilterable says whether WHERE may name the field.
func (f *field) isFilterable() bool { return f.typ != typeTextArea && f.typ != typeAny }
