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

// survey asks the org about each object once.
type survey struct {
	describer Describer
	objects   map[string]*salesforce.Object // nil: asked for, not there
}

// missingObject says that the org has no such object, or hides it.
type missingObject struct{ object string }

func (e *missingObject) Error() string {
	return fmt.Sprintf("the org has no object %s, or hides it from the integration user", e.object)
}

// absentField says that an object has no such field, or hides it.
type absentField struct {
	object string
	paths  []string
}

func (e *absentField) Error() string {
	return fmt.Sprintf("%s has no field %s, or hides it from the integration user", e.object, strings.Join(e.paths, " or "))
}

// unfitField says that a field is there and of no use.
type unfitField struct{ message string }

func (e *unfitField) Error() string { return e.message }

// isAboutOrg tells what is wrong with the org from what keeps us from asking it.
func isAboutOrg(err error) bool {
	var missing *missingObject
	var absent *absentField
	var unfit *unfitField
	return errors.As(err, &missing) || errors.As(err, &absent) || errors.As(err, &unfit)
}

func (s *survey) describe(ctx context.Context, object string) (*salesforce.Object, error) {
	o, asked := s.objects[object]
	if !asked {
		var err error
		o, err = s.describer.Describe(ctx, object)
		if errs.KindOf(err) == errs.NotFound {
			o, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		s.objects[object] = o
	}
	if o == nil {
		return nil, &errs.Error{Kind: errs.NotFound, Err: &missingObject{object: object},
			Hint: fmt.Sprintf("Add %s to the org (docs/salesforce.md), give the integration user access to it, or name another object in the mapping (docs/mapping.md).", object)}
	}
	return o, nil
}

// choose gives the first of the field's paths that the org has.
func (s *survey) choose(ctx context.Context, object *salesforce.Object, field Field) (Column, error) {
	for _, path := range field.Paths {
		column, err := s.find(ctx, object, path, field)
		var absent *absentField
		if errors.As(err, &absent) {
			continue
		}
		return column, err
	}
	return Column{}, &absentField{object: object.Name, paths: field.Paths}
}

// find follows a path to its field and checks that the field can be read as what
// the mapping takes it for.
func (s *survey) find(ctx context.Context, object *salesforce.Object, path string, as Field) (Column, error) {
	out := Column{Path: path}
	for {
		head, rest, more := strings.Cut(path, ".")
		if !more {
			break
		}
		next, err := s.follow(ctx, object, head)
		if err != nil {
			return Column{}, err
		}
		object, path, out.IsDerived = next, rest, true
	}
	f, ok := object.Field(path)
	switch {
	case !ok:
		return Column{}, &absentField{object: object.Name, paths: []string{path}}
	case f.Name != path:
		return Column{}, &unfitField{message: fmt.Sprintf("the field %s of %s is written %s", path, object.Name, f.Name)}
	case !fits(as.Type, f.Type):
		return Column{}, &unfitField{message: fmt.Sprintf("the field %s of %s is of type %s, which can't be read as %s", path, object.Name, f.Type, as.Type)}
	case as.Type == PercentType:
		if err := checkUnit(object, f, as.Unit); err != nil {
			return Column{}, err
		}
	}
	out.Type, out.IsDerived = f.Type, out.IsDerived || f.Calculated
	return out, nil
}

// checkUnit refuses to guess whether 60 or 0.6 is sixty per cent. The platform
// sends 60 for a percent field; of a number, only people know.
func checkUnit(object *salesforce.Object, f salesforce.Field, unit Unit) error {
	const platformPercent = "percent"
	switch {
	case f.Type == platformPercent && unit == UnitFraction:
		return &unfitField{message: fmt.Sprintf("the field %s of %s is a percent field, in which 60 is 60 %%, so its unit can't be fraction", f.Name, object.Name)}
	case f.Type != platformPercent && unit == "":
		return &unfitField{message: fmt.Sprintf(
			"the field %s of %s is of type %s, which does not say whether 60 or 0.6 is 60 %%: write {path: %s, unit: percent} or {path: %s, unit: fraction} in the mapping",
			f.Name, object.Name, f.Type, f.Name, f.Name)}
	}
	return nil
}

// follow gives the object at the other end of a relationship.
func (s *survey) follow(ctx context.Context, object *salesforce.Object, relationship string) (*salesforce.Object, error) {
	f, err := lookup(object, relationship)
	if err != nil {
		return nil, err
	}
	return s.describe(ctx, f.ReferenceTo[0])
}

// lookup gives the field behind a relationship to exactly one object.
func lookup(object *salesforce.Object, relationship string) (salesforce.Field, error) {
	i := slices.IndexFunc(object.Fields, func(f salesforce.Field) bool { return f.RelationshipName == relationship })
	if i < 0 {
		return salesforce.Field{}, &absentField{object: object.Name, paths: []string{relationship}}
	}
	if f := object.Fields[i]; len(f.ReferenceTo) == 1 {
		return f, nil
	}
	return salesforce.Field{}, &unfitField{
		message: fmt.Sprintf("the relationship %s of %s leads to several objects", relationship, object.Name)}
}

// readable lists, for each type, the platform's types that can be read as it.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
var readable = map[Type][]string{
	IDType:       {"id", "reference", "string"},
	TimeType:     {"datetime"},
	DateType:     {"date"},
	DecimalType:  {"currency", "double", "percent", "int", "long"},
	PercentType:  {"percent", "double", "int", "long"},
	BoolType:     {"boolean"},
	CurrencyType: {"picklist", "string"},
}

// unreadable lists the platform's types that are not one value.
var unreadable = []string{"address", "location", "base64", "complexvalue"}

func fits(t Type, platform string) bool {
	if t == TextType {
		return !slices.Contains(unreadable, platform)
	}
	return slices.Contains(readable[t], platform)
}
