package emulator

import (
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// soapWrite answers create(), update() and upsert().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_create.htm
func (o *Org) soapWrite(c *soapCall) error {
	records := c.args.all("sObjects")
	if len(records) > maxRows {
		return refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRows)
	}
	rows := make([]*dataRow, len(records))
	for i, r := range records {
		row, err := o.soapRow(c, r)
		if err != nil {
			return err
		}
		rows[i] = row
	}
	if c.args.XMLName.Local != "create" {
		failTwins(rows, "id")
	}
	return o.write(c.call, func(w *writing) error {
		results, _, e := w.run(rows, c.isAllOrNone())
		if e != nil {
			return &apiError{status: http.StatusBadRequest, code: e.StatusCode, message: e.Message}
		}
		for i, r := range results {
			c.writeResult(r, rows[i].kind == rowUpsert)
		}
		return nil
	})
}

// isAllOrNone reads the AllOrNoneHeader.
func (c *soapCall) isAllOrNone() bool {
	return strings.EqualFold(c.header.child("AllOrNoneHeader").text("allOrNone"), "true")
}

// soapRow reads one record of a write.
func (o *Org) soapRow(c *soapCall, n *xmlNode) (*dataRow, error) {
	obj, fields, err := o.soapRecord(n)
	if err != nil {
		return nil, err
	}
	switch c.args.XMLName.Local {
	case "create":
		return o.newRow(obj, fields), nil
	case "update":
		return o.changedRow(obj, fields), nil
	}
	name := c.args.text("externalIDFieldName")
	if name == "" {
		name = "Id"
	}
	key, ok := obj.Field(name)
	if !ok || !key.IDLookup {
		return nil, refuse(http.StatusBadRequest, "INVALID_FIELD", "Field name provided, %s is not an External ID or indexed field for %s", name, obj.Name)
	}
	return upsertRow(o.Tables[obj.Name], key, fields), nil
}

// soapRecord reads an sObject: its type, its fields, and those that become null.
func (o *Org) soapRecord(n *xmlNode) (*schema.Object, map[string]any, error) {
	typ := n.text("type")
	if typ == "" { // of the enterprise API
		typ = n.attr("type")
		typ = typ[strings.LastIndex(typ, ":")+1:]
	}
	obj, ok := o.Schema.Object(typ)
	if !ok {
		return nil, nil, refuse(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported.", schema.Shorten(typ))
	}
	fields := map[string]any{"attributes": map[string]any{"type": obj.Name}}
	for i := range n.Nodes {
		e := &n.Nodes[i]
		name, text := e.XMLName.Local, strings.TrimSpace(e.Text)
		switch {
		case name == "type":
		case name == "fieldsToNull":
			fields[text] = nil
		case len(e.Nodes) > 0:
			parent := map[string]any{}
			for j := range e.Nodes {
				if inner := &e.Nodes[j]; inner.XMLName.Local != "type" {
					parent[inner.XMLName.Local] = strings.TrimSpace(inner.Text)
				}
			}
			fields[name] = parent
		case text != "": // empty means to leave it
			fields[name] = text
		}
	}
	return obj, fields, nil
}

// writeResult writes what came of one record.
func (c *soapCall) writeResult(r rowResult, isUpsert bool) {
	c.out.WriteString("<result>")
	if isUpsert {
		element(c.out, "created", schema.BoolText(r.Created != nil && *r.Created))
	}
	writeRowErrors(c.out, r.Errors)
	if r.ID == "" {
		nilElement(c.out, "id")
	} else {
		element(c.out, "id", r.ID)
	}
	element(c.out, "success", schema.BoolText(r.Success))
	c.out.WriteString("</result>")
}

// soapIDs reads the ids of a call.
func (c *soapCall) soapIDs(name string) ([]string, error) {
	ids := c.args.texts(name)
	if len(ids) > maxRows {
		return nil, refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRows)
	}
	return ids, nil
}

// soapDelete answers delete().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_delete.htm
func (o *Org) soapDelete(c *soapCall) error {
	ids, err := c.soapIDs("ids")
	if err != nil {
		return err
	}
	return o.write(c.call, func(w *writing) error {
		for _, r := range w.removeAll(ids, c.isAllOrNone()) {
			c.writeResult(r, false)
		}
		return nil
	})
}

// soapUndelete answers undelete().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_undelete.htm
func (o *Org) soapUndelete(c *soapCall) error {
	return o.eachBinned(c, func(w *writing, t *store.Table, r *store.Record) *schema.RowError {
		return w.org.Restore(t, r, w.w)
	})
}

// soapEmptyBin answers emptyRecycleBin(): the records are gone for good.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_emptyrecyclebin.htm
func (o *Org) soapEmptyBin(c *soapCall) error {
	return o.eachBinned(c, func(w *writing, t *store.Table, r *store.Record) *schema.RowError {
		if !r.Deleted {
			return rowError("INVALID_ID_FIELD", "Invalid record id; no recycle bin entry found")
		}
		w.org.Expunge(t, r, w.w)
		return nil
	})
}

// eachBinned does something to each record of a call's ids.
func (o *Org) eachBinned(c *soapCall, f func(*writing, *store.Table, *store.Record) *schema.RowError) error {
	ids, err := c.soapIDs("ids")
	if err != nil {
		return err
	}
	return o.write(c.call, func(w *writing) error {
		for _, text := range ids {
			t, r, e := o.anyRecord(text)
			if e == nil {
				e = f(w, t, r)
			}
			if e != nil {
				c.writeResult(failed(e), false)
				continue
			}
			c.writeResult(succeeded(r.ID), false)
		}
		return nil
	})
}

// anyRecord finds a record by id, in the recycle bin too. Callers hold the lock.
func (o *Org) anyRecord(text string) (*store.Table, *store.Record, *schema.RowError) {
	t, ok := o.ByPrefix(text)
	if !ok {
		return nil, nil, rowError("MALFORMED_ID", "bad id %s", schema.Shorten(text))
	}
	id, e := parseID(t.Object, text)
	if e != nil {
		return nil, nil, rowError("MALFORMED_ID", "bad id %s", schema.Shorten(text))
	}
	r := t.ByID[id]
	if r == nil {
		return nil, nil, errCrossRef
	}
	return t, r, nil
}
