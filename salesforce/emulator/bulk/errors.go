package bulk

import (
	"fmt"
	"net/http"
)

// Error is a request that Bulk API 2.0 refuses, in the platform's form. Its
// codes have no underscores where they are those of the older Bulk API.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is the errorCode, such as INVALIDJOBSTATE.
	Code string
	// Message is the platform's text.
	Message string
}

// Error gives code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// invalidValue refuses a property of the job that cannot be what it is.
func invalidValue(property, value string) *Error {
	return refuse(http.StatusBadRequest, "API_ERROR", "Invalid value: '%s' supplied for property: '%s'", value, property)
}

func errNoJob() *Error {
	return refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func errJobState(format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, "INVALIDJOBSTATE", format, args...)
}

func errInvalidJob(format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, "INVALIDJOB", "InvalidJob : "+format, args...)
}
