package brought

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
)

// Context of an import.
type Context struct {
	// Zone is the company zone, in which days and months are meant.
	Zone *time.Location
	// GoLive is what the settings say of the go-live; not decided if they say nothing.
	GoLive book.GoLive
	Actor  string
	Now    time.Time
}

// work is the import of one file, in one transaction.
type work struct {
	Context
	tx     *sqlx.Tx
	file   *File
	today  clock.Date
	closed clock.Month // the last closed month; none if it is no month
	// engine says what is expected, if anything was paid; whole says it without a go-live,
	// and is nil where there is none.
	engine, whole *commission.Engine
	partners      map[string]ledger.PartnerOfID
	before        memory

	seen   map[string]int // the line of the file that names a line of the book, or an opening balance
	found  []*finding     // what is new
	known  int            // rows that are in the book already
	faults []Fault
}

// finding is a row that is new, and the line that it becomes.
type finding struct {
	row  *Row
	line book.Line
}

func begin(ctx context.Context, tx *sqlx.Tx, f *File, c Context) (*work, error) {
	w := &work{
		Context: c, tx: tx, file: f, today: clock.DateIn(c.Now, c.Zone), seen: map[string]int{},
		partners: map[string]ledger.PartnerOfID{}, faults: slices.Clone(f.Faults),
	}
	var err error
	if w.closed, err = book.Closed(ctx, tx); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(f.Rows))
	for i := range f.Rows {
		ids = append(ids, f.Rows[i].PartnerID)
	}
	partners, err := ledger.PartnersByID(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for _, p := range partners {
		w.partners[p.ID] = p
	}
	if w.before, err = remember(ctx, tx, f.Rows); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(f.Rows, func(r Row) bool { return r.Kind == Paid }) {
		err = w.makeEngines(ctx)
	}
	return w, err
}

// makeEngines makes what says what accrue expects now (R7.3).
func (w *work) makeEngines(ctx context.Context) error {
	if pending, err := attribution.IsPending(ctx, w.tx); err != nil || pending {
		return cmp.Or(err, error(errs.New(errs.Conflict, "histories of Partner IDs are still to be worked out, so nobody can say yet what is expected").
			WithHint("`partnersync run reconcile` works them out; then import again.")))
	}
	reached, err := book.ReadReached(ctx, w.tx)
	if err != nil {
		return err
	}
	days := facts.DaysOf(w.today.AddDays(-1), false, reached)
	if w.engine, err = facts.Engine(ctx, w.tx, days, w.Zone, w.GoLive); err != nil {
		return err
	}
	if !w.engine.GoLive.IsZero() {
		whole := *w.engine
		whole.GoLive = clock.Date{}
		w.whole = &whole
	}
	return nil
}

// fault notes what is wrong with a row.
func (w *work) fault(r *Row, c column, do, format string, args ...any) {
	r.isFaulty = true
	w.faults = append(w.faults, Fault{Line: r.Line, Column: order[c], What: fmt.Sprintf(format, args...), Do: do})
}

// conflict notes that a row, well formed, disagrees with the book or with another row.
func (w *work) conflict(r *Row, c column, do, format string, args ...any) {
	w.fault(r, c, do, format, args...)
	w.faults[len(w.faults)-1].isConflict = true
}

