package outbox

import "time"

// Age says since when the rows of an object wait that have waited longest.
type Age struct {
	Object string `json:"object"`
	// UnsentSince is when the oldest unsent row was last marked, those that are put off
	// included; nil if there is none.
	UnsentSince *time.Time `json:"unsent_since,omitempty"`
	// QuarantinedSince is when the oldest quarantined row was put aside; nil if none is.
	QuarantinedSince *time.Time `json:"quarantined_since,omitempty"`
}

// Ages gives those of the objects that have something to send.
func Ages(tallies []Tally) (out []Age) {
	for _, t := range tallies {
		if t.UnsentSince != nil || t.QuarantinedSince != nil {
			out = append(out, Age{t.Object, t.UnsentSince, t.QuarantinedSince})
		}
	}
	return out
}
