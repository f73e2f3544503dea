package schema

import (
	"fmt"
	"slices"
	"strings"
)

// The slots of the columns that every record has. They are not in
// record.values, so that a million records stay small.
const (
	SlotID = -1 - iota
	SlotDeleted
	SlotCreatedDate
	SlotCreatedBy
	SlotModifiedDate
	SlotModifiedBy
	SlotModstamp
)

// The two names under which versions of the License Management App keep the
// flag that says an install is in a sandbox.
const (
	SandboxFlag             = "sfLma__Is_Sandbox__c"
	SandboxFlagOfSubscriber = "sfLma__Subscriber_Org_Is_Sandbox__c"
)

// Options says what the schema of an org is like.
type Options struct {
	// Without names objects ("Lead") and fields ("Space__c.Partner_ID__c") that the
	// org does not have, or that the integration user cannot see. Without a history
	// object, its changes are not tracked.
	Without []string
	// MultiCurrency adds CurrencyIsoCode to every object.
	MultiCurrency bool
	// Currencies are the org's active currencies, its own first.
	Currencies []string
	// SandboxField is the one of the two sandbox flags that this org has.
	SandboxField string
}

// Schema is the org's objects, in the order of declaration.
type Schema struct {
	Objects []*Object
	byName  map[string]*Object // by lower-case name
}

// Names gives the names of the objects in the order of declaration.
func (s *Schema) Names() []string {
	out := make([]string, len(s.Objects))
	for i, o := range s.Objects {
		out[i] = o.Name
	}
	return out
}

// Object finds an object by name in any case, as the platform does.
func (s *Schema) Object(name string) (*Object, bool) {
	o, ok := s.byName[strings.ToLower(name)]
	return o, ok
}

// Build makes the org's schema from the declaration and the options:
// objects and fields that are left out, the variant of the sandbox flag, the
// currencies.
func Build(src Declaration, o Options) (*Schema, error) {
	without := map[string]bool{}
	for _, name := range o.Without {
		without[strings.ToLower(name)] = true
	}
	for _, variant := range []string{SandboxFlag, SandboxFlagOfSubscriber} {
		if o.SandboxField != variant {
			without[strings.ToLower("sfLma__License__c."+variant)] = true
		}
	}
	s := &Schema{byName: map[string]*Object{}}
	for _, os := range src.Objects {
		if without[strings.ToLower(os.Name)] {
			continue
		}
		obj, err := buildObject(os, o, without)
		if err != nil {
			return nil, err
		}
		s.add(obj)
		if os.History != "" && !without[strings.ToLower(os.History)] {
			obj.History = os.History
			s.add(buildHistory(obj))
		}
	}
	s.dropDanglingLookups()
	return s, checkWithout(src, o.Without)
}

// checkWithout refuses names that mean nothing: leaving out a misspelt field
// would leave out nothing, silently.
func checkWithout(src Declaration, names []string) error {
	known := map[string]bool{}
	for _, os := range src.Objects {
		known[strings.ToLower(os.Name)] = true
		known[strings.ToLower(os.History)] = true
		for _, fs := range os.Fields {
			known[strings.ToLower(os.Name+"."+fs.Name)] = true
		}
	}
	for _, name := range names {
		if !known[strings.ToLower(name)] {
			return fmt.Errorf("the org's schema has no %q to leave out", name)
		}
	}
	return nil
}

func (s *Schema) add(o *Object) {
	s.Objects = append(s.Objects, o)
	s.byName[strings.ToLower(o.Name)] = o
}

// dropDanglingLookups takes out lookups to objects that the org does not have:
// the platform deletes them with their object.
func (s *Schema) dropDanglingLookups() {
	for _, o := range s.Objects {
		o.Fields = slices.DeleteFunc(o.Fields, func(f *Field) bool {
			if f.RefTo == "" {
				return false
			}
			there := slices.DeleteFunc(f.Targets(), func(name string) bool {
				_, ok := s.Object(name)
				return !ok
			})
			if len(there) > 0 {
				f.RefTo = strings.Join(there, ",")
				return false
			}
			delete(o.byName, strings.ToLower(f.Name))
			delete(o.byRelationship, strings.ToLower(f.Relationship))
			return true
		})
	}
}

