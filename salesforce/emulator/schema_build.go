package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// The slots of the columns that every record has. They are not in
// record.values, so that a million records stay small.
const (
	slotID = -1 - iota
	slotDeleted
	slotCreatedDate
	slotCreatedBy
	slotModifiedDate
	slotModifiedBy
	slotModstamp
)

// The two names under which versions of the License Management App keep the
// flag that says an install is in a sandbox.
const (
	schemaSandboxFlag             = "sfLma__Is_Sandbox__c"
	schemaSandboxFlagOfSubscriber = "sfLma__Subscriber_Org_Is_Sandbox__c"
)

// schemaOptions says what the schema of an org is like.
type schemaOptions struct {
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

// schema is the org's objects, in the order of declaration.
type schema struct {
	objects []*object
	byName  map[string]*object // by lower-case name
}

func (s *schema) object(name string) (*object, bool) {
	o, ok := s.byName[strings.ToLower(name)]
	return o, ok
}

// buildSchema makes the org's schema from the declaration and the options:
// objects and fields that are left out, the variant of the sandbox flag, the
// currencies.
func buildSchema(src schemaSource, o schemaOptions) (*schema, error) {
	without := map[string]bool{}
	for _, name := range o.Without {
		without[strings.ToLower(name)] = true
	}
	for _, variant := range []string{schemaSandboxFlag, schemaSandboxFlagOfSubscriber} {
		if o.SandboxField != variant {
			without[strings.ToLower("sfLma__License__c."+variant)] = true
		}
	}
	s := &schema{byName: map[string]*object{}}
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
			obj.history = os.History
			s.add(buildHistory(obj))
		}
	}
	s.dropDanglingLookups()
	return s, checkWithout(src, o.Without)
}

// checkWithout refuses names that mean nothing: leaving out a misspelt field
// would leave out nothing, silently.
func checkWithout(src schemaSource, names []string) error {
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

func (s *schema) add(o *object) {
	s.objects = append(s.objects, o)
	s.byName[strings.ToLower(o.name)] = o
}

// dropDanglingLookups takes out lookups to objects that the org does not have:
// the platform deletes them with their object.
func (s *schema) dropDanglingLookups() {
	for _, o := range s.objects {
		o.fields = slices.DeleteFunc(o.fields, func(f *field) bool {
			if f.refTo == "" {
				return false
			}
			if _, ok := s.object(f.refTo); ok {
				return false
			}
			delete(o.byName, strings.ToLower(f.name))
			delete(o.byRelationship, strings.ToLower(f.relationship))
			return true
		})
	}
}

func buildObject(src objectSource, o schemaOptions, without map[string]bool) (*object, error) {
	obj := &object{
		name: src.Name, label: src.Label, prefix: src.Prefix, custom: isCustom(src.Name),
		readOnly: src.ReadOnly, stages: src.Stages, hasModstamp: true,
		byName: map[string]*field{}, byRelationship: map[string]*field{},
	}
	if obj.label == "" {
		obj.label = obj.name
	}
	obj.add(field{name: "Id", label: "Record ID", typ: typeID, length: 18, slot: slotID, idLookup: true, isAudit: true})
	if src.Owner {
		obj.add(field{name: "OwnerId", label: "Owner ID", typ: typeReference, length: 18, refTo: "User", relationship: "Owner"})
	}
	obj.add(field{name: "IsDeleted", label: "Deleted", typ: typeBoolean, slot: slotDeleted, isAudit: true})
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
		obj.add(field{name: "CurrencyIsoCode", label: "Currency ISO Code", typ: typePicklist, length: 255,
			restricted: true, values: o.Currencies, defaultValue: o.Currencies[0]})
	}
	obj.addAudit()
	return obj, nil
}

