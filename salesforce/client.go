package salesforce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/simpleforce/simpleforce"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/partnersync/partnersync/internal/errs"
)

// userAgent names us in the org's event log files.
const userAgent = "partnersync (simpleforce)"

// Client talks to one org. Make one with New and share it freely: all its
// methods are safe for concurrent use.
type Client struct {
	cfg       Config
	log       *zap.Logger
	transport http.RoundTripper
	slots     *semaphore.Weighted
	pace      *rate.Limiter
	sessions  *sessions
	usage     atomic.Pointer[Usage]
	// ingestPace is how long the last Bulk job took for each of its rows, in nanoseconds.
	ingestPace atomic.Int64
}

// New checks a Config and gives a Client. It opens no connection; the first
// call logs in.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	c := &Client{
		cfg:       cfg,
		log:       cfg.Log,
		transport: cfg.Transport,
		slots:     semaphore.NewWeighted(int64(cfg.MaxConcurrent)),
		pace:      rate.NewLimiter(rate.Inf, 1),
	}
	if cfg.RequestsPerSecond > 0 {
		c.pace.SetLimit(rate.Limit(cfg.RequestsPerSecond))
	}
	if c.transport == nil {
		c.transport = newTransport(cfg)
	}
	g, err := newGrant(c)
	if err != nil {
		return nil, err
	}
	c.sessions = newSessions(g)
	return c, nil
}

func newTransport(cfg Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    cfg.MaxConcurrent,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    15 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// Close gives up the idle connections. The Client can still be used.
func (c *Client) Close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Login opens a session, in place of one that there may be. Calls log in by
// themselves; Login lets a program find wrong credentials at its start
// (errs.Auth) or an org out of reach (errs.Transient).
func (c *Client) Login(ctx context.Context) error {
	_, err := c.sessions.renew(ctx, c.sessions.current())
	return err
}

// ServerTime gives the org's clock, to the second, from the Date header. It
// costs none of the daily requests.
func (c *Client) ServerTime(ctx context.Context) (time.Time, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, path: "services/data"})
	if err != nil {
		return time.Time{}, err
	}
	if a.date.IsZero() {
		return time.Time{}, errs.New(errs.Transient, "GET services/data: the answer has no Date header").
			WithHint("Check whether a proxy between here and Salesforce takes headers away.")
	}
	return a.date, nil
}

// request is one call of the REST API. Everything that is sent through do can
// be repeated: reads, and upserts by external id, which set a record to a state.
type request struct {
	method string
	// path is without the leading slash, escaped.
	path   string
	query  string
	header http.Header
	body   []byte
	// decode reads the answer; a failure means that it was no whole JSON, and
	// is retried like one.
	decode func([]byte) error
}

// name is what errors and the log say: never the query.
func (r request) name() string { return r.method + " " + r.path }

// answer is what a caller needs beside the body.
type answer struct {
	date     time.Time
	modified string // Last-Modified
}

// data gives the path of a resource of the configured API version.
func (c *Client) data(resource string) string {
	return "services/data/v" + c.cfg.APIVersion + "/" + resource
}

// do sends a request until it is answered, fails for good or has had its
// attempts. A stale session is renewed once in all of them.
func (c *Client) do(ctx context.Context, r request) (answer, error) {
	renewed := false
	return retry(ctx, c, r.name(), func() (answer, error) {
		s, err := c.sessions.get(ctx)
		if err != nil {
			return answer{}, final(err) // The login has had attempts of its own.
		}
		a, err := c.send(ctx, s, r)
		if ClassOf(err) != ClassSession || renewed {
			return a, err
		}
		renewed = true
		c.log.Info("salesforce session ended, logging in again", zap.String("request", r.name()))
		if s, err = c.sessions.renew(ctx, s); err != nil {
			return answer{}, final(err)
		}
		return c.send(ctx, s, r)
	})
}

