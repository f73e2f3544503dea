package mapping

import (
	"context"
	"fmt"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce"
)

// Destination is a target held against an org: where its records go.
type Destination struct {
	Target Target
	Object string
	Key    string
	// Fields are those that the org has, in the order of Target.Fields.
	Fields []DestinationField
}

// DestinationField is a field that is written.
type DestinationField struct {
	Name string // of the target
	Type Type
	Path string // in Salesforce; Partner__r.Partner_ID__c for a lookup by external id
	// Length is the most characters that a text field holds; 0 is unknown.
	Length int
}

// ResolveTarget checks a target's object, key and fields against what the org
// describes. A missing object or field, or one that the integration user may not
// write, is an error that names all of them.
func (m *Mapping) ResolveTarget(ctx context.Context, d Describer, t Target) (_ Destination, err error) {
	defer errs.Wrap(&err, "check the target %s against the org", t)
	s := &survey{describer: d, objects: map[string]*salesforce.Object{}}
	to := m.targets[t]
	object, err := s.describe(ctx, to.Object)
	if err != nil {
		return Destination{}, err
	}
	out := Destination{Target: t, Object: to.Object, Key: to.Key}
	found := &faults{object: to.Object}
	if err := checkKey(object, to.Key); err != nil {
		found.add(err)
	}
	for _, field := range to.Fields {
		described, err := s.writable(ctx, object, field)
		switch {
		case err == nil:
			out.Fields = append(out.Fields, described)
		case field.IsOptional && isAboutOrg(err):
		case isAboutOrg(err):
			found.add(err)
		default:
			return Destination{}, err
		}
	}
	if len(found.list) > 0 {
		return Destination{}, (&errs.Error{Kind: errs.Invalid, Err: found}).
			WithHint("Add the fields to the org (docs/salesforce.md lists them), give the integration user edit access to them, or correct the target %s of the mapping.", t)
	}
	return out, nil
}

func checkKey(object *salesforce.Object, key string) error {
	f, ok := object.Field(key)
	switch {
	case !ok:
		return &absentField{object: object.Name, paths: []string{key}}
	case !f.ExternalID:
		return &unfitField{message: fmt.Sprintf("the field %s of %s is no external id", key, object.Name)}
	case !f.Createable:
		return &unfitField{message: fmt.Sprintf("the integration user may not write the field %s of %s", key, object.Name)}
	}
	return nil
}

// writable finds a field to write. Of a path over a relationship, the lookup
// must be writable, and the other end an external id.
func (s *survey) writable(ctx context.Context, object *salesforce.Object, field Field) (DestinationField, error) {
	path := field.Paths[0]
	out := DestinationField{Name: field.Name, Type: field.Type, Path: path}
	relationship, far, isLookup := strings.Cut(path, ".")
	var near salesforce.Field
	if isLookup {
		var err error
		if near, err = lookup(object, relationship); err != nil {
			return out, err
		}
		parent, err := s.describe(ctx, near.ReferenceTo[0])
		if err != nil {
			return out, err
		}
		f, ok := parent.Field(far)
		if !ok {
			return out, &absentField{object: parent.Name, paths: []string{far}}
		}
		if !f.ExternalID {
			return out, &unfitField{message: fmt.Sprintf("the field %s of %s is no external id", far, parent.Name)}
		}
	} else {
		var ok bool
		if near, ok = object.Field(path); !ok {
			return out, &absentField{object: object.Name, paths: []string{path}}
		}
		out.Length = near.Length
	}
	if !near.Createable || !near.Updateable {
		return out, &unfitField{message: fmt.Sprintf("the integration user may not write the field %s of %s", near.Name, object.Name)}
	}
	return out, nil
}
