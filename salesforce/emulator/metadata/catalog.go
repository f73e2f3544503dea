package metadata

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Stamp is when a component came to be and was last changed.
type Stamp struct {
	ID                string // 18 characters, or "" for types that have none here
	Created, Modified time.Time
}

// Catalog is the customization of an org, on top of objects that it has by itself
// or from packages of others. A catalog is not changed by Deploy, which gives a
// new one; it is safe to be read by many.
type Catalog struct {
	base     schema.Declaration
	objects  map[string]*object // by lower-case name, those of the base included
	kept     map[key]*kept
	prefixes map[string]string // of custom objects, by name
	counters map[string]uint64 // the last number of a component's id, by prefix
	// order counts what was added, so that fields are described in the order in
	// which they came.
	order int
}

type key struct{ typ, name string }

// kept is a component that the org keeps and does not understand.
type kept struct {
	Component
	Stamp
}

// object is one object of the org and what was customized of it.
type object struct {
	name string
	base *schema.ObjectDeclaration // nil for a custom object
	// own are the elements that say something of the object itself.
	own []*Element
	// parts are its fields, list views and so on: by element name, then by
	// lower-case full name.
	parts map[string]map[string]*part
	Stamp
}

type part struct {
	element *Element
	order   int
	Stamp
}

// NewCatalog makes the catalog of an org that nobody has customized yet.
func NewCatalog(base schema.Declaration) *Catalog {
	c := &Catalog{
		base: base, objects: map[string]*object{}, kept: map[key]*kept{},
		prefixes: map[string]string{}, counters: map[string]uint64{},
	}
	for i := range base.Objects {
		d := &base.Objects[i]
		c.objects[strings.ToLower(d.Name)] = &object{name: d.Name, base: d, parts: map[string]map[string]*part{}}
	}
	return c
}

// clone copies a catalog so far that a deploy can change the copy.
func (c *Catalog) clone() *Catalog {
	out := *c
	out.objects = make(map[string]*object, len(c.objects))
	for name, o := range c.objects {
		copied := *o
		copied.parts = make(map[string]map[string]*part, len(o.parts))
		for element, parts := range o.parts {
			copied.parts[element] = maps.Clone(parts)
		}
		out.objects[name] = &copied
	}
	out.kept, out.prefixes, out.counters = maps.Clone(c.kept), maps.Clone(c.prefixes), maps.Clone(c.counters)
	return &out
}

func (c *Catalog) object(name string) *object { return c.objects[strings.ToLower(name)] }

// part finds a part of an object.
func (o *object) part(element, fullName string) *part {
	return o.parts[element][strings.ToLower(fullName)]
}

func (o *object) setPart(element, fullName string, p *part) {
	if o.parts[element] == nil {
		o.parts[element] = map[string]*part{}
	}
	o.parts[element][strings.ToLower(fullName)] = p
}

// sorted gives an object's parts of one kind in the order in which they came.
func (o *object) sorted(element string) []*part {
	return slices.SortedFunc(maps.Values(o.parts[element]), func(a, b *part) int { return cmp.Compare(a.order, b.order) })
}

// baseField finds a field that the object has by itself.
func (o *object) baseField(name string) *schema.FieldDeclaration {
	if o.base != nil {
		for i := range o.base.Fields {
			if strings.EqualFold(o.base.Fields[i].Name, name) {
				return &o.base.Fields[i]
			}
		}
	}
	return nil
}

// root is the object's element, with or without its parts.
func (o *object) root(withParts bool) *Element {
	e := &Element{Name: "CustomObject", Children: slices.Clone(o.own)}
	if withParts {
		for name := range o.parts {
			for _, p := range o.sorted(name) {
				e.Children = append(e.Children, p.element)
			}
		}
	}
	return e
}

// isCustom says whether an admin made the object.
func (o *object) isCustom() bool { return o.base == nil }