// check looks at every row, and finds the line that it becomes.
func (w *work) check(ctx context.Context) error {
	paid := map[string][]*Row{}
	for i := range w.file.Rows {
		r := &w.file.Rows[i]
		w.checkAlone(r)
		switch {
		case r.Kind == Paid && r.OpportunityID != "":
			paid[r.OpportunityID] = append(paid[r.OpportunityID], r)
		case r.Kind == Opening && !r.isFaulty:
			w.checkOpening(r)
		}
	}
	if err := w.checkPaid(ctx, paid); err != nil {
		return err
	}
	if err := w.checkFree(ctx); err != nil {
		return err
	}
	slices.SortStableFunc(w.found, func(a, b *finding) int { return cmp.Compare(a.row.Line, b.row.Line) })
	slices.SortStableFunc(w.faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return nil
}

// checkAlone looks at what a row says of itself, with what is known of partners and days.
func (w *work) checkAlone(r *Row) {
	if _, issued := w.partners[r.PartnerID]; !issued && r.PartnerID != "" {
		w.fault(r, partnerColumn, "Correct it, or state the partner that has it with `partnersync apply` first.",
			"the Partner ID %s was issued to nobody", r.PartnerID)
	}
	if month := w.today.Month(); month.Before(r.Period) {
		w.fault(r, periodColumn, "Look whether the year is right: what is still to come cannot have been owed or paid.",
			"%s has not begun yet; it is %s in the company zone", r.Period, w.today)
	}
	if r.PaidOn.After(w.today) {
		w.fault(r, paidOnColumn, "Look whether the year is right.", "%s is still to come; it is %s in the company zone", r.PaidOn, w.today)
	}
}

func (w *work) isClosed(m clock.Month) bool { return !w.closed.IsZero() && !w.closed.Before(m) }

// isOpen says whether the month of a new row still takes entries, and notes it if not.
func (w *work) isOpen(r *Row) bool {
	if !w.isClosed(r.Period) {
		return true
	}
	do := "A closed month takes nothing any more (R8.4). What was paid before has to come in before the first close; " +
		"state what is still open between you and the partner as an opening balance of an open month."
	if r.Kind == Opening {
		do = "A closed month takes nothing any more (R8.4). Give the balance the month " + w.closed.Next().String() + " or a later one."
	}
	w.conflict(r, periodColumn, do, "%s is closed: the book is closed through %s", r.Period, w.closed)
	return false
}

const neverChanged = "What was brought in is never changed. Leave the row out; if the first one was wrong, " +
	"bring the difference in as an opening balance with a reference of its own."

// checkOpening finds the line of an opening balance.
func (w *work) checkOpening(r *Row) {
	known := r.owing()
	if !w.isFirst(r, fmt.Sprintf("%v", known)) {
		return
	}
	if k, is := w.before.openings[known]; is {
		w.checkAgain(r, k)
		return
	}
	if !w.isOpen(r) {
		return
	}
	l := book.Line{
		PayeeID: r.PartnerID, Regime: book.RegimeOpening, SourceID: w.before.nextNumber(), Slice: book.SliceBalance, Period: r.Period,
		Currency: r.Currency, Base: r.Currency.FromMinor(r.Minor), Rate: wholeRate, AmountMinor: r.Minor,
	}
	l.Key = commission.Key(l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period)
	w.found = append(w.found, &finding{row: r, line: l})
}

// checkAgain looks at a row of which something is in the book already.
func (w *work) checkAgain(r *Row, k kept) {
	if k.says(r) {
		w.known++
		return
	}
	month := ""
	if k.Period != r.Period {
		month = fmt.Sprintf(" for %s", k.Period)
	}
	w.conflict(r, amountColumn, neverChanged, "%s was brought in already with %s%s, and the row says %s", k.LineKey, k, month, r)
}

// isFirst says whether no row before this one names the same, and notes it if one does.
func (w *work) isFirst(r *Row, what string) bool {
	first, again := w.seen[what]
	if !again {
		w.seen[what] = r.Line
		return true
	}
	if r.Kind == Opening {
		w.conflict(r, referenceColumn, "Give each balance a reference of its own, or state them as one.",
			"line %d has the same Partner ID, currency and reference", first)
	} else {
		w.conflict(r, opportunityColumn, "State what was paid for a line in all, as one row.", "line %d is of the same line, %s", first, what)
	}
	return false
}

// checkFree refuses what has accrued here already: nothing is paid twice.
func (w *work) checkFree(ctx context.Context) error {
	lines := make([]*book.Line, 0, len(w.found))
	for _, n := range w.found {
		if n.row.Kind == Paid {
			lines = append(lines, &n.line)
		}
	}
	occupied, err := book.Occupied(ctx, w.tx, lines)
	if err != nil {
		return err
	}
	for _, n := range w.found {
		if by := occupied[n.line.Key]; by != "" {
			w.conflict(n.row, periodColumn, "Nothing is paid twice: leave the row out. If another system paid it all the same, export it here and confirm it as paid.",
				"%s", by)
		}
	}
	return nil
}
