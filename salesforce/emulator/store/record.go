package store

import (
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Record is one record. Every value is text in the form in which the platform
// prints it; "" is null, as the platform knows no empty text.
type Record struct {
	ID                          string
	Values                      []string // by field.slot
	createdBy, modifiedBy       string
	Created, Modified, Modstamp int64 // Unix seconds
	Deleted, Purged             bool
}

// Get gives a field's value as text, "" for null.
func (r *Record) Get(f *schema.Field) string {
	switch f.Slot {
	case schema.SlotID:
		return r.ID
	case schema.SlotDeleted:
		return schema.BoolText(r.Deleted)
	case schema.SlotCreatedDate:
		return schema.DateTimeText(r.Created)
	case schema.SlotCreatedBy:
		return r.createdBy
	case schema.SlotModifiedDate:
		return schema.DateTimeText(r.Modified)
	case schema.SlotModifiedBy:
		return r.modifiedBy
	case schema.SlotModstamp:
		return schema.DateTimeText(r.Modstamp)
	}
	return r.Values[f.Slot]
}

// Instant gives the value of one of the columns that hold an instant.
func (r *Record) Instant(slot int) int64 {
	switch slot {
	case schema.SlotCreatedDate:
		return r.Created
	case schema.SlotModifiedDate:
		return r.Modified
	}
	return r.Modstamp
}

// Clone copies a record so that a change can be tried and dropped.
func (r *Record) Clone() *Record {
	c := *r
	c.Values = append([]string(nil), r.Values...)
	return &c
}
