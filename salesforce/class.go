package salesforce

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// Class says what a caller does about a failure of the platform.
type Class string

// The classes.
const (
	// ClassNone: no failure, or none that came from Salesforce.
	ClassNone Class = ""
	// ClassSession: the session ended. The client logs in again once by itself;
	// whoever sees this class sees that it did not help.
	ClassSession Class = "session"
	// ClassRetry: busy, locked or broken for now. The client has already tried
	// as often as its Config allows; a row of this class can be sent again.
	ClassRetry Class = "retry"
	// ClassNarrow: too much was asked for at once; ask for less.
	ClassNarrow Class = "narrow"
	// ClassRestart: the query's cursor is gone; start the query again.
	ClassRestart Class = "restart"
	// ClassDefer: a daily quota is used up; leave the rest to a later run.
	ClassDefer Class = "defer"
	// ClassRow: the record is at fault and the same would happen again; put it
	// aside for a person.
	ClassRow Class = "row"
	// ClassConfig: the org, its permissions or our settings are at fault.
	ClassConfig Class = "config"
)

// severity orders the classes: of several errors in one answer, the one that
// asks most of us decides. There is no use in repeating a request of which one
// part is bound to fail again.
var severity = map[Class]int{
	ClassRetry: 1, ClassNarrow: 2, ClassRestart: 3, ClassDefer: 4, ClassRow: 5, ClassConfig: 6, ClassSession: 7,
}

// codeClasses gives the class of the platform's codes. The list follows
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
// and the OAuth error page; what is not in it is classified by HTTP status, or,
// in a row's result, counts against the row.
var codeClasses = map[string]Class{
	"INVALID_SESSION_ID": ClassSession, "INVALID_AUTH_HEADER": ClassSession,

	"UNABLE_TO_LOCK_ROW": ClassRetry, "SERVER_UNAVAILABLE": ClassRetry, "UNKNOWN_EXCEPTION": ClassRetry,
	"REQUEST_TIMEOUT": ClassRetry, "PROCESSING_HALTED": ClassRetry, "ALL_OR_NONE_OPERATION_ROLLED_BACK": ClassRetry,
	codeNoID: ClassRetry, codeJobFailed: ClassRetry, "InternalServerError": ClassRetry,
	"server_error": ClassRetry, "temporarily_unavailable": ClassRetry, "unknown_error": ClassRetry,

	"QUERY_TIMEOUT": ClassNarrow, "OPERATION_TOO_LARGE": ClassNarrow, "EXCEEDED_ID_LIMIT": ClassNarrow,
	"REQUEST_RUNNING_TOO_LONG": ClassNarrow, "QUERY_TOO_COMPLICATED": ClassNarrow,

	"INVALID_QUERY_LOCATOR": ClassRestart,

	"LIMIT_EXCEEDED": ClassDefer, "STORAGE_LIMIT_EXCEEDED": ClassDefer,

	"FIELD_CUSTOM_VALIDATION_EXCEPTION": ClassRow, "FIELD_INTEGRITY_EXCEPTION": ClassRow,
	"FIELD_FILTER_VALIDATION_EXCEPTION": ClassRow, "REQUIRED_FIELD_MISSING": ClassRow,
	"DUPLICATE_VALUE": ClassRow, "DUPLICATES_DETECTED": ClassRow, "DUPLICATE_EXTERNAL_ID": ClassRow,
	"ENTITY_IS_DELETED": ClassRow, "STRING_TOO_LONG": ClassRow, "NUMBER_OUTSIDE_VALID_RANGE": ClassRow,
	"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": ClassRow, "INVALID_CROSS_REFERENCE_KEY": ClassRow,
	"JSON_PARSER_ERROR": ClassRow, "MALFORMED_ID": ClassRow, // a value that is not of its field's type
	"INVALID_EMAIL_ADDRESS": ClassRow, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": ClassRow,

	"INVALID_FIELD": ClassConfig, "INVALID_TYPE": ClassConfig, "MALFORMED_QUERY": ClassConfig,
	"INVALID_FIELD_FOR_INSERT_UPDATE": ClassConfig, "INSUFFICIENT_ACCESS": ClassConfig,
	"INSUFFICIENT_ACCESS_OR_READONLY": ClassConfig, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": ClassConfig,
	"TXN_SECURITY_METERING_ERROR": ClassConfig, "API_DISABLED_FOR_ORG": ClassConfig,
	"API_CURRENTLY_DISABLED": ClassConfig, "UNSUPPORTED_API_VERSION": ClassConfig, "NOT_FOUND": ClassConfig,
	"INVALID_LOGIN": ClassConfig, "LOGIN_MUST_USE_SECURITY_TOKEN": ClassConfig, "PASSWORD_LOCKOUT": ClassConfig,
	"INVALID_OPERATION": ClassConfig, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": ClassConfig,
}

