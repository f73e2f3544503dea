package mapping

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce"
)

// Describer describes objects of the org; *salesforce.Client is one. An object
// that is absent, or hidden from the integration user, is errs.NotFound.
type Describer interface {
	Describe(ctx context.Context, object string) (*salesforce.Object, error)
}

// Reading is what to ask the org for, to get the facts of a kind.
type Reading struct {
	Kind   Kind
	Object string
	// Stamp is the field that orders the versions of a record.
	Stamp string
	// Fields are the paths to select: Id, the stamp and IsDeleted, then those of
	// the facts, in an order that depends on the mapping alone.
	Fields []string
	// Columns are what the org says of the Fields, in their order.
	Columns []Column
	// At is the path of the instant at which a history row says that something
	// changed; "" for kinds that are no history.
	At string
	// Filter is a SOQL condition that every row must meet, or "".
	Filter string
	// Absent are the optional paths that the org lacks now.
	Absent []string
}

// Column is a field that is read, as the org describes it.
type Column struct {
	// Path is the field's, as in Reading.Fields.
	Path string
	// Type is the platform's.
	Type string
	// IsDerived says that the value can change without the record's stamp: it is a
	// formula, or a parent's.
	IsDerived bool
}

// IsDerived says whether a column is.
func (r Reading) IsDerived() bool {
	return slices.ContainsFunc(r.Columns, func(c Column) bool { return c.IsDerived })
}

// add selects a column that is not there yet; a query that names a field twice is
// refused.
func (r *Reading) add(c Column) {
	if fields := appendPath(r.Fields, c.Path); len(fields) > len(r.Fields) {
		r.Fields, r.Columns = fields, append(r.Columns, c)
	}
}

// Signature names what is read, so that another reading can be told from it.
func (r Reading) Signature() string {
	s := strings.Join(r.Fields, ",")
	if r.Filter != "" {
		s += " where " + r.Filter
	}
	return s
}

// Stopped is a mapping that cannot be read as the org is now (R9.4).
type Stopped struct {
	Kind   Kind
	Object string
	// Err names every field and object that is missing or unfit.
	Err error
	// Behind is the kind that is stopped and by that alone stops this one, or "".
	Behind Kind
}

// Resolution is a mapping held against an org.
type Resolution struct {
	// Readings are the kinds that can be read, in the order of Kinds.
	Readings []Reading
	// Stopped are those that a person has to look at.
	Stopped []Stopped
	// Notices are sentences about what is switched off, by the file or because
	// the org lacks a supporting object.
	Notices []string
}

// Resolve checks every field of every kind against what the org describes,
// before any row is pulled (R9.4), and chooses among alternatives. Mappings stop
// one by one. The error is for what keeps the org from answering at all.
func (m *Mapping) Resolve(ctx context.Context, d Describer) (_ Resolution, err error) {
	defer errs.Wrap(&err, "check the mapping against the org")
	s := &survey{describer: d, objects: map[string]*salesforce.Object{}}
	var out Resolution
	resolved := map[Kind]Reading{}
	for _, kind := range Kinds() {
		f := m.facts[kind]
		if f.IsOff {
			out.Notices = append(out.Notices, fmt.Sprintf("The mapping of %s is switched off in the mapping file.", kind))
			continue
		}
		reading, err := m.resolve(ctx, s, f, resolved)
		var missing *missingObject
		var found *faults
		switch {
		case err == nil:
			resolved[kind] = reading
			out.Readings = append(out.Readings, reading)
		case errors.As(err, &missing) && missing.object == f.Object && !f.IsRequired:
			out.Notices = append(out.Notices, fmt.Sprintf(
				"The mapping of %s is switched off: the org has no object %s, or hides it from the integration user.", kind, f.Object))
		case errors.As(err, &missing) || errors.As(err, &found):
			out.Stopped = append(out.Stopped, Stopped{Kind: kind, Object: f.Object, Err: err, Behind: out.behind(found)})
		default:
			return Resolution{}, err
		}
	}
	return out, nil
}

// behind gives the kind that is stopped and is all that is wrong by these faults, or "".
func (r Resolution) behind(f *faults) Kind {
	var u *unreadSubject
	if f == nil || len(f.list) != 1 || !errors.As(f.list[0], &u) ||
		!slices.ContainsFunc(r.Stopped, func(s Stopped) bool { return s.Kind == u.subject }) {
		return ""
	}
	return u.subject
}

// resolve gives the reading of one kind, or what is wrong with it.
func (m *Mapping) resolve(ctx context.Context, s *survey, f *Fact, resolved map[Kind]Reading) (Reading, error) {
	object, err := s.describe(ctx, f.Object)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Kind: f.Kind, Object: f.Object, Stamp: f.Kind.Stamp()}
	r.Fields = []string{"Id", r.Stamp, "IsDeleted"}
	found := &faults{object: f.Object}
	for i, name := range r.Fields {
		column, err := s.find(ctx, object, name, Field{FieldDef: FieldDef{Type: []Type{IDType, TimeType, BoolType}[i]}})
		if err != nil {
			found.add(err)
		}
		r.Columns = append(r.Columns, column)
	}
	for _, field := range f.Fields {
		column, err := s.choose(ctx, object, field)
		var absent *absentField
		switch {
		case err == nil:
			r.add(column)
			if f.Kind.IsHistory() && field.Name == "at" {
				r.At = column.Path
			}
		case errors.As(err, &absent) && field.IsOptional:
			r.Absent = append(r.Absent, field.Paths...)
		case isAboutOrg(err):
			found.add(err)
		default:
			return Reading{}, err
		}
	}
	if f.Kind.IsHistory() {
		if r.Filter = historyFilter(m.facts[f.Kind.tracks()], f, resolved); r.Filter == "" {
			found.add(&unreadSubject{history: f.Object, subject: f.Kind.tracks()})
		}
	}
	return r, found.orNil()
}

// historyFilter keeps the rows about the subject's Partner ID field. It is ""
// if the subject itself was not resolved.
func historyFilter(subject, history *Fact, resolved map[Kind]Reading) string {
	reading, ok := resolved[subject.Kind]
	if !ok {
		return ""
	}
	of, _ := subject.field("partner_id")
	which, _ := history.field("field")
	for _, path := range of.Paths {
		if slices.Contains(reading.Fields, path) {
			return which.Paths[0] + " = " + salesforce.Quote(path)
		}
	}
	return ""
}

// unreadSubject says that a history follows a field of what is not read.
type unreadSubject struct {
	history string
	subject Kind
}

func (e *unreadSubject) Error() string {
	return fmt.Sprintf("%s follows the Partner ID of %s, whose own mapping is not read", e.history, e.subject)
}

// faults gathers what is wrong with one object, so that a person sees it whole.
type faults struct {
	object string
	list   []error
}

func (f *faults) add(err error) { f.list = append(f.list, err) }

func (f *faults) orNil() error {
	if len(f.list) == 0 {
		return nil
	}
	var u *unreadSubject
	if len(f.list) == 1 && errors.As(f.list[0], &u) {
		return (&errs.Error{Kind: errs.Invalid, Err: f}).WithHint("It is read again when %s is.", u.subject)
	}
	return (&errs.Error{Kind: errs.Invalid, Err: f}).
		WithHint("Give the integration user read access to the fields, or correct the mapping of %s.", f.object)
}

// Error lists the faults.
func (f *faults) Error() string {
	texts := make([]string, len(f.list))
	for i, err := range f.list {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}
