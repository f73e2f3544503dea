package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// The limits of a composite call.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite_post.htm
const (
	maxParts       = 25
	maxPartQueries = 5
)

// part is one request of a composite call.
type part struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	Body        json.RawMessage   `json:"body"`
	HTTPHeaders map[string]string `json:"httpHeaders"`
}

// partAnswer is what came of a part.
type partAnswer struct {
	Body           json.RawMessage   `json:"body"`
	HTTPHeaders    map[string]string `json:"httpHeaders"`
	HTTPStatusCode int               `json:"httpStatusCode"`
	ReferenceID    string            `json:"referenceId"`
}

func (a partAnswer) failed() bool { return a.HTTPStatusCode >= http.StatusBadRequest }

// composite answers POST composite: up to 25 requests one after the other, of
// which later ones can refer to what earlier ones answered.
func (o *Org) composite(c *call) error {
	var body struct {
		AllOrNone          bool   `json:"allOrNone"`
		CollateSubrequests bool   `json:"collateSubrequests"` // the order is kept either way
		CompositeRequest   []part `json:"compositeRequest"`
	}
	if _, err := readJSON(c, &body); err != nil {
		return err
	}
	if err := checkParts(body.CompositeRequest, maxParts); err != nil {
		return err
	}
	queries := 0
	for _, p := range body.CompositeRequest {
		if isQueryLike(p.URL) {
			queries++
		}
	}
	if queries > maxPartQueries {
		return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "A composite request can contain up to %d query and sObject Collections operations", maxPartQueries)
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"compositeResponse": o.runParts(c, body.CompositeRequest, body.AllOrNone)})
	return nil
}

var referencePattern = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// checkParts refuses a list of parts that cannot be run at all.
func checkParts(parts []part, limit int) error {
	if len(parts) == 0 {
		return refuse(http.StatusBadRequest, "MISSING_ARGUMENT", "compositeRequest not specified")
	}
	if len(parts) > limit {
		return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of %d subrequests exceeded: %d", limit, len(parts))
	}
	seen := map[string]bool{}
	for _, p := range parts {
		switch {
		case p.ReferenceID == "":
			return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "Missing required field: referenceId")
		case !referencePattern.MatchString(p.ReferenceID):
			return refuse(http.StatusBadRequest, "INVALID_INPUT",
				"Provided referenceId ('%s') must start with a letter or a number, and it can contain only letters, numbers and underscores ('_').", p.ReferenceID)
		case seen[p.ReferenceID]:
			return refuse(http.StatusBadRequest, "DUPLICATE_VALUE", "Duplicate referenceId specified: %s", p.ReferenceID)
		case p.Method == "":
			return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "Missing required field: method")
		case p.URL == "":
			return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "Missing required field: url")
		}
		seen[p.ReferenceID] = true
	}
	return nil
}

// isQueryLike says whether a part is a query or a Collections operation.
func isQueryLike(url string) bool {
	return strings.Contains(url, "/query") || strings.Contains(url, "/composite/sobjects")
}

// runParts runs parts in their order. With allOrNone one that fails takes back
// what the others did, and nobody else sees anything of them before their end.
func (o *Org) runParts(c *call, parts []part, allOrNone bool) []partAnswer {
	ok := true
	if allOrNone {
		o = o.begin()
		defer func() { o.End(ok) }()
	}
	answers := make([]partAnswer, 0, len(parts))
	refs := references{}
	for _, p := range parts {
		a := o.runPart(c, p, refs)
		answers = append(answers, a)
		switch failed := a.failed() || allOrNone && holdsFailure(a); {
		case !failed:
			refs.keep(p.ReferenceID, a.Body)
		case allOrNone:
			ok = false
			return haltParts(parts, answers)
		}
	}
	return answers
}

// holdsFailure says whether a Collections call, which is answered 200, has a row
// that failed.
func holdsFailure(a partAnswer) bool {
	var rows []struct {
		Success *bool `json:"success"`
	}
	if json.Unmarshal(a.Body, &rows) != nil {
		return false
	}
	for _, r := range rows {
		if r.Success != nil && !*r.Success {
			return true
		}
	}
	return false
}

// runPart runs one part.
func (o *Org) runPart(c *call, p part, refs references) partAnswer {
	f := &filling{refs: refs, room: int(o.opt.MaxBody)}
	url, err := f.fill(p.URL)
	var body []byte
	if err == nil && p.Body != nil {
		body, err = f.fillJSON(p.Body)
	}
	var a *answer
	if err != nil {
		a = &answer{header: http.Header{}}
		writeError(a, err)
	} else {
		a = o.ask(c, nested{method: strings.ToUpper(p.Method), url: url, header: p.HTTPHeaders, body: body})
	}
	out := partAnswer{Body: json.RawMessage("null"), HTTPHeaders: map[string]string{}, HTTPStatusCode: a.status, ReferenceID: p.ReferenceID}
	if a.body.Len() > 0 {
		out.Body = a.body.Bytes()
	}
	for _, name := range []string{"Location", "Last-Modified", "Allow"} {
		if v := a.header.Get(name); v != "" {
			out.HTTPHeaders[name] = v
		}
	}
	return out
}

// haltParts gives the answers of a call that was taken back: those that failed
// keep theirs, the others say why they are not done.
func haltParts(parts []part, answers []partAnswer) []partAnswer {
	out := make([]partAnswer, len(parts))
	for i, p := range parts {
		if i < len(answers) && answers[i].failed() {
			out[i] = answers[i]
			continue
		}
		if i < len(answers) && holdsFailure(answers[i]) {
			out[i] = answers[i]
			out[i].HTTPStatusCode = http.StatusBadRequest
			continue
		}
		out[i] = partAnswer{HTTPHeaders: map[string]string{}, HTTPStatusCode: http.StatusBadRequest, ReferenceID: p.ReferenceID,
			Body: json.RawMessage(`[{"errorCode":"PROCESSING_HALTED","message":"The transaction was rolled back since another operation in the same transaction failed."}]`)}
	}
	return out
}
