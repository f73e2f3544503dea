package metadata

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Retrieval is what somebody wants to have of an org's metadata.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_retrieve_request.htm
type Retrieval struct {
	Version string
	Types   []Members
	// Single leaves out the directory "unpackaged" around the files.
	Single bool
	At     time.Time
}

// Retrieve gives the components that are asked for as a zip, with what there is to
// say of each, and messages about those that the org does not have.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_retrieve.htm
func (c *Catalog) Retrieve(r Retrieval) ([]byte, []Properties, []Message, error) {
	g := &gathering{c: c, files: map[string][]byte{}, parts: map[*object]map[*part]bool{}, whole: map[*object]bool{}}
	if !r.Single {
		g.prefix = "unpackaged/"
	}
	for _, m := range r.Types {
		g.gather(m)
	}
	g.writeObjects()
	found := &Manifest{Version: r.Version}
	for _, m := range r.Types {
		if names := g.names[m.Type]; len(names) > 0 {
			slices.Sort(names)
			found.Types = append(found.Types, Members{m.Type, slices.Compact(names)})
		}
	}
	g.files["package.xml"] = found.element().File()
	g.properties = append(g.properties, Properties{Type: "Package", FullName: g.prefix + "package.xml", FileName: g.prefix + "package.xml",
		Stamp: Stamp{Created: r.At, Modified: r.At}})
	data, err := g.zip(r.At)
	return data, g.properties, g.messages, err
}

// gathering is one Retrieve at work.
type gathering struct {
	c          *Catalog
	prefix     string
	files      map[string][]byte // by path below the prefix
	whole      map[*object]bool
	parts      map[*object]map[*part]bool
	names      map[string][]string // of what was found, by type
	properties []Properties
	messages   []Message
}

func (g *gathering) tell(format string, args ...any) {
	g.messages = append(g.messages, Message{FileName: g.prefix + "package.xml", Problem: fmt.Sprintf(format, args...), ProblemType: "Error"})
}

func (g *gathering) found(p Properties) {
	if g.names == nil {
		g.names = map[string][]string{}
	}
	g.names[p.Type] = append(g.names[p.Type], p.FullName)
	p.FileName = g.prefix + p.FileName
	g.properties = append(g.properties, p)
}

func (g *gathering) gather(m Members) {
	if _, _, ok := typeOf(m.Type); !ok {
		g.tell("Entity type '%s' is unknown", m.Type)
		return
	}
	all, err := g.c.List(m.Type)
	if err != nil {
		g.tell("%v", err)
		return
	}
	for _, name := range m.Names {
		matched := false
		for _, p := range all {
			standard := p.Type == "CustomObject" && !strings.HasSuffix(p.FullName, "__c")
			// There is no wildcard for fields: they come with their object.
			if p.FullName != name && (name != "*" || standard || p.Type == "CustomField") {
				continue
			}
			matched = true
			g.take(p)
		}
		if !matched && name != "*" {
			g.tell("Entity of type '%s' named '%s' cannot be found", m.Type, name)
		}
	}
}

// take notes a component's files.
func (g *gathering) take(p Properties) {
	g.found(p)
	object, name, _ := strings.Cut(p.FullName, ".")
	element, isPart := partOf(p.Type)
	switch {
	case p.Type == "CustomObject":
		g.whole[g.c.object(p.FullName)] = true
	case isPart:
		o := g.c.object(object)
		if g.parts[o] == nil {
			g.parts[o] = map[*part]bool{}
		}
		g.parts[o][o.part(element, name)] = true
	default:
		for _, f := range g.c.kept[key{p.Type, strings.ToLower(p.FullName)}].Files {
			g.files[f.Path] = f.Data
		}
	}
}

// writeObjects writes the files of objects: whole ones, and those of which only
// parts were asked for.
func (g *gathering) writeObjects() {
	for o := range g.whole {
		g.files["objects/"+o.name+".object"] = g.c.wholeObject(o).File()
	}
	for o, parts := range g.parts {
		if g.whole[o] {
			continue
		}
		root := &Element{Name: "CustomObject"}
		for element := range o.parts {
			for _, p := range o.sorted(element) {
				if parts[p] {
					root.Children = append(root.Children, p.element)
				}
			}
		}
		g.files["objects/"+o.name+".object"] = root.File()
	}
}

func (g *gathering) zip(at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	paths := make([]string, 0, len(g.files))
	for p := range g.files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		f, err := w.CreateHeader(&zip.FileHeader{Name: g.prefix + p, Method: zip.Deflate, Modified: at})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(g.files[p]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// Read gives a component as an element, as readMetadata does: a CustomObject with
// its parts, or one part. It knows no other types.
func (c *Catalog) Read(typeName, fullName string) (*Element, bool) {
	if typeName == "CustomObject" {
		o := c.object(fullName)
		if o == nil {
			return nil, false
		}
		e := c.wholeObject(o)
		e.Children = append(e.Children, NewElement("fullName", o.name))
		return e, true
	}
	element, isPart := partOf(typeName)
	object, name, _ := strings.Cut(fullName, ".")
	o := c.object(object)
	if !isPart || o == nil {
		return nil, false
	}
	p := o.part(element, name)
	if p == nil {
		return nil, false
	}
	e := &Element{Name: typeName}
	for _, child := range p.element.Children {
		if child.Name == "fullName" {
			child = NewElement("fullName", o.name+"."+child.Text)
		}
		e.Children = append(e.Children, child)
	}
	return e, true
}

// Content gives the files of a component that the org keeps and does not
// understand: its content, and the element beside it, empty if there is none.
func (c *Catalog) Content(typeName, fullName string) (data []byte, meta *Element) {
	meta = &Element{}
	k := c.kept[key{typeName, strings.ToLower(fullName)}]
	if k == nil {
		return nil, meta
	}
	for _, f := range k.Files {
		if !strings.HasSuffix(f.Path, metaSuffix) {
			data = f.Data
		} else if e, err := Parse(f.Data); err == nil {
			meta = e
		}
	}
	return data, meta
}
