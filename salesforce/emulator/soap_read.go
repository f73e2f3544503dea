package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// problem gives code and message of an answer that is a refusal.
func (a *answer) problem() (code, message string) {
	var errs []struct{ ErrorCode, Message string }
	if json.Unmarshal(a.body.Bytes(), &errs) != nil || len(errs) == 0 {
		return "UNKNOWN_EXCEPTION", "An unexpected error occurred."
	}
	return errs[0].ErrorCode, errs[0].Message
}

// askSOAP asks the org's REST API for what a SOAP call wants.
func (o *Org) askSOAP(c *soapCall, path string) (*answer, error) {
	n := nested{method: http.MethodGet, url: c.base() + path}
	if size := c.header.child("QueryOptions").text("batchSize"); size != "" {
		n.header = map[string]string{"Sforce-Query-Options": "batchSize=" + size}
	}
	a := o.ask(c.call, n)
	if a.status >= http.StatusMultipleChoices {
		code, message := a.problem()
		return nil, &apiError{status: a.status, code: code, message: message}
	}
	return a, nil
}

// soapQuery answers query() and queryAll().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_query.htm
func (o *Org) soapQuery(c *soapCall) error {
	return o.soapPage(c, c.args.XMLName.Local+"?q="+url.QueryEscape(c.args.text("queryString")))
}

// soapQueryMore answers queryMore().
func (o *Org) soapQueryMore(c *soapCall) error {
	return o.soapPage(c, "query/"+url.PathEscape(c.args.text("queryLocator")))
}

func (o *Org) soapPage(c *soapCall, path string) error {
	a, err := o.askSOAP(c, path)
	if err != nil {
		return err
	}
	page, err := readMembers(a.body.Bytes())
	if err != nil {
		return err
	}
	c.out.WriteString(`<result xsi:type="QueryResult">`)
	err = o.writePage(c.out, page)
	c.out.WriteString("</result>")
	return err
}

// member is one name and value of a JSON object, in its order.
type member struct {
	name  string
	value json.RawMessage
}

