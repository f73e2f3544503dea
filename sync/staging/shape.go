package staging

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// Form is how the values of a column are written in a payload. The REST API says
// with its JSON what a value is; a cell of CSV is text, whatever it means.
type Form uint8

// The forms.
const (
	// FormText is a string: texts, ids, picklists, dates.
	FormText Form = iota
	// FormNumber is a number without an exponent and without zeros that say nothing.
	FormNumber
	// FormBool is true or false.
	FormBool
	// FormTime is an instant in UTC, 2026-11-20T12:00:00.000+0000.
	FormTime
	// FormAny is a string too, even where the REST API sends a number or a checkbox:
	// the values in a history are of the type of the field that they are about.
	FormAny
)

// FormOf gives the form for one of the platform's types of fields.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
func FormOf(platformType string) Form {
	switch strings.ToLower(platformType) {
	case "currency", "double", "percent", "int", "integer", "long":
		return FormNumber
	case "boolean":
		return FormBool
	case "datetime":
		return FormTime
	case "anytype":
		return FormAny
	}
	return FormText
}

// Column is one field that a query selects.
type Column struct {
	// Path is the field as it stands in the query, behind the relationships that
	// lead to it: Owner.Name.
	Path string
	Form Form
}

// Shape knows the records of one query: their fields in the query's order, in which
// records are received, and in the order of names, in which payloads are written.
// It is never changed after it was made.
type Shape struct {
	object  string
	stamp   string
	columns []Column
	root    *node
	// Places among the columns of what a Record has a field for; deleted may be -1.
	id, at, deleted int
}

// node is a member of a record: a field, or a parent with members of its own.
type node struct {
	name   string
	head   string // `"Name":`
	column int    // of a field; -1 for a parent
	// leaves are the columns at and below the node.
	leaves []int
	// received are the members in the query's order, written in that of their names.
	received, written []*node
}

// NewShape describes the records of a query of an object whose versions the field
// stamp orders. Id and the stamp have to be among the columns.
func NewShape(object, stamp string, columns []Column) (*Shape, error) {
	s := &Shape{object: object, stamp: stamp, columns: slices.Clone(columns), root: &node{column: -1}, id: -1, at: -1, deleted: -1}
	for i, c := range columns {
		switch c.Path {
		case "Id":
			s.id = i
		case stamp:
			s.at = i
		case "IsDeleted":
			s.deleted = i
		}
		parts := strings.Split(c.Path, ".")
		if len(parts) >= maxDepth || !s.root.add(parts, i) {
			return nil, errs.New(errs.Invalid, "%s cannot be read: its column %s contradicts another", object, c.Path)
		}
	}
	if s.id < 0 || s.at < 0 {
		return nil, errs.New(errs.Invalid, "%s cannot be read without Id and %s", object, stamp)
	}
	s.root.sort()
	return s, nil
}

// add puts a column below the node; false means that its place is taken.
func (n *node) add(path []string, column int) bool {
	n.leaves = append(n.leaves, column)
	m := n.member(path[0])
	isNew := m == nil
	if isNew {
		m = &node{name: path[0], head: string(appendName(nil, path[0])), column: -1}
		n.received = append(n.received, m)
	}
	if len(path) == 1 {
		m.column, m.leaves = column, []int{column}
		return isNew
	}
	return m.column < 0 && m.add(path[1:], column)
}

func (n *node) member(name string) *node {
	for _, m := range n.received {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (n *node) sort() {
	n.written = slices.Clone(n.received)
	slices.SortFunc(n.written, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	for _, m := range n.received {
		m.sort()
	}
}

// Receiver makes Records of what a query gives. It is for one goroutine.
type Receiver struct {
	shape *Shape
	// cells are the values of the record in hand, by column.
	cells []cell
	// cellOf says for each column of CSV which of ours it is.
	cellOf []int
	arena  []byte
}

// cell is a value as it was received; nil is null.
type cell []byte

// NewReceiver gives a Receiver for records of the shape.
func (s *Shape) NewReceiver() *Receiver {
	return &Receiver{shape: s, cells: make([]cell, len(s.columns))}
}

// arenaSize is how many bytes payloads are cut from at a time.
const arenaSize = 128 << 10

// room gives an empty slice at the arena's end with space for n bytes.
func (r *Receiver) room(n int) []byte {
	if cap(r.arena)-len(r.arena) < n {
		r.arena = make([]byte, 0, max(arenaSize, n))
	}
	return r.arena[len(r.arena):]
}

// keep ends what was written into room, and gives it for good. What outgrew its
// room stands elsewhere already.
func (r *Receiver) keep(b []byte) []byte {
	if from := len(r.arena); len(b) <= cap(r.arena)-from {
		r.arena = r.arena[:from+len(b)]
	}
	return b[:len(b):len(b)]
}