func buildObject(src ObjectDeclaration, o Options, without map[string]bool) (*Object, error) {
	obj := &Object{
		Name: src.Name, Label: src.Label, Prefix: src.Prefix, Custom: isCustom(src.Name),
		ReadOnly: src.ReadOnly, Stages: src.Stages, HasModstamp: true,
		byName: map[string]*Field{}, byRelationship: map[string]*Field{},
	}
	if obj.Label == "" {
		obj.Label = obj.Name
	}
	if obj.Plural = src.Plural; obj.Plural == "" {
		obj.Plural = pluralOf(obj.Label)
	}
	obj.add(Field{Name: "Id", Label: "Record ID", Type: TypeID, Length: 18, Slot: SlotID, IDLookup: true, IsAudit: true})
	if src.Owner {
		obj.add(Field{Name: "OwnerId", Label: "Owner ID", Type: TypeReference, Length: 18, RefTo: "User", Relationship: "Owner"})
	}
	obj.add(Field{Name: "IsDeleted", Label: "Deleted", Type: TypeBoolean, Slot: SlotDeleted, IsAudit: true})
	for _, fs := range src.Fields {
		if without[strings.ToLower(src.Name+"."+fs.Name)] {
			continue
		}
		f, err := buildField(fs)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", src.Name, fs.Name, err)
		}
		obj.add(f)
	}
	if o.MultiCurrency && src.Name != "Organization" {
		obj.add(Field{Name: "CurrencyIsoCode", Label: "Currency ISO Code", Type: TypePicklist, Length: 255,
			Restricted: true, Values: o.Currencies, Default: o.Currencies[0]})
	}
	obj.addAudit()
	return obj, nil
}

// addAudit adds who made and changed a record and when. Their values are
// columns of every record.
func (o *Object) addAudit() {
	o.add(Field{Name: "CreatedDate", Label: "Created Date", Type: TypeDateTime, Slot: SlotCreatedDate, IsAudit: true})
	o.add(Field{Name: "CreatedById", Label: "Created By ID", Type: TypeReference, Length: 18, RefTo: "User",
		Relationship: "CreatedBy", Slot: SlotCreatedBy, IsAudit: true})
	if o.HistoryOf != "" {
		return
	}
	o.add(Field{Name: "LastModifiedDate", Label: "Last Modified Date", Type: TypeDateTime, Slot: SlotModifiedDate, IsAudit: true})
	o.add(Field{Name: "LastModifiedById", Label: "Last Modified By ID", Type: TypeReference, Length: 18, RefTo: "User",
		Relationship: "LastModifiedBy", Slot: SlotModifiedBy, IsAudit: true})
	o.add(Field{Name: "SystemModstamp", Label: "System Modstamp", Type: TypeDateTime, Slot: SlotModstamp, IsAudit: true})
}

// buildHistory declares the object that holds the changes of another. It has
// no SystemModstamp.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_associated_objects_history.htm
func buildHistory(of *Object) *Object {
	h := &Object{
		Name: of.History, Label: of.Label + " History", Plural: of.Label + " History", Prefix: "017", Custom: of.Custom, ReadOnly: true,
		HistoryOf: of.Name, byName: map[string]*Field{}, byRelationship: map[string]*Field{},
	}
	h.add(Field{Name: "Id", Label: "History ID", Type: TypeID, Length: 18, Slot: SlotID, IsAudit: true})
	h.add(Field{Name: "IsDeleted", Label: "Deleted", Type: TypeBoolean, Slot: SlotDeleted, IsAudit: true})
	parent := strings.TrimSuffix(h.HistoryParent(), "Id")
	h.add(Field{Name: h.HistoryParent(), Label: of.Label, Type: TypeReference, Length: 18, RefTo: of.Name,
		Relationship: parent, Children: "Histories", ReadOnly: true, OnDelete: DeleteCascades})
	h.addAudit()
	h.add(Field{Name: "Field", Label: "Changed Field", Type: TypePicklist, Length: 255, ReadOnly: true})
	h.add(Field{Name: "DataType", Label: "Datatype", Type: TypePicklist, Length: 40, ReadOnly: true})
	h.add(Field{Name: "OldValue", Label: "Old Value", Type: TypeAny, Length: 765, ReadOnly: true})
	h.add(Field{Name: "NewValue", Label: "New Value", Type: TypeAny, Length: 765, ReadOnly: true})
	return h
}

