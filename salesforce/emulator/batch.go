package emulator

import (
	"encoding/json"
	"net/http"
	"strings"
)

// batchPart is one request of a batch; its URL is relative to /services/data/.
type batchPart struct {
	Method              string          `json:"method"`
	URL                 string          `json:"url"`
	RichInput           json.RawMessage `json:"richInput"`
	BinaryPartName      string          `json:"binaryPartName"`
	BinaryPartNameAlias string          `json:"binaryPartNameAlias"`
}

// batchAnswer is what came of it.
type batchAnswer struct {
	StatusCode int             `json:"statusCode"`
	Result     json.RawMessage `json:"result"`
}

// batch answers POST composite/batch: up to 25 requests that know nothing of
// each other.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_batch.htm
func (o *Org) batch(c *call) error {
	var body struct {
		HaltOnError   bool        `json:"haltOnError"`
		BatchRequests []batchPart `json:"batchRequests"`
	}
	if _, err := readJSON(c, &body); err != nil {
		return err
	}
	switch n := len(body.BatchRequests); {
	case n == 0:
		return refuse(http.StatusBadRequest, "MISSING_ARGUMENT", "batchRequests not specified")
	case n > maxParts:
		return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "Limit of %d subrequests exceeded: %d", maxParts, n)
	}
	out := make([]batchAnswer, 0, len(body.BatchRequests))
	hasErrors := false
	for _, p := range body.BatchRequests {
		if hasErrors && body.HaltOnError {
			out = append(out, batchAnswer{http.StatusPreconditionFailed,
				json.RawMessage(`[{"errorCode":"BATCH_PROCESSING_HALTED","message":"Batch processing halted per request"}]`)})
			continue
		}
		a := o.ask(c, nested{method: strings.ToUpper(p.Method), url: batchURL(p.URL), body: p.RichInput})
		result := json.RawMessage("null")
		if a.body.Len() > 0 {
			result = a.body.Bytes()
		}
		out = append(out, batchAnswer{a.status, result})
		hasErrors = hasErrors || a.status >= http.StatusBadRequest
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"hasErrors": hasErrors, "results": out})
	return nil
}

// batchURL makes a part's URL, "v62.0/sobjects/Account", a path from the root.
func batchURL(url string) string {
	if strings.HasPrefix(url, "/services/data/") {
		return url
	}
	return "/services/data/" + strings.TrimPrefix(url, "/")
}
