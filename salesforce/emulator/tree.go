package emulator

import (
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// maxTreeDepth is how many records deep a tree goes.
const maxTreeDepth = 5

// treeNode is a record of a tree that is still to be made.
type treeNode struct {
	ref    string
	row    *dataRow
	parent *treeNode
	lookup *schema.Field // of the parent
	depth  int
}

// treeResult is what a tree's answer says of one record.
type treeResult struct {
	ReferenceID string             `json:"referenceId"`
	ID          string             `json:"id,omitempty"`
	Errors      []*schema.RowError `json:"errors,omitempty"`
}

// tree answers POST composite/tree/X: up to 200 records with their children, up
// to five deep, all of them or none.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobject_tree.htm
func (o *Org) tree(c *call) error {
	obj, err := o.object(c)
	if err != nil {
		return err
	}
	var body struct {
		Records []map[string]any `json:"records"`
	}
	raw, err := readJSON(c, &body)
	if err != nil {
		return err
	}
	nodes, err := o.readTree(obj, body.Records)
	if err != nil {
		return err
	}
	var results []treeResult
	ok := true
	err = o.write(c, func(w *writing) error {
		results, ok, err = w.plant(nodes, raw)
		return err
	})
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if !ok {
		status = http.StatusBadRequest
	}
	noteRows(c.w, len(results))
	writeJSON(c.w, status, map[string]any{"hasErrors": !ok, "results": results})
	return nil
}

// readTree lists a tree's records, the parents before the children, level by
// level, as the platform makes and answers them.
func (o *Org) readTree(obj *schema.Object, records []map[string]any) ([]*treeNode, error) {
	var nodes []*treeNode
	seen := map[string]bool{}
	add := func(obj *schema.Object, records []map[string]any, parent *treeNode, lookup *schema.Field) error {
		for _, r := range records {
			n, err := o.readNode(obj, r, parent, lookup)
			switch {
			case err != nil:
				return err
			case seen[n.ref]:
				return refuse(http.StatusBadRequest, "INVALID_INPUT", "Duplicate ReferenceId provided in the request: %s", n.ref)
			case len(nodes) == maxRows:
				return refuse(http.StatusBadRequest, "INVALID_INPUT", "The number of records in the request exceeds the limit of %d", maxRows)
			case n.depth > maxTreeDepth:
				return refuse(http.StatusBadRequest, "INVALID_INPUT", "The depth of the tree exceeds the limit of %d", maxTreeDepth)
			}
			seen[n.ref] = true
			nodes = append(nodes, n)
		}
		return nil
	}
	if len(records) == 0 {
		return nil, refuse(http.StatusBadRequest, "INVALID_INPUT", "The request has no records")
	}
	if err := add(obj, records, nil, nil); err != nil {
		return nil, err
	}
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		for _, rel := range o.children(n.row.table.Object) {
			children, err := takeChildren(n.row.fields, rel.name)
			if err != nil {
				return nil, err
			}
			if err := add(rel.object, children, n, rel.field); err != nil {
				return nil, err
			}
		}
	}
	return nodes, nil
}

// readNode reads the attributes of one record of a tree.
func (o *Org) readNode(obj *schema.Object, fields map[string]any, parent *treeNode, lookup *schema.Field) (*treeNode, error) {
	attributes, _ := fields["attributes"].(map[string]any)
	typ, _ := attributes["type"].(string)
	ref, _ := attributes["referenceId"].(string)
	switch {
	case ref == "":
		return nil, refuse(http.StatusBadRequest, "INVALID_INPUT", "Include a reference ID for each record in the request.")
	case !strings.EqualFold(typ, obj.Name):
		return nil, refuse(http.StatusBadRequest, "INVALID_INPUT", "The record with the reference ID %s is of type '%s', not %s", ref, schema.Shorten(typ), obj.Name)
	}
	n := &treeNode{ref: ref, row: o.newRow(obj, fields), parent: parent, lookup: lookup, depth: 1}
	if parent != nil {
		n.depth = parent.depth + 1
	}
	return n, nil
}

// takeChildren takes the children of a relationship, {"records": […]}, out of a
// record's fields.
func takeChildren(fields map[string]any, relationship string) ([]map[string]any, error) {
	if relationship == "" {
		return nil, nil
	}
	for name, v := range fields {
		holder, ok := v.(map[string]any)
		list, isList := holder["records"].([]any)
		if !ok || !isList || !strings.EqualFold(name, relationship) {
			continue
		}
		delete(fields, name)
		out := make([]map[string]any, len(list))
		for i, r := range list {
			if out[i], ok = r.(map[string]any); !ok {
				return nil, refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The records of %s must be objects", name)
			}
		}
		return out, nil
	}
	return nil, nil
}

// plant makes the records of a tree, or none of them. Errors of a level end it:
// its children have no parents.
func (w *writing) plant(nodes []*treeNode, raw []byte) (results []treeResult, ok bool, err error) {
	savepoint := w.org.Savepoint()
	defer w.org.Release()
	var failures []treeResult
	depth := 0
	for _, n := range nodes {
		if n.depth != depth && len(failures) > 0 {
			break
		}
		depth = n.depth
		if n.parent != nil {
			n.row.fields[n.lookup.Name] = n.parent.row.record.ID
		}
		if e := w.read(n.row); e != nil {
			w.org.RollBack(savepoint)
			return nil, false, requestError(e, raw, 0)
		}
		if out := w.save(n.row); !out.Success {
			failures = append(failures, treeResult{ReferenceID: n.ref, Errors: out.Errors})
		} else {
			results = append(results, treeResult{ReferenceID: n.ref, ID: out.ID})
		}
	}
	if len(failures) > 0 {
		w.org.RollBack(savepoint)
		return failures, false, nil
	}
	return results, true, nil
}
