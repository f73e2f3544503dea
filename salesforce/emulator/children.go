package emulator

import "github.com/partnersync/partnersync/salesforce/emulator/schema"

// childRelation is how a parent knows the records of an object that point to it.
type childRelation struct {
	object *schema.Object
	field  *schema.Field
	name   string // "" where the relationship has none
}

// children lists the relationships from an object to its children.
func (o *Org) children(parent *schema.Object) []childRelation {
	return childrenAmong(o.Schema.Objects, parent)
}

func childrenAmong(objects []*schema.Object, parent *schema.Object) []childRelation {
	var out []childRelation
	for _, child := range objects {
		for _, f := range child.Fields {
			if f.PointsTo(parent.Name) {
				out = append(out, childRelation{child, f, child.ChildrenName(f)})
			}
		}
	}
	return out
}
