package emulator

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// maxRetrieved is the number of records that one call retrieves.
const maxRetrieved = 2000

// deleteCollection answers DELETE composite/sobjects?ids=…&allOrNone=….
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_delete.htm
func (o *Org) deleteCollection(c *call) error {
	q := c.r.URL.Query()
	ids := splitNames(q.Get("ids"))
	switch {
	case len(ids) == 0:
		return refuse(http.StatusBadRequest, "MISSING_ARGUMENT", "ids not specified")
	case len(ids) > maxRows:
		return refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRows)
	}
	var results []rowResult
	err := o.write(c, func(w *writing) error {
		results = w.removeAll(ids, strings.EqualFold(q.Get("allOrNone"), "true"))
		return nil
	})
	if err == nil {
		noteRows(c.w, len(results))
		writeJSON(c.w, http.StatusOK, results)
	}
	return err
}

// removeAll moves records of any objects to the recycle bin.
func (w *writing) removeAll(ids []string, allOrNone bool) []rowResult {
	savepoint := w.org.Savepoint()
	defer w.org.Release()
	results := make([]rowResult, len(ids))
	ok := true
	for i, text := range ids {
		results[i] = w.removeID(text)
		ok = ok && results[i].Success
	}
	if allOrNone && !ok {
		w.org.RollBack(savepoint)
		halt(results)
	}
	return results
}

func (w *writing) removeID(text string) rowResult {
	t, ok := w.org.ByPrefix(text)
	if !ok {
		return failed(rowError("MALFORMED_ID", "bad id %s", schema.Shorten(text)))
	}
	id, e := parseID(t.Object, text)
	if e != nil {
		return failed(rowError("MALFORMED_ID", "bad id %s", schema.Shorten(text)))
	}
	if e := w.remove(t, id); e != nil {
		return failed(e)
	}
	return succeeded(id)
}

// splitNames splits a list of names or ids at its commas.
func splitNames(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// retrieveCollection answers GET and POST composite/sobjects/X: some fields of
// up to 2,000 records, in the order of the ids, null for what is not there.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_retrieve.htm
func (o *Org) retrieveCollection(c *call) error {
	obj, err := o.object(c)
	if err != nil {
		return err
	}
	var body struct {
		IDs    []string `json:"ids"`
		Fields []string `json:"fields"`
	}
	if c.r.Method == http.MethodPost {
		if _, err := readJSON(c, &body); err != nil {
			return err
		}
	} else {
		q := c.r.URL.Query()
		body.IDs, body.Fields = splitNames(q.Get("ids")), splitNames(q.Get("fields"))
	}
	switch {
	case len(body.IDs) == 0:
		return refuse(http.StatusBadRequest, "MISSING_ARGUMENT", "ids not specified")
	case len(body.Fields) == 0:
		return refuse(http.StatusBadRequest, "MISSING_ARGUMENT", "fields not specified")
	case len(body.IDs) > maxRetrieved:
		return refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRetrieved)
	}
	p, err := projectionOf(obj, strings.Join(body.Fields, ","))
	if err != nil {
		return err
	}
	out, e := o.printAll(c, p, body.IDs)
	if e != nil {
		return &apiError{status: http.StatusBadRequest, code: e.StatusCode, message: "malformed id " + e.Message}
	}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

// printAll prints records in the order of their ids.
func (o *Org) printAll(c *call, p *query.Projection, ids []string) ([]json.RawMessage, *schema.RowError) {
	o.RLock()
	defer o.RUnlock()
	t := o.Tables[p.Object.Name]
	out := make([]json.RawMessage, len(ids))
	for i, text := range ids {
		id, e := idField(p.Object).CanonText(text)
		if e != nil || id == "" {
			return nil, rowError("MALFORMED_ID", "%s", schema.Shorten(text))
		}
		if r, e := live(t, id); e == nil {
			out[i] = p.AppendJSON(nil, r, c.base()+"sobjects/")
		}
	}
	return out, nil
}
