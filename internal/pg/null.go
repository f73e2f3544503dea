package pg

// OrNull gives a value as an argument of a statement, or as an element of an array of
// them: null where it is none.
func OrNull[T interface{ IsZero() bool }](v T) *T {
	if v.IsZero() {
		return nil
	}
	return &v
}
