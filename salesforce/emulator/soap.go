package emulator

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// soapLoginGone is the first version whose SOAP API has no login().
const soapLoginGone = 65

// xmlNode is an element of a SOAP message.
type xmlNode struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []xmlNode  `xml:",any"`
}

// child gives the first element of a name, in any namespace; an empty one if
// there is none.
func (n *xmlNode) child(name string) *xmlNode {
	for i := range n.Nodes {
		if n.Nodes[i].XMLName.Local == name {
			return &n.Nodes[i]
		}
	}
	return &xmlNode{}
}

// all gives the elements of a name.
func (n *xmlNode) all(name string) []*xmlNode {
	var out []*xmlNode
	for i := range n.Nodes {
		if n.Nodes[i].XMLName.Local == name {
			out = append(out, &n.Nodes[i])
		}
	}
	return out
}

// texts gives the texts of the elements of a name.
func (n *xmlNode) texts(name string) []string {
	var out []string
	for _, e := range n.all(name) {
		out = append(out, strings.TrimSpace(e.Text))
	}
	return out
}

func (n *xmlNode) text(name string) string { return strings.TrimSpace(n.child(name).Text) }

func (n *xmlNode) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// soapCall is one call of the SOAP API.
type soapCall struct {
	*call
	kind   string // u: partner, c: enterprise
	header *xmlNode
	args   *xmlNode
	out    *bytes.Buffer // what stands inside of the answer's element
}

// soapOperation answers a call; its error becomes a fault.
type soapOperation func(*Org, *soapCall) error

// soapOperations are the calls of the partner and the enterprise API.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_list.htm
func soapOperations() map[string]soapOperation {
	return map[string]soapOperation{
		"logout": (*Org).soapLogout, "getUserInfo": (*Org).soapUserInfo, "getServerTimestamp": (*Org).soapTimestamp,
		"query": (*Org).soapQuery, "queryAll": (*Org).soapQuery, "queryMore": (*Org).soapQueryMore, "retrieve": (*Org).soapRetrieve,
		"create": (*Org).soapWrite, "update": (*Org).soapWrite, "upsert": (*Org).soapWrite,
		"delete": (*Org).soapDelete, "undelete": (*Org).soapUndelete, "emptyRecycleBin": (*Org).soapEmptyBin, "merge": (*Org).soapMerge,
		"describeGlobal": (*Org).soapDescribeGlobal, "describeSObject": (*Org).soapDescribe, "describeSObjects": (*Org).soapDescribe,
		"getUpdated": (*Org).soapReplication, "getDeleted": (*Org).soapReplication,
	}
}

// soap answers the SOAP API (partner and enterprise).
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_intro.htm
func (o *Org) soap(w http.ResponseWriter, r *http.Request) {
	kind := splitPath(r.URL.Path)[2] // u or c
	if r.Method != http.MethodPost {
		o.traffic.count(kindOther)
		writeFault(w, kind, "soapenv:Client", "", "The HTTP method is not supported: "+r.Method)
		return
	}
	envelope, err := o.readEnvelope(w, r)
	if err != nil {
		o.traffic.count(kindOther)
		writeFault(w, kind, "", "UNKNOWN_EXCEPTION", err.Error())
		return
	}
	name, args := "", &xmlNode{}
	if body := envelope.child("Body"); len(body.Nodes) > 0 {
		args = &body.Nodes[0]
		name = args.XMLName.Local
	}
	version := splitPath(r.URL.Path)[3]
	n, err := strconv.Atoi(strings.TrimSuffix(version, ".0"))
	operation := soapOperations()[name]
	switch {
	case err != nil || n < 1 || n > lastVersion:
		o.traffic.count(kindOther)
		writeFault(w, kind, "", "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
	case name == "login" && n < soapLoginGone:
		o.traffic.count(kindLogin)
		o.soapLogin(w, r, kind, version, args)
	case operation == nil:
		o.traffic.count(kindOther)
		writeFault(w, kind, "soapenv:Client", "", "No operation available for request {"+args.XMLName.Space+"}"+name)
	default:
		c := &call{w: w, r: r, version: strconv.Itoa(max(n, firstVersion)) + ".0"}
		o.runSOAP(&soapCall{call: c, kind: kind, header: envelope.child("Header"), args: args, out: &bytes.Buffer{}}, operation)
	}
}

// maxTags bounds the tags of a SOAP message: an element takes a hundred times its
// bytes once it is read, and 200 records of 800 fields have a third of so many.
const maxTags = 1_000_000

// readEnvelope reads a bounded SOAP message.
func (o *Org) readEnvelope(w http.ResponseWriter, r *http.Request) (*xmlNode, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, o.opt.MaxBody))
	if err != nil {
		return nil, fmt.Errorf("the request cannot be read")
	}
	if bytes.Count(raw, []byte{'<'}) > maxTags {
		return nil, fmt.Errorf("the request has more than %d tags", maxTags)
	}
	var envelope xmlNode
	if err := xml.Unmarshal(raw, &envelope); err != nil {
		return nil, err
	}
	return &envelope, nil
}

