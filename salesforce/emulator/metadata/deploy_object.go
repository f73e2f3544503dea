package metadata

import (
	"slices"
	"strings"
)

// own takes in what a file says of an object itself.
func (d *deployment) own(f *ObjectFile) {
	if !d.p.wants("CustomObject", f.Name, "") {
		if len(f.Root.Children) == 0 || f.hasOwn() && !d.wantsPart(f) {
			d.add(failure(f.File, f.Name, "CustomObject", "Not in package.xml"))
		}
		return
	}
	old := d.c.object(f.Name)
	if !f.hasOwn() && old != nil && d.p.Manifest == nil {
		return // an SFDX directory that holds only fields
	}
	if p := d.checkOwn(f, old); p != nil {
		d.refuseObject(f, p)
		return
	}
	m := Message{FileName: f.File, FullName: f.Name, ComponentType: "CustomObject", Success: true}
	if old == nil {
		old = &object{name: f.Name, parts: map[string]map[string]*part{}, Stamp: d.c.stamp("CustomObject", d.At)}
		d.c.objects[strings.ToLower(f.Name)] = old
		m.Created = true
	}
	if old.merge(f.Root) {
		m.Changed, old.Modified = true, d.At
	}
	m.ID = old.ID
	d.add(m)
}

// refuseObject tells why an object is refused; its parts are refused with it, and
// nothing is told of them.
func (d *deployment) refuseObject(f *ObjectFile, p *problem) {
	d.failed[strings.ToLower(f.Name)] = true
	d.add(failure(f.File, f.Name, "CustomObject", p.text).at(p.at))
}

// unparsable says what in an object's file is not of the form that it should have.
// The platform reads a file as a whole, so it is the object that fails.
func unparsable(root *Element) *problem {
	if p := checkOwn(root); p != nil && p.isForm() {
		return p
	}
	for _, e := range root.Children {
		switch objectParts[e.Name] {
		case "":
		case "CustomField":
			if p := checkForm(e); p != nil {
				return p
			}
		default:
			if e.Value("fullName") == "" {
				return wrong(e, "Error parsing file: element fullName missing for a child of type %s", objectParts[e.Name])
			}
		}
	}
	return nil
}

func (d *deployment) wantsPart(f *ObjectFile) bool {
	return slices.ContainsFunc(f.Root.Children, func(e *Element) bool {
		typeName, isPart := objectParts[e.Name]
		return isPart && d.p.wants(typeName, f.Name, e.Value("fullName"))
	})
}

// checkOwn refuses what the platform would refuse of an object.
func (d *deployment) checkOwn(f *ObjectFile, old *object) *problem {
	if p := checkOwn(f.Root); p != nil {
		return p
	}
	if old != nil {
		return nil
	}
	if base, suffix, ok := cutSuffix(f.Name); !ok || base == "" {
		return wrong(f.Root, "'%s' does not resolve to a valid sObject type, fullName must end with: __as, __b, __c, __dll, __dlm, __e, __kav, __mdt, __mg, __x", f.Name)
	} else if suffix != "__c" || f.Root.Child("customSettingsType") != nil {
		return wrong(f.Root, "Cannot create a %s object in this organization", suffix)
	}
	if p := checkObject(f.Name, f.Root); p != nil {
		return p
	}
	custom := 0
	for _, o := range d.c.objects {
		if o.isCustom() {
			custom++
		}
	}
	if custom >= maxCustomObjects {
		return wrong(f.Root, "You have reached the maximum number of custom objects")
	}
	if err := d.c.allocatePrefix(f.Name); err != nil {
		return wrong(f.Root, "%s", err)
	}
	return nil
}

// cutSuffix takes the suffix of an object's name off: Space__c is Space and __c.
func cutSuffix(name string) (base, suffix string, ok bool) {
	for _, s := range []string{"__c", "__as", "__b", "__dll", "__dlm", "__e", "__kav", "__mdt", "__mg", "__x"} {
		if base, ok = strings.CutSuffix(name, s); ok {
			return base, s, true
		}
	}
	return name, "", false
}

// merge puts what a file says of an object over what was said of it, and says
// whether that changed something. What a file is silent about stays.
func (o *object) merge(root *Element) bool {
	said := map[string]bool{}
	var next []*Element
	for _, e := range root.Children {
		if _, isPart := objectParts[e.Name]; !isPart && e.Name != "fullName" {
			said[e.Name] = true
			next = append(next, e)
		}
	}
	for _, e := range o.own {
		if !said[e.Name] {
			next = append(next, e)
		}
	}
	before, after := &Element{Children: o.own}, &Element{Children: next}
	o.own = next
	return !before.Equal(after)
}

// parts takes in an object's fields, list views and so on.
func (d *deployment) parts(f *ObjectFile) {
	seen := map[key]bool{}
	for _, e := range f.Root.Children {
		typeName, isPart := objectParts[e.Name]
		name := e.Value("fullName")
		if !isPart || !d.p.wants(typeName, f.Name, name) {
			continue
		}
		full := f.Name + "." + name
		at := key{e.Name, strings.ToLower(name)}
		var p *problem
		switch o := d.c.object(f.Name); {
		case seen[at]:
			p = wrong(e, "Duplicate name '%s' specified", full)
		case d.failed[strings.ToLower(f.Name)]:
			continue // that of its object is told
		case o == nil:
			p = wrong(e, "Entity Enumeration Or ID: bad value for restricted picklist field: %s", f.Name)
		case typeName == "CustomField":
			p = d.checkField(o, e)
		}
		seen[at] = true
		if p != nil {
			d.add(failure(f.File, full, typeName, p.text).at(p.at))
			continue
		}
		d.setPart(f, typeName, e)
	}
}

func (d *deployment) setPart(f *ObjectFile, typeName string, e *Element) {
	o := d.c.object(f.Name)
	name := e.Value("fullName")
	m := Message{FileName: f.File, FullName: o.name + "." + name, ComponentType: typeName, Success: true}
	old := o.part(e.Name, name)
	next := &part{element: e}
	switch {
	case old == nil:
		d.c.order++
		next.order, next.Stamp = d.c.order, d.c.stamp(typeName, d.At)
		m.Created, m.Changed = o.baseField(name) == nil, true
	case old.element.Equal(e):
		next = old
	default:
		next.order, next.Stamp = old.order, old.Stamp
		next.Modified, m.Changed = d.At, true
	}
	o.setPart(e.Name, name, next)
	m.ID = next.ID
	d.add(m)
}
