package console

import (
	"cmp"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// findPage is what was found by a name or a key.
type findPage struct {
	Text  string
	Found []found
}

// found are the records of one object.
type found struct {
	Object, Label, Href string
	Total               int
	Rows                []foundRow
}

type foundRow struct{ ID, Href, Name, Why string }

// maxFound is how many records of an object a search shows.
const maxFound = 10

// named finds the records whose name, external id or email address holds a text
// in any case. It takes the lock.
func (rd *reader) named(text string) []found {
	needle := strings.ToLower(text)
	if needle == "" {
		return nil
	}
	rd.st.RLock()
	defer rd.st.RUnlock()
	var out []found
	for _, obj := range rd.st.Schema.Objects {
		if f := rd.namedOf(obj, needle); f.Total > 0 {
			out = append(out, f)
		}
	}
	return out
}

func (rd *reader) namedOf(obj *schema.Object, needle string) found {
	fields := identifying(obj)
	out := found{Object: obj.Name, Label: plural(obj)}
	var rows []foundRow
	for _, r := range rd.records(obj.Name) {
		if r.Deleted {
			continue
		}
		for _, f := range fields {
			if v := r.Get(f); strings.Contains(strings.ToLower(v), needle) {
				row := foundRow{ID: r.ID, Href: recordPath(r.ID), Name: shorten(nameOf(obj, r), maxCell)}
				if !f.NameField {
					row.Why = f.Label + " " + shorten(v, maxCell)
				}
				rows = append(rows, row)
				break
			}
		}
	}
	slices.SortFunc(rows, func(a, b foundRow) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	out.Total, out.Rows = len(rows), rows[:min(maxFound, len(rows))]
	return out
}

// identifying are the fields by which people look for a record: its name, its
// keys, its email address.
func identifying(obj *schema.Object) []*schema.Field {
	var out []*schema.Field
	for _, f := range obj.Fields {
		if f.NameField || f.ExternalID || f.IDLookup && f.Name != "Id" || f.Type == schema.TypeEmail || f.Name == "Partner_ID__c" {
			out = append(out, f)
		}
	}
	return out
}
