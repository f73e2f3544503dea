// Package commission works out who earns what from a source: facts and plan
// versions in, lines with explanations out (rulebook 4, 7 and 10). It is pure: it
// opens nothing, reads no clock and no zone that it is not handed.
package commission

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
