package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// fieldLine is a field of a record with its value.
type fieldLine struct {
	Name, Label string
	Cell        cell
}

// fieldGroup is a section of a record's fields.
type fieldGroup struct {
	ID, Title string
	Fields    []fieldLine
	Folded    bool
}

// recordPage is one record.
type recordPage struct {
	ID, Object, Label, Plural, Name, ListHref, FieldsHref, Query, API string
	Deleted                                                           bool
	Master                                                            cell // the record that this one was merged into
	Groups                                                            []fieldGroup
	Commission                                                        *commission
	Related                                                           []related
	History                                                           []change
	HasHistory                                                        bool
	MoreHistory                                                       int
}

func (s *site) record(w http.ResponseWriter, r *http.Request) {
	given := r.PathValue("id")
	id, err := sfid.Parse(given)
	if err != nil {
		s.sorry(w, r, http.StatusNotFound, "That is no record's id", shorten(err.Error(), maxCell)+".")
		return
	}
	rd := newReader(s.org.Data())
	p, ok := rd.recordPage(id, s.org.About(r).Version)
	if !ok {
		s.sorry(w, r, http.StatusNotFound, "There is no such record", fmt.Sprintf("The org has no record %s, not even in its recycle bin.", id))
		return
	}
	s.show(w, http.StatusOK, "record", view{Title: p.Name, Here: "objects", Page: p})
}

// recordPage reads a record with all that is shown around it. It takes the lock.
func (rd *reader) recordPage(id, version string) (recordPage, bool) {
	rd.st.RLock()
	defer rd.st.RUnlock()
	t, r := rd.find(id)
	if r == nil {
		return recordPage{}, false
	}
	obj := t.Object
	p := recordPage{
		ID: id, Object: obj.Name, Label: obj.Label, Plural: plural(obj), Name: nameOf(obj, r), Deleted: r.Deleted,
		ListHref: objectPath(obj.Name), FieldsHref: objectPath(obj.Name) + "/fields", Query: recordQuery(obj, r),
		API:    "/services/data/v" + version + "/sobjects/" + obj.Name + "/" + id,
		Groups: rd.fieldGroups(obj, r), Commission: rd.commission(obj, r), Related: rd.related(obj, r),
	}
	if f, ok := obj.Field("MasterRecordId"); ok && r.Deleted && r.Get(f) != "" {
		p.Master = rd.lookupCell(f, r.Get(f))
	}
	p.History, p.MoreHistory, p.HasHistory = rd.history(obj, r)
	return p, true
}

// recordQuery is the address of the box with a query for the record.
func recordQuery(obj *schema.Object, r *store.Record) string {
	names := make([]string, 0, len(obj.Fields))
	for _, f := range obj.Fields {
		names = append(names, f.Name)
	}
	q := url.Values{"q": {"SELECT " + strings.Join(names, ", ") + " FROM " + obj.Name + " WHERE Id = '" + r.ID + "'"}}
	if r.Deleted {
		q.Set("all", "on")
	}
	return prefix + "/query?" + q.Encode()
}

// fieldGroups are all fields of a record, sorted by what they are for.
func (rd *reader) fieldGroups(obj *schema.Object, r *store.Record) []fieldGroup {
	groups := []fieldGroup{
		{ID: "details", Title: "Details"}, {ID: "lookups", Title: "Belongs to"}, {ID: "texts", Title: "Texts"},
		{ID: "system", Title: "System fields", Folded: true},
	}
	for _, f := range obj.Fields {
		g := &groups[0]
		switch {
		case !isOwn(f) && f.Name != "CurrencyIsoCode":
			g = &groups[3]
		case f.Type == schema.TypeReference:
			g = &groups[1]
		case f.Type == schema.TypeTextArea:
			g = &groups[2]
		}
		g.Fields = append(g.Fields, fieldLine{Name: f.Name, Label: labelOf(f), Cell: rd.cell(obj, f, r)})
	}
	// A commission's explanation stands above already.
	groups[2].Folded = obj.Name == commissionObject
	return slices.DeleteFunc(groups, func(g fieldGroup) bool { return len(g.Fields) == 0 })
}

// find leads from an id, or a name, to records.
func (s *site) find(w http.ResponseWriter, r *http.Request) {
	text := strings.TrimSpace(r.URL.Query().Get("q"))
	if id, err := sfid.Parse(text); err == nil {
		rd := newReader(s.org.Data())
		rd.st.RLock()
		_, found := rd.find(id)
		rd.st.RUnlock()
		if found != nil {
			http.Redirect(w, r, recordPath(id), http.StatusSeeOther)
			return
		}
	}
	if runes := []rune(text); len(runes) > maxFind {
		text = string(runes[:maxFind])
	}
	rd := newReader(s.org.Data())
	s.show(w, http.StatusOK, "find", view{Title: "Find", Find: text, Page: findPage{Text: text, Found: rd.named(text)}})
}
