package emulator

import (
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// getRecord answers GET sobjects/X/ID, with ?fields= or with all fields.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve_get.htm
func (o *Org) getRecord(c *call) error {
	id := c.arg("id")
	obj, ok := o.Schema.Object(c.arg("object"))
	if !ok {
		return errNoResource
	}
	idField, _ := obj.Field("Id")
	full, rerr := idField.CanonText(id)
	if rerr != nil || full == "" {
		return refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", id)
	}
	return o.writeOne(c, obj, idField, full)
}

// getByExternalID answers GET sobjects/X/Field/value.
func (o *Org) getByExternalID(c *call) error {
	obj, ok := o.Schema.Object(c.arg("object"))
	if !ok {
		return errNoResource
	}
	f, err := externalField(obj, c.arg("field"))
	if err != nil {
		return err
	}
	text, rerr := f.CanonText(c.arg("value"))
	if rerr != nil {
		return errNoResource
	}
	return o.writeOne(c, obj, f, text)
}

// externalField finds a field by which records can be named from outside.
func externalField(obj *schema.Object, name string) (*schema.Field, error) {
	f, ok := obj.Field(name)
	if !ok || !f.IDLookup {
		return nil, refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", name)
	}
	return f, nil
}

func (o *Org) writeOne(c *call, obj *schema.Object, by *schema.Field, value string) error {
	p := &query.Projection{Object: obj}
	if names := c.r.URL.Query().Get("fields"); names != "" {
		for name := range strings.SplitSeq(names, ",") {
			f, ok := obj.Field(strings.TrimSpace(name))
			if !ok {
				return refuse(http.StatusBadRequest, "INVALID_FIELD", query.NoSuchColumn, strings.TrimSpace(name), obj.Name)
			}
			p.Add(query.Column{Field: f})
		}
	} else {
		for _, f := range obj.Fields {
			p.Add(query.Column{Field: f})
		}
	}
	status, body := o.printOne(c, p, by, value)
	if status == http.StatusNotFound {
		return errNoResource
	}
	writeBody(c.w, status, body)
	return nil
}

// printOne prints the record of a value: 200 and the record, 300 and the paths
// of several, or 404.
func (o *Org) printOne(c *call, p *query.Projection, by *schema.Field, value string) (int, []byte) {
	o.RLock()
	defer o.RUnlock()
	base := c.base() + "sobjects/"
	found := o.Tables[p.Object.Name].Find(by, value)
	switch len(found) {
	case 0:
		return http.StatusNotFound, nil
	case 1:
		return http.StatusOK, p.AppendJSON(nil, found[0], base)
	}
	b := []byte{'['}
	for i, r := range found {
		if i > 0 {
			b = append(b, ',')
		}
		b = query.AppendString(b, base+p.Object.Name+"/"+r.ID)
	}
	return http.StatusMultipleChoices, append(b, ']')
}
