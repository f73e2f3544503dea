package record

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// Reader reads what the ledger says of thousands of keys at a time, and writes it into
// sheets. It says what Shape.States and Make say; of lines, of which there may be a hundred
// thousand, it passes texts on as texts. It keeps what many of them have in common, and is
// for one goroutine.
type Reader struct {
	shape Shape
	form  *Form
	// What was read last: the lines that are written from their texts, and all others.
	lines  []line
	states map[string]State
	next   int            // of lines, that is likely to be asked for next
	at     map[string]int // of lines, by key; nil until one is asked for out of turn
	told   []byte         // the lines' explanations, one behind the other
	// What was read beside rows of the outbox last, and the keys of lines that have to be read
	// otherwise.
	packed book.Packed
	odd    []string

	links    links
	moves    moves
	labels   map[string]string
	percents map[string]string
	months   map[string]clock.Month
	instant  time.Time // that stamp is of
	stamp    string
}

// line is a line whose explanation is told.
type line struct {
	book.Plain
	explanation string
	from, to    int // where in told the explanation is, before it is taken from there
	fault       string
	isOld       bool // before what the shape holds
}

// NewReader gives a reader of records that a form is filled with.
func NewReader(s Shape, f *Form) *Reader {
	return &Reader{shape: s, form: f, labels: map[string]string{}, percents: map[string]string{}, months: map[string]clock.Month{}}
}

// keptAtMost bounds how much of what lines have in common is kept.
const keptAtMost = 10_000

// Standing says how the ledger stands to a key.
type Standing struct {
	// IsKnown says that it has something to say of it, IsUnwanted that Salesforce is not to
	// hold it by the Shape, and Fault what keeps it from being sent.
	IsKnown, IsUnwanted bool
	Fault               string
}

// Read reads what the ledger says of keys now.
func (r *Reader) Read(ctx context.Context, q sqlx.QueryerContext, keys []string) (err error) {
	r.begin()
	if !r.isByText() {
		r.states, err = r.shape.States(ctx, q, r.form.to.Target, keys)
		return err
	}
	ofLines := make([]string, 0, len(keys))
	for _, k := range keys {
		if !r.isOtherGrain(k) {
			ofLines = append(ofLines, k)
		}
	}
	r.odd = ofLines
	return r.complete(ctx, q)
}

// isByText says whether records are written from the texts of lines.
func (r *Reader) isByText() bool {
	return r.form.to.Target == mapping.CommissionTarget && !r.shape.IsBySource() && !r.form.isOdd
}

// begin forgets what was read.
func (r *Reader) begin() {
	r.lines, r.states, r.next, r.at, r.told, r.odd = r.lines[:0], nil, 0, nil, r.told[:0], nil
}

// isOtherGrain says whether a key is not a line's, and then keeps what there is to say of it.
func (r *Reader) isOtherGrain(key string) bool {
	if !isSourceKey(key) {
		return false
	}
	if r.states == nil {
		r.states = map[string]State{}
	}
	r.states[key] = r.shape.unwantedGrain()
	return true
}

// complete reads the lines that have to be read by themselves, and what all of them lead to.
func (r *Reader) complete(ctx context.Context, q sqlx.QueryerContext) (err error) {
	if len(r.odd) > 0 {
		if err := book.EachPlain(ctx, q, r.odd, r.keep); err != nil {
			return err
		}
	}
	if len(r.lines) == 0 {
		return nil
	}
	r.takeTold()
	if err := r.link(ctx, q); err != nil {
		return err
	}
	r.moves, err = readMoves(ctx, q, r.linked)
	return err
}

// takeTold makes texts of what the lines' explanations say: parts of one, which costs less
// than one for each.
func (r *Reader) takeTold() {
	all := string(r.told)
	for i := range r.lines {
		l := &r.lines[i]
		l.explanation = all[l.from:l.to]
	}
}

// linked gives the ids to which the lines that were read lead by a field.
func (r *Reader) linked(field string, each func(id string)) {
	for i := range r.lines {
		switch l := &r.lines[i]; field {
		case "opportunity_id":
			each(l.SourceID)
		case "space_id":
			each(l.SpaceID)
		case "account_id":
			each(l.AccountID)
		}
	}
}

// keep keeps a line until it is written.
func (r *Reader) keep(p *book.Plain) error {
	l := line{Plain: *p}
	l.Explanation = nil
	month, err := r.month(l.Period)
	if err != nil {
		return err
	}
	if l.Base, err = plainNumber(l.Base); err != nil {
		return fmt.Errorf("the base of line %s: %w", l.Key, err)
	}
	if l.Rate, err = r.percent(l.Rate); err != nil {
		return fmt.Errorf("the rate of line %s: %w", l.Key, err)
	}
	l.from = len(r.told)
	if l.isOld = !r.shape.holds(month); !l.isOld {
		r.told, l.fault = appendTold(r.told, p.Explanation)
	}
	l.to = len(r.told)
	r.lines = append(r.lines, l)
	return nil
}

