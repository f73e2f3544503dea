package store

// trail is what writes of an open savepoint changed, oldest first.
type trail struct {
	depth int
	steps []trailStep
}

// trailStep is one record as it was before a write; nil for a new one.
type trailStep struct {
	table  *Table
	record *Record
	before *Record
}

// isWatched says whether anybody asks what a write is about to change.
func (t *Table) isWatched() bool {
	return t.trail != nil || len(t.shadows.of) > 0 || !t.shadows.late.due.IsZero()
}

// note remembers what a write is about to change.
func (t *Table) note(r, before *Record) {
	t.shadows.note(r, before)
	if t.trail != nil {
		t.trail.steps = append(t.trail.steps, trailStep{t, r, before})
	}
}

// Savepoint begins to remember what writes change and gives the place to which
// RollBack goes. Savepoints nest; each is ended by Release. Callers hold the lock
// for writing, or have Begun.
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
		st.table.trail = nil // what is taken back is no write
		if st.before == nil {
			st.table.remove(st.record)
		} else {
			moved := st.record.Deleted != st.before.Deleted
			st.table.Replace(st.record, st.before)
			if moved {
				s.markHistory(st.table, st.record.ID, st.before.Deleted, false)
			}
		}
		st.table.trail = held
	}
}

// Begin keeps other writers out until End, so that a savepoint can last over
// several calls. Inside, LockInside stands for Lock. Readers are let in between
// the calls, and see what is not yet certain.
func (s *Store) Begin() { s.gate.Lock() }

// End lets other writers in again.
func (s *Store) End() { s.gate.Unlock() }

// LockInside takes the lock for writing between Begin and End.
func (s *Store) LockInside() { s.mu.Lock() }

// UnlockInside gives it back.
func (s *Store) UnlockInside() { s.mu.Unlock() }

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
