package metadata

import (
	"slices"
	"strings"
	"time"
)

// DeployOptions says how a package is deployed.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deploy.htm
type DeployOptions struct {
	// AllowMissingFiles lets package.xml name what the zip does not have.
	AllowMissingFiles bool
	// CheckOnly says that nothing will come of it; some conversions can't be checked.
	CheckOnly bool
	// At is the instant that the components are stamped with.
	At time.Time
	// IgnoreWarnings lets a deploy succeed in which something could not be deleted
	// because it is not there.
	IgnoreWarnings bool
	// Data is asked about records; nil is an org without records.
	Data Data
}

// Data is what a deploy has to know of an org's records.
type Data interface {
	// HasRecords says whether an object has records, in the recycle bin or out.
	HasRecords(object string) bool
	// HasDuplicates says whether two records have one value of a field.
	HasDuplicates(object, field string) bool
}

type noData struct{}

func (noData) HasRecords(string) bool            { return false }
func (noData) HasDuplicates(string, string) bool { return false }

// The limits on what an org holds.
// https://help.salesforce.com/s/articleView?id=sf.custom_field_allocations.htm
const (
	maxCustomFields  = 500
	maxCustomObjects = 400
	maxKept          = 20_000
)

// Deploy tries packages on an org. It gives the catalog that comes of those
// components that are good, and a message for each component, in the order in
// which they were taken: destructiveChangesPre and destructiveChanges, objects,
// their parts, everything else, destructiveChangesPost. c is left as it is, so
// whoever wants all or nothing throws the new catalog away if a message IsFailure.
func (c *Catalog) Deploy(packages []*Package, o DeployOptions) (*Catalog, []Message) {
	if o.Data == nil {
		o.Data = noData{}
	}
	d := &deployment{DeployOptions: o, c: c.clone()}
	for _, p := range packages {
		d.p, d.failed = p, map[string]bool{}
		d.add(p.Problems...)
		d.manifest()
		d.remove(p.Before)
		d.remove(p.Main)
		for _, f := range p.Objects {
			if p := unparsable(f.Root); p != nil {
				d.refuseObject(f, p)
				continue
			}
			d.own(f)
		}
		for _, f := range p.Objects {
			d.parts(f)
		}
		for _, component := range p.Components {
			d.keep(component)
		}
		d.remove(p.After)
		d.succeed()
	}
	return d.c, d.messages
}

// deployment is one Deploy at work on one package.
type deployment struct {
	DeployOptions
	c        *Catalog
	p        *Package
	messages []Message
	// failed are the objects, by lower-case name, that were refused.
	failed map[string]bool
}

func (d *deployment) add(m ...Message) { d.messages = append(d.messages, m...) }

// succeed says that package.xml was good, if it was.
func (d *deployment) succeed() {
	if d.p.Manifest == nil {
		return
	}
	file := d.p.Manifest.File
	if !slices.ContainsFunc(d.messages, func(m Message) bool { return m.FileName == file && m.IsFailure() }) {
		d.add(Message{FileName: file, FullName: "package.xml", Success: true, Changed: true})
	}
}

// manifest holds package.xml against the files.
func (d *deployment) manifest() {
	m := d.p.Manifest
	if m == nil {
		return
	}
	for _, t := range m.Types {
		if _, _, ok := typeOf(t.Type); !ok {
			d.add(failure(m.File, "package.xml", "", "Unknown type name '"+t.Type+"' specified in package.xml"))
			continue
		}
		for _, name := range t.Names {
			if name != "*" && !d.AllowMissingFiles && !d.p.has(t.Type, name) {
				d.add(failure(m.File, name, "", "An object '"+name+"' of type "+t.Type+" was named in package.xml, but was not found in zipped directory"))
			}
		}
	}
}

// has says whether a package has a component, or a file that could not be read and
// would be it.
func (p *Package) has(typeName, fullName string) bool {
	if slices.ContainsFunc(p.Problems, func(m Message) bool { return m.ComponentType == typeName && m.FullName == fullName }) {
		return true
	}
	if typeName == "CustomObject" {
		return slices.ContainsFunc(p.Objects, func(f *ObjectFile) bool { return f.Name == fullName })
	}
	if element, isPart := partOf(typeName); isPart {
		object, name, _ := strings.Cut(fullName, ".")
		for _, f := range p.Objects {
			if f.Name == object {
				return slices.ContainsFunc(f.Root.All(element), func(e *Element) bool { return e.Value("fullName") == name })
			}
		}
		return slices.ContainsFunc(p.Problems, func(m Message) bool { return m.FullName == object })
	}
	typ, isChild, _ := typeOf(typeName)
	return slices.ContainsFunc(p.Components, func(c *Component) bool {
		return c.Type == typ.Name && (c.FullName == fullName || isChild && c.names(fullName))
	})
}

// names says whether a file of the component has a child of a full name, such as a
// label among CustomLabels.
func (c *Component) names(fullName string) bool {
	_, last, qualified := strings.Cut(fullName, ".")
	for _, f := range c.Files {
		root, err := Parse(f.Data)
		if err != nil {
			continue
		}
		for _, child := range root.Children {
			if name := child.Value("fullName"); name == fullName || qualified && name == last {
				return true
			}
		}
	}
	return false
}

// wants says whether a component of the package is to be deployed: package.xml
// names it, or its object.
func (p *Package) wants(typeName, object, name string) bool {
	if p.Manifest == nil || p.Manifest.Has("CustomObject", object) {
		return true
	}
	return name != "" && p.Manifest.Has(typeName, object+"."+name)
}

// keep takes a component in that the org does not understand.
func (d *deployment) keep(c *Component) {
	typ, _, _ := typeOf(c.Type)
	file := d.p.Prefix + c.Files[0].Path
	wanted := d.p.Manifest == nil || d.p.Manifest.Has(c.Type, c.FullName)
	for _, child := range typ.Children {
		wanted = wanted || slices.ContainsFunc(d.p.Manifest.Types, func(m Members) bool { return m.Type == child })
	}
	switch {
	case !wanted:
		d.add(failure(file, c.FullName, c.Type, "Not in package.xml"))
		return
	case slices.ContainsFunc(d.p.Problems, func(m Message) bool { return m.ComponentType == c.Type && m.FullName == c.FullName }):
		return // said already
	case len(d.c.kept) >= maxKept:
		d.add(failure(file, c.FullName, c.Type, "The org holds as many components as it can"))
		return
	}
	at := key{c.Type, strings.ToLower(c.FullName)}
	m := Message{FileName: file, FullName: c.FullName, ComponentType: c.Type, Success: true}
	next := &kept{Component: *c}
	if old := d.c.kept[at]; old == nil {
		next.Stamp, m.Created, m.Changed = d.c.stamp(c.Type, d.At), true, true
	} else if next.Stamp = old.Stamp; !slices.EqualFunc(old.Files, c.Files, sameFile) {
		next.Modified, m.Changed = d.At, true
	}
	m.ID = next.ID
	d.c.kept[at] = next
	d.add(m)
}

func sameFile(a, b File) bool { return a.Path == b.Path && string(a.Data) == string(b.Data) }
