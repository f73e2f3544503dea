package portal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

// stopWithin is how long answers that are under way may take when the server
// stops.
const stopWithin = 10 * time.Second

// Serve answers on addr (host:port) until ctx ends, and then gives nil once the
// answers under way are finished, or an error if they would not. The error of an
// address that can't be listened on is Listen's.
func Serve(ctx context.Context, addr string, h http.Handler) error {
	l, err := Listen(ctx, addr)
	if err != nil {
		return err
	}
	return ServeOn(ctx, l, h)
}

// Listen opens an address; port 0 takes a free one. The error is errs.Conflict
// when another program listens there, errs.Auth when the user may not, and
// errs.Invalid when there is no such address here; its hint names the setting.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errs.New(errs.Conflict, "serve the web on %s: another program listens there: %w", addr, err).
			WithHint("Stop that program, or choose another address in the setting http.listen.")
	case errors.Is(err, syscall.EACCES):
		return nil, errs.New(errs.Auth, "serve the web on %s: this user may not: %w", addr, err).
			WithHint("Choose a port above 1023 in the setting http.listen.")
	}
	return nil, errs.New(errs.Invalid, "serve the web on %s: %w", addr, err).
		WithHint("The setting http.listen wants an address of this machine, such as 127.0.0.1:8080.")
}

// ServeOn is Serve on a listener that is open already. It closes the listener.
func ServeOn(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// Longer than the slowest answer takes, so that it can say what went wrong.
		WriteTimeout:   readWithin + 2*readyWithin,
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the web on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the web on %s: %w", l.Addr(), err), server.Close())
	}
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
