// Package stage is what the stages have in common: the shape of a pass, its
// report, and the token that makes a worker which was frozen and wakes harmless.
//
// A stage is one bounded, repeatable pass. It reads the tables to its left,
// writes to its right and marks both in one transaction; it can be stopped at
// any moment, run again or replayed alone. The command line, the schedule and
// the web call the same Run.
package stage

import (
	"context"
	"errors"

	"github.com/partnersync/partnersync/internal/clock"
)

// The names of the stages, those of the data's way in its order.
const (
	Pull      = "pull"
	Reconcile = "reconcile"
	Accrue    = "accrue"
	Push      = "push"
	Verify    = "verify"
	Recount   = "recount"
)

// Names lists the stages: those of the data's way in its order, then those that
// look at everything, recount and verify.
func Names() []string { return append(Way(), Recount, Verify) }

// Order lists all stages in the order in which those that were named together run:
// what a recount stages is reconciled after it.
func Order() []string { return []string{Pull, Recount, Reconcile, Accrue, Push, Verify} }

// Way lists the stages of the data's way, in its order: those that "all" stands for.
// Recount and verify move nothing on, and have schedules of their own.
func Way() []string { return []string{Pull, Reconcile, Accrue, Push} }

// Stage is one stage. Run makes one bounded pass and reports it. The error is
// for what stopped the pass; a bad record is a row and a count in the report.
type Stage interface {
	Name() string
	Run(ctx context.Context, o Options) (Report, error)
}

// Options are what the caller of a pass decides.
type Options struct {
	// AsOf is the last day that counts, given by a person; no date means
	// yesterday in the company zone (R7.3). Only accrue reads it.
	AsOf clock.Date
	// DryRun computes and reports, and writes nothing.
	DryRun bool
	// Repair: send again what verify has found to differ in Salesforce, whatever
	// Salesforce has confirmed before. Only push reads it.
	Repair bool
	// Believe: what Salesforce does not show any more is gone, however much that is.
	// Only recount reads it.
	Believe bool
	// Actor is who runs this: "schedule", or a person's name.
	Actor string
	// Progress, if not nil, is told of work done. total is 0 when unknown.
	Progress Progress
	// Share, if not nil, has parts of a large pass done by other replicas too; if it is
	// nil, they are done in this process.
	Share Share
}

// Progress hears that, of what is named (an object, a step), done items of
// total are finished. It is called from one goroutine at a time.
type Progress func(what string, done, total int64)

// Tell calls the Progress, if there is one.
func (p Progress) Tell(what string, done, total int64) {
	if p != nil {
		p(what, done, total)
	}
}

// Status is how a pass ended.
type Status string

// The statuses. A pass with failures inside never says ok.
const (
	OK           Status = "ok"
	WithProblems Status = "ok with problems"
	Failed       Status = "failed"
)

// Report says what a pass did.
type Report struct {
	Stage string `json:"stage"`
	// Counts are named numbers in the order in which a person should read them.
	Counts []Count `json:"counts"`
	// Problems counts rows that a person has to look at because of this pass.
	Problems int64 `json:"problems"`
	// Notices are sentences for a person: a mapping that is switched off, say.
	Notices []string `json:"notices,omitempty"`
	// Deferred says why the pass did nothing, or not all, though nothing failed; or
	// "". What it left is for a later run.
	Deferred string `json:"deferred,omitempty"`

	// Warnings are what the program has worked around and a person should know of,
	// because it may come to matter: that the org's schema has drifted, say. They
	// do not make a run one with problems, and some of them raise an alert.
	Warnings []Warning `json:"warnings,omitempty"`
	// Settled are the subjects of drift that is over.
	Settled []string `json:"settled,omitempty"`
	// In counts the rows that the pass took from its left, Out those that it gave to
	// its right. A stage sets them, or leaves them to Settle.
	In  int64 `json:"in"`
	Out int64 `json:"out"`
	// RowsFailed counts rows that failed and will be tried again by themselves,
	// RowsQuarantined those that a person has to look at before anything becomes of
	// them. Both are among the Problems. A stage sets them, or leaves them to Settle.
	RowsFailed      int64 `json:"rows_failed"`
	RowsQuarantined int64 `json:"rows_quarantined"`
	// Calls counts the requests that the pass has sent to Salesforce, by kind, those
	// that were repeated or refused included. The quota fills it in.
	Calls []Count `json:"calls,omitempty"`
	// AsOf is the last day that counted, such as 2026-10-31, where the stage goes by
	// one; or "".
	AsOf string `json:"as_of,omitempty"`
	// Shared says which workers did parts of the pass, if it was shared, by name.
	Shared []Shared `json:"shared,omitempty"`
}

// Count is one number of a report.
type Count struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

// Add adds n to the count of that name, appending it if it is new.
func (r *Report) Add(name string, n int64) {
	for i := range r.Counts {
		if r.Counts[i].Name == name {
			r.Counts[i].N += n
			return
		}
	}
	r.Counts = append(r.Counts, Count{Name: name, N: n})
}

// Get gives the count of that name, or 0.
func (r *Report) Get(name string) int64 {
	for _, c := range r.Counts {
		if c.Name == name {
			return c.N
		}
	}
	return 0
}

// Conclude gives what Run returns as its error. Whoever was superseded has not
// failed: the work is done by another, and the report says so.
func (r *Report) Conclude(err error) error {
	if errors.Is(err, ErrSuperseded) {
		r.Deferred = "another worker has taken " + r.Stage + " over and goes on with it"
		return nil
	}
	return err
}

// Status is the report's verdict; err is what Run returned with it.
func (r *Report) Status(err error) Status {
	switch {
	case err != nil:
		return Failed
	case r.Problems > 0, r.RowsFailed > 0, r.RowsQuarantined > 0:
		return WithProblems
	}
	return OK
}