// idPrefixes are the key prefixes of components.
var idPrefixes = map[string]string{
	"CustomObject": "01I", "CustomField": "00N", "ApexClass": "01p", "ApexTrigger": "01q", "ApexPage": "066", "ApexComponent": "099",
	"Layout": "00h", "PermissionSet": "0PS", "Profile": "00e", "CustomApplication": "02u", "CustomTab": "01r", "Report": "00O",
	"Dashboard": "01Z", "ReportType": "070", "FlexiPage": "0M0", "ListView": "00B", "ValidationRule": "03d", "RecordType": "012",
	"StaticResource": "081", "LightningComponentBundle": "0Rb", "AuraDefinitionBundle": "0Ab", "Flow": "301", "WebLink": "00b",
	"CompactLayout": "0AH", "FieldSet": "0IX", "CustomPermission": "0CP", "NamedCredential": "0XA", "RemoteSiteSetting": "0rp",
	"PermissionSetGroup": "0PG", "Queue": "00G", "Group": "00G", "Role": "00E", "QuickAction": "09D", "EmailTemplate": "00X",
	"ConnectedApp": "0H4", "GlobalValueSet": "0Nt", "CustomMetadata": "m00",
}

// stamp makes the stamp of a new component.
func (c *Catalog) stamp(typeName string, at time.Time) Stamp {
	s := Stamp{Created: at, Modified: at}
	if prefix, ok := idPrefixes[typeName]; ok {
		c.counters[prefix]++
		s.ID = schema.MakeID(prefix, c.counters[prefix])
	}
	return s
}

// allocatePrefix gives a custom object its key prefix: the one that the base reserves for
// the name, or the next free one.
func (c *Catalog) allocatePrefix(name string) error {
	if reserved, ok := c.base.Prefixes[name]; ok {
		c.prefixes[name] = reserved
		return nil
	}
	taken := map[string]bool{}
	for _, p := range c.prefixes {
		taken[p] = true
	}
	for _, p := range c.base.Prefixes {
		taken[p] = true
	}
	for _, o := range c.base.Objects {
		taken[o.Prefix] = true
	}
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for n := 1; n < len(digits)*len(digits); n++ {
		p := "a" + string(digits[n/len(digits)]) + string(digits[n%len(digits)])
		if !taken[p] {
			c.prefixes[name] = p
			return nil
		}
	}
	return fmt.Errorf("there is no key prefix left for %s", name)
}

// Properties says what listMetadata and retrieve say of a component.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_listmetadata.htm
type Properties struct {
	Type, FullName, FileName string
	// Namespace is that of the managed package which the component is of, or "".
	Namespace string
	Stamp
}

// List gives the components of a type, in the order of their names. The error is
// that of a type that the org does not know.
func (c *Catalog) List(typeName string) ([]Properties, error) {
	if _, _, ok := typeOf(typeName); !ok {
		return nil, fmt.Errorf("INVALID_TYPE: Unknown type:%s", typeName)
	}
	var out []Properties
	element, isPart := partOf(typeName)
	for _, o := range c.objects {
		file := "objects/" + o.name + ".object"
		if typeName == "CustomObject" {
			out = append(out, Properties{Type: typeName, FullName: o.name, FileName: file, Namespace: namespaceOf(o.name), Stamp: o.Stamp})
		}
		if isPart {
			for _, p := range o.parts[element] {
				name := p.element.Value("fullName")
				out = append(out, Properties{Type: typeName, FullName: o.name + "." + name, FileName: file, Namespace: namespaceOf(name), Stamp: p.Stamp})
			}
		}
	}
	for _, k := range c.kept {
		if k.Type == typeName {
			out = append(out, Properties{Type: typeName, FullName: k.FullName, FileName: k.Files[0].Path, Stamp: k.Stamp})
		}
	}
	slices.SortFunc(out, func(a, b Properties) int { return strings.Compare(a.FullName, b.FullName) })
	return out, nil
}

// Has says whether the org has a component.
func (c *Catalog) Has(typeName, fullName string) bool {
	element, isPart := partOf(typeName)
	object, name, _ := strings.Cut(fullName, ".")
	switch o := c.object(object); {
	case typeName == "CustomObject":
		return o != nil
	case isPart:
		return o != nil && o.part(element, name) != nil
	}
	return c.kept[key{typeName, strings.ToLower(fullName)}] != nil
}

// namespaceOf gives the namespace of a managed package in a name, or "".
func namespaceOf(name string) string {
	if namespace, rest, ok := strings.Cut(strings.TrimSuffix(name, "__c"), "__"); ok && rest != "" {
		return namespace
	}
	return ""
}
