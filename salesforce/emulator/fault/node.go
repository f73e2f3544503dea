package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a plan's document.
const (
	maxPlan  = 64 << 10
	maxDepth = 32
	maxNodes = 20_000
)

// node is a value of a document, of either language, with its place.
type node struct {
	line, column int
	kind         nodeKind
	text         string // of a scalar, as it was written
	keys         []*node
	values       []*node // of a list or, in the order of keys, of a mapping
}

type nodeKind int

const (
	scalar nodeKind = iota
	list
	mapping
	null
)

func (k nodeKind) String() string {
	return [...]string{"a plain value", "a list", "keys and values", "nothing"}[k]
}

// parse reads a document into nodes. What begins with a brace and is valid JSON
// is read as JSON, since YAML allows no tabs and knows no surrogate pairs.
func parse(text []byte) (*node, *Problem) {
	switch {
	case len(text) > maxPlan:
		return nil, &Problem{Message: fmt.Sprintf("the plan is larger than %d kB", maxPlan>>10)}
	case !utf8.Valid(text):
		return nil, &Problem{Message: "the plan is not a text in UTF-8"}
	case json.Valid(text):
		return parseJSON(text)
	}
	return parseYAML(text)
}

// jsonReader builds nodes from the tokens of a valid JSON document.
type jsonReader struct {
	text  []byte
	d     *json.Decoder
	count int
}

func parseJSON(text []byte) (*node, *Problem) {
	r := &jsonReader{text: text, d: json.NewDecoder(bytes.NewReader(text))}
	r.d.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return nil, &Problem{Message: err.Error()}
	}
	return n, nil
}

// value reads the next value.
func (r *jsonReader) value(depth int) (*node, error) {
	if r.count++; r.count > maxNodes || depth > maxDepth {
		return nil, errors.New("the plan is nested too deeply or has too many values")
	}
	n := &node{}
	n.line, n.column = r.place()
	t, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case nil:
		n.kind = null
	case json.Delim:
		n.kind = list
		if v == '{' {
			n.kind = mapping
		}
		return n, r.members(n, depth)
	default:
		n.text = fmt.Sprint(v)
	}
	return n, nil
}

// members reads what is inside a list or a mapping, to its end.
func (r *jsonReader) members(n *node, depth int) error {
	for r.d.More() {
		if n.kind == mapping {
			key, err := r.value(depth + 1)
			if err != nil {
				return err
			}
			n.keys = append(n.keys, key)
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.values = append(n.values, v)
	}
	_, err := r.d.Token()
	return err
}

// place gives line and column of the next token.
func (r *jsonReader) place() (line, column int) {
	at := int(r.d.InputOffset())
	for at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[at]) >= 0 {
		at++
	}
	before := r.text[:min(at, len(r.text))]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

func parseYAML(text []byte) (n *node, problem *Problem) {
	// The parser is another's, and a plan may come over the network.
	defer func() {
		if r := recover(); r != nil {
			n, problem = nil, &Problem{Message: "not YAML"}
		}
	}()
	if deep(text) {
		return nil, &Problem{Message: "the plan is nested too deeply"}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, yamlProblem(err)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			line, column := placeOf(doc.Body.GetToken())
			return nil, &Problem{Line: line, Column: column, Message: "a second document begins here; a plan is one document"}
		}
		body = doc.Body
	}
	if body == nil {
		return &node{kind: null}, nil
	}
	r := &yamlReader{}
	n = r.node(body, 0)
	return n, r.problem
}

// deep says whether brackets or dashes nest deeper than any plan's would, which
// the parser would follow down the stack.
func deep(text []byte) bool {
	open := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if bytes.Count(line, []byte("- "))+bytes.Count(line, []byte("? ")) > 2*maxDepth {
			return true
		}
		open += bytes.Count(line, []byte("[")) + bytes.Count(line, []byte("{")) - bytes.Count(line, []byte("]")) - bytes.Count(line, []byte("}"))
		if open > 4*maxDepth || bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) > 16*maxDepth {
			return true
		}
	}
	return false
}

func yamlProblem(err error) *Problem {
	var located yaml.Error
	if !errors.As(err, &located) {
		return &Problem{Message: "not YAML: " + err.Error()}
	}
	line, column := placeOf(located.GetToken())
	return &Problem{Line: line, Column: column, Message: "not YAML: " + located.GetMessage()}
}

func placeOf(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}

// yamlReader builds nodes from a YAML tree, and keeps the first thing that has no
// place in a plan.
type yamlReader struct {
	count   int
	problem *Problem
}

func (r *yamlReader) node(from ast.Node, depth int) *node {
	n := &node{kind: null}
	n.line, n.column = placeOf(from.GetToken())
	if r.count++; r.count > maxNodes || depth > maxDepth {
		r.refuse(n, "the plan is nested too deeply or has too many values")
		return n
	}
	switch v := from.(type) {
	case *ast.NullNode, *ast.CommentGroupNode:
	case *ast.MappingNode:
		r.entries(n, v.Values, depth)
	case *ast.MappingValueNode:
		r.entries(n, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		n.kind = list
		for _, item := range v.Values {
			n.values = append(n.values, r.node(item, depth+1))
		}
	case *ast.StringNode:
		n.kind, n.text = scalar, v.Value
	case *ast.LiteralNode:
		n.kind, n.text = scalar, v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.kind, n.text = scalar, from.GetToken().Value
	default:
		r.refuse(n, "a plan has no tags, anchors, aliases or merges")
	}
	return n
}

func (r *yamlReader) entries(n *node, entries []*ast.MappingValueNode, depth int) {
	n.kind = mapping
	for i, e := range entries {
		key := &node{text: e.Key.GetToken().Value}
		key.line, key.column = placeOf(e.Key.GetToken())
		if i == 0 {
			n.line, n.column = key.line, key.column
		}
		if _, isMerge := e.Key.(*ast.MergeKeyNode); isMerge {
			r.refuse(key, "a plan has no tags, anchors, aliases or merges")
		}
		n.keys = append(n.keys, key)
		n.values = append(n.values, r.node(e.Value, depth+1))
	}
}

func (r *yamlReader) refuse(at *node, message string) {
	if r.problem == nil {
		r.problem = &Problem{Line: at.line, Column: at.column, Message: message}
	}
}

// readAll reads a document, which is bounded.
func readAll(in io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(in, maxPlan+1)) }