// runSOAP lets a call in, runs it, and sends its answer.
func (o *Org) runSOAP(c *soapCall, operation soapOperation) {
	kinds := map[string]requestKind{"query": kindQuery, "queryAll": kindQuery, "queryMore": kindPage, "upsert": kindUpsert}
	o.traffic.count(kinds[c.args.XMLName.Local])
	c.r.Header.Set("Authorization", "Bearer "+c.header.child("SessionHeader").text("sessionId"))
	s, err := o.authorize(c.r)
	if err != nil {
		writeFault(c.w, c.kind, "", "INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session hash")
		return
	}
	if _, within := o.traffic.spend(o.opt.Clock.Now(), o.opt.DailyLimit); !within {
		writeFault(c.w, c.kind, "", "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
		return
	}
	c.session = s
	if err := operation(o, c); err != nil {
		o.faultOf(c, err)
		return
	}
	c.send()
}

// faultOf sends an error as a fault.
func (o *Org) faultOf(c *soapCall, err error) {
	a := &answer{header: http.Header{}}
	writeError(a, err)
	code, message := a.problem()
	writeFault(c.w, c.kind, "", code, message)
}

// soapSpace is the namespace of the partner or the enterprise API.
func soapSpace(kind string) string {
	if kind == "c" {
		return "urn:enterprise.soap.sforce.com"
	}
	return "urn:partner.soap.sforce.com"
}

const envelopeStart = `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="%s"%s xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`

// send answers a call with what it has written.
func (c *soapCall) send() {
	var b bytes.Buffer
	sobjects := ` xmlns:sf="urn:sobject.` + strings.TrimPrefix(soapSpace(c.kind), "urn:") + `"`
	fmt.Fprintf(&b, envelopeStart, soapSpace(c.kind), sobjects)
	name := c.args.XMLName.Local + "Response"
	b.WriteString("<soapenv:Body><" + name + ">")
	b.Write(c.out.Bytes())
	b.WriteString("</" + name + "></soapenv:Body></soapenv:Envelope>")
	writeXML(c.w, http.StatusOK, b.Bytes())
}

func writeXML(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b) //nolint:errcheck // see writeJSON
}

func element(b *bytes.Buffer, name, value string) {
	b.WriteString("<" + name + ">")
	xml.EscapeText(b, []byte(value)) //nolint:errcheck // a Buffer takes everything
	b.WriteString("</" + name + ">")
}

// nilElement writes an element that has no value.
func nilElement(b *bytes.Buffer, name string) { b.WriteString("<" + name + ` xsi:nil="true"/>`) }

// faultTypes are the types of the details of faults, by code.
var faultTypes = map[string]string{
	"MALFORMED_QUERY": "MalformedQueryFault", "INVALID_FIELD": "InvalidFieldFault", "INVALID_TYPE": "InvalidSObjectFault",
	"INVALID_QUERY_LOCATOR": "InvalidQueryLocatorFault", "MALFORMED_ID": "InvalidIdFault", "INVALID_ID_FIELD": "InvalidIdFault",
	"INVALID_LOGIN": "LoginFault", "INVALID_OPERATION": "LoginFault",
}

// writeFault answers with a SOAP fault. With a code the fault is the API's own;
// without, it is of the protocol.
func writeFault(w http.ResponseWriter, kind, faultCode, code, message string) {
	var b bytes.Buffer
	text := message
	if code != "" {
		faultCode, text = "sf:"+code, code+": "+message
	}
	fmt.Fprintf(&b, envelopeStart, soapSpace(kind), ` xmlns:sf="urn:fault.`+strings.TrimPrefix(soapSpace(kind), "urn:")+`"`)
	b.WriteString("<soapenv:Body><soapenv:Fault>")
	element(&b, "faultcode", faultCode)
	element(&b, "faultstring", text)
	if code != "" {
		typ := faultTypes[code]
		if typ == "" {
			typ = "UnexpectedErrorFault"
		}
		b.WriteString(`<detail><sf:` + typ + ` xsi:type="sf:` + typ + `">`)
		element(&b, "sf:exceptionCode", code)
		element(&b, "sf:exceptionMessage", message)
		b.WriteString("</sf:" + typ + "></detail>")
	}
	b.WriteString("</soapenv:Fault></soapenv:Body></soapenv:Envelope>")
	writeXML(w, http.StatusInternalServerError, b.Bytes())
}

// writeRowErrors writes the errors of one record's result.
func writeRowErrors(b *bytes.Buffer, errs []*schema.RowError) {
	for _, e := range errs {
		b.WriteString("<errors>")
		for _, f := range e.Fields {
			element(b, "fields", f)
		}
		element(b, "message", e.Message)
		element(b, "statusCode", e.StatusCode)
		b.WriteString("</errors>")
	}
}