// readMembers reads a JSON object in the order in which it is written.
func readMembers(raw []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var out []member
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		m := member{name: name}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func find(members []member, name string) json.RawMessage {
	for _, m := range members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// jsonText is a JSON scalar as text; null is "".
func jsonText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return strings.TrimSpace(string(raw))
}

// writePage writes a page of a query, or the children of a record.
func (o *Org) writePage(b *bytes.Buffer, page []member) error {
	element(b, "done", string(find(page, "done")))
	if next := jsonText(find(page, "nextRecordsUrl")); next != "" {
		element(b, "queryLocator", next[strings.LastIndex(next, "/")+1:])
	} else {
		nilElement(b, "queryLocator")
	}
	var records []json.RawMessage
	if err := json.Unmarshal(find(page, "records"), &records); err != nil {
		return err
	}
	for _, r := range records {
		if err := o.writeSObject(b, "records", r); err != nil {
			return err
		}
	}
	element(b, "size", string(find(page, "totalSize")))
	return nil
}

// writeSObject writes a record, or the row of a grouped query, as an sObject.
func (o *Org) writeSObject(b *bytes.Buffer, name string, raw json.RawMessage) error {
	members, err := readMembers(raw)
	if err != nil {
		return err
	}
	attributes, err := readMembers(find(members, "attributes"))
	if err != nil {
		return err
	}
	typ := jsonText(find(attributes, "type"))
	obj, _ := o.Schema.Object(typ)
	b.WriteString("<" + name + ` xsi:type="sf:sObject">`)
	element(b, "sf:type", typ)
	if id := jsonText(find(members, "Id")); id != "" {
		element(b, "sf:Id", id)
	} else {
		nilElement(b, "sf:Id")
	}
	for _, m := range members {
		if m.name != "attributes" && m.name != "Id" {
			if err := o.writeMember(b, obj, m); err != nil {
				return err
			}
		}
	}
	b.WriteString("</" + name + ">")
	return nil
}

func (o *Org) writeMember(b *bytes.Buffer, obj *schema.Object, m member) error {
	name := "sf:" + m.name
	switch {
	case string(m.value) == "null":
		nilElement(b, name)
	case m.value[0] == '{':
		inner, err := readMembers(m.value)
		if err != nil {
			return err
		}
		if find(inner, "records") == nil {
			return o.writeSObject(b, name, m.value)
		}
		b.WriteString("<" + name + ` xsi:type="QueryResult">`)
		err = o.writePage(b, inner)
		b.WriteString("</" + name + ">")
		return err
	default:
		text := jsonText(m.value)
		if obj != nil {
			if f, ok := obj.Field(m.name); ok && f.Type == schema.TypeDateTime {
				text = soapInstant(text)
			}
		}
		element(b, name, text)
	}
	return nil
}

// soapRetrieve answers retrieve().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_retrieve.htm
func (o *Org) soapRetrieve(c *soapCall) error {
	obj, ok := o.Schema.Object(c.args.text("sObjectType"))
	if !ok {
		return refuse(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported.", schema.Shorten(c.args.text("sObjectType")))
	}
	ids := c.args.texts("ids")
	if len(ids) > maxRetrieved {
		return refuse(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxRetrieved)
	}
	p, err := projectionOf(obj, c.args.text("fieldList"))
	if err != nil {
		return err
	}
	records, e := o.printAll(c.call, p, ids)
	if e != nil {
		return refuse(http.StatusBadRequest, "MALFORMED_ID", "malformed id %s", e.Message)
	}
	for _, r := range records {
		if r == nil {
			nilElement(c.out, "result")
			continue
		}
		if err := o.writeSObject(c.out, "result", r); err != nil {
			return err
		}
	}
	return nil
}

// soapDescribeGlobal answers describeGlobal().
func (o *Org) soapDescribeGlobal(c *soapCall) error {
	writeTree(c.out, "result", map[string]any{"encoding": "UTF-8", "maxBatchSize": maxRows, "sobjects": o.objectList(c.call)})
	return nil
}

// soapDescribe answers describeSObject() and describeSObjects().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_describesobjects.htm
func (o *Org) soapDescribe(c *soapCall) error {
	names := c.args.texts("sObjectType")
	if many := c.args.texts("sObjectTypes"); len(many) > 0 {
		names = many
	}
	for _, name := range names {
		obj, ok := o.Schema.Object(name)
		if !ok {
			return refuse(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported.", schema.Shorten(name))
		}
		writeTree(c.out, "result", o.describeObject(c.call, obj))
	}
	return nil
}

// writeTree writes what JSON would show, as elements: objects by the order of
// their names, lists as repeated elements, null left out.
func writeTree(b *bytes.Buffer, name string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		return
	}
	var plain any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&plain) == nil {
		writePlain(b, name, plain)
	}
}

func writePlain(b *bytes.Buffer, name string, v any) {
	switch x := v.(type) {
	case nil:
	case []any:
		for _, e := range x {
			writePlain(b, name, e)
		}
	case map[string]any:
		b.WriteString("<" + name + ">")
		names := make([]string, 0, len(x))
		for k := range x {
			if k != "urls" {
				names = append(names, k)
			}
		}
		slices.Sort(names)
		for _, k := range names {
			writePlain(b, k, x[k])
		}
		b.WriteString("</" + name + ">")
	case bool:
		element(b, name, schema.BoolText(x))
	case json.Number:
		element(b, name, x.String())
	case string:
		element(b, name, x)
	}
}

// soapReplication answers getUpdated() and getDeleted().
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_getupdated.htm
func (o *Org) soapReplication(c *soapCall) error {
	what := strings.ToLower(strings.TrimPrefix(c.args.XMLName.Local, "get"))
	q := url.Values{"start": {c.args.text("startDate")}, "end": {c.args.text("endDate")}}
	a, err := o.askSOAP(c, "sobjects/"+url.PathEscape(c.args.text("sObjectType"))+"/"+what+"?"+q.Encode())
	if err != nil {
		return err
	}
	var body map[string]any
	if err := json.Unmarshal(a.body.Bytes(), &body); err != nil {
		return err
	}
	for _, name := range []string{"latestDateCovered", "earliestDateAvailable"} {
		if s, ok := body[name].(string); ok {
			body[name] = soapInstant(s)
		}
	}
	writePlain(c.out, "result", body)
	return nil
}
