package store

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Record is one record. Every value is text in the form in which the platform
// prints it; "" is null, as the platform knows no empty text.
type Record struct {
	ID string
	// data holds the values; while the record is being written, draft does, by
	// Field.Slot.
	data                        packed
	draft                       *[]string
	createdBy, modifiedBy       string
	Created, Modified, Modstamp int64 // Unix seconds
	Deleted, Purged             bool
}

// newRecord makes a draft without values.
func newRecord(o *schema.Object) *Record {
	values := make([]string, o.Width)
	return &Record{draft: &values}
}

// Row makes a record that is in no table, such as a group that a query made, of
// its values by Field.Slot. It keeps the slice.
func Row(values []string) *Record { return &Record{draft: &values} }

// draftOf gives a draft with the record's state; of nil, one without.
func (r *Record) draftOf(o *schema.Object) *Record {
	if r == nil {
		return newRecord(o)
	}
	next := r.Clone()
	next.open(o.Width)
	return next
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
	return r.value(f.Slot)
}

// value gives the value of a slot that is not one of the columns which every
// record has; "" also for a field that is younger than the record.
func (r *Record) value(slot int) string {
	if r.draft == nil {
		return r.data.get(slot)
	}
	if slot < len(*r.draft) {
		return (*r.draft)[slot]
	}
	return ""
}

// Set puts a value in the place of a field that is not one of the columns which
// every record has. A record of a table stays in its indexes as it was, so it is
// for records that are not in one yet, and for fields that no index has.
func (r *Record) Set(f *schema.Field, text string) {
	sealed := r.draft == nil
	r.open(f.Slot + 1)
	(*r.draft)[f.Slot] = text
	if sealed {
		r.seal()
	}
}

// open makes a draft of the record with at least so many values.
func (r *Record) open(width int) {
	var values []string
	if r.draft != nil {
		values = *r.draft
	} else {
		values = r.data.unpack(width)
	}
	for len(values) < width {
		values = append(values, "")
	}
	r.data, r.draft = "", &values
}

// seal ends a draft.
func (r *Record) seal() {
	if r.draft != nil {
		r.data, r.draft = pack(*r.draft), nil
	}
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
	if r.draft != nil {
		values := append([]string(nil), *r.draft...)
		c.draft = &values
	}
	return &c
}

// packed is the values of a record in one piece of memory: a million records
// of thirty strings each would cost half a kilobyte a record in string headers
// alone, and the garbage collector would follow every one of them.
//
// It begins with the size of an offset (2 or 4) and the number of values (2
// bytes), then has the end of each value, then the values. Values after the last
// that is not "" are left out; no values at all are "".
type packed string

const packedHeader = 3

func pack(values []string) packed {
	n, size := 0, 0
	for i, v := range values {
		size += len(v)
		if v != "" {
			n = i + 1
		}
	}
	if n == 0 {
		return ""
	}
	width := 2
	if size > 0xFFFF {
		width = 4
	}
	var b strings.Builder
	b.Grow(packedHeader + width*n + size)
	b.WriteByte(byte(width))
	b.WriteByte(byte(n))
	b.WriteByte(byte(n >> 8))
	end := 0
	for _, v := range values[:n] {
		end += len(v)
		for i := range width {
			b.WriteByte(byte(end >> (8 * i)))
		}
	}
	for _, v := range values[:n] {
		b.WriteString(v)
	}
	return packed(b.String())
}

// get gives one value; it shares the memory.
func (p packed) get(slot int) string {
	if len(p) < packedHeader {
		return ""
	}
	n := int(p[1]) | int(p[2])<<8
	if slot >= n {
		return ""
	}
	width := int(p[0])
	text := packedHeader + width*n
	from := 0
	if slot > 0 {
		from = p.end(width, slot-1)
	}
	return string(p[text+from : text+p.end(width, slot)])
}

// end is where a value ends, counted from the first.
func (p packed) end(width, slot int) int {
	at := packedHeader + width*slot
	end := int(p[at]) | int(p[at+1])<<8
	if width == 4 {
		end |= int(p[at+2])<<16 | int(p[at+3])<<24
	}
	return end
}

// unpack gives all values, at least so many.
func (p packed) unpack(width int) []string {
	n := 0
	if len(p) >= packedHeader {
		n = int(p[1]) | int(p[2])<<8
	}
	values := make([]string, max(n, width))
	for i := range n {
		values[i] = p.get(i)
	}
	return values
}
