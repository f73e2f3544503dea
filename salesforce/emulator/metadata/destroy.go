package metadata

import (
	"path"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// remove takes out what a destructiveChanges file names.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deploy_deleting_files.htm
func (d *deployment) remove(m *Manifest) {
	if m == nil {
		return
	}
	for _, t := range m.Types {
		if _, _, ok := typeOf(t.Type); !ok {
			d.add(failure(m.File, path.Base(m.File), "", "Unknown type name '"+t.Type+"' specified in "+path.Base(m.File)))
			continue
		}
		for _, name := range t.Names {
			if name == "*" {
				d.add(failure(m.File, path.Base(m.File), t.Type, "Wildcards are not allowed in "+path.Base(m.File)))
				continue
			}
			d.removeOne(m, t.Type, name)
		}
	}
}

func (d *deployment) removeOne(m *Manifest, typeName, fullName string) {
	var found bool
	var refused string
	done := Message{FileName: m.File, FullName: fullName, ComponentType: typeName, Success: true, Deleted: true}
	element, isPart := partOf(typeName)
	object, name, _ := strings.Cut(fullName, ".")
	switch o := d.c.object(object); {
	case typeName == "CustomObject":
		if found = o != nil; found {
			done.ID, refused = o.ID, d.removeObject(o)
		}
	case isPart:
		if o == nil {
			break
		}
		p := o.part(element, name)
		if found = p != nil; found {
			done.ID = p.ID
			delete(o.parts[element], strings.ToLower(name))
		} else if o.baseField(name) != nil && element == "fields" {
			found, refused = true, "Cannot delete standard field: "+fullName
		}
	default:
		at := key{typeName, strings.ToLower(fullName)}
		k := d.c.kept[at]
		if found = k != nil; found {
			done.ID = k.ID
			delete(d.c.kept, at)
		}
	}
	switch {
	case !found: // a warning, which fails the deploy unless warnings are ignored
		base := path.Base(m.File)
		d.add(Message{FileName: m.File, FullName: base, ComponentType: typeName, Success: d.IgnoreWarnings,
			Problem: "No " + typeName + " named: " + fullName + " found", ProblemType: "Warning"})
	case refused != "":
		d.add(failure(m.File, fullName, typeName, refused))
	default:
		d.add(done)
	}
}

// removeObject takes a custom object out with the lookups to it, or says why not.
func (d *deployment) removeObject(o *object) string {
	if !o.isCustom() {
		return "Cannot delete standard object: " + o.name
	}
	type reference struct {
		o    *object
		name string
	}
	var lookups []reference
	for _, child := range d.c.objects {
		for name, p := range child.parts["fields"] {
			f := ReadField(p.element)
			if child == o || !strings.EqualFold(f.ReferenceTo, o.name) {
				continue
			}
			if f.Type == MasterDetail {
				return "This custom object is the master of " + child.name + "." + f.Name + "; delete that relationship first"
			}
			lookups = append(lookups, reference{child, name})
		}
	}
	if base := d.c.baseLookup(o.name); base != "" {
		return "This custom object is referenced elsewhere in salesforce.com: " + base
	}
	for _, l := range lookups {
		delete(l.o.parts["fields"], l.name)
	}
	delete(d.c.objects, strings.ToLower(o.name))
	delete(d.c.prefixes, o.name)
	return ""
}

// baseLookup names a field of the base that looks up to an object, or "".
func (c *Catalog) baseLookup(object string) string {
	for _, o := range c.base.Objects {
		if i := slices.IndexFunc(o.Fields, func(f schema.FieldDeclaration) bool { return strings.EqualFold(f.To, object) }); i >= 0 {
			return o.Name + "." + o.Fields[i].Name
		}
	}
	return ""
}
