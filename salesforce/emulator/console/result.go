package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/sfid"
)

// node is a value of JSON that keeps the order of its keys and the text of its
// numbers.
type node struct {
	kind     byte // '{', '[', '"', '0' for a number, 'b' for a boolean, 'n' for null
	text     string
	keys     []string
	children []node
}

// maxDepth bounds how deep an answer may be nested: lookups go five deep, within
// a subquery.
const maxDepth = 40

// parseJSON reads one value.
func parseJSON(b []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	n, err := readNode(d, 0)
	if err != nil {
		return n, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return n, errors.New("there is more behind the answer")
	}
	return n, nil
}

func readNode(d *json.Decoder, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fmt.Errorf("the answer is nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return node{}, err
	}
	switch v := t.(type) {
	case json.Delim:
		return readNested(d, byte(v), depth)
	case string:
		return node{kind: '"', text: v}, nil
	case json.Number:
		return node{kind: '0', text: v.String()}, nil
	case bool:
		return node{kind: 'b', text: fmt.Sprint(v)}, nil
	}
	return node{kind: 'n'}, nil
}

func readNested(d *json.Decoder, kind byte, depth int) (node, error) {
	n := node{kind: kind}
	for d.More() {
		if kind == '{' {
			key, err := d.Token()
			if err != nil {
				return n, err
			}
			n.keys = append(n.keys, fmt.Sprint(key))
		}
		child, err := readNode(d, depth+1)
		if err != nil {
			return n, err
		}
		n.children = append(n.children, child)
	}
	_, err := d.Token() // the closing bracket
	return n, err
}

// get gives a value of an object; null if it has none of the name.
func (n node) get(key string) node {
	if n.kind == '{' {
		if i := slices.Index(n.keys, key); i >= 0 {
			return n.children[i]
		}
	}
	return node{kind: 'n'}
}

// table is a result as rows and columns. Fields of parents are columns with the
// path as their name; a subquery is a table in a cell.
type table struct {
	Columns []column
	Rows    [][]cell
	Total   string // how many records there are in all
	// Partial says that a subquery has more records than it gave.
	Partial bool
}

// column is a column of a result.
type column struct {
	Name     string
	IsNumber bool
}

// spread gives the columns of records, and each record by column.
func spread(records node) (names []string, rows []map[string]node) {
	for _, r := range records.children {
		row := map[string]node{}
		names, _ = flatten(r, "", row, names, 0)
		rows = append(rows, row)
	}
	all := names
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return isEmptyParent(name, all, rows) }), rows
}

// tableOf makes a table of records.
func tableOf(records node, isID func(string) bool) *table {
	t := &table{}
	names, rows := spread(records)
	for _, name := range names {
		t.Columns = append(t.Columns, column{Name: name, IsNumber: isNumberColumn(name, rows)})
	}
	for _, row := range rows {
		cells := make([]cell, 0, len(names))
		for _, name := range names {
			cells = append(cells, resultCell(row[name], isID))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// flatten puts the fields of a record and of its parents into a row, whose names
// begin with path, and adds the names of new columns behind at, next to their kin.
// It gives the names and the place behind the last one.
func flatten(r node, path string, row map[string]node, names []string, at int) ([]string, int) {
	for i, key := range r.keys {
		v := r.children[i]
		if key == "attributes" && v.kind == '{' {
			continue
		}
		name := path + key
		if last := lastOf(names, name); last >= 0 {
			at = last + 1
		}
		if v.kind == '{' && v.get("records").kind != '[' {
			names, at = flatten(v, name+".", row, names, at)
			continue
		}
		row[name] = v
		if !slices.Contains(names, name) {
			names = slices.Insert(names, at, name)
			at++
		}
	}
	return names, at
}

// lastOf finds the last column of a name, or of what lies below it; -1 for none.
func lastOf(names []string, name string) int {
	for i := len(names) - 1; i >= 0; i-- {
		if names[i] == name || strings.HasPrefix(names[i], name+".") {
			return i
		}
	}
	return -1
}

// isEmptyParent says whether a column is only there because some records have no
// parent of the name.
func isEmptyParent(name string, names []string, rows []map[string]node) bool {
	if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, name+".") }) {
		return false
	}
	return !slices.ContainsFunc(rows, func(row map[string]node) bool {
		v, ok := row[name]
		return ok && v.kind != 'n'
	})
}

func isNumberColumn(name string, rows []map[string]node) bool {
	seen := false
	for _, row := range rows {
		switch v, ok := row[name]; {
		case !ok || v.kind == 'n':
		case v.kind == '0':
			seen = true
		default:
			return false
		}
	}
	return seen
}

// resultCell shows a value as the API writes it.
func resultCell(v node, isID func(string) bool) cell {
	switch v.kind {
	case '0':
		return cell{Text: v.text, Kind: "number"}
	case 'b':
		return cell{Text: v.text, Kind: "flag"}
	case '"':
		if len(v.text) == 18 && isID(v.text) {
			return cell{Text: v.text, Kind: "code", Href: recordPath(v.text)}
		}
		if strings.Contains(v.text, "\n") {
			return cell{Text: v.text, Kind: "block"}
		}
		return cell{Text: v.text}
	case '{': // a subquery
		t := tableOf(v.get("records"), isID)
		t.Total = v.get("totalSize").text
		t.Partial = v.get("done").text == "false"
		return cell{Table: t}
	case '[':
		return cell{Text: v.json(), Kind: "code"}
	}
	return cell{}
}

// json writes a value again.
func (n node) json() string {
	var b strings.Builder
	switch n.kind {
	case '"':
		text, err := json.Marshal(n.text)
		if err != nil {
			return `""`
		}
		return string(text)
	case 'n':
		return "null"
	case '{', '[':
		b.WriteByte(n.kind)
		for i, c := range n.children {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.kind == '{' {
				b.WriteString(node{kind: '"', text: n.keys[i]}.json() + ":")
			}
			b.WriteString(c.json())
		}
		b.WriteByte(n.kind + 2) // the bracket that closes it, in ASCII
		return b.String()
	}
	return n.text
}

// isRecordID says whether a text is the id of a record that the org has. It takes
// the lock.
func (rd *reader) isRecordID(text string) bool {
	id, err := sfid.Parse(text)
	if err != nil {
		return false
	}
	rd.st.RLock()
	defer rd.st.RUnlock()
	_, r := rd.find(id)
	return r != nil
}
