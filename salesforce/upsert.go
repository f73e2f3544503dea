package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	fast "github.com/goccy/go-json"

	"github.com/partnersync/partnersync/internal/errs"
)

// MaxUpsert is how many records one Upsert takes: the platform's bound.
const MaxUpsert = 200

// UpsertResult is what became of one record.
type UpsertResult struct {
	// ID is the record's id, if it was written.
	ID      string `json:"id"`
	Success bool   `json:"success"`
	// Created tells an insert from an update. It is false for a record that
	// was created by an attempt whose answer got lost.
	Created bool `json:"created"`
	// Errors has at least one element if Success is false.
	Errors []RowError `json:"errors"`
}

// RowError is one reason why a record was not written.
type RowError struct {
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

// String gives "CODE: message (fields A, B)". The message may quote values.
func (e RowError) String() string {
	return Detail{Code: e.StatusCode, Message: e.Message, Fields: e.Fields}.String()
}

// Upsert writes up to MaxUpsert records of one object, each found or created by
// the value of externalIDField in it, and gives one result for each record, in
// their order. Some may fail while others are written (allOrNone is false):
// an error means that the call as a whole failed.
//
// A record is Encoded, or anything that encoding/json makes a JSON object of. Numbers are
// sent digit for digit if they are json.Number or json.RawMessage; attributes
// are added here and must not be in it. A lookup is set by its parent's external
// id: {"Partner__r": {"Partner_ID__c": "AB1234"}}.
//
// An attempt that fails for a passing reason is repeated, even when it is not
// known whether the org received it: upserting the same state under the same
// external id twice leaves the same record.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
func (c *Client) Upsert(ctx context.Context, object, externalIDField string, records []any) (_ []UpsertResult, err error) {
	defer errs.Wrap(&err, "upsert %s", object)
	if err := checkName("an object", object); err != nil {
		return nil, err
	}
	if err := checkName("a field", externalIDField); err != nil {
		return nil, err
	}
	if len(records) > MaxUpsert {
		return nil, errs.New(errs.Invalid, "%d records in one call, %d at most", len(records), MaxUpsert)
	}
	if len(records) == 0 {
		return []UpsertResult{}, nil
	}
	body, err := upsertBody(object, externalIDField, records)
	if err != nil {
		return nil, err
	}
	var results []UpsertResult
	_, err = c.do(ctx, request{
		method: http.MethodPatch, path: c.data("composite/sobjects/" + object + "/" + externalIDField), body: body,
		decode: func(b []byte) error { results = nil; return fast.Unmarshal(b, &results) },
	})
	if err != nil {
		return nil, err
	}
	if len(results) != len(records) {
		// Which result belongs to which record is not known, so none is used.
		return nil, errs.New(errs.Transient, "Salesforce gave %d results for %d records", len(results), len(records)).
			WithHint("Nothing is lost: the records are sent again at the next run.")
	}
	for i := range results {
		results[i].complete()
	}
	return results, nil
}

// Codes of our own, for results that the platform should not give.
const (
	codeNoReason = "NO_REASON_GIVEN"
	codeNoID     = "NO_ID_GIVEN"
)

// complete makes sure that a failure has a reason that a person can read, and
// that what is called a success is one.
func (r *UpsertResult) complete() {
	switch {
	case r.Success && r.ID == "":
		r.Success = false
		r.Errors = append(r.Errors, RowError{StatusCode: codeNoID, Message: "Salesforce reported a success without the record's id"})
	case !r.Success && len(r.Errors) == 0:
		r.Errors = []RowError{{StatusCode: codeNoReason, Message: "Salesforce refused the record and gave no reason"}}
	}
}

// Encoded is a record that is JSON already: an object that has the external id Key in it.
// Nothing of that is checked again.
type Encoded struct {
	Key  string
	JSON []byte
}

// upsertBody gives the body of the call. encoding/json is used rather than a
// faster encoder since it is the one that checks what a json.Marshaler or a
// json.RawMessage puts into the body.
func upsertBody(object, externalIDField string, records []any) ([]byte, error) {
	head := fmt.Sprintf(`{"attributes":{"type":%q},`, object)
	var b bytes.Buffer
	size := 64 + len(records)*(len(head)+1)
	for _, record := range records {
		if e, is := record.(Encoded); is {
			size += len(e.JSON)
		}
	}
	b.Grow(size)
	b.WriteString(`{"allOrNone":false,"records":[`)
	first := make(map[string]int, len(records))
	for i, record := range records {
		raw, key, err := encoded(record, externalIDField)
		if err != nil {
			return nil, errs.New(errs.Invalid, "record %d: %w", i, err)
		}
		if j, twice := first[key]; twice {
			// The platform would fail both.
			return nil, errs.New(errs.Invalid, "records %d and %d have the same %s, %s", j, i, externalIDField, key).
				WithHint("Send one state for each external id in a call.")
		}
		first[key] = i
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(head)
		b.Write(raw[1:])
	}
	b.WriteString("]}")
	return b.Bytes(), nil
}

// encoded gives a record as JSON, and its external id.
func encoded(record any, externalIDField string) (raw []byte, key string, err error) {
	if e, is := record.(Encoded); is {
		if e.Key == "" || len(e.JSON) < 3 || e.JSON[0] != '{' {
			return nil, "", fmt.Errorf("%s, its external id, is missing", externalIDField)
		}
		return e.JSON, e.Key, nil
	}
	if raw, err = json.Marshal(record); err != nil {
		return nil, "", err
	}
	key, err = externalID(raw, externalIDField)
	return raw, key, err
}

// externalID checks a record and gives its external id as JSON.
func externalID(raw []byte, field string) (string, error) {
	var values map[string]json.RawMessage
	if raw[0] != '{' {
		return "", fmt.Errorf("a JSON object is wanted, not %s", shorten(string(raw)))
	}
	if err := json.Unmarshal(raw, &values); err != nil {
		return "", err
	}
	if _, there := values["attributes"]; there {
		return "", fmt.Errorf("attributes are set by the client")
	}
	switch key := strings.TrimSpace(string(values[field])); key {
	case "", "null", `""`:
		return "", fmt.Errorf("%s, its external id, is missing", field)
	default:
		return key, nil
	}
}
