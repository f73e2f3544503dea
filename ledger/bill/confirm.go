package bill

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
)

// Confirmation says what became of a bill's payment.
type Confirmation struct {
	Bill    string
	Outcome string // paid, failed or returned
	On      clock.Date
	// Amount is what was paid, if Currency says in which: it has to be the bill's.
	AmountMinor int64
	Currency    money.Currency
	Reference   string // of the bank; why it failed or came back
	// Row is where a file says so, from 1 with its heading; 0 if no file does.
	Row int
}

// Confirmed is what confirmations came to.
type Confirmed struct {
	// Bills are those that changed, as they stand now, by number.
	Bills []Bill
	// Same is how many confirmations said what was known.
	Same int
	// Taken are the lines that changed. They have to be sent on.
	Taken []book.Taken
}

// Confirm keeps what became of bills and moves their lines along (R8.6): paid lines are
// settled; of a payment that failed or came back they are approved again, and the next
// export bills them anew. All confirmations are looked at before anything is done, and
// all or none are kept. One that says what is known changes nothing.
//
// errs.NotFound for a bill that does not exist, errs.Invalid for another amount or an
// impossible day, errs.Conflict for an outcome that contradicts what is known.
func Confirm(ctx context.Context, tx *sqlx.Tx, all []Confirmation, c book.Context) (_ Confirmed, err error) {
	defer errs.Wrap(&err, "confirm payments")
	if err := begin(ctx, tx, c); err != nil {
		return Confirmed{}, err
	}
	k, err := readKnown(ctx, tx, all)
	if err != nil {
		return Confirmed{}, err
	}
	var faults []error
	var news []Event
	for _, cf := range all {
		e, isNew, err := k.hear(cf, c.AsOf)
		if err != nil {
			faults = append(faults, atRow(cf.Row, err))
		} else if isNew {
			news = append(news, e)
		}
	}
	if err := together(faults, len(all)); err != nil {
		return Confirmed{}, err
	}
	out := Confirmed{Same: len(all) - len(news)}
	for _, e := range news {
		if err := record(ctx, tx, e, c); err != nil {
			return Confirmed{}, err
		}
		taken, err := move(ctx, tx, e, c)
		if err != nil {
			return Confirmed{}, err
		}
		out.Taken = append(out.Taken, taken...)
	}
	out.Bills, err = changed(ctx, tx, news)
	return out, err
}

// known is what is known of bills, and what is being said of them.
type known struct {
	bills  map[string]Bill
	events map[string][]Event
}

func readKnown(ctx context.Context, q sqlx.QueryerContext, all []Confirmation) (known, error) {
	numbers := make([]string, len(all))
	for i, cf := range all {
		numbers[i] = cf.Bill
	}
	k := known{bills: map[string]Bill{}, events: map[string][]Event{}}
	bills, err := List(ctx, q, Filter{Numbers: numbers})
	if err != nil {
		return k, err
	}
	for _, b := range bills {
		k.bills[b.Number] = b
	}
	events, err := Events(ctx, q, numbers)
	for _, e := range events {
		k.events[e.Bill] = append(k.events[e.Bill], e)
	}
	return k, err
}

// hear gives what a confirmation adds to what is known, and whether it adds anything.
func (k known) hear(cf Confirmation, today clock.Date) (e Event, isNew bool, err error) {
	b, is := k.bills[cf.Bill]
	if !is {
		return e, false, errs.New(errs.NotFound, "there is no bill %q", cf.Bill).WithHint("`partnersync ledger bills` lists them.")
	}
	if err := b.check(cf, today); err != nil {
		return e, false, err
	}
	events := k.events[cf.Bill]
	e = Event{Bill: cf.Bill, Nth: len(events) + 1, Outcome: cf.Outcome, On: cf.On, Reference: strings.TrimSpace(cf.Reference)}
	if slices.ContainsFunc(events, func(o Event) bool { return o.Outcome == e.Outcome && o.On == e.On && o.Reference == e.Reference }) {
		return e, false, nil
	}
	last := events[len(events)-1]
	if !slices.Contains(mayFollow[last.Outcome], cf.Outcome) {
		return e, false, last.contradicts(cf)
	}
	if cf.On.Before(last.On) {
		return e, false, errs.New(errs.Invalid, "bill %s was %s on %s, and cannot be %s before, on %s", cf.Bill, last.Outcome, last.On, cf.Outcome, cf.On)
	}
	k.events[cf.Bill] = append(events, e)
	return e, true, nil
}

