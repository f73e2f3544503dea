package mapping

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
)

// Record is a fact as a Salesforce record states it. Its getters take the names
// of the fact's fields; a name or a type that the kind does not have is a fault
// of the program, and panics. A field that is null, blank, left out of the
// mapping or unreadable is absent: Has says no.
type Record struct {
	kind   Kind
	values []any // in the order of the kind's fields; nil for absent
}

// Problem is a value that could not be read.
type Problem struct {
	Field   string // of the fact
	Path    string // of the Salesforce record
	Raw     string // as received, cut if long; it may hold personal data
	Message string // what is wrong, without the value
}

// Error says what is wrong with which field, without the value.
func (p Problem) Error() string {
	if p.Field == "" {
		return p.Message
	}
	return fmt.Sprintf("%s (%s): %s", p.Path, p.Field, p.Message)
}

// Kind is the kind of the fact.
func (r Record) Kind() Kind { return r.kind }

func (r Record) value(field string, types ...Type) any {
	i := r.kind.index(field)
	if i < 0 {
		panic(fmt.Sprintf("mapping: a fact of kind %q has no field %q", r.kind, field))
	}
	if slices.Contains(types, facts[r.kind][i].Type) {
		return r.values[i]
	}
	panic(fmt.Sprintf("mapping: the field %q of %q has the type %q, not %v", field, r.kind, facts[r.kind][i].Type, types))
}

// Has says whether the record states the field.
func (r Record) Has(field string) bool {
	return r.value(field, IDType, TextType, TimeType, DateType, DecimalType, PercentType, BoolType, CurrencyType) != nil
}

// Text gives a text or a currency as received, or "" if absent.
func (r Record) Text(field string) string {
	s, ok := r.value(field, TextType, CurrencyType).(string)
	if !ok {
		return ""
	}
	return s
}

// ID gives a Salesforce id in its 18 characters, or "" if absent (R1.3).
func (r Record) ID(field string) string {
	s, ok := r.value(field, IDType).(string)
	if !ok {
		return ""
	}
	return s
}

// Time gives an instant in UTC, and whether there is one.
func (r Record) Time(field string) (time.Time, bool) {
	t, ok := r.value(field, TimeType).(time.Time)
	return t, ok
}

// Date gives a calendar date, and whether there is one.
func (r Record) Date(field string) (clock.Date, bool) {
	d, ok := r.value(field, DateType).(clock.Date)
	return d, ok
}

// Decimal gives a number exactly as it was sent, and whether there is one.
func (r Record) Decimal(field string) (decimal.Decimal, bool) {
	d, ok := r.value(field, DecimalType).(decimal.Decimal)
	return d, ok
}

// Fraction gives a part of a whole, and whether there is one: 0.6 is sixty per
// cent, in whichever unit the record has it.
func (r Record) Fraction(field string) (decimal.Decimal, bool) {
	d, ok := r.value(field, PercentType).(decimal.Decimal)
	return d, ok
}

// Bool gives a checkbox; absent is false.
func (r Record) Bool(field string) bool {
	b, ok := r.value(field, BoolType).(bool)
	return ok && b
}
