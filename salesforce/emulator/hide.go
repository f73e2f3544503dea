package emulator

import (
	"context"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

// visible gives an object as a request sees it: nil where a fault hides it, and
// without the fields that a fault hides. So a schema drifts under a client's feet.
func visible(ctx context.Context, obj *schema.Object) *schema.Object {
	d := decisionOf(ctx)
	switch {
	case !d.Hides():
		return obj
	case d.HidesObject(obj.Name):
		return nil
	}
	return obj.Without(func(f *schema.Field) bool { return d.HidesField(obj.Name, f.Name) })
}

// visibleObjects gives all objects as a request sees them.
func (o *Org) visibleObjects(ctx context.Context) []*schema.Object {
	out := make([]*schema.Object, 0, len(o.Schema.Objects))
	for _, obj := range o.Schema.Objects {
		if v := visible(ctx, obj); v != nil {
			out = append(out, v)
		}
	}
	return out
}

// hiddenInRow is the error of a row that writes a field that a fault hides; nil if
// it does not.
func hiddenInRow(d *fault.Decision, object string, fields map[string]any) *schema.RowError {
	if !d.Hides() {
		return nil
	}
	for name := range fields {
		if d.HidesField(object, name) {
			e := schema.NewRowError("INVALID_FIELD", "", "No such column '%s' on sobject of type %s", name, object)
			e.OfRequest = true
			return e
		}
	}
	return nil
}

// hiddenInQuery is the error of a query that names what a fault hides. It goes by
// the names that are in the text: those of the object itself, and paths over
// lookups from it.
func (o *Org) hiddenInQuery(d *fault.Decision, text string) *soql.Error {
	if !d.Hides() {
		return nil
	}
	from, ok := o.Schema.Object(fault.ObjectOf(text))
	if !ok {
		return nil
	}
	if d.HidesObject(from.Name) {
		return soql.At(text, strings.LastIndex(text, from.Name), "INVALID_TYPE", query.NoSuchObject, from.Name)
	}
	for _, path := range namesIn(text) {
		object, field := o.fieldOf(from, path.parts)
		if field != "" && d.HidesField(object, field) {
			return soql.At(text, path.at, "INVALID_FIELD", query.NoSuchColumn, field, object)
		}
	}
	return nil
}

// fieldOf follows a path over lookups, and gives its object and its last name; ""
// if it is not one of the object's.
func (o *Org) fieldOf(from *schema.Object, parts []string) (object, field string) {
	for _, rel := range parts[:len(parts)-1] {
		if strings.EqualFold(rel, from.Name) {
			continue
		}
		f, ok := from.Lookup(rel)
		if !ok {
			return "", ""
		}
		if from, ok = o.Schema.Object(f.RefTo); !ok {
			return "", ""
		}
	}
	return from.Name, parts[len(parts)-1]
}

// namePath is a name in a query, with dots or without, and where it stands.
type namePath struct {
	at    int
	parts []string
}

// namesIn gives the names of a query that are in no text.
func namesIn(text string) []namePath {
	var out []namePath
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '\'':
			quoted = !quoted
		case !quoted && isNameByte(c):
			end := i
			for end < len(text) && (isNameByte(text[end]) || text[end] == '.') {
				end++
			}
			out = append(out, namePath{i, strings.Split(strings.TrimRight(text[i:end], "."), ".")})
			i = end - 1
		}
	}
	return out
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