// mayFollow says which outcomes may follow one.
var mayFollow = map[string][]string{
	Exported: {Paid, Failed},
	Paid:     {Returned},
}

func (e Event) contradicts(cf Confirmation) error {
	known := fmt.Sprintf("%s on %s", e.Outcome, e.On)
	if e.Reference != "" {
		known += fmt.Sprintf(" (%s)", e.Reference)
	}
	hint := "A payment that came back is returned; what is billed anew has a bill of its own."
	if e.Outcome == Exported {
		hint = "Only what was paid can come back; a payment that did not take place failed."
	}
	return errs.New(errs.Conflict, "bill %s is %s, and cannot be %s on %s", cf.Bill, known, cf.Outcome, cf.On).WithHint("%s", hint)
}

// check refuses what cannot be said of the bill whatever became of it.
func (b Bill) check(cf Confirmation, today clock.Date) error {
	switch {
	case !slices.Contains([]string{Paid, Failed, Returned}, cf.Outcome):
		return errs.New(errs.Invalid, "%q is none of paid, failed, returned", cf.Outcome)
	case cf.On.IsZero():
		return errs.New(errs.Invalid, "it is not said on which day bill %s was %s", b.Number, cf.Outcome)
	case cf.On.After(today):
		return errs.New(errs.Invalid, "bill %s cannot have been %s on %s: today is %s", b.Number, cf.Outcome, cf.On, today)
	case cf.Currency == "":
		return nil
	case cf.Currency != b.Currency || cf.AmountMinor != b.AmountMinor:
		return errs.New(errs.Invalid, "bill %s is of %s, and %s is said", b.Number, b.Currency.FormatMinor(b.AmountMinor), cf.Currency.FormatMinor(cf.AmountMinor)).
			WithHint("A bill is paid as a whole. Correct the amount, or confirm the payment as failed and let the next export bill it anew.")
	}
	return nil
}

func atRow(row int, err error) error {
	if row == 0 {
		return err
	}
	return errs.New(errs.KindOf(err), "row %d: %w", row, err).WithHint("%s", errs.HintOf(err))
}

// mostFaults bounds how many of a file's faults are told at once.
const mostFaults = 20

// together makes one error of faults; the first one says what kind it is.
func together(faults []error, of int) error {
	if len(faults) == 0 {
		return nil
	}
	if of == 1 {
		return faults[0]
	}
	var b strings.Builder
	for i, f := range faults {
		if i == mostFaults {
			fmt.Fprintf(&b, "\n  and %d more", len(faults)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %v", f)
	}
	return errs.New(errs.KindOf(faults[0]), "%d of %d are refused, and none is kept:%s", len(faults), of, b.String()).
		WithHint("Correct them, and confirm all again: what is known already changes nothing.")
}

// move posts what an outcome means for the lines of its bill (R8.2).
func move(ctx context.Context, tx *sqlx.Tx, e Event, c book.Context) ([]book.Taken, error) {
	parts, err := partsOf(ctx, tx, e.Bill)
	if err != nil {
		return nil, err
	}
	var taken []book.Taken
	if e.Outcome != Failed {
		if taken, err = book.Advance(ctx, tx, book.KindPay, e.Outcome == Returned, parts[e.Bill], c); err != nil {
			return nil, err
		}
	}
	if e.Outcome != Paid {
		taken, err = book.Advance(ctx, tx, book.KindExport, true, parts[e.Bill], c)
	}
	return taken, err
}

// changed gives the bills of events as they stand now.
func changed(ctx context.Context, q sqlx.QueryerContext, events []Event) ([]Bill, error) {
	if len(events) == 0 {
		return nil, nil
	}
	numbers := make([]string, len(events))
	for i, e := range events {
		numbers[i] = e.Bill
	}
	return List(ctx, q, Filter{Numbers: numbers})
}
