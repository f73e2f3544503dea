package bulk

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Row is a row of an ingest job as whoever may refuse it sees it.
type Row struct {
	Object string
	// Key is what the row goes by: an external id or an id; "" for an insert.
	Key     string
	columns []column
	cells   []string
}

// Fields gives the cells by their columns' names.
func (r Row) Fields() map[string]any {
	m := make(map[string]any, len(r.columns))
	for i, c := range r.columns {
		m[c.name] = r.cells[i]
	}
	return m
}

// writeRow does with a row what the job is there for. Callers hold the store's
// lock.
func (in *ingest) writeRow(r *row) outcome {
	out := outcome{start: r.start}
	err := r.err
	if hook := in.jobs.opt.Row; err == nil && hook != nil {
		err = hook(in.ctx, Row{in.table.Object.Name, r.key, in.columns, r.cells})
	}
	var base *store.Record
	if err == nil {
		base, err = in.find(r)
	}
	if base != nil {
		out.id = base.ID
	}
	if err == nil {
		out.id, out.created, err = in.apply(r, base)
	}
	if err != nil {
		out.err, out.created = rowErrorText(err), false
		if base == nil {
			out.id = ""
		}
	}
	return out
}

// find gives the record that a row is about, nil for a new one.
func (in *ingest) find(r *row) (*store.Record, *schema.RowError) {
	if r.key == "" {
		return nil, nil //nolint:nilnil // no record is a good answer
	}
	if in.keyed.Slot == schema.SlotID {
		return in.findByID(r.key)
	}
	switch found := in.table.Find(in.keyed, r.key); len(found) {
	case 0:
		return nil, nil //nolint:nilnil // see above
	case 1:
		return found[0], nil
	}
	return nil, in.ambiguous(r)
}

func (in *ingest) ambiguous(r *row) *schema.RowError {
	var ids []string
	for _, rec := range in.table.Find(in.keyed, r.key) {
		ids = append(ids, rec.ID)
	}
	return schema.NewRowError("DUPLICATE_EXTERNAL_ID", in.keyed.Name, "More than one record found for external id field: [%s]", strings.Join(ids, ", "))
}

func (in *ingest) findByID(id string) (*store.Record, *schema.RowError) {
	if !strings.HasPrefix(id, in.table.Object.Prefix) {
		return nil, schema.NewRowError("MALFORMED_ID", "Id", "%s ID: id value of incorrect type: %s", in.table.Object.Label, id)
	}
	switch rec := in.table.ByID[id]; {
	case rec == nil:
		return nil, schema.NewRowError("INVALID_CROSS_REFERENCE_KEY", "", "invalid cross reference id")
	case rec.Deleted && in.job.info.Operation != opHardDelete:
		return nil, schema.NewRowError("ENTITY_IS_DELETED", "", "entity is deleted")
	default:
		return rec, nil
	}
}

// apply writes a row whose record is found.
func (in *ingest) apply(r *row, base *store.Record) (id string, created bool, err *schema.RowError) {
	st := in.jobs.opt.Store
	operation := in.job.info.Operation
	if (operation == opDelete || operation == opHardDelete) && !base.Deleted {
		if err := st.CheckDelete(in.table, base); err != nil {
			return "", false, err
		}
	}
	switch operation {
	case opDelete:
		st.MarkDeleted(in.table, base, true, in.w)
		return base.ID, false, nil
	case opHardDelete:
		id = base.ID
		st.Expunge(in.table, base, in.w)
		return id, false, nil
	}
	next, err := st.Prepare(in.table, base, r.changes, in.w)
	if err != nil {
		return "", false, err
	}
	st.Commit(in.table, base, next, in.w)
	return next.ID, base == nil, nil
}