// addAudit adds who made and changed a record and when. Their values are
// columns of every record.
func (o *object) addAudit() {
	o.add(field{name: "CreatedDate", label: "Created Date", typ: typeDateTime, slot: slotCreatedDate, isAudit: true})
	o.add(field{name: "CreatedById", label: "Created By ID", typ: typeReference, length: 18, refTo: "User",
		relationship: "CreatedBy", slot: slotCreatedBy, isAudit: true})
	if o.historyOf != "" {
		return
	}
	o.add(field{name: "LastModifiedDate", label: "Last Modified Date", typ: typeDateTime, slot: slotModifiedDate, isAudit: true})
	o.add(field{name: "LastModifiedById", label: "Last Modified By ID", typ: typeReference, length: 18, refTo: "User",
		relationship: "LastModifiedBy", slot: slotModifiedBy, isAudit: true})
	o.add(field{name: "SystemModstamp", label: "System Modstamp", typ: typeDateTime, slot: slotModstamp, isAudit: true})
}

// buildHistory declares the object that holds the changes of another. It has
// no SystemModstamp.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_associated_objects_history.htm
func buildHistory(of *object) *object {
	h := &object{
		name: of.history, label: of.label + " History", prefix: "017", custom: true, readOnly: true,
		historyOf: of.name, byName: map[string]*field{}, byRelationship: map[string]*field{},
	}
	h.add(field{name: "Id", label: "History ID", typ: typeID, length: 18, slot: slotID, isAudit: true})
	h.add(field{name: "IsDeleted", label: "Deleted", typ: typeBoolean, slot: slotDeleted, isAudit: true})
	h.add(field{name: "ParentId", label: of.label, typ: typeReference, length: 18, refTo: of.name,
		relationship: "Parent", children: "Histories", readOnly: true})
	h.addAudit()
	h.add(field{name: "Field", label: "Changed Field", typ: typePicklist, length: 255, readOnly: true})
	h.add(field{name: "DataType", label: "Datatype", typ: typePicklist, length: 40, readOnly: true})
	h.add(field{name: "OldValue", label: "Old Value", typ: typeAny, length: 765, readOnly: true})
	h.add(field{name: "NewValue", label: "New Value", typ: typeAny, length: 765, readOnly: true})
	return h
}

func buildField(src fieldSource) (field, error) {
	typ, ok := typesByName[src.Type]
	if !ok {
		return field{}, fmt.Errorf("there is no type %q", src.Type)
	}
	f := field{
		name: src.Name, label: src.Label, typ: typ, length: src.Length, precision: src.Precision, scale: src.Scale,
		required: src.Required, unique: src.Unique, externalID: src.ExternalID, caseSensitive: src.CaseSensitive,
		idLookup: src.IDLookup || src.ExternalID, nameField: src.NameField, tracked: src.Tracked,
		readOnly: src.ReadOnly || src.Type == "auto" || src.From == "person", restricted: src.Restricted,
		defaultValue: src.Default, autoFormat: src.Format, from: src.From, values: src.Values, refTo: src.To,
		relationship: src.Relationship, children: src.Children, custom: isCustom(src.Name),
	}
	if f.label == "" {
		f.label = strings.ReplaceAll(strings.TrimSuffix(f.name, "__c"), "_", " ")
	}
	switch typ {
	case typeReference:
		f.length = 18
		if f.relationship == "" {
			f.relationship = relationshipOf(f.name)
		}
	case typeInt:
		f.precision = 8
	case typeBoolean:
		if f.defaultValue == "" {
			f.defaultValue = "false"
		}
	}
	return f, nil
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
func (o *object) add(f field) {
	if f.slot == 0 {
		f.slot = o.width
		o.width++
	}
	if f.from == "stages" {
		for _, s := range o.stages {
			f.values = append(f.values, s.Name)
		}
	}
	p := &f
	o.fields = append(o.fields, p)
	o.byName[strings.ToLower(f.name)] = p
	if f.relationship != "" {
		o.byRelationship[strings.ToLower(f.relationship)] = p
	}
}
