package stage

import (
	"slices"
	"strings"
)

// The kinds of warnings that raise an alert. Others are only told.
const (
	// Drift: something is no longer as it was agreed, such as a field of the org's
	// that is gone, or of another type. It is said by the pass that finds it, and
	// holds until a person has looked, or Report.Settled names it.
	Drift = "drift"
	// Stopped: a mapping can't be read as the org is now. Every pass says so while it
	// is so; the subject is the kind of fact.
	Stopped = "stopped"
	// OutOfQuota: Salesforce's requests are spent as far as this job may spend them.
	OutOfQuota = "quota"
)

// Warning is one thing that a person should know of.
type Warning struct {
	// Kind is Drift or OutOfQuota, or a word of the stage's own.
	Kind string `json:"kind"`
	// Subject is what it is about: an object, a field ("Opportunity.Amount"), a stage. Of one
	// kind and subject there is one alert until what it says changes.
	Subject string `json:"subject"`
	// Text is a sentence for a person, with what to do.
	Text string `json:"text"`
}

// Warn adds a warning, once however often it is said.
func (r *Report) Warn(kind, subject, text string) {
	w := Warning{Kind: kind, Subject: subject, Text: text}
	if slices.Contains(r.Warnings, w) {
		return
	}
	r.Warnings = append(r.Warnings, w)
}

// IsPutOff says whether the pass did not do all for want of Salesforce's requests.
func (r *Report) IsPutOff() bool {
	return r.Deferred != "" && slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Kind == OutOfQuota })
}

// Remarks are the notices that no warning says too.
func (r *Report) Remarks() (out []string) {
	for _, n := range r.Notices {
		if !slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Text == n }) {
			out = append(out, n)
		}
	}
	return out
}

// CallsMade is how many requests the pass has sent to Salesforce.
func (r *Report) CallsMade() (n int64) {
	for _, c := range r.Calls {
		n += c.N
	}
	return n
}

// flows says by the ends of their names which counts of a stage are of rows that came
// in, and which of rows that went out.
var flows = map[string]struct{ in, out []string }{
	Pull:      {in: []string{" received"}, out: []string{" staged"}},
	Reconcile: {in: []string{"records reconciled"}, out: []string{"Partner ID histories changed"}},
	Accrue:    {in: []string{"sources worked out"}, out: []string{"lines new or changed"}},
	Push:      {in: []string{" written", " unchanged", " failed", " quarantined"}, out: []string{" written"}},
}

// Settle fills in what the stage has left to it: rows in and out, failed and
// quarantined, from the counts that it gave.
func (r *Report) Settle() {
	flow := flows[r.Stage]
	for _, to := range []struct {
		field *int64
		ends  []string
	}{
		{&r.In, flow.in}, {&r.Out, flow.out},
		{&r.RowsFailed, []string{" failed"}}, {&r.RowsQuarantined, []string{" quarantined"}},
	} {
		if *to.field == 0 {
			*to.field = r.sum(to.ends)
		}
	}
}

// sum adds up the counts whose names end in one of ends.
func (r *Report) sum(ends []string) (n int64) {
	for _, c := range r.Counts {
		for _, end := range ends {
			if strings.HasSuffix(c.Name, end) {
				n += c.N
				break
			}
		}
	}
	return n
}
