package store

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// errTorn is an entry that ends within an operation, though its checksum is right.
var errTorn = errs.New(errs.Invalid, "an entry ends where more should follow").
	WithHint("The file was written by another program; open it with that one.")

// reader takes values from an entry. After the first that is not there, it gives
// zeros only.
type reader struct {
	rest string
	bad  bool
}

func (d *reader) uvarint() uint64 {
	// A varint is short; the conversion of so much of the text costs nothing.
	n, size := binary.Uvarint([]byte(d.rest[:min(len(d.rest), binary.MaxVarintLen64)]))
	return n * d.skip(size)
}

func (d *reader) varint() int64 {
	n, size := binary.Varint([]byte(d.rest[:min(len(d.rest), binary.MaxVarintLen64)]))
	return n * int64(d.skip(size))
}

// skip moves on, and gives 1; or 0 where there was no number.
func (d *reader) skip(size int) uint64 {
	if size <= 0 {
		d.bad, d.rest = true, ""
		return 0
	}
	d.rest = d.rest[size:]
	return 1
}

func (d *reader) text() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, ""
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *reader) letter() byte {
	if d.rest == "" {
		d.bad = true
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

// replay reads the entries of a file into a store.
type replay struct {
	build   func(document []byte) (*Store, []byte, error)
	reshape func(s *Store, document []byte) error

	store    *Store
	document []byte
	schema   []byte
	tables   map[uint64]*columns
	puts     int
}

// columns are a file's fields of one object, and where this org keeps them.
type columns struct {
	t     *Table // nil for an object that this org does not have
	name  string
	names []string
	slots []int // -1 for a field that this org does not have
}

// apply reads one entry. The texts of its records stay pieces of one copy of it,
// which is smaller and quicker than a text each. What later entries replace keeps
// that copy in memory; a file is never much longer than twice its records.
func (p *replay) apply(entry []byte) error {
	d := &reader{rest: string(entry)}
	for d.rest != "" && !d.bad {
		op := d.letter()
		if p.store == nil && op != opDocument {
			return errs.New(errs.Invalid, "the file does not say what org it is of").WithHint("It was not written by this program.")
		}
		if err := p.operation(op, d); err != nil {
			return err
		}
	}
	if d.bad {
		return errTorn
	}
	return nil
}

func (p *replay) operation(op byte, d *reader) error {
	switch op {
	case opDocument:
		return p.aboutOrg(d)
	case opSchema:
		return p.aboutSchema(d)
	case opTable:
		return p.define(d)
	case opPut:
		return p.put(d)
	case opGone:
		if c := p.tables[d.uvarint()]; c != nil && c.t != nil {
			if r := c.t.ByID[d.text()]; r != nil {
				c.t.remove(r)
			}
			return nil
		}
		d.text()
		return nil
	case opAbsence:
		p.absence(d)
		return nil
	case opCounter:
		prefix, n := strings.Clone(d.text()), d.uvarint()
		p.store.counters[prefix] = max(n, p.store.counters[prefix])
		return nil
	case opAuto:
		c, name, n := p.tables[d.uvarint()], d.text(), d.uvarint()
		if c != nil && c.t != nil && n < math.MaxInt32 {
			if f, ok := c.t.Object.Field(name); ok && f.Slot >= 0 {
				c.t.auto[f.Slot] = max(int(n), c.t.auto[f.Slot])
			}
		}
		return nil
	}
	return errs.New(errs.Invalid, "the file holds an operation %q that this program does not know", op).
		WithHint("A later version wrote it; open it with that one.")
}

func (p *replay) aboutOrg(d *reader) (err error) {
	p.document = []byte(d.text())
	if p.store == nil && !d.bad {
		p.store, _, err = p.build(p.document)
	}
	return err
}

func (p *replay) aboutSchema(d *reader) error {
	p.schema = []byte(d.text())
	if d.bad {
		return nil
	}
	if p.reshape == nil {
		return errs.New(errs.Invalid, "the file's org has a schema of its own, which this program cannot take up").
			WithHint("Open it with the program that wrote it.")
	}
	return p.reshape(p.store, p.schema)
}

// define notes what a number stands for from here on.
func (p *replay) define(d *reader) error {
	number := d.uvarint()
	c := &columns{name: d.text()}
	n := d.uvarint()
	if n > uint64(len(d.rest)) { // every name takes a byte at least
		return errTorn
	}
	if obj, ok := p.store.Schema.Object(c.name); ok {
		c.t = p.store.Tables[obj.Name]
	}
	for range n {
		name, slot := d.text(), -1
		if c.t != nil {
			if f, ok := c.t.Object.Field(name); ok && f.Slot >= 0 {
				slot = f.Slot
			}
		}
		c.names, c.slots = append(c.names, name), append(c.slots, slot)
	}
	p.tables[number] = c
	return nil
}

// absence reads what the deletion of a record did to others.
func (p *replay) absence(d *reader) {
	id, a := d.text(), &absence{}
	read := func() (place, bool) {
		c, id := p.tables[d.uvarint()], d.text()
		if c == nil || c.t == nil || d.bad {
			return place{}, false
		}
		return place{c.t.Object.Name, id}, true
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		if at, ok := read(); ok {
			a.with = append(a.with, at)
		}
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		at, ok := read()
		if field := d.text(); ok {
			a.links = append(a.links, cleared{at, field})
		}
	}
	if len(a.with)+len(a.links) == 0 || d.bad {
		a = nil
	}
	p.store.putAbsence(id, a)
}

func (p *replay) put(d *reader) error {
	c := p.tables[d.uvarint()]
	if c == nil {
		if d.bad {
			return nil
		}
		return errs.New(errs.Invalid, "the file holds a record of no object").WithHint("It was not written by this program.")
	}
	if c.t == nil {
		return errs.New(errs.Invalid, "the file holds records of %s, an object that this org does not have", c.name).
			WithHint("Start the org as it was when the file was made, or with the version that made it.")
	}
	r := &Record{ID: d.text(), createdBy: d.text(), modifiedBy: d.text(), Created: d.varint()}
	r.Modified = r.Created + d.varint()
	r.Modstamp = r.Created + d.varint()
	r.Deleted = d.letter() == 1
	n := d.uvarint()
	if d.bad || n != uint64(len(c.slots)) || r.ID == "" {
		return errTorn
	}
	values := make([]string, c.t.Object.Width)
	for i, slot := range c.slots {
		v := d.text()
		if slot >= 0 {
			values[slot] = v
		} else if v != "" {
			return errs.New(errs.Invalid, "the file holds values of %s.%s, a field that this org does not have", c.name, c.names[i]).
				WithHint("Start the org as it was when the file was made, or with the version that made it.")
		}
	}
	if d.bad {
		return errTorn
	}
	r.data = pack(values)
	p.puts++
	if old := c.t.ByID[r.ID]; old != nil {
		c.t.Replace(old, r)
	} else {
		c.t.Add(r)
	}
	return nil
}
