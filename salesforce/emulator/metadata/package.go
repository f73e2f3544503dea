package metadata

import (
	"slices"
	"strings"
)

// Members are components of a type by name; "*" is all of them.
type Members struct {
	Type  string
	Names []string
}

// Manifest is a package.xml or a destructiveChanges.xml.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/manifest_samples.htm
type Manifest struct {
	File    string
	Version string
	Types   []Members
}

// Has says whether the manifest names a component, by itself or by a wildcard.
func (m *Manifest) Has(typeName, fullName string) bool {
	for _, t := range m.Types {
		if t.Type == typeName && (slices.Contains(t.Names, fullName) || slices.Contains(t.Names, "*")) {
			return true
		}
	}
	return false
}

// readManifest reads a manifest's root.
func readManifest(file string, root *Element) (*Manifest, *ParseError) {
	m := &Manifest{File: file, Version: root.Value("version")}
	if root.Name != "Package" {
		return nil, &ParseError{root.Line, root.Column, "Invalid root element " + root.Name + ", expected Package"}
	}
	for _, t := range root.All("types") {
		name := t.Value("name")
		if name == "" {
			return nil, &ParseError{t.Line, t.Column, "Required field is missing: name"}
		}
		members := Members{Type: name}
		for _, e := range t.All("members") {
			members.Names = append(members.Names, e.Text)
		}
		m.Types = append(m.Types, members)
	}
	return m, nil
}

// element writes a manifest.
func (m *Manifest) element() *Element {
	root := &Element{Name: "Package"}
	for _, t := range m.Types {
		e := &Element{Name: "types"}
		for _, name := range t.Names {
			e.Children = append(e.Children, NewElement("members", name))
		}
		e.Children = append(e.Children, NewElement("name", t.Type))
		root.Children = append(root.Children, e)
	}
	root.Children = append(root.Children, NewElement("version", m.Version))
	return root
}

// ObjectFile is one object as a package has it: objects/X.object, or what an SFDX
// project has in the directory X.
type ObjectFile struct {
	Name string
	File string
	// Root is the CustomObject with its parts (fields, list views …) as children.
	Root *Element
}

// hasOwn says whether the file says something about the object itself, and not
// about its parts only.
func (f *ObjectFile) hasOwn() bool {
	for _, c := range f.Root.Children {
		if _, isPart := objectParts[c.Name]; !isPart && c.Name != "fullName" {
			return true
		}
	}
	return false
}

// Component is a component of another type: its files as they are.
type Component struct {
	Type     string
	FullName string
	// Files are by path, from the package's root. The first one is what messages
	// name.
	Files []File
}

// File is one file of a package.
type File struct {
	Path string
	Data []byte
}

// Package is what somebody deploys.
type Package struct {
	// Prefix is the package's directory in its zip, with a slash, or "".
	Prefix string
	// Manifest is package.xml; nil in source, which lists nothing.
	Manifest   *Manifest
	Objects    []*ObjectFile
	Components []*Component
	// Before, Main and After are destructiveChangesPre.xml, destructiveChanges.xml
	// and destructiveChangesPost.xml; nil where there is none.
	Before, Main, After *Manifest
	// Problems are files that cannot be read.
	Problems []Message
}

// Message is what came of one component.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deployresult.htm
type Message struct {
	FileName, FullName, ComponentType string
	ID                                string // of the component, 18 characters, or ""
	Success, Created, Changed         bool
	Deleted                           bool
	Problem, ProblemType              string // ProblemType is Error, Warning or ""
	Line, Column                      int    // 0 where there is none
}

// IsFailure says whether the message stands among the failures of a deploy.
func (m Message) IsFailure() bool { return !m.Success }

func failure(file, fullName, typeName, problem string) Message {
	return Message{FileName: file, FullName: fullName, ComponentType: typeName, Problem: problem, ProblemType: "Error"}
}

// at puts the place of an element into a message.
func (m Message) at(e *Element) Message {
	if e != nil {
		m.Line, m.Column = e.Line, e.Column
	}
	return m
}

// unreadable is the message about a file that is not good XML.
func unreadable(file, fullName, typeName string, err *ParseError) Message {
	m := failure(file, fullName, typeName, err.Error())
	m.Line, m.Column = err.Line, err.Column
	return m
}

// object finds an object of the package, or adds it.
func (p *Package) object(name, file string) *ObjectFile {
	for _, o := range p.Objects {
		if strings.EqualFold(o.Name, name) {
			return o
		}
	}
	o := &ObjectFile{Name: name, File: file, Root: &Element{Name: "CustomObject"}}
	p.Objects = append(p.Objects, o)
	return o
}

// component finds a component of the package, or adds it.
func (p *Package) component(typeName, fullName string) *Component {
	for _, c := range p.Components {
		if c.Type == typeName && c.FullName == fullName {
			return c
		}
	}
	c := &Component{Type: typeName, FullName: fullName}
	p.Components = append(p.Components, c)
	return c
}

// PackageOf makes a package of one component as the synchronous calls of the
// Metadata API carry it: an element whose Type is the component's type, with the
// component's fullName. It is false for a type that the org does not know.
func PackageOf(e *Element) (*Package, bool) {
	typ, isChild, ok := typeOf(e.Type)
	if !ok {
		return nil, false
	}
	p := &Package{}
	full := e.Value("fullName")
	element, isPart := partOf(e.Type)
	switch {
	case e.Type == "CustomObject":
		f := p.object(full, "objects/"+full+".object")
		f.Root = &Element{Name: "CustomObject", Children: without(e.Children, "fullName"), Line: e.Line, Column: e.Column}
	case isPart:
		object, name, _ := strings.Cut(full, ".")
		f := p.object(object, "objects/"+object+".object")
		part := &Element{Name: element, Line: e.Line, Column: e.Column, Children: without(e.Children, "fullName")}
		part.Children = append(part.Children, NewElement("fullName", name))
		f.Root.Children = []*Element{part}
	case isChild || typ.Bundle || typ.MetaFile:
		return nil, false // they have content, which these calls don't carry
	default:
		c := p.component(e.Type, full)
		root := &Element{Name: e.Type, Children: e.Children}
		c.Files = []File{{typ.Directory + "/" + full + "." + typ.Suffix, root.File()}}
	}
	return p, true
}

// Removal makes a package that deletes one component.
func Removal(typeName, fullName string) *Package {
	return &Package{Main: &Manifest{File: "destructiveChanges.xml", Types: []Members{{typeName, []string{fullName}}}}}
}

func without(list []*Element, name string) []*Element {
	return slices.DeleteFunc(slices.Clone(list), func(e *Element) bool { return e.Name == name })
}
