package emulator

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// childRelation is how a parent knows the records of an object that point to it.
type childRelation struct {
	object *schema.Object
	field  *schema.Field
	name   string // "" where the relationship has none
}

// children lists the relationships from an object to its children.
func (o *Org) children(parent *schema.Object) []childRelation {
	var out []childRelation
	for _, child := range o.Schema.Objects {
		for _, f := range child.Fields {
			if f.RefTo != parent.Name {
				continue
			}
			name := f.Children
			if name == "" && f.Custom {
				name = strings.TrimSuffix(child.Name, "__c") + "s__r"
			}
			out = append(out, childRelation{child, f, name})
		}
	}
	return out
}
