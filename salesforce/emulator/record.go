package emulator

// record is one record. Every value is text in the form in which the platform
// prints it; "" is null, as the platform knows no empty text.
type record struct {
	id                          string
	values                      []string // by field.slot
	createdBy, modifiedBy       string
	created, modified, modstamp int64 // Unix seconds
	deleted, purged             bool
}

// get gives a field's value as text, "" for null.
func (r *record) get(f *field) string {
	switch f.slot {
	case slotID:
		return r.id
	case slotDeleted:
		return boolText(r.deleted)
	case slotCreatedDate:
		return dateTimeText(r.created)
	case slotCreatedBy:
		return r.createdBy
	case slotModifiedDate:
		return dateTimeText(r.modified)
	case slotModifiedBy:
		return r.modifiedBy
	case slotModstamp:
		return dateTimeText(r.modstamp)
	}
	return r.values[f.slot]
}

// instant gives the value of one of the columns that hold an instant.
func (r *record) instant(slot int) int64 {
	switch slot {
	case slotCreatedDate:
		return r.created
	case slotModifiedDate:
		return r.modified
	}
	return r.modstamp
}

// clone copies a record so that a change can be tried and dropped.
func (r *record) clone() *record {
	c := *r
	c.values = append([]string(nil), r.values...)
	return &c
}
