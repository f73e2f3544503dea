package brought

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Bring brings a file into the book, all of it or, if a row is refused, nothing: then
// the report has all that is wrong, and the error is errs.Invalid or, if every row is
// well formed and some disagree with the book, errs.Conflict; the transaction must be
// rolled back. Rows that are in the book already are passed over. The report also has
// what the next accrue would make of it. The lines have still to be marked for push.
func Bring(ctx context.Context, tx *sqlx.Tx, f File, c Context) (r Report, err error) {
	defer errs.Wrap(&err, "import")
	r.File, r.Rows = f.Name, len(f.Rows)
	c.Now = c.Now.UTC().Truncate(time.Microsecond) // as the database keeps it
	// Nothing accrues meanwhile, and two who import take turns.
	if err := book.HoldTerms(ctx, tx); err != nil {
		return r, err
	}
	f.Rows = slices.Clone(f.Rows) // what is found of them is of this transaction alone
	w, err := begin(ctx, tx, &f, c)
	if err != nil {
		return r, err
	}
	if err := w.check(ctx); err != nil {
		return r, err
	}
	r.Known, r.Faults = w.known, w.faults
	if err := refusal(f.Name, w.faults); err != nil {
		return r, err
	}
	if err := w.write(ctx); err != nil {
		return r, err
	}
	return r, w.report(ctx, &r)
}

// write writes what is new.
func (w *work) write(ctx context.Context) error {
	all := make([]book.Brought, len(w.found))
	for i, n := range w.found {
		raw, err := json.Marshal(n.explanation(w.file.Name, w.Actor))
		if err != nil {
			return errs.New(errs.Unknown, "explanation of %s: %w", n.line.Key, err)
		}
		n.line.Explanation = raw
		all[i] = book.Brought{Kind: book.KindImport, Line: n.line}
		if n.row.Kind == Opening {
			all[i].Kind = book.KindOpening
		}
	}
	if _, err := book.Bring(ctx, w.tx, all, book.Context{AsOf: w.today, Actor: w.Actor, Now: w.Now}); err != nil {
		return err
	}
	return w.keep(ctx)
}

// explanation says where a line comes from.
func (n *finding) explanation(file, actor string) commission.Explanation {
	r := n.row
	amount, back := r.Currency.FormatMinor(r.Minor), r.Currency.FormatMinor(-r.Minor)
	ex := commission.Explanation{Rules: []string{"R8.9"}, Plan: n.line.Plan, Facts: []commission.Fact{}}
	fact := func(name, value, id string) {
		if value != "" || id != "" {
			ex.Facts = append(ex.Facts, commission.Fact{Name: name, Value: value, ID: id})
		}
	}
	switch {
	case r.Kind == Opening && r.Minor > 0:
		ex.Sentence = fmt.Sprintf("%s was owed to %s at the end of %s, before this ledger began (%s).", amount, r.PartnerID, r.Period, r.Reference)
	case r.Kind == Opening:
		ex.Sentence = fmt.Sprintf("%s owed %s back at the end of %s, before this ledger began (%s).", r.PartnerID, back, r.Period, r.Reference)
	case r.Minor > 0:
		ex.Sentence = fmt.Sprintf("%s was paid to %s on %s for %s, before this ledger began (%s).", amount, r.PartnerID, r.PaidOn, r.Period, r.Reference)
	default:
		ex.Sentence = fmt.Sprintf("%s was taken back from %s on %s for %s, before this ledger began (%s).", back, r.PartnerID, r.PaidOn, r.Period, r.Reference)
	}
	ex.Sentence += fmt.Sprintf(" %s brought it in from line %d of %s.", actor, r.Line, file)
	fact("Amount", amount, "")
	fact("Reference", r.Reference, "")
	fact("Paid on", r.PaidOn.String(), "")
	fact("Opportunity", "", r.OpportunityID)
	fact("Note", r.Note, "")
	return ex
}