// classOfCode gives the class of a code, or ClassNone for one that is not
// known. Two codes mean different things by their message.
func classOfCode(code, message string) Class {
	switch code {
	case "REQUEST_LIMIT_EXCEEDED":
		// "ConcurrentRequests (Concurrent API Requests) Limit exceeded." passes
		// in seconds; "TotalRequests Limit exceeded." lasts up to a day.
		if strings.Contains(strings.ToLower(message), "concurrent") {
			return ClassRetry
		}
		return ClassDefer
	case "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY":
		// A trigger failed; what failed in it is in the text.
		if strings.Contains(message, "UNABLE_TO_LOCK_ROW") {
			return ClassRetry
		}
	case "invalid_grant":
		if strings.Contains(strings.ToLower(message), "rate exceeded") {
			return ClassDefer
		}
		return ClassConfig
	}
	return codeClasses[code]
}

// classOfStatus gives the class of an answer without a known code.
func classOfStatus(status int) Class {
	switch {
	case status == http.StatusUnauthorized:
		return ClassSession
	case status == http.StatusMultipleChoices:
		return ClassRow
	case status == statusEdgeUnrouted, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		return ClassRetry
	case tooLong(status):
		return ClassNarrow
	}
	return ClassConfig
}

// tooLong says whether a status is about the length of the request.
func tooLong(status int) bool {
	return status == http.StatusRequestURITooLong || status == http.StatusRequestEntityTooLarge ||
		status == http.StatusRequestHeaderFieldsTooLarge
}

// statusEdgeUnrouted is what the platform's edge answers while it does not know
// where an org lives, as during a migration.
const statusEdgeUnrouted = 420

// Class says what to do about the whole answer.
func (e *Error) Class() Class {
	worst := ClassNone
	for _, d := range e.Details {
		if c := classOfCode(d.Code, d.Message); severity[c] > severity[worst] {
			worst = c
		}
	}
	switch {
	case worst != ClassNone:
		return worst
	case e.NotJSON && e.Status < 300:
		return ClassRetry
	case e.Status < 500 && slices.ContainsFunc(e.Codes(), oauthCode):
		return ClassConfig
	}
	return classOfStatus(e.Status)
}

// Class says what to do about one error of a row. A code that is not known
// counts against the row: a person sees it, and it is not repeated for ever.
func (e RowError) Class() Class {
	if c := classOfCode(e.StatusCode, e.Message); c != ClassNone {
		return c
	}
	return ClassRow
}

// Class says what to do about a record: nothing if it was written, else what
// the most demanding of its errors asks for.
func (r UpsertResult) Class() Class {
	if r.Success {
		return ClassNone
	}
	worst := ClassRow
	for i, e := range r.Errors {
		if c := e.Class(); i == 0 || severity[c] > severity[worst] {
			worst = c
		}
	}
	return worst
}

// ClassOf gives the class of an error of this package, from an *Error anywhere
// in its chain or else from its kind. It is ClassNone for nil, for a context
// that ended and for errors that are not about Salesforce.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Class()
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ClassNone
	}
	switch errs.KindOf(err) {
	case errs.Transient:
		return ClassRetry
	case errs.Limit:
		return ClassDefer
	case errs.Auth, errs.Invalid, errs.NotFound:
		return ClassConfig
	}
	return ClassNone
}

// IsQuotaUsedUp tells Salesforce's daily quota, and our own share of it (Gate), from
// other limits, a full disk of the database say: what was to be done waits for another
// day.
func IsQuotaUsedUp(err error) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Class() == ClassDefer || isWithheld(err)
}
