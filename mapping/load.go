package mapping

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/partnersync/partnersync/internal/errs"
)

// maxFile bounds a mapping file; the default one has 4 kB.
const maxFile = 1 << 20

// file is the shape of a mapping file.
type file struct {
	Version int                   `yaml:"version"`
	Facts   map[string]factFile   `yaml:"facts"`
	Targets map[string]targetFile `yaml:"targets"`
}

type factFile struct {
	Object string `yaml:"object"`
	// Required is nil where the file does not say; see Load.
	Required *bool                `yaml:"required"`
	Off      bool                 `yaml:"off"`
	Fields   map[string]fieldFile `yaml:"fields"`
}

type targetFile struct {
	Object string               `yaml:"object"`
	Key    string               `yaml:"key"`
	Fields map[string]fieldFile `yaml:"fields"`
}

// fieldFile is a field in a file: a path, a list of paths, or the long form.
type fieldFile struct {
	Paths    []string
	Optional bool
	Unit     string
}

// UnmarshalYAML reads the three forms of a field.
func (f *fieldFile) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		f.Paths = []string{one}
		return nil
	}
	if unmarshal(&f.Paths) == nil {
		return nil
	}
	var long struct {
		Path     pathList `yaml:"path"`
		Optional bool     `yaml:"optional"`
		Unit     string   `yaml:"unit"`
	}
	if err := unmarshal(&long); err != nil {
		return err
	}
	f.Paths, f.Optional, f.Unit = long.Path, long.Optional, long.Unit
	return nil
}

// pathList is one path or a list of them.
type pathList []string

// UnmarshalYAML reads both forms.
func (p *pathList) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*p = []string{one}
		return nil
	}
	return unmarshal((*[]string)(p))
}

// Load reads a mapping file, which holds what differs from the default: each
// fact and target that it names replaces the default's as a whole. A fact that it
// names is required unless it says "required: false": an object that somebody
// wrote down and the org lacks is misspelt, and must not go unnoticed. name is
// what errors call the file. An error of kind errs.Invalid shows the line.
func Load(r io.Reader, name string) (*Mapping, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, errs.New(errs.Invalid, "%s is larger than %d bytes, so it is no mapping", name, maxFile)
	}
	return parse(text, name, Default())
}

// reader reads one file and collects what is wrong with it.
type reader struct {
	text []byte
	// required is what a fact is that does not say.
	required bool
	faults   []fileFault
}

func parse(text []byte, name string, base *Mapping) (*Mapping, error) {
	var f file
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return nil, errs.New(errs.Invalid, "%s cannot be read:\n%s", name, strings.TrimRight(yaml.FormatError(err, false, true), "\n"))
	}
	r := &reader{text: text, required: base != nil}
	if f.Version != 1 {
		r.fault("$.version", "version must be 1, the only one that there is")
	}
	m := &Mapping{facts: map[Kind]*Fact{}, targets: map[Target]*TargetObject{}}
	if base != nil {
		maps.Copy(m.facts, base.facts)
		maps.Copy(m.targets, base.targets)
	}
	for _, k := range slices.Sorted(maps.Keys(f.Facts)) {
		r.fact(m, Kind(k), f.Facts[k])
	}
	for _, k := range slices.Sorted(maps.Keys(f.Targets)) {
		r.target(m, Target(k), f.Targets[k])
	}
	if len(r.faults) == 0 {
		r.whole(m)
	}
	if len(r.faults) > 0 {
		return nil, r.fail(name)
	}
	return m, nil
}

func (r *reader) fact(m *Mapping, kind Kind, f factFile) {
	at := "$.facts." + string(kind)
	defs := facts[kind]
	if defs == nil {
		r.faultOfName("$.facts", string(kind), "there is no fact %q; allowed: %s", kind, joinKinds())
		return
	}
	out := &Fact{Kind: kind, Object: f.Object, IsRequired: r.required, IsOff: f.Off}
	if f.Required != nil {
		out.IsRequired = *f.Required
	}
	m.facts[kind] = out
	if f.Off {
		out.IsRequired = false
		if f.Required != nil && *f.Required {
			r.fault(at, "%s is both off and required", kind)
		}
		return
	}
	r.object(at, f.Object)
	out.Fields = r.fields(at, string(kind), defs, f.Fields)
}

