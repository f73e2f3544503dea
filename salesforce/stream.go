package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

// streamed is a request whose body or answer is too large to hold: the CSV of Bulk
// jobs. It goes over net/http with the client's session, transport, slots and errors,
// past simpleforce, which holds every body whole.
type streamed struct {
	method string
	path   string // without the leading slash, escaped
	query  string
	header http.Header
	// body is read once; nil sends none. A request with a body is never sent twice.
	body io.Reader
}

func (r streamed) name() string { return r.method + " " + r.path }

// errIdle is why a streamed request ends on which nothing moved for the request time-out.
var errIdle = errors.New("nothing was sent or received for too long")

// stream sends a request once, or a second time after a fresh login if it has no body,
// and gives the answer with its body open: whoever reads it closes it, which frees the
// slot. A refusal is an *Error. A streamed request may take as long as it moves: what
// RequestTimeout bounds is how long nothing does.
func (c *Client) stream(ctx context.Context, r streamed) (*http.Response, error) {
	s, err := c.sessions.get(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.streamOnce(ctx, s, r)
	if ClassOf(err) != ClassSession {
		return resp, err
	}
	c.log.Info("salesforce session ended, logging in again", zap.String("request", r.name()))
	if s, err2 := c.sessions.renew(ctx, s); err2 != nil {
		return nil, err2
	} else if r.body == nil {
		return c.streamOnce(ctx, s, r)
	}
	return nil, err
}

func (c *Client) streamOnce(ctx context.Context, s session, r streamed) (_ *http.Response, err error) {
	free, err := c.turn(ctx, r.name())
	if err != nil {
		return nil, err
	}
	watch := newIdleWatch(ctx, c.cfg.RequestTimeout)
	defer func() {
		if err != nil {
			watch.end()
			free()
		}
	}()
	url := s.instance + "/" + r.path
	if r.query != "" {
		url += "?" + r.query
	}
	var body io.Reader
	if r.body != nil {
		body = &watchedReader{from: r.body, watch: watch}
	}
	req, err := http.NewRequestWithContext(watch.ctx, r.method, url, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name(), err)
	}
	maps.Copy(req.Header, r.header)
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Authorization", "Bearer "+s.token)
	x := c.newExchange(ctx, r.name())
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, x.networkError(req, err)
	}
	c.noteUsage(resp.Header)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, x.refusal(req, resp)
	}
	resp.Body = &streamedBody{from: resp.Body, watch: watch, free: free, fail: func(err error) error { return x.networkError(req, err) }}
	return resp, nil
}

// refusal reads what a refusal says.
func (x *exchange) refusal(r *http.Request, resp *http.Response) error {
	body, err := x.readBody(r, resp)
	if cerr := resp.Body.Close(); cerr != nil && err == nil {
		err = x.networkError(r, cerr)
	}
	if err != nil {
		return err
	}
	e := parseError(resp.StatusCode, body)
	e.Request, e.Host = x.name, r.URL.Host
	return e
}

// idleWatch ends a context when nothing has moved for a while.
type idleWatch struct {
	ctx    context.Context //nolint:containedctx // it lives as long as the request
	cancel context.CancelCauseFunc
	after  time.Duration
	timer  *time.Timer
}

func newIdleWatch(ctx context.Context, after time.Duration) *idleWatch {
	w := &idleWatch{after: after}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(after, func() { w.cancel(errIdle) })
	return w
}

func (w *idleWatch) pause()  { w.timer.Stop() }
func (w *idleWatch) resume() { w.timer.Reset(w.after) }
func (w *idleWatch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// watchedReader is the body that is sent. While it waits for its source, the network
// is not to blame.
type watchedReader struct {
	from  io.Reader
	watch *idleWatch
}

func (r *watchedReader) Read(p []byte) (int, error) {
	r.watch.pause()
	defer r.watch.resume()
	return r.from.Read(p)
}

// streamedBody is the body that is received.
type streamedBody struct {
	from  io.ReadCloser
	watch *idleWatch
	fail  func(error) error
	once  sync.Once
	free  func()
}

func (b *streamedBody) Read(p []byte) (int, error) {
	b.watch.resume()
	n, err := b.from.Read(p)
	b.watch.pause() // what is done with it is no time of the network
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.fail(err)
	}
	return n, err
}

// Close frees the slot. What a failure to close would say has been read or given up.
func (b *streamedBody) Close() error {
	err := b.from.Close()
	b.once.Do(func() {
		b.watch.end()
		b.free()
	})
	if err != nil {
		return errs.New(errs.Transient, "close an answer: %w", err)
	}
	return nil
}

// deleteJob takes a Bulk job away, the only thing that is ever deleted in an org. A job
// that is gone is no error.
func (c *Client) deleteJob(ctx context.Context, path string) error {
	r := streamed{method: http.MethodDelete, path: path}
	_, err := retry(ctx, c, r.name(), func() (struct{}, error) {
		resp, err := c.stream(ctx, r)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, resp.Body.Close()
	})
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}
