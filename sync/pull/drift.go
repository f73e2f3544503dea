package pull

import (
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
)

// mostNamed bounds how many fields one notice names.
const mostNamed = 10

// drift reports how an object differs from what it was. A mapped field that says
// something else now is a problem. One that is gone, or an object, is told of by the
// mapping that it stops; where it stops none, it is drift.
func (p *pass) drift(c change, stopped []mapping.Stopped) {
	switch {
	case c.before == nil && c.now == nil:
		return
	case c.now == nil:
		text := fmt.Sprintf("The object %s is gone, or hidden from the integration user now.", c.object)
		p.notice("%s", text)
		if !slices.ContainsFunc(stopped, func(s mapping.Stopped) bool { return s.Object == c.object }) {
			p.report.Warn(stage.Drift, c.object, text)
		}
		return
	case c.before == nil:
		p.notice("The org has the object %s now.", c.object)
		p.report.Settled = append(p.report.Settled, c.object)
		return
	}
	p.fieldsDrift(c, stopped)
}

// fieldsDrift reports how the fields of an object differ from what they were.
func (p *pass) fieldsDrift(c change, stopped []mapping.Stopped) {
	var added, back, gone []string
	for _, now := range c.now.Fields {
		before, isKnown := c.before.Field(now.Name)
		switch {
		case isKnown:
			p.fieldDrift(c.object, before, now)
		case p.isMapped(c.object, now):
			back = append(back, now.Name)
			p.report.Settled = append(p.report.Settled, c.object+"."+now.Name)
		default:
			added = append(added, now.Name)
		}
	}
	for _, before := range c.before.Fields {
		switch _, ok := c.now.Field(before.Name); {
		case ok:
		case p.isMapped(c.object, before):
			text := fmt.Sprintf("The field %s of %s is gone, or hidden from the integration user now. It is mapped.", before.Name, c.object)
			p.notice("%s", text)
			if !slices.ContainsFunc(stopped, func(s mapping.Stopped) bool { return p.reads(s.Kind, c.object, before) }) {
				p.report.Warn(stage.Drift, c.object+"."+before.Name, text)
			}
		default:
			gone = append(gone, before.Name)
		}
	}
	if len(back) > 0 {
		p.notice("%s has fields that are mapped and were missing: %s.", c.object, name(back))
	}
	if len(added) > 0 {
		p.notice("%s has new fields: %s. They are not read until they are mapped.", c.object, name(added))
	}
	if len(gone) > 0 {
		p.notice("%s has lost fields that are not mapped: %s.", c.object, name(gone))
	}
}

// fieldDrift reports how a field differs from what it was.
func (p *pass) fieldDrift(object string, before, now salesforce.Field) {
	var what string
	switch {
	case before.Type != now.Type:
		what = fmt.Sprintf("The field %s of %s was of type %s and is of type %s now", now.Name, object, before.Type, now.Type)
	case !before.Calculated && now.Calculated:
		what = fmt.Sprintf("The field %s of %s is a formula now, whose value changes without its record's stamp", now.Name, object)
	case before.Calculated && !now.Calculated:
		p.notice("The field %s of %s is no formula any more.", now.Name, object)
		return
	default:
		return
	}
	if !p.isMapped(object, now) {
		p.notice("%s. It is not mapped.", what)
		return
	}
	if now.Calculated {
		what += fmt.Sprintf("; %s is read as a whole every %s", object, p.RefreshEvery)
	}
	what += ". It is mapped: check that it still says what it did."
	p.problem(what)
	p.report.Warn(stage.Drift, object+"."+now.Name, what)
}

// isMapped says whether a field is read by any mapping.
func (p *pass) isMapped(object string, f salesforce.Field) bool {
	return slices.ContainsFunc(mapping.Kinds(), func(k mapping.Kind) bool { return p.reads(k, object, f) })
}

// reads says whether a mapping reads a field: of the object itself, as the lookup on the
// way to a parent, or of a parent.
func (p *pass) reads(kind mapping.Kind, object string, f salesforce.Field) bool {
	isOwn := p.Mapping.Object(kind) == object
	for _, path := range p.Mapping.Select(kind) {
		head, rest, isLong := strings.Cut(path, ".")
		switch {
		case isOwn && !isLong && head == f.Name, isOwn && isLong && head == f.RelationshipName:
			return true
		case !isOwn && isLong && rest[strings.LastIndex(rest, ".")+1:] == f.Name:
			return true
		}
	}
	return false
}

// name names fields, in order, and counts those that are too many.
func name(fields []string) string {
	slices.Sort(fields)
	if len(fields) <= mostNamed {
		return strings.Join(fields, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(fields[:mostNamed], ", "), len(fields)-mostNamed)
}
