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
	TypeCombobox  Type = "combobox" // any text, with values to choose from
	TypeReference Type = "reference"
	TypeBoolean   Type = "boolean"
	TypeDouble    Type = "double"
	TypeCurrency  Type = "currency"
	TypePercent   Type = "percent"
	TypeInt       Type = "int"
	TypeDate      Type = "date"
	TypeDateTime  Type = "datetime"
	TypeTime      Type = "time"
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
	"textarea": TypeTextArea, "longtext": TypeTextArea, "html": TypeTextArea, "multipicklist": TypeMultipicklist, "time": TypeTime,
	"masterdetail": TypeReference, "combobox": TypeCombobox, "auto": TypeString, "any": TypeAny, "id": TypeID,
}

// Field is one field of an object of the org.
type Field struct {
	Name, Label string
	Type        Type
	// Slot is where a record keeps the value: an index into its values, or
	// one of the negative slots of the columns that every record has.
	Slot                                               int
	Length, Precision, Scale                           int
	Required, Unique, ExternalID, CaseSensitive        bool
	IDLookup, NameField, Tracked, ReadOnly, Restricted bool
	Custom, IsAudit                                    bool
	Default, AutoFormat, From                          string
	Values                                             []string
	// Labels are the values' labels, where they differ from the values.
	Labels map[string]string
	// RefTo is the object that a lookup names; of a polymorphic lookup all of them,
	// with commas between; see Targets.
	RefTo, Relationship, Children string
	// OnDelete is what becomes of a record whose parent is deleted.
	OnDelete DeleteRule
	// IsMaster says that a lookup is a master-detail relationship, the Order-th of
	// its object. Reparentable says that it may be changed.
	IsMaster, Reparentable bool
	Order                  int
	// Help is the inline help, Formula what the value is computed from: the org keeps
	// values of formulas and computes none. DefaultFormula is a default that is no
	// literal; the org does not compute it either.
	Help, Formula, DefaultFormula string
	// IsHTML says that a long text holds markup.
	IsHTML bool
}

// DeleteRule is what becomes of a record when the one that it looks up to is
// deleted.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/relationships_among_objects.htm
type DeleteRule string

// The rules. A lookup that says nothing is cleared, as on the platform; see Clears.
const (
	DeleteSaysNothing DeleteRule = ""
	DeleteClears      DeleteRule = "SetNull"
	DeleteRefused     DeleteRule = "Restrict"
	DeleteCascades    DeleteRule = "Cascade"
)

// HoldsChildren says whether a record's children have a say in its deletion.
func (r DeleteRule) HoldsChildren() bool { return r == DeleteRefused || r == DeleteCascades }

// Object is one object of the org.
type Object struct {
	Name, Label, Prefix string
	Plural              string
	Custom, ReadOnly    bool
	HistoryOf           string // the object whose changes these records are
	History             string // the object that holds the changes of this one
	HasTracked          bool   // a field's changes are kept in History
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
	// To is the object of a lookup, or several with commas between them.
	To           string `yaml:"to"`
	Relationship string `yaml:"relationship"`
	Children     string `yaml:"children"`

	// What only metadata declares.
	Labels         map[string]string `yaml:"-"`
	OnDelete       DeleteRule        `yaml:"onDelete"`
	Reparentable   bool              `yaml:"-"`
	Order          int               `yaml:"-"`
	Help           string            `yaml:"-"`
	Formula        string            `yaml:"-"`
	DefaultFormula string            `yaml:"-"`
}

// ObjectDeclaration declares an object.
type ObjectDeclaration struct {
	Name     string             `yaml:"name"`
	Label    string             `yaml:"label"`
	Plural   string             `yaml:"plural"`
	Prefix   string             `yaml:"prefix"`
	Owner    bool               `yaml:"owner"`
	ReadOnly bool               `yaml:"readOnly"`
	History  string             `yaml:"history"`
	Stages   []Stage            `yaml:"stages"`
	Fields   []FieldDeclaration `yaml:"fields"`
}

// Declaration declares the objects of an org.
type Declaration struct {
	// Prefixes reserves key prefixes for custom objects by name, so that the ids of
	// an org's records don't hang on the order in which its objects came.
	Prefixes map[string]string   `yaml:"prefixes"`
	Objects  []ObjectDeclaration `yaml:"objects"`
}

//go:embed schema.yaml
var schemaYAML []byte

// Default reads the embedded declaration of the objects that every org has once; it is never changed afterwards.
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

// maxTextArea is the length up to which a text of several lines can be filtered by.
const maxTextArea = 255

// IsFilterable says whether WHERE may name the field.
func (f *Field) IsFilterable() bool {
	return f.Type != TypeAny && (f.Type != TypeTextArea || f.Length <= maxTextArea)
}
