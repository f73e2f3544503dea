package emulator

import (
	"errors"
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// readFields reads the body of a single record's write.
func readFields(c *call) (map[string]any, []byte, error) {
	var fields map[string]any
	raw, err := readJSON(c, &fields)
	if err == nil && fields == nil {
		err = refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")
	}
	return fields, raw, err
}

// createRecord answers POST sobjects/X.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_basic_info_post.htm
func (o *Org) createRecord(c *call) error {
	obj, err := o.object(c)
	if err != nil {
		return err
	}
	fields, raw, err := readFields(c)
	if err != nil {
		return err
	}
	row := o.newRow(obj, fields)
	return o.write(c, func(w *writing) error {
		out, err := w.runOne(row, raw)
		if err == nil {
			answerCreated(c, obj, out)
		}
		return err
	})
}

// newRow is a row that makes a record. An Id is refused.
func (o *Org) newRow(obj *schema.Object, fields map[string]any) *dataRow {
	row := &dataRow{kind: rowCreate, table: o.Tables[obj.Name], fields: fields}
	if id, _ := takeID(fields); id != nil {
		row.failed = schema.NewRowError("INVALID_FIELD_FOR_INSERT_UPDATE", "Id", "cannot specify Id in an insert call")
	}
	return row
}

// answerCreated answers 201 with the new record's path.
func answerCreated(c *call, obj *schema.Object, out rowResult) {
	c.w.Header().Set("Location", c.base()+"sobjects/"+obj.Name+"/"+out.ID)
	writeJSON(c.w, http.StatusCreated, out)
}

// createByID answers POST sobjects/X/Id: an upsert by an Id that is left out.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
func (o *Org) createByID(c *call) error {
	if !strings.EqualFold(c.arg("id"), "Id") {
		allowed := "HEAD,GET,PATCH,DELETE"
		c.w.Header().Set("Allow", strings.ReplaceAll(allowed, ",", ", "))
		return errMethod(c.r.Method, allowed)
	}
	return o.createRecord(c)
}

// updateRecord answers PATCH sobjects/X/ID.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_update_fields.htm
func (o *Org) updateRecord(c *call) error {
	t, fields, raw, err := o.changesOf(c)
	if err != nil {
		return err
	}
	return o.write(c, func(w *writing) error {
		if err := o.checkUnchanged(c, t); err != nil {
			return err
		}
		if _, err := w.runOne(&dataRow{kind: rowUpdate, table: t.table, fields: fields, key: t.by, value: t.value}, raw); err != nil {
			return err
		}
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

// changesOf gives the record that the path names and the fields of the body. The one by
// which the path names it cannot be among these.
func (o *Org) changesOf(c *call) (t target, fields map[string]any, raw []byte, err error) {
	if t, err = o.targetOf(c); err != nil {
		return t, nil, nil, err
	}
	if fields, raw, err = readFields(c); err != nil {
		return t, nil, nil, err
	}
	for name := range fields {
		if strings.EqualFold(name, t.by.Name) {
			return t, nil, nil, refuse(http.StatusBadRequest, "INVALID_FIELD", "The %s field should not be specified in the sobject data.", t.by.Name)
		}
	}
	return t, fields, raw, nil
}

// checkUnchanged refuses a write to a record that has changed since the instant
// of If-Unmodified-Since. Callers hold the lock.
func (o *Org) checkUnchanged(c *call, t target) error {
	if r, err := o.find(c, t); err == nil && changedSince(c, "If-Unmodified-Since", r.Modified) {
		return refuse(http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The record has been modified since the date that the If-Unmodified-Since header gives")
	}
	return nil
}

// upsertRecord answers PATCH and POST sobjects/X/Field/value: 201 for a new
// record, 200 for one that is changed, 300 where several have the value.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_upsert_patch.htm
func (o *Org) upsertRecord(c *call) error {
	t, fields, raw, err := o.changesOf(c)
	if err != nil {
		return err
	}
	row := &dataRow{kind: rowUpsert, table: t.table, fields: fields, key: t.by, value: t.value,
		updateOnly: strings.EqualFold(c.r.URL.Query().Get("updateOnly"), "true")}
	return o.write(c, func(w *writing) error {
		var many *manyFound
		if _, err := o.find(c, t); errors.As(err, &many) {
			return err
		}
		out, err := w.runOne(row, raw)
		switch {
		case err != nil:
			return err
		case *out.Created:
			answerCreated(c, t.table.Object, out)
		default:
			writeJSON(c.w, http.StatusOK, out)
		}
		return nil
	})
}

// deleteRecord answers DELETE of a single record, by id or by a field's value.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve_delete.htm
func (o *Org) deleteRecord(c *call) error {
	t, err := o.targetOf(c)
	if err != nil {
		return err
	}
	return o.write(c, func(w *writing) error {
		if t.by.Slot != schema.SlotID {
			r, err := o.find(c, t)
			if err != nil {
				return err
			}
			t.value = r.ID
		}
		if e := w.remove(t.table, t.value); e != nil {
			return singleError(e)
		}
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

// remove moves a record to the recycle bin.
func (w *writing) remove(t *store.Table, id string) *schema.RowError {
	if t.Object.ReadOnly || t.Object.Name == "User" {
		return rowError("INVALID_TYPE_FOR_OPERATION", "entity type %s does not support delete", t.Object.Name)
	}
	r, e := live(t, id)
	if e == nil {
		e = w.org.rowFault(w.ctx, t.Object.Name, id, map[string]any{"Id": id})
	}
	if e == nil {
		e = w.org.CheckDelete(t, r)
	}
	if e != nil {
		return e
	}
	w.org.MarkDeleted(t, r, true, w.w)
	return nil
}
