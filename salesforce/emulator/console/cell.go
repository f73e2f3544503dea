package console

import (
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// cell is one value as a page shows it.
type cell struct {
	Text  string
	Href  string
	Away  bool   // the link leads out of the org
	Kind  string // "number", "code", "time", "flag", "block", or "" for text
	ISO   string // of a time, for machines
	Table *table // of a subquery
}

// IsNull says that there is no value.
func (c cell) IsNull() bool { return c.Text == "" && c.Table == nil }

// maxShort is how long a word is that is not broken over two lines.
const maxShort = 24

// Class is how the value stands in a table: a number at the right, a short word
// on one line.
func (c cell) Class() string {
	switch {
	case c.Kind == "number":
		return "n"
	case c.Table == nil && len(c.Text) <= maxShort && !strings.ContainsAny(c.Text, " \n"):
		return "s"
	}
	return ""
}

// reader reads records for pages. Its methods want the store's read lock held,
// unless they say otherwise.
type reader struct {
	st  *store.Store
	own string // the org's currency, once it was looked up
}

func newReader(st *store.Store) *reader { return &reader{st: st} }

// organization gives the value of a field of the organization's record.
func (rd *reader) organization(field string) string {
	t := rd.st.Tables["Organization"]
	if t == nil {
		return ""
	}
	f, ok := t.Object.Field(field)
	r := t.ByID[rd.st.OrgID]
	if !ok || r == nil {
		return ""
	}
	return r.Get(f)
}

// orgName is the organization's name. It takes the lock.
func (rd *reader) orgName() string {
	rd.st.RLock()
	defer rd.st.RUnlock()
	if name := rd.organization("Name"); name != "" {
		return name
	}
	return "Org"
}

// currencyOf is the currency of a record's amounts: its own, the one that it
// names, or the org's.
func (rd *reader) currencyOf(obj *schema.Object, r *store.Record) string {
	for _, name := range []string{"CurrencyIsoCode", "Currency__c"} {
		if f, ok := obj.Field(name); ok && r.Get(f) != "" {
			return r.Get(f)
		}
	}
	if rd.own == "" {
		rd.own = rd.organization("DefaultCurrencyIsoCode")
	}
	return rd.own
}

// nameField finds the field by which people call an object's records, or nil.
func nameField(obj *schema.Object) *schema.Field {
	for _, f := range obj.Fields {
		if f.NameField {
			return f
		}
	}
	return nil
}

// callName is the name of the field by which people call the records to which a
// lookup leads; all objects of a polymorphic one have a Name for queries.
func (rd *reader) callName(f *schema.Field) string {
	targets := f.Targets()
	if len(targets) > 1 {
		return "Name"
	}
	for _, name := range targets {
		if obj, ok := rd.st.Schema.Object(name); ok && nameField(obj) != nil {
			return nameField(obj).Name
		}
	}
	return "Id"
}

// labelOf is a field's label; of a lookup, that of what it leads to.
func labelOf(f *schema.Field) string {
	if f.Type == schema.TypeReference && !f.Custom {
		return strings.TrimSuffix(strings.TrimSuffix(f.Label, " ID"), "Id")
	}
	return f.Label
}

// nameOf is what people call a record.
func nameOf(obj *schema.Object, r *store.Record) string {
	if f := nameField(obj); f != nil && r.Get(f) != "" {
		return r.Get(f)
	}
	return r.ID
}

// parent finds the record that a lookup names, or nil.
func (rd *reader) parent(f *schema.Field, id string) (*schema.Object, *store.Record) {
	for _, name := range f.Targets() {
		if t := rd.st.Tables[name]; id != "" && t != nil && t.ByID[id] != nil {
			return t.Object, t.ByID[id]
		}
	}
	return nil, nil
}

// records are an object's records by id; none of an object that is gone.
func (rd *reader) records(object string) map[string]*store.Record {
	if t := rd.st.Tables[object]; t != nil {
		return t.ByID
	}
	return nil
}

// find finds the table and the record of an id, or nil.
func (rd *reader) find(id string) (*store.Table, *store.Record) {
	for _, obj := range rd.st.Schema.Objects {
		if t := rd.st.Tables[obj.Name]; t != nil {
			if r := t.ByID[id]; r != nil {
				return t, r
			}
		}
	}
	return nil, nil
}

// cell shows a field of a record.
func (rd *reader) cell(obj *schema.Object, f *schema.Field, r *store.Record) cell {
	v := r.Get(f)
	if v == "" {
		return cell{}
	}
	switch f.Type {
	case schema.TypeCurrency:
		return cell{Text: amount(v, rd.currencyOf(obj, r)), Kind: "number"}
	case schema.TypePercent:
		return cell{Text: decimals(v, 0) + " %", Kind: "number"}
	case schema.TypeDouble, schema.TypeInt:
		return cell{Text: decimals(v, 0), Kind: "number"}
	case schema.TypeBoolean:
		return cell{Text: v, Kind: "flag"}
	case schema.TypeDate:
		return cell{Text: v, Kind: "time", ISO: v}
	case schema.TypeDateTime:
		return instantCell(v)
	case schema.TypeID:
		return cell{Text: v, Kind: "code", Href: recordPath(v)}
	case schema.TypeReference:
		return rd.lookupCell(f, v)
	case schema.TypeURL:
		if href, ok := safeLink(v); ok {
			return cell{Text: v, Href: href, Away: true}
		}
	case schema.TypeTextArea:
		return cell{Text: v, Kind: "block"}
	}
	if f.ExternalID {
		return cell{Text: v, Kind: "code"}
	}
	return cell{Text: v}
}

func (rd *reader) lookupCell(f *schema.Field, id string) cell {
	obj, r := rd.parent(f, id)
	if r == nil {
		return cell{Text: id, Kind: "code"}
	}
	return cell{Text: nameOf(obj, r), Href: recordPath(id)}
}

// instantCell shows an instant as the platform writes it, for people.
func instantCell(v string) cell {
	t, ok := schema.ParseDateTime(v)
	if !ok {
		return cell{Text: v}
	}
	return cell{Text: t.Format("2006-01-02 15:04:05") + " UTC", Kind: "time", ISO: t.Format(time.RFC3339)}
}

// brief is a cell for the row of a list: a long text is cut.
func (c cell) brief() cell {
	if c.Kind == "block" || len(c.Text) > maxCell {
		c.Text, c.Kind = shorten(c.Text, maxCell), strings.TrimPrefix(c.Kind, "block")
	}
	return c
}

// maxCell is how many characters of a text a row of a list shows.
const maxCell = 120
