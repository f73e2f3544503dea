//go:build !unix

package pg

import (
	"context"

	"github.com/partnersync/partnersync/internal/errs"
)

// Server is a running private server; this system can't have one.
type Server struct{}

// Start refuses: a private server needs Unix sockets, users and signals.
func (e Embedded) Start(context.Context) (*Server, error) {
	return nil, errs.New(errs.Invalid, "a private Postgres runs on Unix systems only").
		WithHint("Run Postgres yourself and give its DSN.")
}

// DSN gives "".
func (*Server) DSN(string) string { return "" }

// Dir gives "".
func (*Server) Dir() string { return "" }

// Notice gives "".
func (*Server) Notice() string { return "" }

// PID gives 0.
func (*Server) PID() int { return 0 }

// Done gives a channel that is never closed.
func (*Server) Done() <-chan struct{} { return nil }

// Stop does nothing.
func (*Server) Stop(context.Context) error { return nil }