// Fill writes what was read of a key into a sheet: of one that is unknown, or has a fault,
// nothing.
func (r *Reader) Fill(key string, s *Sheet) (Standing, error) {
	if l := r.lineOf(key); l != nil {
		return r.fillLine(l, s)
	}
	state, known := r.states[key]
	standing := Standing{IsKnown: known, IsUnwanted: state.IsUnwanted, Fault: state.Fault}
	if !known || state.Fault != "" {
		return standing, nil
	}
	return standing, s.Fill(key, state.Values)
}

// lineOf gives the line of a key, nil if none was read. Lines are mostly asked for in the
// order in which they were read.
func (r *Reader) lineOf(key string) *line {
	if r.next < len(r.lines) && r.lines[r.next].Key == key {
		r.next++
		return &r.lines[r.next-1]
	}
	if r.at == nil {
		r.at = make(map[string]int, len(r.lines))
		for i := range r.lines {
			r.at[r.lines[i].Key] = i
		}
	}
	i, is := r.at[key]
	if !is {
		return nil
	}
	r.next = i + 1
	return &r.lines[i]
}

// FillWithdrawn writes what Salesforce is to hold of a key that the ledger no longer knows.
func (r *Reader) FillWithdrawn(key string, s *Sheet) error {
	return s.Fill(key, Withdrawn(r.form.to.Target))
}

func (r *Reader) fillLine(l *line, s *Sheet) (Standing, error) {
	switch {
	case l.isOld:
		old := r.shape.unwantedBefore()
		return Standing{IsKnown: true, IsUnwanted: true}, s.Fill(l.Key, old.Values)
	case l.fault != "":
		return Standing{IsKnown: true, Fault: l.fault}, nil
	}
	for i := range s.to.Fields {
		s.cells[i] = r.cellOf(l, &s.fields[i])
	}
	s.key(l.Key)
	return Standing{IsKnown: true}, nil
}

// cellOf gives a field of a line, as commissionState and Make do.
func (r *Reader) cellOf(l *line, f *formField) cell {
	switch f.Name {
	case "partner":
		if !r.links.issued[l.PayeeID] {
			return cell{}
		}
		return textCell(l.PayeeID, f.Length)
	case "partner_id":
		return textCell(l.PayeeID, f.Length)
	case "opportunity_id":
		if l.Regime == "program" { // its sources have ids of their own
			return cell{kind: null}
		}
		return idCell(r.moves.leads(f.Name, l.SourceID), f.Length)
	case "space_id":
		return idCell(r.moves.leads(f.Name, l.SpaceID), f.Length)
	case "account_id":
		return idCell(r.moves.leads(f.Name, l.AccountID), f.Length)
	case "regime":
		return textCell(r.label(l.Regime), f.Length)
	case "slice":
		return textCell(l.Slice, f.Length)
	case "period":
		return textCell(l.Period, f.Length)
	case "base":
		return cell{asNumber, l.Base}
	case "rate":
		return cell{asNumber, l.Rate}
	case "amount":
		return cell{asNumber, minorText(l.AmountMinor, int(money.Currency(l.Currency).Digits()))}
	case "currency", "record_currency":
		return textCell(l.Currency, f.Length)
	case "status":
		return textCell(r.label(l.Status), f.Length)
	case "reason":
		return textCell(l.Reason, f.Length)
	case "explanation":
		return textCell(l.explanation, f.Length)
	case "statement":
		if key := r.links.statements[place{l.PayeeID, l.Period, l.Currency}]; key != "" {
			return textCell(key, f.Length)
		}
	case "computed_at":
		if !l.ComputedAt.Equal(r.instant) || r.stamp == "" {
			r.instant, r.stamp = l.ComputedAt, salesforce.DateTime(l.ComputedAt)
		}
		return cell{asText, r.stamp}
	}
	return cell{}
}

func idCell(id string, length int) cell {
	if !sfid.IsFull(id) {
		return cell{kind: null}
	}
	return textCell(id, length)
}

// label is label, for words of which there are few.
func (r *Reader) label(word string) string {
	out, known := r.labels[word]
	if !known {
		out = label(word)
		r.labels[word] = out
	}
	return out
}

// percent gives a rate in per cent.
func (r *Reader) percent(rate string) (string, error) {
	out, known := r.percents[rate]
	if !known {
		d, err := decimal.NewFromString(rate)
		if err != nil {
			return "", err
		}
		out = d.Shift(2).String()
		if len(r.percents) < keptAtMost {
			r.percents[rate] = out
		}
	}
	return out, nil
}

func (r *Reader) month(period string) (clock.Month, error) {
	m, known := r.months[period]
	if !known {
		var err error
		if m, err = clock.ParseMonth(period); err != nil {
			return m, err
		}
		r.months[period] = m
	}
	return m, nil
}
