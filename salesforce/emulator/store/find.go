package store

import "github.com/partnersync/partnersync/salesforce/emulator/schema"

// FindSeen gives the live records of a field's value as queries see them. It is
// false if no index can tell: the field has none, or some writes of the table
// are late and the index is ahead of what queries see.
func (t *Table) FindSeen(f *schema.Field, value string) ([]*Record, bool) {
	if len(t.shadows.of) > 0 || f.Slot < 0 {
		return nil, false
	}
	for i := range t.keyed {
		if t.keyed[i].f == f {
			return t.keyed[i].find(value), true
		}
	}
	return nil, false
}
