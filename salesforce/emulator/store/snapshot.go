package store

import (
	"errors"
	"maps"
	"slices"
)

// errReshaped ends a snapshot during which the schema changed.
var errReshaped = errors.New("the schema changed meanwhile")

// rewriteLater begins a rewrite in the background when the file holds far more than
// the store. The caller holds the lock for writing.
func (f *file) rewriteLater(s *Store) {
	live := 0
	for _, t := range s.Tables {
		live += len(t.ByID)
	}
	if f.ops <= 2*live+f.opt.slack || !f.rewriting.CompareAndSwap(false, true) {
		return
	}
	f.work.Go(func() {
		defer f.rewriting.Store(false)
		// One that fails harms nothing but the file's length: the next comes when the
		// file has grown as much again.
		if err := f.rewrite(s, false); err != nil && !errors.Is(err, errReshaped) {
			s.mu.Lock()
			f.ops = 0
			s.mu.release()
			if f.opt.Warn != nil {
				f.opt.Warn(err)
			}
		}
	})
}

// rewrite replaces the file by a snapshot and what was written since the snapshot
// began. With locked, the caller holds the lock for writing; else the records are
// read a few at a time while others write. Such a snapshot is of no single instant:
// it has, of each record, a state from after its begin, and every later state is
// behind it in the file, so that reading both ends where the store is.
func (f *file) rewrite(s *Store, locked bool) error {
	if !locked {
		s.mu.RLock()
	}
	mark, shape, before := f.journal.Mark(), f.shape, f.ops
	head := f.appendShape(nil, s)
	objects := slices.Clone(s.Schema.Objects)
	tables := maps.Clone(s.Tables)
	if !locked {
		s.mu.RUnlock()
	}
	w := &snapshot{file: f, store: s, locked: locked, shape: shape}
	err := f.journal.Rewrite(mark, func(emit func([]byte) error) error {
		if err := emit(head); err != nil {
			return err
		}
		for _, obj := range objects {
			if err := w.table(tables[obj.Name], emit); err != nil {
				return err
			}
		}
		if err := w.absences(emit); err != nil {
			return err
		}
		return w.counters(emit)
	})
	if err != nil {
		return err
	}
	if !locked {
		s.mu.Lock()
		defer s.mu.release()
	}
	f.ops += w.records - before
	return nil
}

// snapshot is one rewrite at work.
type snapshot struct {
	file    *file
	store   *Store
	locked  bool
	shape   int
	buf     []byte
	records int
}

// table emits the records of a table in the order of their ids.
func (w *snapshot) table(t *Table, emit func([]byte) error) error {
	if w.locked {
		t.tidy()
	} else {
		w.store.RLockTidy(t)
	}
	all := make([]*Record, 0, len(t.ByID))
	t.ByName.Walk(WholeSpan, false, func(r *Record) bool {
		all = append(all, r)
		return true
	})
	if !w.locked {
		w.store.mu.RUnlock()
	}
	for part := range slices.Chunk(all, chunk) {
		w.buf = w.buf[:0]
		if err := w.read(t, part); err != nil {
			return err
		}
		if err := emit(w.buf); err != nil {
			return err
		}
	}
	return nil
}

// read writes some records into the buffer.
func (w *snapshot) read(t *Table, part []*Record) error {
	if !w.locked {
		w.store.mu.RLock()
		defer w.store.mu.RUnlock()
		if w.file.shape != w.shape {
			return errReshaped
		}
	}
	for _, r := range part {
		if !r.Purged { // since the list was made
			w.buf = appendRecord(w.buf, t, r)
			w.records++
		}
	}
	return nil
}

// absences emits what the deletions of records did to others, after all the records.
func (w *snapshot) absences(emit func([]byte) error) error {
	if !w.locked {
		w.store.mu.RLock()
		defer w.store.mu.RUnlock()
		if w.file.shape != w.shape {
			return errReshaped
		}
	}
	b := w.buf[:0]
	for _, id := range slices.Sorted(maps.Keys(w.store.absent)) {
		if b = w.store.appendAbsence(b, id); len(b) > 1<<20 {
			if err := emit(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	w.buf = b
	return emit(b)
}

// counters emits all of them. They are read after the records, so that none is
// smaller than an id.
func (w *snapshot) counters(emit func([]byte) error) error {
	if !w.locked {
		w.store.mu.RLock()
		defer w.store.mu.RUnlock()
		if w.file.shape != w.shape {
			return errReshaped
		}
	}
	all := &file{counters: map[string]uint64{}, auto: map[*Table]map[int]int{}}
	entry := all.appendCounters(nil, w.store)
	if w.locked {
		w.file.counters, w.file.auto = all.counters, all.auto
	}
	return emit(entry)
}
