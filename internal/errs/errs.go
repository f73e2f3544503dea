// Package errs holds the short, closed list of error kinds from which a retry,
// an exit code and an HTTP status all follow, and the hint that tells a person
// what to do next. An error keeps its cause; it becomes user text only at the
// edge (command line, page, job row).
package errs

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an error is. The list is closed on purpose:
// whoever handles an error decides by kind, never by text.
type Kind string

// The kinds.
const (
	// Unknown is the kind of an error that nobody classified: a fault of ours.
	Unknown Kind = "unknown"
	// NotFound: the thing that was asked for does not exist.
	NotFound Kind = "not_found"
	// Conflict: the thing exists in a state that forbids what was asked.
	Conflict Kind = "conflict"
	// Invalid: the input or the configuration is wrong; trying again is useless.
	Invalid Kind = "invalid"
	// Transient: the other side was busy, gone or slow; trying again may help.
	Transient Kind = "transient"
	// Auth: credentials are missing, wrong or not allowed to do this.
	Auth Kind = "auth"
	// Limit: a quota is used up; trying again soon is useless.
	Limit Kind = "limit"
)

// Error is an error with a kind and, where there is one, a hint.
type Error struct {
	Kind Kind
	// Op is what was being done, to what: "pull Space__c".
	Op string
	// Hint is one sentence that says what to do next. It may be empty.
	Hint string
	// Err is the cause; it may be nil when Op says everything.
	Err error
}

// Error gives "op: cause", without the hint.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Op
	case e.Op == "":
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind from a format; %w is honoured.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// WithHint adds what to do next and gives the same error back.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Wrap puts the operation and its key before *err, keeping kind and hint. It
// does nothing when *err is nil, so that a function can defer it:
//
//	defer errs.Wrap(&err, "read plan version %s", key)
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *err)
	}
}

// KindOf gives the kind of the outermost classified error in the chain, or
// Unknown. KindOf(nil) is the empty Kind.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}

// HintOf gives the outermost hint in the chain, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
