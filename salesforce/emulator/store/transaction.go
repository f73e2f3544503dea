package store

// trail is what writes of an open savepoint changed, oldest first.
type trail struct {
	depth int
	steps []trailStep
}

// trailStep is one record as it was before a write, nil for a new one; or, without
// a table, what the deletion of a record had done to others, nil for nothing.
type trailStep struct {
	table  *Table
	record *Record
	before *Record
	gone   bool // the write removed it for good
	absent string
	was    *absence
}

// isWatched says whether anybody asks what a write is about to change.
func (t *Table) isWatched() bool {
	return t.trail != nil || len(t.shadows.of) > 0 || !t.shadows.late.due.IsZero()
}

// note remembers what a write is about to change.
func (t *Table) note(r, before *Record) {
	t.shadows.note(r, before)
	if t.trail != nil {
		t.trail.steps = append(t.trail.steps, trailStep{table: t, record: r, before: before})
	}
}

// Savepoint begins to remember what writes change and gives the place to which
// RollBack goes. Savepoints nest; each is ended by Release. Callers hold the lock
// for writing.
func (s *Store) Savepoint() int {
	if s.trail == nil {
		s.trail = &trail{}
		for _, t := range s.Tables {
			t.trail = s.trail
		}
	}
	s.trail.depth++
	return len(s.trail.steps)
}

// Release ends a savepoint and keeps what was written since.
func (s *Store) Release() {
	if s.trail.depth--; s.trail.depth > 0 {
		return
	}
	s.trail = nil
	for _, t := range s.Tables {
		t.trail = nil
	}
}

// RollBack takes back all that was written since a savepoint, history included.
// Ids and auto numbers that were given stay used, as on the platform.
func (s *Store) RollBack(savepoint int) {
	steps := s.trail.steps[savepoint:]
	s.trail.steps = s.trail.steps[:savepoint]
	held := s.trail
	for i := len(steps) - 1; i >= 0; i-- {
		st := steps[i]
		if st.table == nil {
			s.putAbsence(st.absent, st.was)
			continue
		}
		st.table.trail = nil // what is taken back is no write
		switch {
		case st.before == nil:
			st.table.remove(st.record)
		case st.gone:
			*st.record = *st.before
			st.table.Add(st.record)
		default:
			moved := st.record.Deleted != st.before.Deleted
			st.table.Replace(st.record, st.before)
			if moved {
				s.markHistory(st.table, st.record.ID, st.before.Deleted, false)
			}
		}
		st.table.trail = held
	}
}

// Begin locks the store for a transaction of several calls, and gives the store in
// which they run: the same records, whose locks are held already. It is used by one
// goroutine until End; what is kept of it, such as a query's further pages, goes on
// with the locks of s. All that a store keeps beside its records has to be made by
// New, and named here, so that both have it.
func (s *Store) Begin() *Store {
	s.Lock()
	inner := &Store{Schema: s.Schema, clock: s.clock, mu: &guard{outer: s.mu}, Tables: s.Tables, counters: s.counters, absent: s.absent, related: s.related,
		late: s.late, adjust: s.adjust, OrgID: s.OrgID, UserID: s.UserID, file: s.file}
	inner.mu.held.Store(true)
	inner.Savepoint()
	return inner
}

// End ends the transaction of a store that Begin gave, and keeps what was written,
// or takes it back.
func (s *Store) End(keep bool) {
	if !keep {
		s.RollBack(0)
	}
	s.Release()
	s.mu.held.Store(false)
	s.mu.outer.Unlock()
}

// ByPrefix finds the table whose records' ids begin like id, which has at least
// three characters. History tables, which share a prefix, are not found.
func (s *Store) ByPrefix(id string) (*Table, bool) {
	if len(id) < 3 {
		return nil, false
	}
	for _, o := range s.Schema.Objects {
		if o.Prefix == id[:3] && o.HistoryOf == "" {
			return s.Tables[o.Name], true
		}
	}
	return nil, false
}
