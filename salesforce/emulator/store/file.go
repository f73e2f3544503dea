package store

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/store/journal"
)

// FileOptions say how a store is kept in a file.
type FileOptions struct {
	// Build makes a store without a file and without records, of the org that the
	// document describes. For nil it makes a new org, with the records that it begins
	// with, and gives the document that describes it.
	Build func(document []byte) (s *Store, about []byte, err error)
	// Reshape gives a store the schema of a document that SetSchema was given. It may
	// be nil where no schema changes at run time.
	Reshape func(s *Store, document []byte) error
	// Failed is called once, when the file cannot be written any more. It must not
	// use the store.
	Failed func(error)
	// Warn is called when the file could not be made shorter, which harms nothing yet.
	Warn func(error)

	// For tests: the bounds of the same names, where they are not 0.
	bigEntry, slack int
}

// The bounds on how a file is written.
const (
	// bigEntry is what a transaction may have before it is written as a new snapshot
	// instead: a load, a generated company.
	bigEntry = 64 << 20
	// chunk is the number of records that a snapshot reads under one lock.
	chunk = 2000
	// slack is how many operations a file may hold beside twice its records.
	slack = 50_000
)

// file is what a store knows of its file. All of it but the atomics is guarded by
// the store's lock for writing.
type file struct {
	journal *journal.Journal
	opt     FileOptions // with its bounds

	changed  []touched // since the lock was taken
	absent   []string  // what it did to others that these are deleted, likewise
	buf      []byte
	counters map[string]uint64
	auto     map[*Table]map[int]int
	document []byte
	pending  []byte // the document from the next transaction on, or nil
	schema   []byte
	reshaped bool // since the lock was taken
	// shape counts the schemas: a snapshot that meets two is given up.
	shape int
	// ops counts the records' states in the file: what a rewrite would make fewer.
	ops int

	broken    atomic.Pointer[error]
	rewriting atomic.Bool
	work      sync.WaitGroup
}

// touched is a record that changed.
type touched struct {
	t *Table
	r *Record
}

// note keeps in mind that a record changed. Its state is read when the lock is given
// back.
func (f *file) note(t *Table, r *Record) {
	if f == nil {
		return
	}
	if n := len(f.changed); n > 0 && f.changed[n-1].r == r {
		return
	}
	f.changed = append(f.changed, touched{t, r})
}

// noteAbsence keeps in mind that what the deletion of a record did is known, or is
// taken back. It is read when the lock is given back; a record changed too.
func (f *file) noteAbsence(id string) {
	if f != nil {
		f.absent = append(f.absent, id)
	}
}

// OpenFile opens the file at path, which it makes if need be, and gives the store
// that it holds: every transaction that was acknowledged, with ids, counters, audit
// fields, recycle bin and history. From then on what is written to the store is in
// the file before the lock for writing is given back: it survives the end of the
// process at once, and that of the machine a quarter of a second later.
//
// The error is an errs.Error: Conflict if another process has the file, Invalid if
// it is not an org's, of another version, damaged, or of an org with other objects.
func OpenFile(path string, opt FileOptions) (*Store, journal.Opened, error) {
	opt.bigEntry, opt.slack = cmp.Or(opt.bigEntry, bigEntry), cmp.Or(opt.slack, slack)
	p := &replay{build: opt.Build, reshape: opt.Reshape, tables: map[uint64]*columns{}}
	j, found, err := journal.Open(path, journal.Options{}, p.apply)
	if err != nil {
		return nil, found, err
	}
	isNew := p.store == nil
	if isNew {
		if p.store, p.document, err = opt.Build(nil); err != nil {
			return nil, found, errors.Join(err, j.Close())
		}
	}
	found.New = isNew
	s := p.store
	f := &file{journal: j, opt: opt, counters: map[string]uint64{}, auto: map[*Table]map[int]int{},
		document: p.document, schema: p.schema, ops: p.puts}
	s.mu.Lock()
	defer s.mu.release()
	s.file, s.mu.before = f, s.flush
	s.number()
	// The file is begun with a snapshot: a new one because it has to say what it is of,
	// another because its tables may have other numbers in this version.
	if isNew {
		err = f.rewrite(s, true)
	} else {
		f.buf = f.appendShape(f.buf[:0], s)
		err = j.Append(f.buf)
	}
	if err != nil {
		return nil, found, errors.Join(fmt.Errorf("begin %s: %w", path, err), j.Close())
	}
	f.rewriteLater(s)
	return s, found, nil
}

