package main

import (
	"errors"
	"net"
	"syscall"

	"github.com/partnersync/partnersync/internal/errs"
)

// explainListen makes an address that can't be listened on an error that says in
// whose way it is and which setting moves it.
func explainListen(err error, address, key string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return errs.New(errs.Conflict, "another program already listens on %s", address).
			WithHint("stop it, or choose another address with %s; port 0 takes a free one", key)
	case errors.Is(err, syscall.EACCES):
		return errs.New(errs.Auth, "this user may not listen on %s", address).
			WithHint("ports below 1024 need root; choose another address with %s", key)
	}
	return errs.New(errs.Invalid, "%q is not an address to listen on: %w", address, innermost(err)).
		WithHint("%s wants an address of this machine, such as 127.0.0.1:8081", key)
}

// innermost gives what lies at the bottom of an error: those who wrapped it name the address again.
func innermost(err error) error {
	if addr, ok := errors.AsType[*net.AddrError](err); ok {
		return errors.New(addr.Err)
	}
	return err
}
