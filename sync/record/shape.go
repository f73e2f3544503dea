package record

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/mapping"
)

// Grain is what a commission record in Salesforce stands for.
type Grain string

// The grains.
const (
	ByLine   Grain = "line"   // a line of the book; its key is the line's (R7.1)
	BySource Grain = "source" // all lines of a payee, regime, source and currency: their sum
)

// Shape is how much of the book Salesforce is to hold, which costs storage there. The
// zero Shape is all of it, line by line.
type Shape struct {
	// Since is the first month whose lines are held; none means all.
	Since clock.Month
	// Grain is ByLine if it is "".
	Grain Grain
}

// IsBySource says whether records stand for sources.
func (s Shape) IsBySource() bool { return s.Grain == BySource }

// holds says whether lines of a month are held.
func (s Shape) holds(period clock.Month) bool {
	return s.Since.IsZero() || !period.Before(s.Since)
}

// Signature tells the shape of a target's records from another one; "" is that of the
// zero Shape, and of targets that have none.
func (s Shape) Signature(t mapping.Target) string {
	if t != mapping.CommissionTarget {
		return ""
	}
	out := ""
	if !s.Since.IsZero() {
		out += " since=" + s.Since.String()
	}
	if s.IsBySource() {
		out += " grain=source"
	}
	return out
}

// The keys of commission records have five parts by line, PAYEE/regime/source/slice/period,
// and four by source, PAYEE/regime/source/CUR. No part has a slash in it.
const (
	lineParts   = 5
	sourceParts = 4
)

// isSourceKey says whether a key is a source's.
func isSourceKey(key string) bool { return strings.Count(key, "/") == sourceParts-1 }

// SourcePrefix gives what a line's key, or a source's, has in common with those of the
// same payee, regime and source: PAYEE/regime/source.
func SourcePrefix(key string) string {
	end := 0
	for range lineParts - 2 {
		i := strings.IndexByte(key[end:], '/')
		if i < 0 {
			return key
		}
		end += i + 1
	}
	return key[:end-1]
}

// unwanted is the state of a record that the settings keep out of Salesforce. If it was
// written before, under other settings, it comes to zero there, with the reason.
func unwanted(reason, explanation string) State {
	return State{IsUnwanted: true, Values: map[string]any{
		"amount": decimal.Zero, "status": label("zero"), "reason": reason, "explanation": explanation,
	}}
}

func (s Shape) unwantedBefore() State {
	return unwanted("before push.since", "By the settings, Salesforce holds lines of "+s.Since.String()+" and later (push.since). The book still has this one.")
}

// unwantedGrain is the state of a record of the other grain.
func (s Shape) unwantedGrain() State {
	if s.IsBySource() {
		return unwanted("held by source", "By the settings, Salesforce holds one record for each source (push.grain). This line is part of the sum there.")
	}
	return unwanted("held by line", "By the settings, Salesforce holds one record for each line (push.grain). What this record summed stands in those.")
}
