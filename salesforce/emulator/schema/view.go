package schema

import (
	"maps"
	"slices"
)

// Without gives an object as somebody sees it from whom some of its fields are
// hidden. Slots and the fields that are left are those of the object itself.
func (o *Object) Without(isHidden func(*Field) bool) *Object {
	view := *o
	view.Fields = slices.DeleteFunc(slices.Clone(o.Fields), isHidden)
	view.byName, view.byRelationship = maps.Clone(o.byName), maps.Clone(o.byRelationship)
	gone := func(_ string, f *Field) bool { return isHidden(f) }
	maps.DeleteFunc(view.byName, gone)
	maps.DeleteFunc(view.byRelationship, gone)
	return &view
}
