package salesforce

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

// exchange is one HTTP request and its answer. It is the transport of the
// simpleforce client that is made for this one call, and does what that library
// leaves out: context, time-out, headers, bounded body, typed errors.
//
// It never returns an error and never a status other than 200 to the library.
// For a refusal the library would parse the body with its own parser, which
// panics on `[]`, and write it to the standard logger, together with the path,
// SOQL included. What went wrong is kept in err instead, for the caller to look
// at before it uses what the library gave back.
type exchange struct {
	// ctx is the caller's: http.RoundTripper has no other place for it, and an
	// exchange does not outlive its call.
	ctx     context.Context
	timeout time.Duration
	maxBody int64
	base    http.RoundTripper
	// header is set on the request, over the library's own.
	header http.Header
	// name is the method and path for errors; never with the query.
	name string
	// read turns a 2xx body into what the library may see; nil passes JSON on
	// and refuses everything else.
	read func(body []byte) ([]byte, error)

	answered http.Header
	err      error
}

// RoundTrip sends the request with the caller's context and keeps the outcome.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(x.ctx, x.timeout)
	defer cancel()
	out := r.Clone(ctx)
	maps.Copy(out.Header, x.header)
	var body []byte
	body, x.err = x.send(out)
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

// send gives the body of a 2xx answer, or a typed error.
func (x *exchange) send(r *http.Request) (_ []byte, err error) {
	resp, err := x.base.RoundTrip(r)
	if err != nil {
		return nil, x.networkError(r, err)
	}
	defer func() {
		// The body has been read or given up; a failure to close it changes
		// nothing but that the connection isn't used again.
		if cerr := resp.Body.Close(); cerr != nil && err == nil {
			err = x.networkError(r, cerr)
		}
	}()
	x.answered = resp.Header
	body, err := x.readBody(r, resp)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		e := parseError(resp.StatusCode, body)
		e.Request, e.Host = x.name, r.URL.Host
		if to, lerr := resp.Location(); lerr == nil && len(e.Details) == 0 {
			// Not followed: credentials and records stay with the host they
			// were meant for.
			e.Summary = "with a redirect to " + to.Host
			e.NotJSON = true
		}
		return nil, e
	}
	read := x.read
	if read == nil {
		read = onlyJSON
	}
	if body, err = read(body); err != nil {
		return nil, &Error{Status: resp.StatusCode, Request: x.name, Host: r.URL.Host, NotJSON: true, Summary: summarize(bytes.TrimSpace(body))}
	}
	return body, nil
}

var errNotJSON = errors.New("not JSON")

// onlyJSON lets through what begins like a JSON object or array; the caller's
// decoder sees the rest.
func onlyJSON(body []byte) ([]byte, error) {
	if t := bytes.TrimSpace(body); len(t) > 0 && (t[0] == '{' || t[0] == '[') {
		return body, nil
	}
	return body, errNotJSON
}

// readBody reads the whole answer, up to maxBody.
func (x *exchange) readBody(r *http.Request, resp *http.Response) ([]byte, error) {
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= x.maxBody {
		b.Grow(int(n) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, x.maxBody+1))
	switch {
	case n > x.maxBody:
		return nil, errs.New(errs.Invalid, "%s: the answer of %s is longer than %d bytes", x.name, r.URL.Host, x.maxBody).
			WithHint("Ask for less at once, or raise the bound on answers.")
	case err != nil:
		return nil, x.networkError(r, err)
	}
	return b.Bytes(), nil
}

// networkError says why there was no whole answer: the caller's context ended,
// our own time ran out, the certificate is wrong, or the network failed.
func (x *exchange) networkError(r *http.Request, err error) error {
	if x.ctx.Err() != nil {
		return fmt.Errorf("%s: %w", x.name, context.Cause(x.ctx))
	}
	host := r.URL.Host
	var certificate *tls.CertificateVerificationError
	var dns *net.DNSError
	switch {
	case r.Context().Err() != nil:
		return errs.New(errs.Transient, "%s: no whole answer from %s within %s", x.name, host, x.timeout).
			WithHint("Check the network, or raise the request time-out.")
	case errors.As(err, &certificate):
		return errs.New(errs.Invalid, "%s: %s has a certificate that cannot be trusted: %w", x.name, host, err).
			WithHint("Check the host name, and install the certificate authority of a proxy in between.")
	case errors.As(err, &dns) && dns.IsNotFound:
		return errs.New(errs.Transient, "%s: no host is called %s: %w", x.name, host, err).
			WithHint("Check the spelling of %s and this machine's name service.", host)
	}
	return errs.New(errs.Transient, "%s: %s cannot be reached: %w", x.name, host, err).
		WithHint("Check that %s can be reached from this machine (network, proxy, firewall).", host)
}
