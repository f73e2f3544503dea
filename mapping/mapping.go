package mapping

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/partnersync/partnersync/internal/errs"
)

//go:embed default.yaml
var defaultYAML []byte

// Mapping is a checked mapping. It is never changed after it was read, so that
// goroutines may share it.
type Mapping struct {
	facts   map[Kind]*Fact
	targets map[Target]*TargetObject
}

// Fact says where the facts of a kind come from.
type Fact struct {
	Kind Kind
	// Object is the API name of the Salesforce object.
	Object string
	// IsRequired says that the absence of the object stops the mapping, which is
	// a problem. The absence of another object switches its mapping off with a
	// notice. What a file names is required unless the file says otherwise.
	IsRequired bool
	// IsOff says that the mapping was switched off in the file.
	IsOff bool
	// Fields are in the order of Kind.Fields, without those that the mapping
	// leaves out.
	Fields []Field
}

// Field says where one field of a fact comes from.
type Field struct {
	FieldDef
	// Paths are the alternatives: the first that the org has is read. A path is
	// the API name of a field, behind the relationships that lead to it, joined
	// by dots.
	Paths []string
	// IsOptional says that the org may lack the field; the fact's is then null.
	IsOptional bool
	// Unit says, of a part of a whole, what 60 per cent is in the record. "" leaves
	// it to the platform's type of the field: a percent field has 60.
	Unit Unit
}

// Unit says how a record writes a part of a whole.
type Unit string

// The units.
const (
	UnitPercent  Unit = "percent"  // 60 is sixty per cent
	UnitFraction Unit = "fraction" // 0.6 is sixty per cent
)

var defaultMapping = sync.OnceValue(func() *Mapping {
	m, err := parse(defaultYAML, "the default mapping", nil)
	if err != nil {
		panic(err) // it is embedded, and a test reads it
	}
	return m
})

// Default gives the embedded mapping, which follows the names of the package.
func Default() *Mapping { return defaultMapping() }

// Fact gives the mapping of a kind, and whether it is switched on.
func (m *Mapping) Fact(kind Kind) (Fact, bool) {
	f := m.facts[kind]
	if f == nil {
		return Fact{}, false
	}
	return *f, !f.IsOff
}

// Object gives the API name of the object from which facts of the kind come, or
// "" if the mapping is switched off. It is the object of the staged records.
func (m *Mapping) Object(kind Kind) string {
	f, ok := m.Fact(kind)
	if !ok {
		return ""
	}
	return f.Object
}

// Select lists the paths of a kind, all alternatives included, behind Id, the
// stamp and IsDeleted. What an org is really asked for is what Resolve found.
func (m *Mapping) Select(kind Kind) []string {
	out := []string{"Id", kind.Stamp(), "IsDeleted"}
	f, ok := m.Fact(kind)
	if !ok {
		return nil
	}
	for _, field := range f.Fields {
		for _, path := range field.Paths {
			out = appendPath(out, path)
		}
	}
	return out
}

// appendPath adds a path that is not there yet; a query that names a field twice
// is refused.
func appendPath(paths []string, path string) []string {
	if slices.ContainsFunc(paths, func(p string) bool { return strings.EqualFold(p, path) }) {
		return paths
	}
	return append(paths, path)
}

// Stamp is the field that orders the versions of a record: SystemModstamp, and
// CreatedDate for rows of a history object.
func (k Kind) Stamp() string {
	if k.IsHistory() {
		return "CreatedDate"
	}
	return "SystemModstamp"
}

// field gives a mapped field of a fact.
func (f *Fact) field(name string) (Field, bool) {
	i := slices.IndexFunc(f.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return f.Fields[i], true
}

// lookup gives the mapping of a kind that is switched on, or says what is wrong.
func (m *Mapping) lookup(kind Kind) (*Fact, error) {
	f := m.facts[kind]
	if f == nil || f.IsOff {
		return nil, errs.New(errs.Invalid, "the mapping of %s is switched off", kind)
	}
	return f, nil
}
