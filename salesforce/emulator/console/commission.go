package console

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// commission is what a commission says for itself: how much, to whom, for what,
// and why.
type commission struct {
	Amount, Status, Tone, Period, Sentence string
	Facts                                  []fieldLine
	Rest                                   []passage
}

// passage is a part of an explanation: a heading, if it has one, and what stands
// below it.
type passage struct{ Title, Text string }

// commissionFacts are the fields that a commission's head shows, where they have
// a value.
var commissionFacts = []string{"Partner__c", "Opportunity__c", "Space__c", "Account__c", "Base_Amount__c", "Rate__c", "Program__c", "Regime__c", "Slice__c", "Statement__c", "Computed_At__c"}

// commission reads the head of a commission; nil for a record of anything else.
func (rd *reader) commission(obj *schema.Object, r *store.Record) *commission {
	if obj.Name != "Partner_Commission__c" {
		return nil
	}
	get := func(name string) (c cell) {
		if f, ok := obj.Field(name); ok {
			c = rd.cell(obj, f, r)
		}
		return c
	}
	c := &commission{Amount: get("Amount__c").Text, Status: get("Status__c").Text, Period: get("Period__c").Text}
	c.Tone = toneOf(c.Status)
	for _, name := range commissionFacts {
		if f, ok := obj.Field(name); ok {
			if v := rd.cell(obj, f, r); !v.IsNull() {
				c.Facts = append(c.Facts, fieldLine{Name: f.Name, Label: f.Label, Cell: v})
			}
		}
	}
	for i, text := range paragraphs(get("Explanation__c").Text) {
		if i == 0 {
			c.Sentence = text
			continue
		}
		c.Rest = append(c.Rest, passageOf(text))
	}
	if c.Sentence == "" {
		c.Sentence = get("Reason__c").Text
	}
	return c
}

// passageOf tells the heading of a paragraph from its text: a first line that is
// followed by others which are indented.
func passageOf(text string) passage {
	title, rest, ok := strings.Cut(text, "\n")
	if !ok || strings.HasPrefix(title, " ") || !strings.HasPrefix(rest, " ") {
		return passage{Text: text}
	}
	return passage{Title: strings.TrimSuffix(title, ":"), Text: rest}
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
