package store

import (
	"slices"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// historyCreated is the Field of the row that the platform writes when a record
// of a tracked object is made; its values are null.
const historyCreated = "created"

// WriteCreated writes the first history row of a new record.
func (s *Store) WriteCreated(t *Table, r *Record) {
	s.writeHistory(t, r.ID, historyCreated, "Text", "", "", Writer{UserID: r.createdBy}, r.Created)
}

// WriteChanges writes a history row for every tracked field that differs.
func (s *Store) WriteChanges(t *Table, base, next *Record, w Writer) {
	if t.Object.History == "" {
		return
	}
	for _, f := range t.Object.Fields {
		if f.Tracked && base.Get(f) != next.Get(f) {
			s.writeHistory(t, base.ID, f.Name, historyType(f), base.Get(f), next.Get(f), w, w.At.Unix())
		}
	}
}

// historyType is what a history row calls the type of its values.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunityfieldhistory.htm
func historyType(f *schema.Field) string {
	switch f.Type {
	case schema.TypeReference:
		return "EntityId"
	case schema.TypePicklist:
		return "DynamicEnum"
	case schema.TypeMultipicklist:
		return "MultiEnum"
	case schema.TypeBoolean:
		return "Boolean"
	case schema.TypeCurrency:
		return "Currency"
	case schema.TypePercent:
		return "Percent"
	case schema.TypeDouble, schema.TypeInt:
		return "Double"
	case schema.TypeDate:
		return "DateOnly"
	case schema.TypeDateTime:
		return "DateTime"
	}
	return "Text"
}

// writeHistory writes a row, if the object has a history and a field is tracked in
// it.
func (s *Store) writeHistory(t *Table, parent, fieldName, dataType, before, after string, w Writer, at int64) {
	if t.Object.History == "" || !t.Object.HasTracked {
		return
	}
	h := s.Tables[t.Object.History]
	r := newRecord(h.Object)
	r.ID, r.Created, r.createdBy, r.Modified, r.Modstamp = s.freeID(h), at, w.UserID, at, at
	r.setText(h.Object, h.Object.HistoryParent(), parent)
	r.setText(h.Object, "Field", fieldName)
	r.setText(h.Object, "DataType", dataType)
	r.setText(h.Object, "OldValue", before)
	r.setText(h.Object, "NewValue", after)
	h.Add(r)
}

// markHistory moves the history of a record into the recycle bin with it, or
// out again.
func (s *Store) markHistory(t *Table, parent string, deleted, purged bool) {
	if t.Object.History == "" {
		return
	}
	h := s.Tables[t.Object.History]
	for _, r := range slices.Clone(h.ofParent[parent]) {
		if purged {
			h.remove(r)
			continue
		}
		r.Deleted = deleted
		h.file.note(h, r)
	}
}