// HistoryParent names the lookup from a history row to the record that it is
// about: ParentId for a custom object, AccountId in AccountHistory.
func (o *Object) HistoryParent() string {
	if o.Custom {
		return "ParentId"
	}
	return o.HistoryOf + "Id"
}

func buildField(src FieldDeclaration) (Field, error) {
	typ, ok := typesByName[src.Type]
	if !ok {
		return Field{}, fmt.Errorf("there is no type %q", src.Type)
	}
	f := Field{
		Name: src.Name, Label: src.Label, Type: typ, Length: src.Length, Precision: src.Precision, Scale: src.Scale,
		Required: src.Required, Unique: src.Unique, ExternalID: src.ExternalID, CaseSensitive: src.CaseSensitive,
		IDLookup: src.IDLookup || src.ExternalID, NameField: src.NameField, Tracked: src.Tracked,
		ReadOnly: src.ReadOnly || src.Type == "auto" || src.From == "person", Restricted: src.Restricted,
		Default: src.Default, AutoFormat: src.Format, From: src.From, Values: src.Values, Labels: src.Labels, RefTo: src.To,
		Relationship: src.Relationship, Children: src.Children, Custom: isCustom(src.Name),
		OnDelete: src.OnDelete, IsMaster: src.Type == "masterdetail", Reparentable: src.Reparentable, Order: src.Order,
		Help: src.Help, Formula: src.Formula, DefaultFormula: src.DefaultFormula, IsHTML: src.Type == "html",
	}
	if f.Formula != "" {
		f.ReadOnly = true
	}
	if f.Label == "" {
		f.Label = strings.ReplaceAll(strings.TrimSuffix(f.Name, "__c"), "_", " ")
	}
	switch typ {
	case TypeTextArea:
		if f.Length == 0 {
			f.Length = maxTextArea
		}
	case TypeReference:
		f.Length = 18
		if f.Relationship == "" {
			f.Relationship = relationshipOf(f.Name)
		}
	case TypeInt:
		f.Precision = 8
	case TypeBoolean:
		if f.Default == "" {
			f.Default = "false"
		}
	}
	return f, nil
}

// pluralOf is the plural of a label that none was given for.
func pluralOf(label string) string {
	if base, ok := strings.CutSuffix(label, "y"); ok {
		return base + "ies"
	}
	return label + "s"
}

// relationshipOf names the relationship of a lookup: AccountId → Account,
// Space__c → Space__r.
func relationshipOf(name string) string {
	if base, ok := strings.CutSuffix(name, "__c"); ok {
		return base + "__r"
	}
	return strings.TrimSuffix(name, "Id")
}

// add gives a field its place. A field whose slot is not set is kept in
// record.values.
func (o *Object) add(f Field) {
	if f.Slot == 0 {
		f.Slot = o.Width
		o.Width++
	}
	if f.From == "stages" {
		for _, s := range o.Stages {
			f.Values = append(f.Values, s.Name)
		}
	}
	p := &f
	o.HasTracked = o.HasTracked || f.Tracked
	o.Fields = append(o.Fields, p)
	o.byName[strings.ToLower(f.Name)] = p
	if f.Relationship != "" {
		o.byRelationship[strings.ToLower(f.Relationship)] = p
	}
}
