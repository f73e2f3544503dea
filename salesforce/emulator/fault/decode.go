package fault

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of what a plan may say.
const (
	maxRules    = 200
	maxDuration = 366 * 24 * time.Hour
	maxWait     = time.Hour
)

// Parse reads a plan in YAML or JSON; name is what errors call it. An error is an
// *Error with everything that is wrong, in the order of the document. An empty
// document is a plan without rules.
func Parse(text []byte, name string) (*Plan, error) {
	root, problem := parse(text)
	if problem != nil {
		return nil, &Error{Name: name, Problems: []Problem{*problem}}
	}
	d := &decoder{}
	p := &Plan{text: string(text)}
	d.fields("", root, fields{"rules": func(key string, n *node) { p.Rules = d.rules(key, n) }})
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b Problem) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		return nil, &Error{Name: name, Problems: d.problems}
	}
	return p, nil
}

// Read is Parse of what a reader holds.
func Read(in io.Reader, name string) (*Plan, error) {
	text, err := readAll(in)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return Parse(text, name)
}

// decoder turns nodes into rules and collects what is wrong.
type decoder struct {
	problems []Problem
}

func (d *decoder) fault(key string, at *node, format string, args ...any) {
	d.problems = append(d.problems, Problem{Line: at.line, Column: at.column, Key: key, Message: fmt.Sprintf(format, args...)})
}

// fields says how each key of a mapping is read.
type fields map[string]func(key string, n *node)

// fields reads a mapping whose keys are known; it gives the keys that are there.
func (d *decoder) fields(key string, n *node, known fields) map[string]bool {
	seen := map[string]bool{}
	if n.kind == null {
		return seen
	}
	if n.kind != mapping {
		d.fault(key, n, "expected keys and values here, not %s", n.kind)
		return seen
	}
	for i, k := range n.keys {
		inner := strings.TrimPrefix(key+"."+k.text, ".")
		read, ok := known[k.text]
		switch {
		case !ok:
			d.fault(inner, k, "unknown key; known here: %s", strings.Join(sortedKeys(known), ", "))
		case seen[k.text]:
			d.fault(inner, k, "the key is there twice")
		default:
			seen[k.text] = true
			read(inner, n.values[i])
		}
	}
	return seen
}

func sortedKeys(m fields) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (d *decoder) rules(key string, n *node) []Rule {
	if n.kind == null {
		return nil
	}
	if n.kind != list {
		d.fault(key, n, "expected a list of rules here, not %s", n.kind)
		return nil
	}
	if len(n.values) > maxRules {
		d.fault(key, n, "a plan has at most %d rules, not %d", maxRules, len(n.values))
		return nil
	}
	out := make([]Rule, len(n.values))
	names := map[string]bool{}
	for i, item := range n.values {
		inner := fmt.Sprintf("%s[%d]", key, i)
		d.rule(inner, item, &out[i])
		if name := out[i].Name; name != "" && names[name] {
			d.fault(inner+".name", item, "another rule has the name %q", name)
		} else {
			names[name] = true
		}
	}
	return out
}

func (d *decoder) rule(key string, n *node, r *Rule) {
	seen := d.fields(key, n, fields{
		"name":  d.text(&r.Name),
		"when":  func(key string, n *node) { d.match(key, n, &r.When) },
		"times": d.number(&r.Times, 1, 1_000_000_000),
		"do":    func(key string, n *node) { d.action(key, n, &r.Do) },
	})
	for _, needed := range []string{"name", "do"} {
		if !seen[needed] {
			d.fault(key, n, "the rule has no %s", needed)
		}
	}
}

// text reads any plain value but the empty one.
func (d *decoder) text(into *string) func(string, *node) {
	return func(key string, n *node) {
		if n.kind != scalar || n.text == "" {
			d.fault(key, n, "expected a text here")
			return
		}
		*into = n.text
	}
}

// any reads a plain value, which may be empty.
func (d *decoder) any(into *string) func(string, *node) {
	return func(key string, n *node) {
		switch n.kind {
		case scalar:
			*into = n.text
		case null:
		default:
			d.fault(key, n, "expected a text here, not %s", n.kind)
		}
	}
}

func (d *decoder) number(into *int, lowest, highest int) func(string, *node) {
	return func(key string, n *node) {
		i, err := strconv.Atoi(n.text)
		if n.kind != scalar || err != nil || i < lowest || i > highest {
			d.fault(key, n, "expected a whole number from %d to %d", lowest, highest)
			return
		}
		*into = i
	}
}

func (d *decoder) share(into *float64) func(string, *node) {
	return func(key string, n *node) {
		f, err := strconv.ParseFloat(n.text, 64)
		if n.kind != scalar || err != nil || !(f >= 0 && f <= 1) {
			d.fault(key, n, "expected a number from 0 to 1")
			return
		}
		*into = f
	}
}

func (d *decoder) duration(into *time.Duration, lowest, highest time.Duration) func(string, *node) {
	return func(key string, n *node) {
		t, err := time.ParseDuration(n.text)
		if n.kind != scalar || err != nil || t < lowest || t > highest {
			d.fault(key, n, "expected a duration like 250ms, 30s or 1h30m, from %s to %s", lowest, highest)
			return
		}
		*into = t
	}
}

func (d *decoder) pattern(into **regexp.Regexp) func(string, *node) {
	return func(key string, n *node) {
		re, err := regexp.Compile(n.text)
		if n.kind != scalar || n.text == "" || err != nil {
			d.fault(key, n, "expected a regular expression")
			return
		}
		*into = re
	}
}

// texts reads one plain value or a list of them.
func (d *decoder) texts(key string, n *node) []*node {
	switch n.kind {
	case scalar:
		return []*node{n}
	case list:
		for _, v := range n.values {
			if v.kind != scalar || v.text == "" {
				d.fault(key, v, "expected a text here")
				return nil
			}
		}
		if len(n.values) > 0 {
			return n.values
		}
	}
	d.fault(key, n, "expected a text or a list of texts here")
	return nil
}

func (d *decoder) names(into *[]string) func(string, *node) {
	return func(key string, n *node) {
		for _, v := range d.texts(key, n) {
			*into = append(*into, v.text)
		}
	}
}

// oneOf reads a word of a closed list.
func oneOf[T ~string](d *decoder, into *T, words ...T) func(string, *node) {
	return func(key string, n *node) {
		if n.kind != scalar || !slices.Contains(words, T(n.text)) {
			all := make([]string, len(words))
			for i, w := range words {
				all[i] = string(w)
			}
			d.fault(key, n, "expected one of %s", strings.Join(all, ", "))
			return
		}
		*into = T(n.text)
	}
}
