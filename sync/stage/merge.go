package stage

import (
	"fmt"
	"slices"
	"strings"
)

// Shared says how much of a pass a worker did.
type Shared struct {
	// Worker is a process: the name of its machine and its number there.
	Worker string `json:"worker"`
	Parts  int64  `json:"parts"`
	// In and Out are the rows of those parts, as in a Report.
	In  int64 `json:"in"`
	Out int64 `json:"out"`
}

// SharedText says in a sentence who did which part of the pass; "" if it was not shared.
func (r Report) SharedText() string {
	if len(r.Shared) == 0 {
		return ""
	}
	all := make([]string, len(r.Shared))
	for i, s := range r.Shared {
		noun := "parts"
		if s.Parts == 1 {
			noun = "part"
		}
		all[i] = fmt.Sprintf("%s did %d %s (%d rows in, %d out)", s.Worker, s.Parts, noun, s.In, s.Out)
	}
	return strings.Join(all, ", ") + "."
}

// Merge adds what a part reports, and notes whose work it was.
func (r *Report) Merge(part Report, worker string) {
	for _, c := range part.Counts {
		r.Add(c.Name, c.N)
	}
	for _, c := range part.Calls {
		r.Calls = addTo(r.Calls, c)
	}
	r.Problems += part.Problems
	for _, n := range part.Notices {
		if !slices.Contains(r.Notices, n) {
			r.Notices = append(r.Notices, n)
		}
	}
	for _, w := range part.Warnings {
		r.Warn(w.Kind, w.Subject, w.Text)
	}
	if r.Deferred == "" {
		r.Deferred = part.Deferred
	}
	part.Stage = r.Stage
	part.Settle()
	r.share(Shared{Worker: worker, Parts: 1, In: part.In, Out: part.Out})
}

// Rows is how many rows came in, by the counts so far.
func (r Report) Rows() int64 {
	r.Settle()
	return r.In
}

func (r *Report) share(s Shared) {
	i, found := slices.BinarySearchFunc(r.Shared, s, func(a, b Shared) int { return strings.Compare(a.Worker, b.Worker) })
	if !found {
		r.Shared = slices.Insert(r.Shared, i, s)
		return
	}
	r.Shared[i].Parts += s.Parts
	r.Shared[i].In += s.In
	r.Shared[i].Out += s.Out
}

// addTo adds a count to those of its name.
func addTo(counts []Count, c Count) []Count {
	for i := range counts {
		if counts[i].Name == c.Name {
			counts[i].N += c.N
			return counts
		}
	}
	return append(counts, c)
}

// Clean gives the report with texts that Postgres takes.
func (r Report) Clean() Report {
	r.Stage, r.Deferred = Clean(r.Stage), Clean(r.Deferred)
	r.Counts, r.Notices = slices.Clone(r.Counts), slices.Clone(r.Notices)
	for i := range r.Counts {
		r.Counts[i].Name = Clean(r.Counts[i].Name)
	}
	for i := range r.Notices {
		r.Notices[i] = Clean(r.Notices[i])
	}
	r.Warnings = slices.Clone(r.Warnings)
	for i, w := range r.Warnings {
		r.Warnings[i] = Warning{Kind: Clean(w.Kind), Subject: Clean(w.Subject), Text: Clean(w.Text)}
	}
	return r
}

// Clean makes a text that Postgres takes: Salesforce's messages may quote bytes
// that are no characters. (JSON may escape a NUL, but ->> then refuses the whole.)
func Clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
