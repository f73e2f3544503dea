package emulator

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// rowResult is what a call says of one record that it wrote. Created is only
// said by an upsert.
type rowResult struct {
	ID      string             `json:"id,omitempty"`
	Success bool               `json:"success"`
	Errors  []*schema.RowError `json:"errors"`
	Created *bool              `json:"created,omitempty"`
}

func failed(e *schema.RowError) rowResult { return rowResult{Errors: []*schema.RowError{e}} }

func succeeded(id string) rowResult {
	return rowResult{ID: id, Success: true, Errors: []*schema.RowError{}}
}

// rowError makes a RowError that names no field.
func rowError(code, format string, args ...any) *schema.RowError {
	return schema.NewRowError(code, "", format, args...)
}

var (
	errDeleted  = rowError("ENTITY_IS_DELETED", "entity is deleted")
	errCrossRef = rowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
	errHalted   = rowError("ALL_OR_NONE_OPERATION_ROLLED_BACK",
		"Record rolled back because not all records were valid and the request was using AllOrNone header")
)

// rowKind is what is done with a row.
type rowKind int

const (
	rowCreate rowKind = iota
	rowUpdate
	rowUpsert
)

// dataRow is one record to be written.
type dataRow struct {
	kind   rowKind
	table  *store.Table
	fields map[string]any
	// key and value name the record of an update (key is Id) and of an upsert.
	key        *schema.Field
	value      string
	updateOnly bool // an upsert that makes nothing

	changes []store.Change
	failed  *schema.RowError
	record  *store.Record // what was written
}

// writing is a call that writes records. The org is locked while it works.
type writing struct {
	org *Org
	w   store.Writer
	ctx context.Context // of the call, which may carry a fault
}

// write locks the org and lets f write as the call's user.
func (o *Org) write(c *call, f func(*writing) error) error {
	o.Lock()
	defer o.Unlock()
	return f(&writing{org: o, w: o.writer(c), ctx: c.r.Context()})
}

// read turns a row's fields into changes. The error is for what the platform
// refuses as a whole: a field that does not exist, a value of a wrong JSON type.
func (w *writing) read(r *dataRow) *schema.RowError {
	if r.failed == nil {
		r.changes, r.failed = w.changesOf(r)
	}
	if e := r.failed; e != nil && e.OfRequest {
		return e
	}
	return nil
}

func (w *writing) changesOf(r *dataRow) ([]store.Change, *schema.RowError) {
	if e := writable(r.table.Object, r.kind); e != nil {
		return nil, e
	}
	if e := hiddenInRow(decisionOf(w.ctx), r.table.Object.Name, r.fields); e != nil {
		return nil, e
	}
	return w.org.Changes(r.table, r.fields, w.w)
}

// writable refuses objects that the API cannot write.
func writable(o *schema.Object, kind rowKind) *schema.RowError {
	if !o.ReadOnly {
		return nil
	}
	verb := [...]string{"inserted", "updated", "upserted"}[kind]
	return rowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be %s: %s", verb, o.Label)
}

// save writes a row that was read.
func (w *writing) save(r *dataRow) rowResult {
	if r.failed == nil {
		r.failed = w.org.rowFault(w.ctx, r.table.Object.Name, r.value, r.fields)
	}
	if r.failed != nil {
		return failed(r.failed)
	}
	base, e := w.base(r)
	if e == nil {
		r.record, e = w.org.Prepare(r.table, base, r.changes, w.w)
	}
	if e != nil {
		r.failed = e
		return failed(e)
	}
	w.org.Commit(r.table, base, r.record, w.w)
	if base != nil {
		r.record = base
	} else {
		w.org.recent.add(w.w.UserID, r.table.Object.Name, r.record.ID)
	}
	out := succeeded(r.record.ID)
	if r.kind == rowUpsert {
		created := base == nil
		out.Created = &created
	}
	return out
}