func (r *reader) target(m *Mapping, target Target, f targetFile) {
	at := "$.targets." + string(target)
	defs := targets[target]
	if defs == nil {
		r.faultOfName("$.targets", string(target), "there is no target %q; allowed: %s", target, joinTargets())
		return
	}
	r.object(at, f.Object)
	if !isName.MatchString(f.Key) {
		r.fault(at, "%s needs a key: the API name of an external id field", target)
	}
	out := &TargetObject{Object: f.Object, Key: f.Key, Fields: r.fields(at, string(target), defs, f.Fields)}
	for _, field := range out.Fields {
		if len(field.Paths) != 1 {
			r.fault(at+".fields."+field.Name, "a target's field is written to one path")
		}
		if slices.ContainsFunc(field.Paths, func(p string) bool { return strings.EqualFold(p, f.Key) }) {
			r.fault(at+".fields."+field.Name, "%s is the key, which is written anyway", f.Key)
		}
	}
	m.targets[target] = out
}

// isName is the form of an API name.
var isName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// maxRelations is the platform's: a query may walk five relationships up.
const maxRelations = 5

func (r *reader) object(at, object string) {
	if !isName.MatchString(object) {
		r.fault(at, "object must be the API name of a Salesforce object; it is %q", object)
	}
}

// fields reads the fields of a fact or target in the order of their definitions.
func (r *reader) fields(at, what string, defs []FieldDef, in map[string]fieldFile) []Field {
	var out []Field
	for _, def := range defs {
		f, ok := in[def.Name]
		if !ok {
			if def.IsNeeded {
				r.fault(at, "%s needs the field %s", what, def.Name)
			}
			continue
		}
		if f.Optional && def.IsNeeded {
			r.fault(at+".fields."+def.Name, "%s of %s can't be optional: the rules can't do without it", def.Name, what)
		}
		if len(f.Paths) == 0 {
			r.fault(at+".fields."+def.Name, "%s of %s names no path", def.Name, what)
		}
		for _, path := range f.Paths {
			if !isPath(path) {
				r.fault(at+".fields."+def.Name, "%q is not the API name of a field, nor a path over at most %d relationships", path, maxRelations)
			}
		}
		switch unit := Unit(f.Unit); {
		case f.Unit == "":
		case def.Type != PercentType:
			r.fault(at+".fields."+def.Name, "%s of %s is no part of a whole, so it has no unit", def.Name, what)
		case unit != UnitPercent && unit != UnitFraction:
			r.fault(at+".fields."+def.Name, "unit of %s must be percent (60 is 60 %%) or fraction (0.6 is 60 %%)", def.Name)
		}
		out = append(out, Field{FieldDef: def, Paths: f.Paths, IsOptional: f.Optional, Unit: Unit(f.Unit)})
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !slices.ContainsFunc(defs, func(d FieldDef) bool { return d.Name == name }) {
			r.faultOfName(at+".fields", name, "%s has no field %q; allowed: %s", what, name, joinFields(defs))
		}
	}
	return out
}

func isPath(path string) bool {
	parts := strings.Split(path, ".")
	return len(parts) <= maxRelations+1 && !slices.ContainsFunc(parts, func(p string) bool { return !isName.MatchString(p) })
}

// whole checks what concerns several facts at once.
func (r *reader) whole(m *Mapping) {
	readFrom := map[string]Kind{}
	for _, kind := range Kinds() {
		f := m.facts[kind]
		if f == nil {
			r.fault("$.facts", "the fact %s is missing", kind)
			continue
		}
		if f.IsOff {
			continue
		}
		object := strings.ToLower(f.Object)
		if other, taken := readFrom[object]; taken {
			r.fault("$.facts."+string(kind), "%s and %s are both read from %s; one object states one kind of fact", other, kind, f.Object)
		}
		readFrom[object] = kind
		if kind.IsHistory() {
			r.tracked(m, kind)
		}
	}
	for _, t := range Targets() {
		if o := m.targets[t]; o == nil {
			r.fault("$.targets", "the target %s is missing", t)
		} else if kind, taken := readFrom[strings.ToLower(o.Object)]; taken {
			// R9.3: no field is both read and written. One object on both sides
			// would be read back at each push.
			r.fault("$.targets."+string(t), "%s is written to %s, from which %s is read (R9.3)", t, o.Object, kind)
		}
	}
}

// tracked checks that a history kind knows which field it follows.
func (r *reader) tracked(m *Mapping, kind Kind) {
	subject := m.facts[kind.tracks()]
	if subject == nil || subject.IsOff {
		r.fault("$.facts."+string(kind), "%s follows %s, which is off", kind, kind.tracks())
		return
	}
	if f, ok := subject.field("partner_id"); ok && strings.Contains(f.Paths[0], ".") {
		r.fault("$.facts."+string(kind), "%s follows %s, which is no field of %s itself", kind, f.Paths[0], subject.Object)
	}
}

func joinKinds() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func joinTargets() string {
	var names []string
	for _, t := range Targets() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

func joinFields(defs []FieldDef) string {
	var names []string
	for _, d := range defs {
		names = append(names, d.Name)
	}
	return strings.Join(names, ", ")
}