// number gives every table its number in the file, and has it report changes.
func (s *Store) number() {
	for i, obj := range s.Schema.Objects {
		t := s.Tables[obj.Name]
		t.file, t.number = s.file, uint64(i+1)
	}
}

// SetDocument replaces the document that FileOptions.Build is given when the file is
// opened again. It is written with the next transaction, so that what it says of
// that one holds; nil takes back one that is not written yet. Without a file it does
// nothing.
func (s *Store) SetDocument(document []byte) {
	s.mu.Lock()
	defer s.mu.release()
	if s.file != nil {
		s.file.pending = document
	}
}

// Discard keeps what was changed under the lock that the caller holds out of the
// file, together with the document that was to go with it: for a writer that has
// taken everything back, or whose store is thrown away.
func (s *Store) Discard() {
	if f := s.file; f != nil {
		f.changed, f.absent, f.pending = nil, nil, nil
	}
}

// SetSchema notes that Schema and Tables were changed, with the document from which
// FileOptions.Reshape makes that schema again. It is written with what else is
// written under the same lock, which the caller holds.
func (s *Store) SetSchema(document []byte) {
	f := s.file
	if f == nil {
		return
	}
	f.schema, f.reshaped = document, true
	f.shape++
	s.number()
}

// flush writes what changed under the lock that is about to be given back. What is
// written under a savepoint waits until that is released: it is one transaction, which
// is in the file as a whole or not at all.
func (s *Store) flush() {
	f := s.file
	if s.trail != nil {
		return
	}
	if len(f.changed) == 0 && !f.reshaped {
		return
	}
	changed, absent := f.changed, f.absent
	f.changed, f.absent = f.changed[:0], nil
	if cap(changed) > 100_000 {
		f.changed = nil
	}
	if f.broken.Load() != nil {
		return
	}
	if err := f.write(s, changed, absent); err != nil {
		f.fail(err)
		return
	}
	f.rewriteLater(s)
}

// write appends one entry, or replaces the file when that is the shorter way.
func (f *file) write(s *Store, changed []touched, absent []string) error {
	b := f.buf[:0]
	isNew := f.pending != nil
	if isNew {
		f.document, f.pending = f.pending, nil
	}
	switch {
	case f.reshaped:
		f.reshaped = false
		b = f.appendShape(b, s)
	case isNew:
		b = appendDocument(b, opDocument, f.document)
	}
	for _, c := range changed {
		b = appendRecord(b, c.t, c.r)
		if len(b) > f.opt.bigEntry && f.rewriting.CompareAndSwap(false, true) {
			defer f.rewriting.Store(false)
			return f.rewrite(s, true)
		}
	}
	for _, id := range absent {
		b = s.appendAbsence(b, id)
	}
	b = f.appendCounters(b, s)
	f.buf = b
	if cap(f.buf) > 8<<20 {
		f.buf = nil
	}
	f.ops += len(changed)
	return f.journal.Append(b)
}

// appendShape writes what the org is and what its objects are.
func (f *file) appendShape(b []byte, s *Store) []byte {
	b = appendDocument(b, opDocument, f.document)
	if f.schema != nil {
		b = appendDocument(b, opSchema, f.schema)
	}
	for _, obj := range s.Schema.Objects {
		b = appendTable(b, s.Tables[obj.Name])
	}
	return b
}

func (f *file) fail(err error) {
	err = &errs.Error{Kind: errs.Transient, Op: "keep the org", Err: err,
		Hint: "What was written before is in the file. Make room for it, and start the org again."}
	if f.broken.CompareAndSwap(nil, &err) && f.opt.Failed != nil {
		f.opt.Failed(err)
	}
}

// FileError says why the store's file takes nothing any more, or nil. What was
// written before, and acknowledged, is in it.
func (s *Store) FileError() error {
	if s.file == nil {
		return nil
	}
	if err := s.file.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// CloseFile writes everything to the disk and lets go of the file. Nothing may be
// written to the store afterwards. Without a file it does nothing.
func (s *Store) CloseFile() error {
	if s.file == nil {
		return nil
	}
	s.mu.Lock() // so that no rewrite begins any more
	s.file.rewriting.Store(true)
	s.mu.release()
	s.file.work.Wait()
	return s.file.journal.Close()
}

// Document is what the file says of its org: what Build or SetDocument gave last, of
// what was written. Without a file it is nil.
func (s *Store) Document() []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file == nil {
		return nil
	}
	return s.file.document
}

// HasFile says whether the records are kept in a file.
func (s *Store) HasFile() bool { return s.file != nil }
