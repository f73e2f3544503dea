package store

import "github.com/partnersync/partnersync/salesforce/emulator/schema"

// newID gives the next unused id of a key prefix, 18 characters. Callers hold
// the lock for writing, except while the org is being made.
func (s *Store) newID(prefix string) string {
	s.counters[prefix]++
	return MakeID(prefix, s.counters[prefix])
}

// MakeID writes the n-th id of a key prefix.
func MakeID(prefix string, n uint64) string { return schema.MakeID(prefix, n) }
