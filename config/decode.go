package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/partnersync/partnersync/internal/tame"
)

// decoder reads a YAML document into a Config, key by key, so that every fault
// of a file is found in one pass and every key remembers its line.
type decoder struct {
	source source
	keys   []string
	faults []Fault
	// origins says where each key that the file states is stated.
	origins map[string]origin
}

// decode reads src into c. Faults that it finds leave the key's default.
func decode(src source, c *Config) (map[string]origin, []Fault) {
	d := &decoder{source: src, keys: Keys(), origins: map[string]origin{}}
	if err := tame.YAML(src.text); err != nil {
		d.faults = append(d.faults, Fault{Where: src.path, Message: err.Error()})
		return d.origins, d.faults
	}
	file, err := parser.ParseBytes(src.text, 0)
	if err != nil {
		d.syntax(err)
		return d.origins, d.faults
	}
	for i, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			d.fault("", doc.Body.GetToken(), "a second document begins here; the file is one document")
		default:
			d.section("", doc.Body, reflect.ValueOf(c).Elem())
		}
	}
	return d.origins, d.faults
}

func (d *decoder) syntax(err error) {
	var located yaml.Error
	if !errors.As(err, &located) {
		d.faults = append(d.faults, Fault{Where: d.source.path, Message: "not YAML: " + err.Error()})
		return
	}
	d.fault("", located.GetToken(), "not YAML: "+located.GetMessage())
}

// section reads a mapping node into a struct.
func (d *decoder) section(prefix string, node ast.Node, into reflect.Value) {
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return // a section with nothing in it keeps its defaults
	default:
		d.fault(prefix, node.GetToken(), "expected keys and values here, one a line")
		return
	}
	for _, e := range entries {
		key := join(prefix, e.Key.GetToken().Value)
		field, ok := fieldOf(into, e.Key.GetToken().Value)
		if !ok {
			d.fault(key, e.Key.GetToken(), "unknown key"+d.suggest(key))
			continue
		}
		if isSection(field.Type()) {
			d.section(key, e.Value, field)
			continue
		}
		d.value(key, e.Value, field)
	}
}

func (d *decoder) suggest(key string) string {
	if near := nearest(key, d.keys); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; docs/configuration.md lists the keys"
}

// value reads a scalar node into a field. The text is taken as it was written,
// so that `api_version: 62.0` and `client_id: 007` mean what they show.
func (d *decoder) value(key string, node ast.Node, into reflect.Value) {
	var text string
	switch n := node.(type) {
	case *ast.NullNode:
		return
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		text = node.GetToken().Value
	default:
		d.fault(key, node.GetToken(), "expected one plain value here (no list, keys, tag, anchor or alias)")
		return
	}
	d.origins[key] = d.source.at(node.GetToken())
	if err := set(into, text); err != nil {
		d.fault(key, node.GetToken(), err.Error())
	}
}

func (d *decoder) fault(key string, at *token.Token, message string) {
	f := Fault{Key: key, Where: d.source.path, Message: message}
	if at != nil {
		o := d.source.at(at)
		f.Where, f.Line, f.Column, f.Excerpt = o.where(), o.line, o.column, o.excerpt(key)
	}
	d.faults = append(d.faults, f)
}

// set reads text into a field of one of the types that settings have.
func set(into reflect.Value, text string) error {
	if u, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch into.Interface().(type) {
	case string:
		into.SetString(text)
	case bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		into.SetBool(text == "true")
	case int, int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		into.SetInt(n)
	case time.Duration:
		n, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration like 30s, 5m or 1h30m", text)
		}
		into.SetInt(int64(n))
	default:
		return fmt.Errorf("settings of type %s are not known here", into.Type())
	}
	return nil
}
