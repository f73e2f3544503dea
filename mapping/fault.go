package mapping

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/printer"
	"github.com/goccy/go-yaml/token"

	"github.com/partnersync/partnersync/internal/errs"
)

// fileFault is something that is wrong at a line of the file; 0 for no line.
type fileFault struct {
	line int
	text string
}

// fault notes what is wrong with the value at a YAML path, whose last part is a
// name of ours, and shows the lines around it.
func (r *reader) fault(path, format string, args ...any) {
	last := strings.LastIndexByte(path, '.')
	r.note(r.find(path[:last], path[last+1:], false), fmt.Sprintf(format, args...))
}

// faultOfName notes what is wrong with a name in the mapping at a YAML path.
func (r *reader) faultOfName(path, name, format string, args ...any) {
	r.note(r.find(path, name, true), fmt.Sprintf(format, args...))
}

// note keeps a fault, with the lines around the token if there is one.
func (r *reader) note(at *token.Token, text string) {
	f := fileFault{text: text}
	if at != nil {
		f.line = at.Position.Line
		var p printer.Printer
		// A point keeps TrimSpace away from the first line's indentation.
		for line := range strings.Lines(strings.TrimSpace("." + p.PrintErrorToken(at, false))) {
			f.text += "\n" + strings.TrimRight(strings.TrimPrefix(line, "."), " \n")
		}
	}
	r.faults = append(r.faults, f)
}

// find gives the token to point at for an entry of the mapping at a YAML path:
// its name or, unless the name itself is meant, its value if that is no mapping.
// It is nil if the file has no such entry.
func (r *reader) find(path, name string, isName bool) *token.Token {
	p, err := yaml.PathString(path)
	if err != nil {
		return nil
	}
	node, err := p.ReadNode(bytes.NewReader(r.text))
	if err != nil {
		return nil
	}
	for _, entry := range entries(node) {
		if key := entry.Key.GetToken(); key.Value == name {
			if isName || entries(entry.Value) != nil {
				return key
			}
			return entry.Value.GetToken()
		}
	}
	return nil
}

// entries gives the entries of a mapping, and nil for anything else.
func entries(node ast.Node) []*ast.MappingValueNode {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	case *ast.AnchorNode:
		return entries(n.Value)
	}
	return nil
}

// fail makes one error of all faults, in the order of the lines.
func (r *reader) fail(name string) error {
	slices.SortStableFunc(r.faults, func(a, b fileFault) int { return a.line - b.line })
	texts := make([]string, len(r.faults))
	for i, f := range r.faults {
		texts[i] = f.text
	}
	return errs.New(errs.Invalid, "%s has %d fault(s):\n%s", name, len(texts), strings.Join(texts, "\n")).
		WithHint("docs/mapping.md describes the file.")
}
