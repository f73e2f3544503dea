package console

import (
	"regexp"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// commission is what a commission says for itself: how much, to whom, for what,
// and why.
type commission struct {
	Number, Currency, Status, Tone, Period string
	Facts                                  []fieldLine
	Sentence                               []piece
	Steps                                  []string // the arithmetic, a line each
}

// piece is a part of a sentence; one that names a record leads to it.
type piece struct{ Text, Href string }

// commissionObject is the object that has a head of its own.
const commissionObject = "Partner_Commission__c"

// commissionFacts are the fields that a commission's head shows, where they have
// a value.
var commissionFacts = []string{"Partner__c", "Opportunity__c", "Space__c", "Account__c", "Base_Amount__c", "Rate__c", "Program__c", "Regime__c", "Slice__c", "Statement__c", "Computed_At__c"}

// commission reads the head of a commission; nil for a record of anything else.
func (rd *reader) commission(obj *schema.Object, r *store.Record) *commission {
	if obj.Name != commissionObject {
		return nil
	}
	get := func(name string) (c cell) {
		if f, ok := obj.Field(name); ok {
			c = rd.cell(obj, f, r)
		}
		return c
	}
	c := &commission{Status: get("Status__c").Text, Period: get("Period__c").Text}
	c.Number, c.Currency, _ = strings.Cut(get("Amount__c").Text, " ")
	c.Tone = toneOf(c.Status)
	for _, name := range commissionFacts {
		if f, ok := obj.Field(name); ok {
			if v := rd.cell(obj, f, r); !v.IsNull() {
				c.Facts = append(c.Facts, fieldLine{Name: f.Name, Label: f.Label, Cell: v})
			}
		}
	}
	sentence, steps, _ := strings.Cut(strings.TrimSpace(get("Explanation__c").Text), "\n")
	if sentence == "" {
		sentence = get("Reason__c").Text
	}
	c.Sentence = rd.linked(sentence)
	for line := range strings.Lines(steps) {
		if line = strings.TrimSpace(line); line != "" {
			c.Steps = append(c.Steps, line)
		}
	}
	return c
}

// idPattern is what a record's id looks like within a text.
var idPattern = regexp.MustCompile(`\b[A-Za-z0-9]{18}\b`)

// linked cuts a text at the ids of records that the org has.
func (rd *reader) linked(text string) []piece {
	var out []piece
	at := 0
	for _, m := range idPattern.FindAllStringIndex(text, -1) {
		id := text[m[0]:m[1]]
		if _, r := rd.find(id); r == nil {
			continue
		}
		if m[0] > at {
			out = append(out, piece{Text: text[at:m[0]]})
		}
		out = append(out, piece{Text: id, Href: recordPath(id)})
		at = m[1]
	}
	if at < len(text) {
		out = append(out, piece{Text: text[at:]})
	}
	return out
}

// toneOf is the colour of a status.
func toneOf(status string) string {
	switch strings.ToLower(status) {
	case "accrued", "approved", "paid", "active", "won":
		return "good"
	case "held", "hold", "on hold", "submitted", "conflict":
		return "warn"
	case "void", "rejected", "reversed", "clawed back":
		return "bad"
	}
	return "idle"
}
