package console

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// related are the records of one object whose lookup names a record.
type related struct {
	ID, Object, Label, By, Href string
	Total                       int
	Headings                    []heading
	Rows                        []listRow
}

// maxRelated is how many records a related list shows; maxRelatedColumns how
// many of their fields.
const (
	maxRelated        = 5
	maxRelatedColumns = 8
)

// related gives the records that belong to a record, the latest of each object
// first. Lookups to a user are left out: almost every record has those.
func (rd *reader) related(parent *schema.Object, r *store.Record) []related {
	var out []related
	for _, child := range rd.st.Schema.Objects {
		var ways []*schema.Field
		for _, f := range child.Fields {
			if f.PointsTo(parent.Name) && !f.IsAudit && f.Name != "OwnerId" && child.HistoryOf == "" {
				ways = append(ways, f)
			}
		}
		for _, f := range ways {
			list, ok := rd.relatedBy(child, f, r)
			if !ok {
				continue
			}
			if len(ways) > 1 {
				list.By = labelOf(f)
			}
			out = append(out, list)
		}
	}
	return out
}

func (rd *reader) relatedBy(child *schema.Object, by *schema.Field, parent *store.Record) (related, bool) {
	var records []*store.Record
	for _, r := range rd.records(child.Name) {
		if !r.Deleted && r.Get(by) == parent.ID {
			records = append(records, r)
		}
	}
	if len(records) == 0 {
		return related{}, false
	}
	slices.SortFunc(records, func(a, b *store.Record) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	})
	q := url.Values{"by": {by.Name}, "is": {parent.ID}}
	out := related{
		ID: strings.ToLower("related-" + child.Name + "-" + by.Name), Object: child.Name, Label: plural(child), Total: len(records),
		Href: objectPath(child.Name) + "?" + q.Encode(),
	}
	columns := defaultColumns(child)
	columns = slices.DeleteFunc(slices.Clone(columns), func(f *schema.Field) bool { return f == by })
	columns = columns[:min(len(columns), maxRelatedColumns)]
	for _, f := range columns {
		out.Headings = append(out.Headings, heading{Name: f.Name, Label: labelOf(f), IsNumber: f.Type.IsNumber()})
	}
	for _, r := range records[:min(maxRelated, len(records))] {
		row := listRow{ID: r.ID, Href: recordPath(r.ID)}
		for _, f := range columns {
			row.Cells = append(row.Cells, rd.cell(child, f, r).brief())
		}
		out.Rows = append(out.Rows, row)
	}
	return out, true
}

// change is a line of a record's history.
type change struct {
	At          cell
	Field       string
	Old, New    cell
	By          cell
	IsCreation  bool
	HistoryHref string
}

// maxHistory is how many changes of a record are shown.
const maxHistory = 50

// history gives the changes of a record's tracked fields, newest first, how many
// more there are, and whether the object has a history at all.
func (rd *reader) history(obj *schema.Object, r *store.Record) (out []change, more int, has bool) {
	t := rd.st.Tables[obj.History]
	if obj.History == "" || t == nil {
		return nil, 0, false
	}
	parent, ok := t.Object.Field(t.Object.HistoryParent())
	if !ok {
		return nil, 0, false
	}
	var rows []*store.Record
	for _, h := range t.ByID {
		if h.Get(parent) == r.ID {
			rows = append(rows, h)
		}
	}
	slices.SortFunc(rows, func(a, b *store.Record) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	})
	for _, h := range rows[:min(maxHistory, len(rows))] {
		out = append(out, rd.change(obj, t.Object, h))
	}
	return out, len(rows) - len(out), true
}

func (rd *reader) change(obj, history *schema.Object, h *store.Record) change {
	get := func(name string) cell {
		if f, ok := history.Field(name); ok {
			return rd.cell(history, f, h)
		}
		return cell{}
	}
	c := change{At: get("CreatedDate"), Field: get("Field").Text, Old: get("OldValue"), New: get("NewValue"), By: get("CreatedById"), HistoryHref: recordPath(h.ID)}
	if f, ok := obj.Field(c.Field); ok {
		c.Field = f.Label
	} else if c.Field == "created" {
		c.IsCreation = true
	}
	return c
}
