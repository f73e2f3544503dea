package emulator

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// object finds the object that a path names.
func (o *Org) object(c *call) (*schema.Object, error) {
	if obj, ok := o.Schema.Object(c.arg("object")); ok {
		if obj = visible(c.r.Context(), obj); obj != nil {
			return obj, nil
		}
	}
	return nil, errNoResource
}

// noExternalField is the error of a path that names no field by which records
// can be found. The platform says the same of what is not an id at all.
func noExternalField(name string) error {
	return refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", name)
}

// externalField finds a field by which records can be named from outside.
func externalField(obj *schema.Object, name string) (*schema.Field, error) {
	f, ok := obj.Field(name)
	if !ok || !f.IDLookup {
		return nil, noExternalField(name)
	}
	return f, nil
}

// target is the record that a path names: by id, or by the value of a field.
type target struct {
	table *store.Table
	by    *schema.Field
	value string
}

// targetOf reads sobjects/X/ID and sobjects/X/Field/value.
func (o *Org) targetOf(c *call) (target, error) {
	obj, err := o.object(c)
	if err != nil {
		return target{}, err
	}
	t := target{table: o.Tables[obj.Name], by: idField(obj), value: c.arg("id")}
	if name := c.arg("field"); name != "" {
		if t.by, err = externalField(obj, name); err != nil {
			return target{}, err
		}
		t.value = c.arg("value")
	}
	text, e := t.by.CanonText(t.value)
	if e != nil || text == "" {
		if t.by.Slot == schema.SlotID {
			return target{}, noExternalField(t.value)
		}
		return target{}, errNoResource
	}
	t.value = text
	return t, nil
}

// find gives the record that a target names: 404 for none, 300 with the paths
// of several. A record in the recycle bin is not found. Callers hold the lock.
func (o *Org) find(c *call, t target) (*store.Record, error) {
	switch found := t.table.Find(t.by, t.value); {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		paths := make([]string, len(found))
		for i, r := range found {
			paths[i] = c.base() + "sobjects/" + t.table.Object.Name + "/" + r.ID
		}
		return nil, &manyFound{paths}
	}
	return nil, errNoResource
}

// manyFound is the refusal of a value that several records have.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
type manyFound struct{ paths []string }

func (e *manyFound) Error() string { return "several records have the value" }

// getRecord answers GET of a single record, with ?fields= or with all fields.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve_get.htm
func (o *Org) getRecord(c *call) error {
	t, err := o.targetOf(c)
	if err != nil {
		return err
	}
	p, err := projectionOf(visible(c.r.Context(), t.table.Object), c.r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	body, changed, err := o.printRecord(c, t, p)
	if err != nil {
		return err
	}
	if status := conditional(c, changed); status != 0 {
		c.w.WriteHeader(status)
		return nil
	}
	writeBody(c.w, http.StatusOK, body)
	return nil
}

func (o *Org) printRecord(c *call, t target, p *query.Projection) (body []byte, changed int64, err error) {
	o.RLock()
	defer o.RUnlock()
	r, err := o.find(c, t)
	if err != nil {
		return nil, 0, err
	}
	return p.AppendJSON(nil, r, c.base()+"sobjects/"), r.Modified, nil
}

// projectionOf selects fields of an object by their names, joined by commas;
// without names all of them.
func projectionOf(obj *schema.Object, names string) (*query.Projection, error) {
	p := &query.Projection{Object: obj}
	if strings.TrimSpace(names) == "" {
		for _, f := range obj.Fields {
			p.Add(query.Column{Field: f})
		}
		return p, nil
	}
	seen := map[*schema.Field]bool{}
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		f, ok := obj.Field(name)
		if !ok {
			return nil, refuse(http.StatusBadRequest, "INVALID_FIELD", query.NoSuchColumn, name, obj.Name)
		}
		if !seen[f] {
			p.Add(query.Column{Field: f})
		}
		seen[f] = true
	}
	return p, nil
}

// byFieldOrRelation answers GET of sobjects/X/Field/value and of
// sobjects/X/ID/Relationship, which look alike.
func (o *Org) byFieldOrRelation(c *call) error {
	obj, err := o.object(c)
	if err != nil {
		return err
	}
	if _, isField := obj.Field(c.arg("field")); isField {
		return o.getRecord(c)
	}
	id, err := sfid.Parse(c.arg("field"))
	if err != nil || !strings.HasPrefix(id, obj.Prefix) {
		return noExternalField(c.arg("field"))
	}
	return o.followRelation(c, obj, id, c.arg("value"))
}

// followRelation answers the parent, or the children, of a record. It asks the
// org itself with a record's path or a query, so paging and limits are those of
// a query.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_relationship_traversal.htm
func (o *Org) followRelation(c *call, obj *schema.Object, id, name string) error {
	r, err := o.readRecord(c, obj, id)
	if err != nil {
		return err
	}
	fields := c.r.URL.Query().Get("fields")
	if lookup, ok := obj.Lookup(name); ok {
		parent := o.valueOf(r, lookup)
		t, ok := o.parentTable(lookup, parent)
		if parent == "" || !ok {
			return errNoResource
		}
		path := "sobjects/" + t.Object.Name + "/" + parent
		if fields != "" {
			path += "?fields=" + url.QueryEscape(fields)
		}
		return o.answerWith(c, path)
	}
	for _, rel := range o.children(obj) {
		child := visible(c.r.Context(), rel.object)
		if child == nil || !strings.EqualFold(rel.name, name) {
			continue
		}
		p, err := projectionOf(child, fields)
		if err != nil {
			return err
		}
		soql := "SELECT " + strings.Join(fieldNames(child, fields), ", ") + " FROM " + p.Object.Name + " WHERE " + rel.field.Name + " = '" + id + "'"
		return o.answerWith(c, "query?q="+url.QueryEscape(soql))
	}
	return errNoResource
}

// fieldNames are the names that a client gave, or all.
func fieldNames(obj *schema.Object, names string) []string {
	if strings.TrimSpace(names) != "" {
		return strings.Split(names, ",")
	}
	out := make([]string, len(obj.Fields))
	for i, f := range obj.Fields {
		out[i] = f.Name
	}
	return out
}

// readRecord finds a live record by id.
func (o *Org) readRecord(c *call, obj *schema.Object, id string) (*store.Record, error) {
	o.RLock()
	defer o.RUnlock()
	return o.find(c, target{o.Tables[obj.Name], idField(obj), id})
}

func (o *Org) valueOf(r *store.Record, f *schema.Field) string {
	o.RLock()
	defer o.RUnlock()
	return r.Get(f)
}

// parentTable is the table of the record to which a lookup points.
func (o *Org) parentTable(lookup *schema.Field, id string) (*store.Table, bool) {
	if t, ok := o.Tables[lookup.RefTo]; ok {
		return t, true
	}
	return o.ByPrefix(id)
}
