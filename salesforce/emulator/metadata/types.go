package metadata

import (
	_ "embed"
	"strings"
	"sync"
)

// Type is a type of metadata.
type Type struct {
	Name      string
	Directory string
	Suffix    string // "" for a bundle
	// InFolder says that members lie in folders: Report, Dashboard.
	InFolder bool
	// MetaFile says that a member is a content file beside a -meta.xml file.
	MetaFile bool
	// Bundle says that a member is a directory.
	Bundle   bool
	Children []string
}

//go:embed types.txt
var typesText string

type typeTable struct {
	all         []Type
	byName      map[string]*Type
	byDirectory map[string][]*Type
	parent      map[string]*Type // of a child type
}

var types = sync.OnceValue(func() typeTable {
	t := typeTable{byName: map[string]*Type{}, byDirectory: map[string][]*Type{}, parent: map[string]*Type{}}
	for line := range strings.Lines(typesText) {
		words := strings.Fields(line)
		if len(words) < 4 || words[0] == "#" {
			continue
		}
		typ := Type{Name: words[0], Directory: words[1], Suffix: strings.TrimPrefix(words[2], "-"),
			InFolder: strings.Contains(words[3], "folder"), MetaFile: strings.Contains(words[3], "meta"), Bundle: words[3] == "bundle"}
		if len(words) > 4 {
			typ.Children = strings.Split(words[4], ",")
		}
		t.all = append(t.all, typ)
	}
	for i := range t.all {
		typ := &t.all[i]
		t.byName[typ.Name] = typ
		t.byDirectory[typ.Directory] = append(t.byDirectory[typ.Directory], typ)
		for _, child := range typ.Children {
			t.parent[child] = typ
		}
	}
	return t
})

// Types lists the types that the org knows, in the order of their names.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_describe.htm
func Types() []Type { return append([]Type(nil), types().all...) }

// typeOf finds a type by name, or the type of which it is a child.
func typeOf(name string) (typ *Type, isChild, ok bool) {
	t := types()
	if typ, ok := t.byName[name]; ok {
		return typ, false, true
	}
	typ, ok = t.parent[name]
	return typ, ok, ok
}

// objectParts are the elements of a CustomObject that are components of their
// own, and the types of those.
var objectParts = map[string]string{
	"businessProcesses": "BusinessProcess", "compactLayouts": "CompactLayout", "fields": "CustomField",
	"fieldSets": "FieldSet", "indexes": "Index", "listViews": "ListView", "recordTypes": "RecordType",
	"sharingReasons": "SharingReason", "validationRules": "ValidationRule", "webLinks": "WebLink",
}

// partOf gives the element of a CustomObject in which components of a type are.
func partOf(typeName string) (string, bool) {
	for part, name := range objectParts {
		if name == typeName {
			return part, true
		}
	}
	return "", false
}
