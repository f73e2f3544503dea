package console

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// keyed is a record with what it is sorted by, worked out once.
type keyed struct {
	r    *store.Record
	id   string
	text string
	n    decimal.Decimal
}

// rows gives the records of a list's page, and how many records the list has in
// all. A page behind the last one becomes the last. It takes the lock, and sorts
// without it, so that nobody waits for that.
func (rd *reader) rows(l *listing) ([]*store.Record, int) {
	all := rd.fitting(*l)
	slices.SortFunc(all, l.compare)
	l.page = min(l.page, max(1, (len(all)+pageSize-1)/pageSize))
	from := (l.page - 1) * pageSize
	var out []*store.Record
	for _, k := range all[from:min(from+pageSize, len(all))] {
		out = append(out, k.r)
	}
	return out, len(all)
}

// fitting gives the records of a list in no order.
func (rd *reader) fitting(l listing) []keyed {
	rd.st.RLock()
	defer rd.st.RUnlock()
	var out []keyed
	fits := rd.filter(l)
	for _, r := range rd.records(l.obj.Name) {
		if r.Deleted == l.bin && !r.Purged && fits(r) {
			out = append(out, rd.keyOf(l, r))
		}
	}
	return out
}

// filter gives what decides whether a list shows a record. The text is looked
// for, in any case, in the columns, in what identifies a record, and in its id.
func (rd *reader) filter(l listing) func(*store.Record) bool {
	needle := strings.ToLower(l.find)
	searched := append(identifying(l.obj), l.columns...)
	return func(r *store.Record) bool {
		if l.by != nil && r.Get(l.by) != l.is {
			return false
		}
		if needle == "" || strings.HasPrefix(r.ID, l.find) {
			return true
		}
		return slices.ContainsFunc(searched, func(f *schema.Field) bool {
			return strings.Contains(strings.ToLower(rd.plain(f, r)), needle)
		})
	}
}

// plain is a field's value as people read it, without decoration.
func (rd *reader) plain(f *schema.Field, r *store.Record) string {
	v := r.Get(f)
	if f.Type != schema.TypeReference {
		return v
	}
	if obj, parent := rd.parent(f, v); parent != nil {
		return nameOf(obj, parent)
	}
	return v
}

func (rd *reader) keyOf(l listing, r *store.Record) keyed {
	k := keyed{r: r, id: r.ID}
	if l.sort == nil {
		return k
	}
	k.text = rd.plain(l.sort, r)
	if l.sort.Type.IsNumber() && k.text != "" {
		if d, err := decimal.NewFromString(k.text); err == nil {
			k.n = d
		}
	} else {
		k.text = strings.ToLower(k.text)
	}
	return k
}

// compare puts records in a list's order, those without a value at the end, equal
// ones by id.
func (l listing) compare(a, b keyed) int {
	if (a.text == "") != (b.text == "") {
		if a.text == "" {
			return 1
		}
		return -1
	}
	c := 0
	if l.sort != nil && l.sort.Type.IsNumber() {
		c = a.n.Cmp(b.n)
	} else {
		c = cmp.Compare(a.text, b.text)
	}
	if l.desc {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.id, b.id))
}
