package emulator

// historyCreated is the Field of the row that the platform writes when a record
// of a tracked object is made; its values are null.
const historyCreated = "created"

// writeCreated writes the first history row of a new record.
func (s *Store) writeCreated(t *table, r *record) {
	s.writeHistory(t, r.id, historyCreated, "", "", writer{userID: r.createdBy}, r.created)
}

// writeChanges writes a history row for every tracked field that differs.
func (s *Store) writeChanges(t *table, base, next *record, w writer) {
	if t.obj.history == "" {
		return
	}
	for _, f := range t.obj.fields {
		if f.tracked && base.get(f) != next.get(f) {
			s.writeHistory(t, base.id, f.name, base.get(f), next.get(f), w, w.at.Unix())
		}
	}
}

func (s *Store) writeHistory(t *table, parent, fieldName, before, after string, w writer, at int64) {
	if t.obj.history == "" {
		return
	}
	h := s.tables[t.obj.history]
	r := &record{id: s.freeID(h), values: make([]string, h.obj.width), created: at, createdBy: w.userID, modified: at, modstamp: at}
	r.setText(h.obj, "ParentId", parent)
	r.setText(h.obj, "Field", fieldName)
	r.setText(h.obj, "DataType", "Text")
	r.setText(h.obj, "OldValue", before)
	r.setText(h.obj, "NewValue", after)
	h.add(r)
}

// markHistory moves the history of a record into the recycle bin with it, or
// out again.
func (s *Store) markHistory(t *table, parent string, deleted, purged bool) {
	if t.obj.history == "" {
		return
	}
	h := s.tables[t.obj.history]
	f, ok := h.obj.field("ParentId")
	if !ok {
		return
	}
	for _, r := range h.byID {
		if r.values[f.slot] != parent {
			continue
		}
		r.deleted, r.purged = deleted, purged
		if purged {
			h.byTime.leave()
			h.byName.leave()
			delete(h.byID, r.id)
		}
	}
}
