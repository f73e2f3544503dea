package emulator

import "strings"

// derive computes the fields that follow from others: a person's Name, and what
// an opportunity's stage means.
func derive(o *object, next, base *record, given map[int]bool) {
	for _, f := range o.fields {
		switch f.from {
		case "person":
			next.values[f.slot] = strings.TrimSpace(next.text(o, "FirstName") + " " + next.text(o, "LastName"))
		case "stages":
			if base == nil || base.values[f.slot] != next.values[f.slot] {
				deriveStage(o, next, next.values[f.slot], given)
			} else {
				next.setText(o, "IsClosed", base.text(o, "IsClosed"))
				next.setText(o, "IsWon", base.text(o, "IsWon"))
			}
		}
	}
}

// deriveStage sets IsClosed, IsWon and, unless it was given, Probability. A
// stage that the org does not know is an open one.
func deriveStage(o *object, r *record, name string, given map[int]bool) {
	var s stage
	for _, known := range o.stages {
		if strings.EqualFold(known.Name, name) {
			s = known
		}
	}
	r.setText(o, "IsClosed", boolText(s.Closed))
	r.setText(o, "IsWon", boolText(s.Won))
	if f, ok := o.field("Probability"); ok && !given[f.slot] {
		r.values[f.slot] = ""
		if s.Probability != "" {
			r.values[f.slot] = s.Probability + ".0"
		}
	}
}

// text gives a field by name, "" where the org does not have it.
func (r *record) text(o *object, name string) string {
	if f, ok := o.field(name); ok {
		return r.get(f)
	}
	return ""
}

// setText sets a field by name, if the org has it.
func (r *record) setText(o *object, name, text string) {
	if f, ok := o.field(name); ok {
		r.values[f.slot] = text
	}
}
