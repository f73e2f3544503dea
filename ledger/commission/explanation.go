// Package commission works out who earns what from a source: facts and plan
// versions in, lines with explanations out (rulebook 4, 7 and 10). It is pure: it
// opens nothing, reads no clock and no zone that it is not handed.
package commission

import (
	"fmt"
	"strings"
	"unicode"
)

// Explanation says of one line why it is what it is: a sentence for a partner,
// and the same as data (rulebook 10).
type Explanation struct {
	// Sentence is what a partner reads.
	Sentence string `json:"sentence"`
	// Rules are the numbers of the rules that decided, in order.
	Rules []string `json:"rules"`
	// Plan names the plan version: "default from 2010-01-01".
	Plan string `json:"plan,omitempty"`
	// Facts are what was known and used, each with its Salesforce id.
	Facts []Fact `json:"facts"`
	// Held lists the intervals of days that the payee held the Space.
	Held []Interval `json:"held,omitempty"`
	// Arithmetic is the formula, step by step, with its numbers and its rounding.
	Arithmetic []string `json:"arithmetic,omitempty"`
}

// Fact is one fact of an explanation.
type Fact struct {
	Name  string `json:"name"`           // "Amount"
	Value string `json:"value"`          // "12000.00 USD"
	ID    string `json:"id,omitempty"`   // of the record that states it
	At    string `json:"at,omitempty"`   // the instant from which it holds, RFC 3339 in UTC
	From  string `json:"from,omitempty"` // what caused it, for facts that were derived
}

// Interval is a run of whole days, both ends counting.
type Interval struct {
	SpaceID string `json:"space_id"`
	First   string `json:"first"`
	Last    string `json:"last"`
	Days    int    `json:"days"`
	From    string `json:"from,omitempty"` // what put the Partner ID on the Space
	Since   string `json:"since"`          // the instant at which it did, RFC 3339 in UTC
	// Rules are the numbers of the rules by which the Partner ID came to the Space.
	Rules []string `json:"rules,omitempty"`
}

// Text gives the explanation as plain text, for a letter, a note or a file: the
// sentence, the plan and the rules, then the facts, the days held and the arithmetic,
// each only where there is any. Lines are as long as what they say, so that whoever
// shows the text breaks them; the last one ends with a newline.
func (e Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintln(&b, inLine(e.Sentence))
	head := labelled("Plan", e.Plan) + labelled("Rules", strings.Join(e.Rules, ", "))
	if head != "" {
		b.WriteString("\n" + head)
	}
	section(&b, "Facts", e.Facts)
	section(&b, "Days held", e.Held)
	section(&b, "Arithmetic", e.Arithmetic)
	return b.String()
}

func labelled(name, value string) string {
	if value == "" {
		return ""
	}
	return name + ": " + inLine(value) + "\n"
}

// section writes a heading and a line for each item; without items, nothing.
func section[T any](b *strings.Builder, heading string, items []T) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", heading)
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", inLine(fmt.Sprint(item)))
	}
}

// inLine keeps a text on its line: names that people gave may have breaks, and what
// follows one would look like a line of ours.
func inLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// String says the fact in one line: "Amount: 12000.00 USD [0065g…]; since when; why".
func (f Fact) String() string {
	out := f.Name + ": " + f.Value
	if f.Value == "" {
		out = f.Name
	}
	if f.ID != "" {
		out += " [" + f.ID + "]"
	}
	if f.At != "" {
		out += "; since " + f.At
	}
	if f.From != "" {
		out += "; " + f.From
	}
	return out
}

// String says the interval in one line: its days, its Space, and how the Partner ID
// came to be there.
func (i Interval) String() string {
	days := fmt.Sprintf("%s to %s (%s)", i.First, i.Last, inDays(i.Days))
	if i.First == i.Last {
		days = i.First
	}
	out := days + " on Space " + i.SpaceID
	if i.Since != "" {
		out += "; since " + i.Since
	}
	if i.From != "" {
		out += "; " + i.From
	}
	if len(i.Rules) > 0 {
		out += " (" + strings.Join(i.Rules, ", ") + ")"
	}
	return out
}