// base finds the record that a row changes; nil for one that it makes.
func (w *writing) base(r *dataRow) (*store.Record, *schema.RowError) {
	if r.kind == rowCreate || r.key.Slot == schema.SlotID && r.value == "" {
		return nil, nil
	}
	if r.key.Slot == schema.SlotID {
		found, e := live(r.table, r.value)
		return found, e
	}
	found := r.table.Find(r.key, r.value)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, schema.NewRowError("DUPLICATE_EXTERNAL_ID", r.key.Name, "More than one record found for external id field: [%s]", joinIDs(found))
	case r.updateOnly:
		return nil, errCrossRef
	}
	// The key is part of the new record, also where it was given by the path.
	r.changes = append(r.changes, store.Change{Field: r.key, Text: r.value})
	return nil, nil
}

func joinIDs(records []*store.Record) string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return strings.Join(ids, ", ")
}

// live finds a record that is not in the recycle bin.
func live(t *store.Table, id string) (*store.Record, *schema.RowError) {
	switch r := t.ByID[id]; {
	case r == nil || r.Purged:
		return nil, errCrossRef
	case r.Deleted:
		return nil, errDeleted
	default:
		return r, nil
	}
}

// run writes rows in their order; rows that stand together and are of one object
// are read together, as the platform does it in chunks. With allOrNone, one that
// fails leaves all unwritten. The error is one of the whole request, with the
// number of its row; nothing is written then.
func (w *writing) run(rows []*dataRow, allOrNone bool) (results []rowResult, at int, err *schema.RowError) {
	savepoint := w.org.Savepoint()
	defer w.org.Release()
	results = make([]rowResult, len(rows))
	ok := true
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].table == rows[from].table {
			to++
		}
		for i := from; i < to; i++ {
			if e := w.read(rows[i]); e != nil {
				w.org.RollBack(savepoint)
				return nil, i, e
			}
		}
		for i := from; i < to; i++ {
			results[i] = w.save(rows[i])
			ok = ok && results[i].Success
		}
		from = to
	}
	if allOrNone && !ok {
		w.org.RollBack(savepoint)
		halt(results)
	}
	return results, 0, nil
}

// halt tells the rows that could have been written that they were not.
func halt(results []rowResult) {
	for i := range results {
		if results[i].Success {
			results[i] = failed(errHalted)
		}
	}
}

// runOne writes one row, as the resources of single records do.
func (w *writing) runOne(r *dataRow, raw []byte) (rowResult, error) {
	results, _, e := w.run([]*dataRow{r}, false)
	if e != nil {
		return rowResult{}, requestError(e, raw, 0)
	}
	if r.failed != nil {
		return rowResult{}, singleError(r.failed)
	}
	return results[0], nil
}

// requestError is a row's error for which the whole request is refused. skip
// says how many objects of the body stand before it that have the member too.
func requestError(e *schema.RowError, raw []byte, skip int) error {
	message := e.Message
	if head, name, ok := strings.Cut(message, " at field "); ok {
		message = head + " at " + locate(raw, name, skip)
	}
	return &apiError{status: http.StatusBadRequest, code: e.StatusCode, message: message}
}

// singleError is a row's error as the answer of a resource of one record.
func singleError(e *schema.RowError) error {
	status := http.StatusBadRequest
	if e.StatusCode == "ENTITY_IS_DELETED" && len(e.Fields) == 0 {
		status = http.StatusNotFound
	}
	if e == errCrossRef {
		return errNoResource
	}
	return &apiError{status: status, code: e.StatusCode, message: e.Message, fields: e.Fields}
}

// takeID takes the Id out of a row's fields: it names a record, it is not
// written. The fields are not changed, but copied where needed.
func takeID(fields map[string]any) (id any, rest map[string]any) {
	for name, v := range fields {
		if strings.EqualFold(name, "Id") {
			rest = maps.Clone(fields)
			delete(rest, name)
			return v, rest
		}
	}
	return nil, fields
}

// idField is an object's Id.
func idField(o *schema.Object) *schema.Field {
	f, _ := o.Field("Id")
	return f
}

// parseID reads an id of an object in either of its lengths.
func parseID(o *schema.Object, v any) (string, *schema.RowError) {
	id, e := idField(o).Canon(v)
	if e != nil || id != "" && !strings.HasPrefix(id, o.Prefix) {
		text, _ := v.(string)
		return "", schema.NewRowError("MALFORMED_ID", "Id", "%s ID: id value of incorrect type: %s", o.Label, schema.Shorten(text))
	}
	return id, nil
}
