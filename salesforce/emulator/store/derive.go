package store

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// derive computes the fields that follow from others: a person's Name, and what
// an opportunity's stage means.
func derive(o *schema.Object, next, base *Record, given map[int]bool) {
	for _, f := range o.Fields {
		switch f.From {
		case "person":
			next.Set(f, strings.TrimSpace(next.Text(o, "FirstName")+" "+next.Text(o, "LastName")))
		case "stages":
			if base == nil || base.Get(f) != next.Get(f) {
				deriveStage(o, next, next.Get(f), given)
			} else {
				next.setText(o, "IsClosed", base.Text(o, "IsClosed"))
				next.setText(o, "IsWon", base.Text(o, "IsWon"))
			}
		}
	}
}

// deriveStage sets IsClosed, IsWon and, unless it was given, Probability. A
// stage that the org does not know is an open one.
func deriveStage(o *schema.Object, r *Record, name string, given map[int]bool) {
	var s schema.Stage
	for _, known := range o.Stages {
		if strings.EqualFold(known.Name, name) {
			s = known
		}
	}
	r.setText(o, "IsClosed", schema.BoolText(s.Closed))
	r.setText(o, "IsWon", schema.BoolText(s.Won))
	if f, ok := o.Field("Probability"); ok && !given[f.Slot] {
		probability := s.Probability
		if probability != "" {
			probability += ".0"
		}
		r.Set(f, probability)
	}
}

// Text gives a field by name, "" where the org does not have it.
func (r *Record) Text(o *schema.Object, name string) string {
	if f, ok := o.Field(name); ok {
		return r.Get(f)
	}
	return ""
}

// setText sets a field by name, if the org has it.
func (r *Record) setText(o *schema.Object, name, text string) {
	if f, ok := o.Field(name); ok {
		r.Set(f, text)
	}
}
