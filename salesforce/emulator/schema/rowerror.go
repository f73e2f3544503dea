package schema

import "fmt"

// RowError is why a record was refused, as a row of a result says it.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_calls_concepts_core_data_objects.htm
type RowError struct {
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
	// OfRequest marks an error for which the platform refuses the whole request,
	// because it met it while it was still reading the body.
	OfRequest bool `json:"-"`
}

// Error gives code and message.
func (e *RowError) Error() string { return e.StatusCode + ": " + e.Message }

// NewRowError makes a RowError; field "" names no field.
func NewRowError(code, field, format string, args ...any) *RowError {
	e := &RowError{StatusCode: code, Message: fmt.Sprintf(format, args...), Fields: []string{}}
	if field != "" {
		e.Fields = []string{field}
	}
	return e
}
