package staging

import "time"

// IsSettled says whether a record of a stamp and an id must have been staged, given
// that what is committed may be seen later than it is stamped by as much as late. What
// is not settled is still to be read, or will be read once more.
func (c Cursor) IsSettled(at time.Time, id string, late time.Duration) bool {
	if c.At.IsZero() {
		return false
	}
	if settled := c.UpdatedAt.Add(-late); settled.Before(c.At) {
		return at.Before(settled)
	}
	return at.Before(c.At) || at.Equal(c.At) && id <= c.ID
}
