package schema

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// Type is a field's type under the name that describe gives it.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
type Type string

// The types of fields.
const (
	TypeID        Type = "id"
	TypeString    Type = "string"
	TypeEmail     Type = "email"
	TypeURL       Type = "url"
	TypePhone     Type = "phone"
	TypeTextArea  Type = "textarea"
	TypePicklist  Type = "picklist"
	TypeReference Type = "reference"
	TypeBoolean   Type = "boolean"
	TypeDouble    Type = "double"
	TypeCurrency  Type = "currency"
	TypePercent   Type = "percent"
	TypeInt       Type = "int"
	TypeDate      Type = "date"
	TypeDateTime  Type = "datetime"
	TypeAny       Type = "anyType"
)

// IsNumber says whether values of the type are decimals.
func (t Type) IsNumber() bool {
	return t == TypeDouble || t == TypeCurrency || t == TypePercent || t == TypeInt
}

// typesByName reads the words of schema.yaml.
var typesByName = map[string]Type{
	"text": TypeString, "email": TypeEmail, "url": TypeURL, "phone": TypePhone, "number": TypeDouble,
	"int": TypeInt, "currency": TypeCurrency, "percent": TypePercent, "checkbox": TypeBoolean,
	"date": TypeDate, "datetime": TypeDateTime, "lookup": TypeReference, "picklist": TypePicklist,
	"longtext": TypeTextArea, "auto": TypeString, "any": TypeAny, "id": TypeID,
}

// Field is one field of an object of the org.
type Field struct {
	Name, Label string
	Type        Type
	// slot is where a record keeps the value: an index into record.values, or
	// one of the negative slots of the columns that every record has.
	Slot                                               int
	Length, Precision, Scale                           int
	Required, Unique, ExternalID, CaseSensitive        bool
	IDLookup, NameField, Tracked, ReadOnly, Restricted bool
	Custom, IsAudit                                    bool
	Default, AutoFormat, From                          string
	Values                                             []string
	RefTo, Relationship, Children                      string
}

// Object is one object of the org.
type Object struct {
	Name, Label, Prefix string
	Custom, ReadOnly    bool
	HistoryOf           string // the object whose changes these records are
	History             string // the object that holds the changes of this one
	Fields              []*Field
	byName              map[string]*Field // by lower-case name
	byRelationship      map[string]*Field // lookups by lower-case relationship name
	Width               int               // number of slots in record.values
	Stages              []Stage
	HasModstamp         bool
}

// Stage is a value of Opportunity.StageName and what follows from it.
type Stage struct {
	Name        string `yaml:"name"`
	Probability string `yaml:"probability"`
	Closed      bool   `yaml:"closed"`
	Won         bool   `yaml:"won"`
}

// FieldDeclaration declares a field.
type FieldDeclaration struct {
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

// ObjectDeclaration declares an object.
type ObjectDeclaration struct {
	Name     string             `yaml:"name"`
	Label    string             `yaml:"label"`
	Prefix   string             `yaml:"prefix"`
	Owner    bool               `yaml:"owner"`
	ReadOnly bool               `yaml:"readOnly"`
	History  string             `yaml:"history"`
	Stages   []Stage            `yaml:"stages"`
	Fields   []FieldDeclaration `yaml:"fields"`
}

// Declaration declares the objects of an org.
type Declaration struct {
	Objects []ObjectDeclaration `yaml:"objects"`
}

//go:embed schema.yaml
var schemaYAML []byte

// Default reads the embedded schema once; it is never changed afterwards.
var Default = sync.OnceValues(func() (Declaration, error) {
	var s Declaration
	if err := yaml.UnmarshalWithOptions(schemaYAML, &s, yaml.Strict()); err != nil {
		return s, fmt.Errorf("read the emulator's schema: %w", err)
	}
	return s, nil
})

// Field finds a field by name in any case, as the platform does.
func (o *Object) Field(name string) (*Field, bool) {
	f, ok := o.byName[strings.ToLower(name)]
	return f, ok
}

// Lookup finds a lookup by the name of its relationship, in any case.
func (o *Object) Lookup(relationship string) (*Field, bool) {
	f, ok := o.byRelationship[strings.ToLower(relationship)]
	return f, ok
}

// isCustom says whether an API name is of something that an admin or a package
// made.
func isCustom(name string) bool {
	return strings.HasSuffix(name, "__c") || strings.HasSuffix(name, "__History")
}

// IsFilterable says whether WHERE may name the field.
func (f *Field) IsFilterable() bool { return f.Type != TypeTextArea && f.Type != TypeAny }