// send makes one attempt through a simpleforce client of its own.
func (c *Client) send(ctx context.Context, s session, r request) (answer, error) {
	x := c.newExchange(ctx, r.name())
	x.header = http.Header{"User-Agent": {userAgent}, "Accept": {"application/json"}}
	maps.Copy(x.header, r.header)
	free, err := c.turn(ctx, r.name())
	if err != nil {
		return answer{}, err
	}
	defer free()
	path := r.path
	if r.query != "" {
		path += "?" + r.query
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	sf := simpleforce.NewClient(s.instance, c.cfg.ClientID, c.cfg.APIVersion)
	sf.SetSidLoc(s.token, s.instance)
	sf.SetHttpClient(&http.Client{Transport: x})
	data, err := sf.ApexREST(r.method, path, body)
	c.noteUsage(x.answered)
	switch {
	case x.err != nil:
		return answer{}, x.err
	case err != nil:
		return answer{}, fmt.Errorf("%s: %w", r.name(), err)
	}
	if r.decode != nil {
		if err := r.decode(data); err != nil {
			return answer{}, errs.New(errs.Transient, "%s: %s sent an answer that cannot be read: %w", r.name(), host(s.instance), err).
				WithHint("Check whether a proxy between here and Salesforce cuts or changes answers.")
		}
	}
	return answer{date: serverDate(x.answered), modified: x.answered.Get("Last-Modified")}, nil
}

func (c *Client) newExchange(ctx context.Context, name string) *exchange {
	return &exchange{ctx: ctx, timeout: c.cfg.RequestTimeout, maxBody: c.cfg.MaxBody, base: c.transport, name: name}
}

// turn waits for the gate, for a free slot and for the pace, and gives what frees the slot.
func (c *Client) turn(ctx context.Context, name string) (func(), error) {
	if err := pass(ctx, name); err != nil {
		return nil, err
	}
	if err := c.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("%s: wait for a slot: %w", name, context.Cause(ctx))
	}
	if err := c.pace.Wait(ctx); err != nil {
		c.slots.Release(1)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s: wait for the pace: %w", name, err)
	}
	return func() { c.slots.Release(1) }, nil
}

// final marks an error that must not be retried, whatever its class.
func final(err error) error { return backoff.Permanent(err) }

// retry runs op until it succeeds, fails for a reason that repeating doesn't
// mend, or has run MaxAttempts times, with pauses that double and scatter.
func retry[T any](ctx context.Context, c *Client, name string, op func() (T, error)) (T, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = c.cfg.RetryInitial, c.cfg.RetryMax
	pauses.Multiplier = 2
	attempt := 0
	var last error
	v, err := backoff.Retry(ctx, func() (T, error) {
		attempt++
		v, err := op()
		last = err
		if err != nil && ClassOf(err) != ClassRetry {
			err = final(err)
		}
		return v, err
	},
		backoff.WithBackOff(pauses),
		backoff.WithMaxTries(uint(c.cfg.MaxAttempts)),
		backoff.WithMaxElapsedTime(0), // The caller's context bounds the time.
		backoff.WithNotify(func(err error, pause time.Duration) {
			c.log.Warn("salesforce request failed, trying again", zap.String("request", name),
				zap.Int("attempt", attempt), zap.Duration("pause", pause), zap.Strings("codes", codesOf(err)))
		}))
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		err = permanent.Err
	}
	switch {
	case err == nil:
		return v, nil
	case ctx.Err() != nil && !errors.Is(last, err):
		// The context ended in a pause: say what the pause was for.
		err = fmt.Errorf("%s: %w, while waiting to try again after: %w", name, err, last)
	case attempt > 1:
		err = fmt.Errorf("after %d attempts: %w", attempt, err)
	}
	return v, err
}

// codesOf gives what may be logged of an error: status and codes, no messages.
func codesOf(err error) []string {
	var e *Error
	if errors.As(err, &e) {
		return append([]string{fmt.Sprint(e.Status)}, e.Codes()...)
	}
	return []string{"no answer"}
}

func serverDate(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// apiName is what the platform allows as the name of an object or a field.
var apiName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// checkName refuses a name that would change the path it is put into.
func checkName(what, name string) error {
	if !apiName.MatchString(name) {
		return errs.New(errs.Invalid, "%q is not the API name of %s", name, what).
			WithHint("API names have letters, digits and underscores, such as Partner_Commission__c.")
	}
	return nil
}

// host gives the host of a base address.
func host(base string) string {
	_, h, _ := strings.Cut(base, "://")
	return h
}
