package metadata

import (
	"slices"
	"strings"
)

// checkField refuses what the platform would refuse of a field on an object.
func (d *deployment) checkField(o *object, e *Element) *problem {
	name := e.Value("fullName")
	if !strings.HasSuffix(name, "__c") {
		// A file of a standard field holds its history tracking or its picklist.
		if o.isCustom() || o.baseField(name) == nil {
			return wrong(e, "Could not resolve standard field's name.")
		}
		return nil
	}
	if o.baseField(name) != nil {
		return nil // of a managed package, which keeps its own
	}
	if p := checkField(o.name, e); p != nil {
		return p
	}
	f := ReadField(e)
	old := o.part("fields", name)
	if old == nil && len(o.parts["fields"]) >= maxCustomFields {
		return wrong(e, "You have reached the maximum number of custom fields for %s", o.name)
	}
	if old != nil {
		if p := d.checkConversion(ReadField(old.element), f, e); p != nil {
			return p
		}
	}
	if f.Unique && old != nil && !ReadField(old.element).Unique && d.Data.HasDuplicates(o.name, name) {
		return wrong(e, "Duplicate values exist for %s.%s: the field cannot be made unique", o.name, name)
	}
	if f.Type.IsReference() {
		return d.checkReference(o, f, e, old == nil)
	}
	return nil
}

// textual and numeric are types whose values are of one form, so that one can
// become another.
var (
	textual = []FieldType{Text, TextArea, LongTextArea, HTML, Email, Phone, URL, Picklist}
	numeric = []FieldType{Number, Currency, Percent}
)

// checkConversion refuses to make a field into one whose values would be of another
// form.
func (d *deployment) checkConversion(from, to Field, e *Element) *problem {
	both := func(types []FieldType) bool {
		return slices.Contains(types, from.Type) && slices.Contains(types, to.Type)
	}
	switch {
	case from.Formula != "" && to.Formula == "":
		return wrong(e, "Cannot update a field from a Formula to something else")
	case from.Formula == "" && to.Formula != "":
		return wrong(e, "Cannot update a field to a Formula from something else")
	case from.Type == to.Type && (!to.Type.IsReference() || strings.EqualFold(from.ReferenceTo, to.ReferenceTo)):
		return nil
	case from.Type == to.Type:
		return wrong(e, "Cannot update referenceTo on a %s field", to.Type)
	case both(textual), both(numeric), from.Type == MasterDetail && to.Type == Lookup:
		return nil
	case from.Type == Lookup && to.Type == MasterDetail && d.CheckOnly:
		return wrong(e, "Test only deployment cannot update a field from a Lookup to MasterDetail")
	case from.Type == Lookup && to.Type == MasterDetail:
		return nil
	}
	return wrong(e, "Cannot update a field from a %s to a %s", from.Type, to.Type)
}

// checkReference looks at the parent of a lookup, and at the name under which the
// parent knows its children.
func (d *deployment) checkReference(o *object, f Field, e *Element, isNew bool) *problem {
	parent := d.c.object(f.ReferenceTo)
	if parent == nil {
		return wrong(e, "referenceTo value of '%s' does not resolve to a valid sObject type", f.ReferenceTo)
	}
	masters := 0
	for _, child := range d.c.objects {
		for _, p := range child.parts["fields"] {
			other := ReadField(p.element)
			if child == o && other.Type == MasterDetail && !strings.EqualFold(other.Name, f.Name) {
				masters++
			}
			if strings.EqualFold(other.ReferenceTo, parent.name) && strings.EqualFold(other.RelationshipName, f.RelationshipName) &&
				(child != o || !strings.EqualFold(other.Name, f.Name)) {
				return wrong(e, "There is already a Child Relationship named %s on %s.", f.RelationshipName, parent.name)
			}
		}
	}
	if f.Type != MasterDetail {
		return nil
	}
	switch {
	case !o.isCustom():
		return wrong(e, "Cannot create a Master-Detail relationship on %s: only custom objects can be the detail", o.name)
	case masters >= 2:
		return wrong(e, "You have reached the maximum number of master-detail relationships for %s", o.name)
	case isNew && d.Data.HasRecords(o.name):
		return wrong(e, "You cannot create a Master-Detail relationship on %s because it already has records. Create a Lookup instead, fill it, and convert it", o.name)
	}
	return nil
}
