package fault

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// action reads `do`.
func (d *decoder) action(key string, n *node, a *Action) {
	seen := d.fields(key, n, fields{
		"delay":   d.duration(&a.Delay, 0, maxWait),
		"answer":  func(key string, n *node) { a.Answer = d.answer(key, n, false) },
		"hang":    func(key string, n *node) { a.Cut = d.cut(key, n, true) },
		"drop":    func(key string, n *node) { a.Cut = d.cut(key, n, false) },
		"lose":    func(key string, n *node) { a.Lose = d.answer(key, n, true) },
		"rows":    func(key string, n *node) { a.Rows = d.rows(key, n) },
		"late":    d.duration(&a.Late, time.Second, maxDuration),
		"stamp":   d.duration(&a.Stamp, time.Second, maxDuration),
		"cursor":  oneOf(d, &a.Cursor, CursorVanishes, CursorLoops),
		"session": func(key string, n *node) { d.session(key, n, a) },
		"quota":   oneOf(d, &a.Quota, QuotaDaily, QuotaConcurrent),
		"job":     oneOf(d, &a.Job, JobFails, JobAborts, JobStays),
		"hide":    func(key string, n *node) { d.hide(key, n, a) },
		"skew":    d.duration(&a.Skew, -maxDuration, maxDuration),
	})
	things := len(seen)
	if seen["delay"] && things > 1 {
		things--
	}
	if things != 1 {
		d.fault(key, n, "a rule does one thing (and may delay it), not %d", things)
	}
}

var (
	forms = []Form{FormHTML, FormArray, FormNull, FormEmpty, FormTruncated, FormGzip}
	// synthetic are the forms for an answer that the org did not make.
	synthetic = forms[:4]
)

func (d *decoder) answer(key string, n *node, lost bool) *Answer {
	a := &Answer{Bytes: -1}
	allowed := forms
	if lost {
		allowed = synthetic
	}
	known := fields{
		"status":  d.number(&a.Status, 200, 599),
		"headers": func(key string, n *node) { a.Header = d.headers(key, n) },
		"body":    d.any(&a.Body),
		"form":    oneOf(d, &a.Form, allowed...),
	}
	if !lost {
		known["bytes"] = d.number(&a.Bytes, 0, 1<<30)
	}
	seen := d.fields(key, n, known)
	switch {
	case seen["body"] && seen["form"]:
		d.fault(key, n, "body and form are two ways to say what is sent; give one of them")
	case seen["bytes"] && a.Form != FormTruncated:
		d.fault(key, n, "bytes goes with form: truncated")
	case !lost && len(seen) == 0:
		d.fault(key, n, "the answer has neither status, body nor form")
	case lost && a.Status == 0 && len(seen) > 0:
		d.fault(key, n, "what is answered in the place of a lost answer needs a status; without any key, the connection drops")
	case (a.Status == http.StatusNoContent || a.Status == http.StatusNotModified) && (a.Body != "" || a.Form != "" && a.Form != FormEmpty):
		d.fault(key, n, "an answer with status %d has no body", a.Status)
	}
	return a
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (d *decoder) headers(key string, n *node) http.Header {
	out := http.Header{}
	if n.kind != mapping {
		d.fault(key, n, "expected header names and values here, not %s", n.kind)
		return out
	}
	for i, k := range n.keys {
		v := n.values[i]
		switch {
		case !headerName.MatchString(k.text):
			d.fault(key+"."+k.text, k, "that is no name of a header")
		case v.kind != scalar || strings.ContainsFunc(v.text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			d.fault(key+"."+k.text, v, "expected a text of one line here")
		default:
			out.Add(k.text, v.text)
		}
	}
	return out
}

func (d *decoder) cut(key string, n *node, hangs bool) *Cut {
	c := &Cut{Bytes: -1, Hangs: hangs}
	known := fields{"bytes": d.number(&c.Bytes, 0, 1<<30)}
	if hangs {
		known["for"] = d.duration(&c.For, time.Millisecond, maxWait)
	}
	d.fields(key, n, known)
	return c
}

// rowMessages are the platform's words for the codes that rows fail with most.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
var rowMessages = map[string]string{
	"UNABLE_TO_LOCK_ROW":                "unable to obtain exclusive access to this record or 1 records",
	"FIELD_CUSTOM_VALIDATION_EXCEPTION": "The record breaks a validation rule",
	"DUPLICATES_DETECTED":               "Use one of these records?",
	"REQUIRED_FIELD_MISSING":            "Required fields are missing",
	"ENTITY_IS_DELETED":                 "entity is deleted",
}

var rowCode = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,79}$`)

func (d *decoder) rows(key string, n *node) *Rows {
	r := &Rows{Rate: 1}
	seen := d.fields(key, n, fields{
		"code":    d.text(&r.Code),
		"message": d.text(&r.Message),
		"fields":  d.names(&r.Fields),
		"rate":    d.share(&r.Rate),
		"every":   d.number(&r.Every, 1, 1_000_000_000),
		"key":     d.pattern(&r.Key),
		"field":   d.text(&r.Field),
	})
	switch {
	case !seen["code"]:
		d.fault(key, n, "rows need a code, such as UNABLE_TO_LOCK_ROW")
	case !rowCode.MatchString(r.Code):
		d.fault(key+".code", n, "%q is not a status code like UNABLE_TO_LOCK_ROW", r.Code)
	}
	if seen["field"] && !seen["key"] {
		d.fault(key, n, "field says where to look for key, which is not there")
	}
	if r.Message == "" {
		r.Message = rowMessages[r.Code]
	}
	if r.Message == "" {
		r.Message = strings.ToLower(strings.ReplaceAll(r.Code, "_", " "))
	}
	return r
}

func (d *decoder) session(key string, n *node, a *Action) {
	status, err := strconv.Atoi(n.text)
	if n.kind != scalar || err != nil || status != http.StatusUnauthorized && status != http.StatusForbidden {
		d.fault(key, n, "expected 401 or 403")
		return
	}
	a.Session = status
}

var hidden = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?$`)

func (d *decoder) hide(key string, n *node, a *Action) {
	for _, v := range d.texts(key, n) {
		if !hidden.MatchString(v.text) {
			d.fault(key, v, "expected an object or a field, like Lead or Account.Industry")
			continue
		}
		if _, field, _ := strings.Cut(v.text, "."); strings.EqualFold(field, "Id") {
			d.fault(key, v, "no object is without its Id")
			continue
		}
		a.Hide = append(a.Hide, v.text)
	}
}
