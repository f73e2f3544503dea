package emulator

import (
	"net/http"
	"strings"
)

// getRecord answers GET sobjects/X/ID, with ?fields= or with all fields.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve_get.htm
func (o *Org) getRecord(c *call, object, id string) error {
	obj, ok := o.schema.object(object)
	if !ok {
		return errNoResource
	}
	idField, _ := obj.field("Id")
	full, rerr := idField.canonText(id)
	if rerr != nil || full == "" {
		return refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", id)
	}
	return o.writeOne(c, obj, idField, full)
}

// getByExternalID answers GET sobjects/X/Field/value.
func (o *Org) getByExternalID(c *call, object, fieldName, value string) error {
	obj, ok := o.schema.object(object)
	if !ok {
		return errNoResource
	}
	f, err := externalField(obj, fieldName)
	if err != nil {
		return err
	}
	text, rerr := f.canonText(value)
	if rerr != nil {
		return errNoResource
	}
	return o.writeOne(c, obj, f, text)
}

// externalField finds a field by which records can be named from outside.
func externalField(obj *object, name string) (*field, error) {
	f, ok := obj.field(name)
	if !ok || !f.idLookup {
		return nil, refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", name)
	}
	return f, nil
}

func (o *Org) writeOne(c *call, obj *object, by *field, value string) error {
	p := &projection{obj: obj}
	if names := c.r.URL.Query().Get("fields"); names != "" {
		for name := range strings.SplitSeq(names, ",") {
			f, ok := obj.field(strings.TrimSpace(name))
			if !ok {
				return refuse(http.StatusBadRequest, "INVALID_FIELD", noSuchColumn, strings.TrimSpace(name), obj.name)
			}
			p.add(column{f: f})
		}
	} else {
		for _, f := range obj.fields {
			p.add(column{f: f})
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
func (o *Org) printOne(c *call, p *projection, by *field, value string) (int, []byte) {
	o.rlock()
	defer o.runlock()
	base := c.base() + "sobjects/"
	found := o.tables[p.obj.name].find(by, value)
	switch len(found) {
	case 0:
		return http.StatusNotFound, nil
	case 1:
		return http.StatusOK, p.appendJSON(nil, found[0], base)
	}
	b := []byte{'['}
	for i, r := range found {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, base+p.obj.name+"/"+r.id)
	}
	return http.StatusMultipleChoices, append(b, ']')
}
