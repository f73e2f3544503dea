package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// pageSize is how many records a page of a list shows.
const pageSize = 50

// listing is what a list was asked to show. It is read from the address, and
// writes addresses of its neighbours.
type listing struct {
	obj     *schema.Object
	columns []*schema.Field
	chosen  bool          // the columns are not those of the beginning
	sort    *schema.Field // nil is by Id
	desc    bool
	find    string
	bin     bool          // the recycle bin instead
	by      *schema.Field // only records whose lookup by names the record is
	is      string
	page    int // from 1
}

// maxFind bounds the text to look for.
const maxFind = 200

// readListing reads a list's address. What it does not understand it leaves out.
func readListing(obj *schema.Object, q url.Values) listing {
	l := listing{obj: obj, page: 1, bin: q.Get("bin") == "on"}
	for _, name := range q["col"] {
		if f, ok := obj.Field(name); ok && !slices.Contains(l.columns, f) {
			l.columns, l.chosen = append(l.columns, f), true
		}
	}
	if !l.chosen {
		l.columns = defaultColumns(obj)
	}
	name, desc := strings.CutPrefix(q.Get("sort"), "-")
	if f, ok := obj.Field(name); ok && f.IsFilterable() {
		l.sort, l.desc = f, desc
	}
	l.find = strings.TrimSpace(q.Get("find"))
	if r := []rune(l.find); len(r) > maxFind {
		l.find = string(r[:maxFind])
	}
	if f, ok := obj.Field(q.Get("by")); ok && f.Type == schema.TypeReference {
		if id, err := sfid.Parse(q.Get("is")); err == nil {
			l.by, l.is = f, id
		}
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 1 {
		l.page = n
	}
	return l
}

// href is the address of the list.
func (l listing) href() string {
	q := url.Values{}
	if l.chosen {
		for _, f := range l.columns {
			q.Add("col", f.Name)
		}
	}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	if l.sort != nil {
		set("sort", l.sortText())
	}
	set("find", l.find)
	if l.bin {
		set("bin", "on")
	}
	if l.by != nil {
		set("by", l.by.Name)
		set("is", l.is)
	}
	if l.page > 1 {
		set("page", strconv.Itoa(l.page))
	}
	if len(q) == 0 {
		return objectPath(l.obj.Name)
	}
	return objectPath(l.obj.Name) + "?" + q.Encode()
}

func (l listing) sortText() string {
	switch {
	case l.sort == nil:
		return ""
	case l.desc:
		return "-" + l.sort.Name
	}
	return l.sort.Name
}

// heading is a column's head with what a click on it does.
type heading struct {
	Name, Label, Href string
	Sort              string // aria-sort: "ascending", "descending" or ""
	IsNumber          bool
}

func (l listing) headings() []heading {
	out := make([]heading, 0, len(l.columns))
	for _, f := range l.columns {
		h := heading{Name: f.Name, Label: labelOf(f), IsNumber: f.Type.IsNumber()}
		if f.IsFilterable() {
			next := l
			next.sort, next.desc, next.page = f, l.sort == f && !l.desc, 1
			h.Href = next.href()
		}
		if l.sort == f {
			h.Sort = "ascending"
			if l.desc {
				h.Sort = "descending"
			}
		}
		out = append(out, h)
	}
	return out
}

// option is a column that can be chosen.
type option struct {
	Name, Label string
	On          bool
}

// listRow is a record of a list.
type listRow struct {
	ID, Href string
	Deleted  bool
	Cells    []cell
}

// listPage is a list of an object's records.
type listPage struct {
	Object, Label, Plural, Find, Sort, By, Is    string
	Bin, Chosen                                  bool
	Headings                                     []heading
	Options                                      []option
	Columns                                      []string
	Rows                                         []listRow
	Total                                        int
	Span, Previous, Next                         string
	BinHref, LiveHref, FieldsHref, Query, NoFind string
	Parent                                       cell
	ParentLabel                                  string
}

func (s *site) list(w http.ResponseWriter, r *http.Request) {
	rd := newReader(s.org.Data())
	l, ok := rd.listing(r.PathValue("object"), r.URL.Query())
	if !ok {
		s.noObject(w, r)
		return
	}
	p := rd.listPage(l)
	s.show(w, http.StatusOK, "list", view{Title: p.Plural, Here: "objects", Page: p})
}

// listing reads a list's address. It takes the lock, under which a deployment
// changes the schema.
func (rd *reader) listing(object string, q url.Values) (listing, bool) {
	rd.st.RLock()
	defer rd.st.RUnlock()
	obj, ok := rd.st.Schema.Object(object)
	if !ok {
		return listing{}, false
	}
	return readListing(obj, q), true
}

func (s *site) noObject(w http.ResponseWriter, r *http.Request) {
	s.sorry(w, r, http.StatusNotFound, "There is no such object", fmt.Sprintf("The org has no object %q.", shorten(r.PathValue("object"), maxCell)))
}

// listPage reads what a list shows. It takes the lock.
func (rd *reader) listPage(l listing) listPage {
	rows, total := rd.rows(&l)
	rd.st.RLock()
	defer rd.st.RUnlock()
	p := listPage{
		Object: l.obj.Name, Label: l.obj.Label, Plural: plural(l.obj), Find: l.find, Sort: l.sortText(), Bin: l.bin, Chosen: l.chosen,
		FieldsHref: objectPath(l.obj.Name) + "/fields",
	}
	for _, r := range rows {
		row := listRow{ID: r.ID, Href: recordPath(r.ID), Deleted: r.Deleted}
		for _, f := range l.columns {
			row.Cells = append(row.Cells, rd.cell(l.obj, f, r).brief())
		}
		p.Rows = append(p.Rows, row)
	}
	if l.by != nil {
		p.By, p.Is, p.ParentLabel, p.Parent = l.by.Name, l.is, labelOf(l.by), rd.lookupCell(l.by, l.is)
	}
	p.Total, p.Headings = total, l.headings()
	for _, f := range l.columns {
		p.Columns = append(p.Columns, f.Name)
	}
	for _, f := range l.obj.Fields {
		p.Options = append(p.Options, option{f.Name, f.Label, slices.Contains(l.columns, f)})
	}
	p.links(rd, l)
	return p
}

// links are the ways from a list to its neighbours.
func (p *listPage) links(rd *reader, l listing) {
	from := (l.page-1)*pageSize + 1
	if p.Total > 0 {
		p.Span = groupDigits(strconv.Itoa(from)) + "–" + groupDigits(strconv.Itoa(from+len(p.Rows)-1)) + " of " + groupDigits(strconv.Itoa(p.Total))
	}
	at := func(change func(*listing)) string {
		next := l
		next.page = 1
		change(&next)
		return next.href()
	}
	if l.page > 1 {
		p.Previous = at(func(n *listing) { n.page = l.page - 1 })
	}
	if from+len(p.Rows)-1 < p.Total {
		p.Next = at(func(n *listing) { n.page = l.page + 1 })
	}
	p.BinHref = at(func(n *listing) { n.bin = true })
	p.LiveHref = at(func(n *listing) { n.bin = false })
	p.NoFind = at(func(n *listing) { n.find, n.by = "", nil })
	q := url.Values{"q": {rd.soql(l)}}
	if l.bin {
		q.Set("all", "on")
	}
	p.Query = prefix + "/query?" + q.Encode()
}

// soql is a query for about what the list shows.
func (rd *reader) soql(l listing) string {
	names := []string{"Id"}
	for _, f := range l.columns {
		switch {
		case f.Name == "Id":
		case f.Type == schema.TypeReference && f.Relationship != "" && f.Name != "OwnerId":
			names = append(names, f.Relationship+"."+rd.callName(f))
		default:
			names = append(names, f.Name)
		}
	}
	text := "SELECT " + strings.Join(names, ", ") + " FROM " + l.obj.Name
	var where []string
	if l.by != nil {
		where = append(where, l.by.Name+" = '"+l.is+"'")
	}
	if f := nameField(l.obj); l.find != "" && f != nil {
		where = append(where, f.Name+" LIKE '%"+quoteSOQL(l.find)+"%'")
	}
	if l.bin {
		where = append(where, "IsDeleted = true")
	}
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	if l.sort != nil {
		text += " ORDER BY " + l.sort.Name
		if l.desc {
			text += " DESC"
		}
	}
	return text + " LIMIT 50"
}

// quoteSOQL writes a text as a string of SOQL holds it.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm
func quoteSOQL(s string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `%`, `\%`, `_`, `\_`, "\n", `\n`, "\r", `\r`).Replace(s)
}
