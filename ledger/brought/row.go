package brought

import (
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Kind says what a row brings in.
type Kind string

// The kinds of rows.
const (
	Opening Kind = "opening" // what was owed at the end of a month
	Paid    Kind = "paid"    // what was paid for a month
)

// Row is a row of a file. What is at fault is left blank.
type Row struct {
	// Line is where it begins in the file, from 1.
	Line      int
	Kind      Kind
	PartnerID string
	Currency  money.Currency
	Minor     int64 // in minor units
	Period    clock.Month
	Reference string // what the other system calls it
	Note      string

	// Of what was paid: for which opportunity (18 characters), when, and under which
	// regime and slice, "" where that is to be told from what is expected.
	OpportunityID string
	PaidOn        clock.Date
	Regime, Slice string

	isFaulty bool
}

// Fault is what is wrong with a row.
type Fault struct {
	Line   int    `json:"line"`   // of the file, from 1
	Column string `json:"column"` // "" if it is the row as a whole
	What   string `json:"what"`
	Do     string `json:"do"` // what to do about it

	// isConflict: the row is well formed, and disagrees with the book.
	isConflict bool
}

// String gives "line 3, amount: what is wrong; what to do".
func (f Fault) String() string {
	where := fmt.Sprintf("line %d", f.Line)
	if f.Column != "" {
		where += ", " + f.Column
	}
	return where + ": " + f.What + ". " + f.Do
}

// refusal makes an error of faults: Conflict if every row is well formed, else Invalid;
// nil if there is none.
func refusal(file string, faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	kind := errs.Conflict
	lines := map[int]bool{}
	for _, f := range faults {
		lines[f.Line] = true
		if !f.isConflict {
			kind = errs.Invalid
		}
	}
	rows := "1 row is refused"
	if len(lines) > 1 {
		rows = fmt.Sprintf("%d rows are refused", len(lines))
	}
	return errs.New(kind, "%s: %s, so nothing of the file is brought in; the first is %s", file, rows, faults[0]).
		WithHint("Correct them and import the whole file again; what is in the book by then is passed over.")
}

// wrong is what is wrong with a cell, and what to do; nil if nothing is.
type wrong struct{ what, do string }

func isWrong(do, format string, args ...any) *wrong { return &wrong{fmt.Sprintf(format, args...), do} }

// reading makes a row of the cells of a record.
type reading struct {
	row    Row
	cells  [len(order)]string
	faults []Fault
}

// cell gives a cell as it was meant: trimmed, and without the apostrophe that keeps a
// spreadsheet from taking it for a formula.
func (r *reading) cell(c column) string { return meant(r.cells[c]) }

// take notes what is wrong with a column, if anything is, and says whether it is right.
func (r *reading) take(c column, w *wrong) bool {
	if w == nil {
		return true
	}
	r.row.isFaulty = true
	r.faults = append(r.faults, Fault{Line: r.row.Line, Column: order[c], What: w.what, Do: w.do})
	return false
}

func (r *reading) read() {
	var w *wrong
	r.row.Kind, w = parseKind(r.cell(kindColumn))
	if !r.take(kindColumn, w) {
		return // nobody can say what the other cells are to be
	}
	r.row.PartnerID, w = parsePartnerID(r.cell(partnerColumn))
	r.take(partnerColumn, w)
	r.row.Currency, w = parseCurrency(r.cell(currencyColumn))
	r.take(currencyColumn, w)
	r.row.Minor, w = parseAmount(r.cell(amountColumn), r.row.Currency)
	r.take(amountColumn, w)
	r.row.Period, w = parseMonth(r.cell(periodColumn))
	r.take(periodColumn, w)
	r.row.Reference, w = parseText(r.cell(referenceColumn), maxReference)
	if w == nil && r.row.Reference == "" {
		w = isWrong("Write what the other system calls it: an invoice, a payment, a cell of a spreadsheet.", "it is blank")
	}
	r.take(referenceColumn, w)
	r.row.Note, w = parseText(r.cell(noteColumn), maxNote)
	r.take(noteColumn, w)
	if r.row.Kind == Opening {
		for _, c := range []column{opportunityColumn, paidOnColumn, regimeColumn, sliceColumn} {
			if r.cell(c) != "" {
				r.take(c, isWrong("Leave it blank; if it is what was paid for an opportunity, its kind is paid.",
					"an opening balance has none, and it says %q", shown(r.cell(c))))
			}
		}
		return
	}
	r.readPaid()
}

// readPaid reads the columns that only what was paid has.
func (r *reading) readPaid() {
	var w *wrong
	r.row.OpportunityID, w = parseOpportunity(r.cell(opportunityColumn))
	r.take(opportunityColumn, w)
	r.row.PaidOn, w = parseDate(r.cell(paidOnColumn))
	r.take(paidOnColumn, w)
	r.row.Regime, r.row.Slice = strings.ToLower(r.cell(regimeColumn)), strings.ToLower(r.cell(sliceColumn))
	if slices := slicesOf[r.row.Regime]; r.row.Regime != "" && slices == nil {
		r.take(regimeColumn, isWrong("Write space or registration, or leave it blank.",
			"%q is no regime under which an opportunity pays", shown(r.row.Regime)))
		return
	}
	if s := r.row.Slice; s != "" && !slices.Contains(slicesOf[r.row.Regime], s) {
		of := "an opportunity"
		if r.row.Regime != "" {
			of = "the regime " + r.row.Regime
		}
		r.take(sliceColumn, isWrong("Write "+strings.Join(slicesOf[r.row.Regime], ", ")+", or leave it blank.", "%q is no slice of %s", shown(s), of))
	}
}

// slicesOf are the slices of each regime under which an opportunity pays (R7.1), and
// under "" those of any.
var slicesOf = map[string][]string{
	"":                            {commission.SliceReferral, commission.SliceNetNew, commission.SliceRemainder},
	commission.RegimeSpace:        {commission.SliceReferral},
	commission.RegimeRegistration: {commission.SliceReferral, commission.SliceNetNew, commission.SliceRemainder},
}

func parseKind(s string) (Kind, *wrong) {
	switch k := Kind(strings.ToLower(s)); k {
	case Opening, Paid:
		return k, nil
	}
	return "", isWrong("Write opening for what was owed, paid for what was paid.", "%q is neither opening nor paid", shown(s))
}

func parsePartnerID(s string) (string, *wrong) {
	id, ok := ledger.ParsePartnerID(s)
	if !ok || id == "" {
		return "", isWrong("A Partner ID is two letters and four digits, such as FG3877.", "%q is no Partner ID", shown(s))
	}
	return id, nil
}

func parseOpportunity(s string) (string, *wrong) {
	id, err := sfid.Parse(s)
	if err != nil {
		return "", isWrong("Write the opportunity's id in Salesforce, such as 0065g00000XyZAbAAN; it is in the address of its page.",
			"%q is no id of 15 or 18 characters", shown(s))
	}
	return id, nil
}
