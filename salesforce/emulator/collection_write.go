package emulator

import (
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// The limits of a Collections call: records, and runs of records of one object.
const (
	maxRows   = 200
	maxChunks = 10
)

// collection is the body of a Collections call that writes.
type collection struct {
	AllOrNone bool             `json:"allOrNone"`
	Records   []map[string]any `json:"records"`
}

// readCollection reads the body and checks its size.
func readCollection(c *call) (collection, []byte, error) {
	var body collection
	raw, err := readJSON(c, &body)
	if err != nil {
		return body, raw, err
	}
	if len(body.Records) > maxRows {
		return body, raw, refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRows)
	}
	for _, r := range body.Records {
		if r == nil {
			return body, raw, refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "A record cannot be null")
		}
	}
	return body, raw, nil
}

// createCollection answers POST composite/sobjects: up to 200 records of any
// objects, results in order.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_create.htm
func (o *Org) createCollection(c *call) error {
	body, raw, err := readCollection(c)
	if err != nil {
		return err
	}
	return o.writeCollection(c, o.rowsOf(body.Records, o.newRow), body, raw)
}

// updateCollection answers PATCH composite/sobjects: records named by their Id.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_update.htm
func (o *Org) updateCollection(c *call) error {
	body, raw, err := readCollection(c)
	if err != nil {
		return err
	}
	rows := o.rowsOf(body.Records, o.changedRow)
	failTwins(rows, "Id")
	return o.writeCollection(c, rows, body, raw)
}

// rowsOf makes rows of records that name their objects.
func (o *Org) rowsOf(records []map[string]any, rowOf func(obj *schema.Object, fields map[string]any) *dataRow) []*dataRow {
	rows := make([]*dataRow, len(records))
	for i, fields := range records {
		obj, e := o.typeOf(fields)
		if e != nil {
			rows[i] = &dataRow{fields: fields, failed: e}
			continue
		}
		rows[i] = rowOf(obj, fields)
	}
	return rows
}

// changedRow is a row that changes the record whose Id is among its fields.
func (o *Org) changedRow(obj *schema.Object, fields map[string]any) *dataRow {
	id, rest := takeID(fields)
	row := &dataRow{kind: rowUpdate, table: o.Tables[obj.Name], fields: rest, key: idField(obj)}
	if row.value, row.failed = parseID(obj, id); row.failed == nil && row.value == "" {
		row.failed = rowError("MISSING_ARGUMENT", "Id not specified in an update call")
	}
	return row
}

// typeOf finds the object of a record by its attributes.
func (o *Org) typeOf(fields map[string]any) (*schema.Object, *schema.RowError) {
	attributes, _ := fields["attributes"].(map[string]any)
	name, _ := attributes["type"].(string)
	if name == "" {
		return nil, rowError("INVALID_TYPE", "attributes.type must be given for every record")
	}
	obj, ok := o.Schema.Object(name)
	if !ok {
		return nil, rowError("INVALID_TYPE", "sObject type '%s' is not supported.", schema.Shorten(name))
	}
	return obj, nil
}

// failTwins fails the rows of which several name the same record.
func failTwins(rows []*dataRow, what string) {
	seen := make(map[string]int, len(rows))
	for i, r := range rows {
		if r.failed != nil || r.value == "" {
			continue
		}
		k := r.key.KeyOfValue(r.value)
		first, twice := seen[k]
		if !twice {
			seen[k] = i
			continue
		}
		e := schema.NewRowError("DUPLICATE_VALUE", r.key.Name, "Duplicate %s specified: %s", what, r.value)
		rows[first].failed, r.failed = e, e
	}
}

// writeCollection writes the rows and answers with their results.
func (o *Org) writeCollection(c *call, rows []*dataRow, body collection, raw []byte) error {
	if n := chunks(rows); n > maxChunks {
		return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED",
			"Cannot have more than %d chunks in a single operation. Please rearrange the data to reduce chunking.", maxChunks)
	}
	if err := o.pace.WaitN(c.r.Context(), len(rows)); err != nil {
		return refuse(http.StatusServiceUnavailable, "SERVER_UNAVAILABLE", "the client has gone, or the org is too busy: %v", err)
	}
	var results []rowResult
	err := o.write(c, func(w *writing) error {
		out, at, e := w.run(rows, body.AllOrNone)
		if e != nil {
			return requestError(e, raw, earlier(body.Records[:at], e))
		}
		results = out
		return nil
	})
	if err == nil {
		noteRows(c.w, len(results))
		writeJSON(c.w, http.StatusOK, results)
	}
	return err
}

// chunks counts the runs of rows of one object.
func chunks(rows []*dataRow) int {
	n := 0
	for i, r := range rows {
		if i == 0 || r.table != rows[i-1].table {
			n++
		}
	}
	return n
}

// earlier counts the records that have the member of which an error tells.
func earlier(records []map[string]any, e *schema.RowError) int {
	_, name, _ := strings.Cut(e.Message, " at field ")
	n := 0
	for _, r := range records {
		for k := range r {
			if strings.EqualFold(k, name) {
				n++
			}
		}
	}
	return n
}

// upsertCollection answers PATCH composite/sobjects/Type/Field: up to 200
// records of one type, made or changed by an external id, results in order.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
func (o *Org) upsertCollection(c *call) error {
	obj, err := o.object(c)
	if err != nil {
		return err
	}
	if e := writable(obj, rowUpsert); e != nil {
		return &apiError{status: http.StatusBadRequest, code: e.StatusCode, message: e.Message}
	}
	key, err := externalField(obj, c.arg("field"))
	if err != nil {
		return err
	}
	body, raw, err := readCollection(c)
	if err != nil {
		return err
	}
	rows := make([]*dataRow, len(body.Records))
	for i, fields := range body.Records {
		rows[i] = upsertRow(o.Tables[obj.Name], key, fields)
	}
	failTwins(rows, "external id")
	return o.writeCollection(c, rows, body, raw)
}

// upsertRow is a row that is made or changed by a field's value.
func upsertRow(t *store.Table, key *schema.Field, fields map[string]any) *dataRow {
	row := &dataRow{kind: rowUpsert, table: t, fields: fields, key: key}
	if row.failed = checkType(t.Object, fields); row.failed != nil {
		return row
	}
	if key.Slot == schema.SlotID {
		var id any
		id, row.fields = takeID(fields)
		row.value, row.failed = parseID(t.Object, id)
		return row
	}
	for name, v := range fields {
		if strings.EqualFold(name, key.Name) {
			row.value, row.failed = key.Canon(v)
		}
	}
	if row.failed == nil && row.value == "" {
		row.failed = rowError("MISSING_ARGUMENT", "%s not specified", key.Name)
	}
	return row
}

// checkType refuses a record of another object than the path names.
func checkType(obj *schema.Object, fields map[string]any) *schema.RowError {
	attributes, _ := fields["attributes"].(map[string]any)
	switch typ, _ := attributes["type"].(string); {
	case typ == "":
		return rowError("INVALID_TYPE", "attributes.type must be given for every record")
	case !strings.EqualFold(typ, obj.Name):
		return rowError("INVALID_TYPE", "All records must be of the type that the URL names, %s: %s", obj.Name, schema.Shorten(typ))
	}
	return nil
}
