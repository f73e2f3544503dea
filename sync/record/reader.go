package record

import (
	"context"
	"fmt"
	"slices"
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
//
// keptAtMost bounds how much of that is kept.
type Reader struct {
	shape Shape
	form  *Form
	// What was read last: the lines that are written from their texts, and all others.
	lines  []line
	at     map[string]int // of lines, by key
	states map[string]State

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
	fault       string
	isOld       bool // before what the shape holds
}

// NewReader gives a reader of records that a form is filled with.
func NewReader(s Shape, f *Form) *Reader {
	return &Reader{shape: s, form: f, at: map[string]int{}, labels: map[string]string{}, percents: map[string]string{}, months: map[string]clock.Month{}}
}

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
	clear(r.at)
	r.lines, r.states = r.lines[:0], nil
	if r.form.to.Target != mapping.CommissionTarget || r.shape.IsBySource() || r.form.isOdd {
		r.states, err = r.shape.States(ctx, q, r.form.to.Target, keys)
		return err
	}
	ofLines := make([]string, 0, len(keys))
	for _, k := range keys {
		if !isSourceKey(k) {
			ofLines = append(ofLines, k)
			continue
		}
		if r.states == nil {
			r.states = map[string]State{}
		}
		r.states[k] = r.shape.unwantedGrain()
	}
	r.lines = slices.Grow(r.lines, len(ofLines))
	if err := book.EachPlain(ctx, q, ofLines, r.keep); err != nil || len(r.lines) == 0 {
		return err
	}
	if err := r.link(ctx, q); err != nil {
		return err
	}
	r.moves, err = readMoves(ctx, q, r.linked)
	return err
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
	if l.isOld = !r.shape.holds(month); !l.isOld {
		l.explanation, l.fault = tellRaw(p.Explanation)
	}
	r.at[l.Key] = len(r.lines)
	r.lines = append(r.lines, l)
	return nil
}

// Fill writes what was read of a key into a sheet: of one that is unknown, or has a fault,
// nothing.
func (r *Reader) Fill(key string, s *Sheet) (Standing, error) {
	if i, is := r.at[key]; is {
		return r.fillLine(&r.lines[i], s)
	}
	state, known := r.states[key]
	standing := Standing{IsKnown: known, IsUnwanted: state.IsUnwanted, Fault: state.Fault}
	if !known || state.Fault != "" {
		return standing, nil
	}
	return standing, s.Fill(key, state.Values)
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
