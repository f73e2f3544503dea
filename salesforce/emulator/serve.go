package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is an org on a port.
type Server struct {
	org  *Org
	http *http.Server
	url  string
	done chan error
}

// The limits of a connection. Answers have no limit of time: a large page may go
// to a slow client.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	closeTimeout  = 5 * time.Second
)

// Serve puts an org on addr ("127.0.0.1:0" for any free port) and comes back
// when it listens. It serves until ctx ends or Close is called.
func Serve(ctx context.Context, org *Org, addr string) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("emulator: listen on %s: %w", addr, err)
	}
	s := &Server{
		org:  org,
		http: &http.Server{Handler: org.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout},
		url:  "http://" + l.Addr().String(),
		done: make(chan error, 1),
	}
	end := make(chan struct{})
	s.http.BaseContext = func(net.Listener) context.Context { return context.WithValue(context.Background(), endKey{}, end) }
	s.http.RegisterOnShutdown(sync.OnceFunc(func() { close(end) }))
	stop := context.AfterFunc(ctx, func() { s.shutdown() }) //nolint:errcheck // told by done
	go func() {
		defer stop()
		err := s.http.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		org.bulk.Stop()
		s.done <- err
		close(s.done)
	}()
	return s, nil
}

// URL is the org's address, such as http://127.0.0.1:41234.
func (s *Server) URL() string { return s.url }

// Wait comes back when the server has stopped, with what stopped it: nil after
// Close or the end of the context.
func (s *Server) Wait() error { return <-s.done }

// Close lets requests at work finish for some seconds, cuts off the rest, aborts
// the org's bulk jobs, and comes back when nothing is served and nothing works any
// more. It can be called twice.
func (s *Server) Close() error {
	err := s.shutdown()
	if serveErr := <-s.done; serveErr != nil {
		err = serveErr
	}
	return err
}

func (s *Server) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.org.bulk.Stop()
	return err
}
