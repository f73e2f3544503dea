package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/stage"
)

// maxKept bounds how many differences of a check are kept; the rest is counted.
const maxKept = 2000

// Checked is what came of one check.
type Checked struct {
	Name     string `json:"check"`
	Compares string `json:"compares"`
	Unit     string `json:"unit"`
	Looked   int64  `json:"looked_at"` // how many units it looked at
	// Through is the last day that counts, of what is worked out through a day.
	Through string `json:"through,omitempty"`
	// LeftOut is how many of LeftOutUnit could not be compared yet, and Why.
	LeftOut     int64  `json:"left_out"`
	LeftOutUnit string `json:"left_out_unit,omitempty"`
	Why         string `json:"why_left_out,omitempty"`
	// Differences is how many there are; Kept are the first of them.
	Differences int64             `json:"differences"`
	Kept        []book.Difference `json:"found"`

	kind   string // of the discrepancies that it opens
	object string // of the outbox, of what is compared with Salesforce
}

// report keeps a difference, or counts it.
func (c *Checked) report(d book.Difference) error {
	c.Differences++
	if len(c.Kept) < maxKept {
		c.Kept = append(c.Kept, d)
	}
	return nil
}

// Result is what a verification found.
type Result struct {
	Checks []Checked
	// Salesforce: Salesforce was compared too.
	Salesforce bool
	Took       time.Duration
}

// Differences is how many there are, of all checks.
func (r Result) Differences() (n int64) {
	for _, c := range r.Checks {
		n += c.Differences
	}
	return n
}

// First gives the first difference, in the order of the checks.
func (r Result) First() (book.Difference, bool) {
	for _, c := range r.Checks {
		if len(c.Kept) > 0 {
			return c.Kept[0], true
		}
	}
	return book.Difference{}, false
}

// add begins a check.
func (r *Result) add(c Checked) *Checked {
	c.Kept = []book.Difference{}
	r.Checks = append(r.Checks, c)
	return &r.Checks[len(r.Checks)-1]
}

// tell writes the result into a stage's report.
func (r Result) tell(report *stage.Report) {
	for _, c := range r.Checks {
		// Several checks look at the same entries, lines and bills.
		if name := c.Unit + " checked"; c.object != "" || report.Get(name) < c.Looked {
			report.Add(name, c.Looked-before(report, name, c.object))
		}
		if c.LeftOut > 0 {
			report.Notices = append(report.Notices, c.leftOut())
		}
	}
	report.Add(CountDifferences, r.Differences())
	report.Problems = r.Differences()
	if d, differs := r.First(); differs {
		report.Notices = append(report.Notices, fmt.Sprintf("The first difference is in %s, %s %s: %s is %s and has to be %s. %s",
			d.Check, d.Object, d.Subject, d.Field, shortened(d.Found), shortened(d.Expected), d.Sentence))
	}
}

// leftOut says what could not be compared yet.
func (c Checked) leftOut() string {
	if c.LeftOut == 1 {
		return fmt.Sprintf("%s: one of the %s was left out: %s.", c.Name, c.LeftOutUnit, c.Why)
	}
	return fmt.Sprintf("%s: %d %s were left out: %s.", c.Name, c.LeftOut, c.LeftOutUnit, c.Why)
}

// before is what a count already has of the same things; records of different objects in
// Salesforce are different ones.
func before(report *stage.Report, name, object string) int64 {
	if object != "" {
		return 0
	}
	return report.Get(name)
}

// shortened bounds a value that is shown.
func shortened(s string) string {
	const most = 120
	if s == "" {
		return "empty"
	}
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// within runs the comparisons within the database, in one snapshot of it.
func (s *Stage) within(ctx context.Context, out *Result, progress stage.Progress) error {
	// What reads everything takes as long as it takes; the pass has its own bound.
	return pg.InSnapshot(pg.Unhurried(ctx), s.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		out.Checks = nil // of an attempt before
		all := s.checks()
		for i, c := range all {
			progress.Tell("checks", int64(i), int64(len(all)))
			checked := out.add(Checked{Name: c.Name, Compares: c.Compares, Unit: c.Unit, kind: KindBook})
			if err := c.into(ctx, tx, checked); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		progress.Tell("checks", int64(len(all)), int64(len(all)))
		return nil
	})
}

// into runs the check. What is stored and cannot be read is a difference, and the other
// checks go on; what keeps the database from answering is an error.
func (c check) into(ctx context.Context, tx *sqlx.Tx, checked *Checked) error {
	if _, err := tx.ExecContext(ctx, `savepoint before_check`); err != nil {
		return err
	}
	err := c.look(ctx, tx, checked)
	if err == nil || ctx.Err() != nil || slices.Contains([]errs.Kind{errs.Transient, errs.Auth, errs.Limit}, pg.KindOf(err)) {
		return err
	}
	if _, back := tx.ExecContext(ctx, `rollback to savepoint before_check`); back != nil {
		return fmt.Errorf("%w (and then: %w)", err, back)
	}
	return checked.report(book.Difference{
		Check: c.Name, Object: "check", Subject: c.Name, Field: "what is stored", Expected: "what can be read", Found: err.Error(),
		Sentence: "Something that this check reads is not stored as Partnersync stores it, so it could not be looked at to its end. It was written to the database directly: restore it from a backup.",
	})
}

func (c check) look(ctx context.Context, tx *sqlx.Tx, checked *Checked) (err error) {
	if c.run != nil {
		return c.run(ctx, tx, checked, checked.report)
	}
	checked.Looked, err = c.Run(ctx, tx, checked.report)
	return err
}
