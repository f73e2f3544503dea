package emulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// maxRows is the number of records in a Collections call.
const maxRows = 200

// rowResult is what a Collections call says of one record.
type rowResult struct {
	ID      string             `json:"id,omitempty"`
	Success bool               `json:"success"`
	Errors  []*schema.RowError `json:"errors"`
	Created bool               `json:"created"`
}

func failed(e *schema.RowError) rowResult { return rowResult{Errors: []*schema.RowError{e}} }

// upsertCollection answers PATCH composite/sobjects/Type/Field: up to 200
// records of one type, made or changed by an external id, results in order.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
func (o *Org) upsertCollection(c *call, object, fieldName string) error {
	obj, ok := o.Schema.Object(object)
	if !ok {
		return refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	}
	if obj.ReadOnly {
		return refuse(http.StatusBadRequest, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be upserted: %s", obj.Name)
	}
	key, err := externalField(obj, fieldName)
	if err != nil {
		return err
	}
	var body struct {
		AllOrNone bool             `json:"allOrNone"`
		Records   []map[string]any `json:"records"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	if len(body.Records) > maxRows {
		return refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records into this call")
	}
	u := &upsert{org: o, table: o.Tables[obj.Name], key: key, rows: body.Records, results: make([]rowResult, len(body.Records)),
		w: store.Writer{UserID: c.session.userID, At: o.Now()}}
	if err := u.runLocked(body.AllOrNone); err != nil {
		return err
	}
	noteRows(c.w, len(u.results))
	writeJSON(c.w, http.StatusOK, u.results)
	return nil
}

// readJSON reads a bounded JSON body, packed with gzip or not.
func readJSON(c *call, into any) error {
	var body io.Reader = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	if strings.EqualFold(c.r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The body is not in GZIP format")
		}
		body = z
	}
	if t := c.r.Header.Get("Content-Type"); !strings.HasPrefix(strings.ToLower(t), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "content type of request not supported")
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) || len(raw) > maxBody {
		return refuse(http.StatusRequestEntityTooLarge, "REQUEST_ENTITY_TOO_LARGE", "The request body is too large")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The body cannot be read")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "%s", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "Unexpected character after the end of the JSON value")
	}
	return nil
}

// upsert is one Collections call at work. The org is locked while it runs.
type upsert struct {
	org     *Org
	table   *store.Table
	key     *schema.Field
	rows    []map[string]any
	results []rowResult
	w       store.Writer
}

func (u *upsert) runLocked(allOrNone bool) error {
	u.org.Lock()
	defer u.org.Unlock()
	return u.run(allOrNone)
}

// run writes the rows that can be written. With allOrNone, one that cannot
// leaves all unwritten. The error is for what the platform refuses as a whole:
// a field that does not exist, a value of the wrong JSON type.
func (u *upsert) run(allOrNone bool) error {
	keys, err := u.keys()
	if err != nil {
		return err
	}
	changes := make([][]store.Change, len(u.rows))
	for i, row := range u.rows {
		if len(u.results[i].Errors) > 0 {
			continue
		}
		var rerr *schema.RowError
		changes[i], rerr = u.org.Changes(u.table, row, u.w)
		if rerr != nil && rerr.OfRequest {
			return &apiError{status: http.StatusBadRequest, code: rerr.StatusCode, message: rerr.Message}
		}
		if rerr != nil {
			u.results[i] = failed(rerr)
		}
	}
	if allOrNone {
		u.dryRun(keys, changes)
		if u.anyFailed() {
			u.rollBack()
			return nil
		}
	}
	for i := range u.rows {
		if len(u.results[i].Errors) == 0 {
			u.results[i] = u.write(i, keys[i], changes[i], true)
		}
	}
	return nil
}

// keys reads every row's external id and fails the rows without one, of another
// type, or with one that another row of the call has too.
func (u *upsert) keys() ([]string, error) {
	keys := make([]string, len(u.rows))
	seen := map[string][]int{}
	for i, row := range u.rows {
		if row == nil {
			return nil, refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "A record cannot be null")
		}
		if e := u.checkType(row); e != nil {
			u.results[i] = failed(e)
			continue
		}
		text, e := u.keyOf(row)
		if e != nil {
			u.results[i] = failed(e)
			continue
		}
		keys[i] = text
		if u.key.Slot == schema.SlotID {
			u.rows[i] = withoutID(row)
			if text == "" {
				continue
			}
		}
		k := u.key.KeyOfValue(text)
		seen[k] = append(seen[k], i)
	}
	for _, rows := range seen {
		if len(rows) < 2 {
			continue
		}
		for _, i := range rows {
			u.results[i] = failed(schema.NewRowError("DUPLICATE_VALUE", u.key.Name, "Duplicate external id specified: %s", keys[i]))
		}
	}
	return keys, nil
}

func (u *upsert) checkType(row map[string]any) *schema.RowError {
	attributes, _ := row["attributes"].(map[string]any)
	typ, ok := attributes["type"].(string)
	switch {
	case !ok || typ == "":
		return schema.NewRowError("INVALID_TYPE", "", "attributes.type must be given for every record")
	case !strings.EqualFold(typ, u.table.Object.Name):
		return schema.NewRowError("INVALID_TYPE", "", "All records must be of the type that the URL names, %s: %s", u.table.Object.Name, typ)
	}
	return nil
}

func (u *upsert) keyOf(row map[string]any) (string, *schema.RowError) {
	for name, v := range row {
		if strings.EqualFold(name, u.key.Name) {
			text, err := u.key.Canon(v)
			if err != nil || text != "" {
				return text, err
			}
		}
	}
	if u.key.Slot == schema.SlotID {
		return "", nil // no Id: a new record
	}
	return "", schema.NewRowError("MISSING_ARGUMENT", "", "%s not specified", u.key.Name)
}

// withoutID gives a row without the Id by which it is upserted: an id names a
// record, it is not written.
func withoutID(row map[string]any) map[string]any {
	out := maps.Clone(row)
	maps.DeleteFunc(out, func(name string, _ any) bool { return strings.EqualFold(name, "Id") })
	return out
}

// write makes or changes the record of one row; with commit false it only says
// what would happen.
func (u *upsert) write(i int, key string, changes []store.Change, commit bool) rowResult {
	if e := u.org.rowFault(u.table.Object.Name, u.rows[i]); e != nil {
		return failed(e)
	}
	found := u.table.Find(u.key, key)
	var base *store.Record
	switch len(found) {
	case 0:
		if u.key.Slot == schema.SlotID && key != "" {
			return failed(schema.NewRowError("INVALID_CROSS_REFERENCE_KEY", "Id", "invalid cross reference id"))
		}
	case 1:
		base = found[0]
	default:
		return failed(schema.NewRowError("DUPLICATE_EXTERNAL_ID", u.key.Name, "More than one record found for external id field: %s", u.key.Name))
	}
	next, e := u.org.Prepare(u.table, base, changes, u.w)
	if e != nil {
		return failed(e)
	}
	if commit {
		u.org.Commit(u.table, base, next, u.w)
	}
	return rowResult{ID: next.ID, Success: true, Errors: []*schema.RowError{}, Created: base == nil}
}

func (u *upsert) dryRun(keys []string, changes [][]store.Change) {
	for i := range u.rows {
		if len(u.results[i].Errors) > 0 {
			continue
		}
		if r := u.write(i, keys[i], changes[i], false); !r.Success {
			u.results[i] = r
		}
	}
}

func (u *upsert) anyFailed() bool {
	for _, r := range u.results {
		if len(r.Errors) > 0 {
			return true
		}
	}
	return false
}

func (u *upsert) rollBack() {
	for i := range u.results {
		if len(u.results[i].Errors) == 0 {
			u.results[i] = failed(schema.NewRowError("ALL_OR_NONE_OPERATION_ROLLED_BACK", "", "Record rolled back because not all records were valid and the request was using AllOrNone header"))
		}
	}
}
