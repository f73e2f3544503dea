package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// fieldRow is a field as describe tells of it.
type fieldRow struct {
	Name, Label, Type, Size     string
	Relationship, Help, Formula string
	Targets                     []string
	Traits                      []string
	Values                      []string
}

// fieldsPage is an object's description.
type fieldsPage struct {
	Object, Label, Prefix, ListHref string
	Traits                          []string
	Rows                            []fieldRow
	Children                        []childLine
}

// childLine is a lookup of another object to this one.
type childLine struct{ Object, Field string }

func (s *site) fields(w http.ResponseWriter, r *http.Request) {
	p, ok := newReader(s.org.Data()).fieldsPage(r.PathValue("object"))
	if !ok {
		s.noObject(w, r)
		return
	}
	s.show(w, http.StatusOK, "fields", view{Title: "Fields of " + p.Label, Here: "objects", Page: p})
}

// fieldsPage reads an object's description. It takes the lock.
func (rd *reader) fieldsPage(object string) (fieldsPage, bool) {
	rd.st.RLock()
	defer rd.st.RUnlock()
	obj, ok := rd.st.Schema.Object(object)
	if !ok {
		return fieldsPage{}, false
	}
	p := fieldsPage{Object: obj.Name, Label: obj.Label, Prefix: obj.Prefix, ListHref: objectPath(obj.Name)}
	for _, f := range obj.Fields {
		p.Rows = append(p.Rows, describe(f))
	}
	for _, child := range rd.st.Schema.Objects {
		for _, f := range child.Fields {
			if f.PointsTo(obj.Name) && !f.IsAudit && f.Name != "OwnerId" {
				p.Children = append(p.Children, childLine{child.Name, f.Name})
			}
		}
	}
	if obj.ReadOnly {
		p.Traits = append(p.Traits, "read-only")
	}
	if obj.History != "" {
		p.Traits = append(p.Traits, "changes are kept in "+obj.History)
	}
	return p, true
}

// describe tells of a field in the words of describe.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
func describe(f *schema.Field) fieldRow {
	row := fieldRow{Name: f.Name, Label: f.Label, Type: string(f.Type), Targets: f.Targets(), Help: f.Help, Formula: f.Formula, Relationship: f.Relationship, Values: f.Values}
	switch {
	case f.Type == schema.TypeInt:
		row.Size = strconv.Itoa(f.Precision)
	case f.Type.IsNumber():
		row.Size = strconv.Itoa(f.Precision-f.Scale) + "." + strconv.Itoa(f.Scale)
	case f.Length > 0:
		row.Size = groupDigits(strconv.Itoa(f.Length))
	}
	for _, trait := range []struct {
		has  bool
		name string
	}{
		{f.NameField, "name"}, {f.ExternalID, "external id"}, {f.Unique, "unique"}, {f.CaseSensitive && f.Unique, "case-sensitive"},
		{f.IsMaster, "master-detail"}, {f.Required, "required"}, {f.AutoFormat != "", "auto number"}, {f.Tracked, "tracked"}, {f.ReadOnly || f.IsAudit || f.Slot < 0, "read-only"},
		{f.Restricted, "restricted"}, {f.Default != "" && f.Type != schema.TypeBoolean, "by default " + f.Default},
	} {
		if trait.has {
			row.Traits = append(row.Traits, trait.name)
		}
	}
	return row
}

// Text is the row's traits in one line.
func (r fieldRow) Text() string { return strings.Join(r.Traits, ", ") }
