package salesforce

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/partnersync/partnersync/internal/errs"
)

func TestAttemptsAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		answer reply
		want   int
	}{
		"busy":                   {htmlBusy, 4},
		"rate":                   {reply{status: 429}, 4},
		"concurrency":            {refusal(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."), 4},
		"daily quota":            {refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), 1},
		"a field that's missing": {refusal(400, "INVALID_FIELD", "No such column"), 1},
		"too large":              {refusal(400, "OPERATION_TOO_LARGE", ""), 1},
		"cursor":                 {refusal(400, "INVALID_QUERY_LOCATOR", ""), 1},
	} {
		o := newOrg(t, replies(c.answer))
		_, err := o.client(t, func(c *Config) { c.MaxAttempts = 4 }).Limits(t.Context())
		if n := len(o.received("/limits")); err == nil || n != c.want {
			t.Errorf("%s: %d requests, want %d: %v", name, n, c.want, err)
		}
	}
}

func TestAContextThatEndsInAPauseSaysWhatThePauseWasFor(t *testing.T) {
	o := newOrg(t, replies(htmlBusy))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	core, seen := observer.New(zapcore.WarnLevel)
	c := o.client(t, func(c *Config) {
		c.RetryInitial, c.RetryMax = time.Hour, time.Hour
		c.Log = zap.New(core, zap.Hooks(func(zapcore.Entry) error { cancel(); return nil }))
	})
	_, err := c.Limits(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "Down for maintenance") {
		t.Error(err)
	}
	if seen.Len() != 1 {
		t.Errorf("%d lines", seen.Len())
	}
}

// gate is a transport on which requests pile up until it opens.
type gate struct {
	waiting atomic.Int64
	open    chan struct{}
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"access_token":"t","instance_url":"https://acme.my.salesforce.com"}`
	if !strings.HasSuffix(r.URL.Path, "/token") {
		g.waiting.Add(1)
		defer g.waiting.Add(-1)
		<-g.open
		body = `{}`
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		c, err := New(Config{LoginURL: "https://acme.my.salesforce.com", ClientID: "i", ClientSecret: "s", MaxConcurrent: 3, Transport: g})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() {
				if _, err := c.Limits(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := g.waiting.Load(); n != 3 {
			t.Errorf("%d at once, want 3", n)
		}
		close(g.open)
		all.Wait()
	})
}

func TestWaitingForASlotEndsWithTheContext(t *testing.T) {
	arrived, leave := make(chan struct{}), make(chan struct{})
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) { close(arrived); <-leave; okLimits.send(w) })
	c := o.client(t, func(c *Config) { c.MaxConcurrent = 1 })
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := c.Limits(t.Context()); err != nil {
			t.Error(err)
		}
	})
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Limits(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(leave)
	all.Wait()
}

func TestTheRateIsBounded(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	c := o.client(t, func(c *Config) { c.RequestsPerSecond = 0.001 })
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := c.Limits(ctx); err == nil || !strings.Contains(err.Error(), "wait for the pace") || len(o.received("/limits")) != 0 {
		t.Error(err)
	}
}

func TestTheLogHasNoMessagesQueriesOrTokens(t *testing.T) {
	core, seen := observer.New(zapcore.DebugLevel)
	o := newOrg(t, replies(refusal(503, "SERVER_UNAVAILABLE", "jo@acme.example"), expired401, reply{body: `{"totalSize":3,"done":true,"records":[{}]}`}))
	c := o.client(t, func(c *Config) { c.Log = zap.New(core) })
	if err := c.Query(t.Context(), "SELECT Id FROM Contact WHERE Email = 'jo@acme.example'", QueryOptions{}, nothing); err != nil {
		t.Fatal(err)
	}
	if seen.Len() < 4 {
		t.Errorf("%d lines", seen.Len())
	}
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, e := range seen.All() {
		line, err := enc.EncodeEntry(e.Entry, e.Context)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"jo@", "jo%40", "SELECT", "token-", "demo-secret"} {
			if strings.Contains(line.String(), secret) {
				t.Errorf("%s is in: %s", secret, line)
			}
		}
	}
}

func TestAnUntrustedCertificateIsNotRetried(t *testing.T) {
	tls := &testOrg{answer: replies(okLimits)}
	tls.Server = newTLSServer(t, tls)
	_, err := tls.client(t).Limits(t.Context())
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "attempts") {
		t.Error(err)
	}
}
