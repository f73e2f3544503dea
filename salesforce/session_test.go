package salesforce

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/partnersync/partnersync/internal/errs"
)

// sessionOrg answers 401 (or 403) to every token but the latest.
func sessionOrg(t *testing.T, status int) (*testOrg, *atomic.Int64) {
	var valid atomic.Int64
	valid.Store(1)
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-"+string(rune('0'+valid.Load())) {
			refusal(status, "INVALID_SESSION_ID", "Session expired or invalid").send(w)
			return
		}
		okLimits.send(w)
	})
	return o, &valid
}

func TestAStaleSessionIsRenewedOnceOn401And403(t *testing.T) {
	for _, status := range []int{401, 403} {
		o, valid := sessionOrg(t, status)
		c := o.client(t)
		for want := int64(1); want <= 3; want++ {
			valid.Store(want)
			if _, err := c.Limits(t.Context()); err != nil {
				t.Fatalf("%d: %v", status, err)
			}
			if n := o.logins.Load(); n != want {
				t.Errorf("%d: %d logins, want %d", status, n, want)
			}
		}
	}
}

func TestASessionThatStaysStaleFailsAfterOneLogin(t *testing.T) {
	o := newOrg(t, replies(expired401))
	c := o.client(t)
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Limits(t.Context())
	if errs.KindOf(err) != errs.Auth || ClassOf(err) != ClassSession || errs.HintOf(err) == "" {
		t.Errorf("%v: kind %s, class %s", err, errs.KindOf(err), ClassOf(err))
	}
	if n := o.logins.Load(); n != 2 {
		t.Errorf("%d logins, want the first and one more", n)
	}
	if n := len(o.received("/limits")); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestASessionIsRenewedOnceEvenAmongRetries(t *testing.T) {
	o := newOrg(t, replies(expired401, htmlBusy, expired401, okLimits))
	if _, err := o.client(t).Limits(t.Context()); ClassOf(err) != ClassSession {
		t.Errorf("%v", err)
	}
	if n := o.logins.Load(); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

func TestManyGoroutinesWithAStaleSessionMakeOneLogin(t *testing.T) {
	o, valid := sessionOrg(t, 401)
	c := o.client(t, func(c *Config) { c.MaxConcurrent = 50 })
	if _, err := c.Limits(t.Context()); err != nil {
		t.Fatal(err)
	}
	valid.Store(2)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := c.Limits(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := o.logins.Load(); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

// TestAFailedLoginIsSharedByAllWhoWaitForIt: else a wrong password would be
// tried once for each goroutine, and the user locked out.
func TestAFailedLoginIsSharedByAllWhoWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := errors.New("wrong password")
		tries := 0
		proceed := make(chan struct{})
		s := newSessions(func(context.Context) (session, error) {
			tries++
			<-proceed
			return session{}, wrong
		})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, err := s.get(t.Context()); !errors.Is(err, wrong) {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // One is in the login now, and all others wait for it.
		close(proceed)
		all.Wait()
		if tries != 1 {
			t.Errorf("%d tries, want 1", tries)
		}
		if _, err := s.get(t.Context()); !errors.Is(err, wrong) || tries != 2 {
			t.Errorf("a later caller tries again: %v, %d tries", err, tries)
		}
	})
}

func TestALoginThatItsCallerGaveUpIsTakenOverByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s := newSessions(func(ctx context.Context) (session, error) {
			if tries++; tries == 1 {
				<-ctx.Done()
				return session{}, ctx.Err()
			}
			return session{token: "t", instance: "i"}, nil
		})
		first, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := s.get(first); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		impatient, giveUp := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := s.get(impatient); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "wait for a login") {
				t.Error(err)
			}
		})
		all.Go(func() {
			if got, err := s.get(t.Context()); err != nil || got.token != "t" {
				t.Error(got, err)
			}
		})
		synctest.Wait()
		giveUp()
		synctest.Wait()
		cancel()
		all.Wait()
		if tries != 2 {
			t.Errorf("%d tries, want 2", tries)
		}
	})
}

// TestTheSameTokenAgainIsOneLoginForAll: who waited for it takes it as fresh.
func TestTheSameTokenAgainIsOneLoginForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		proceed := make(chan struct{})
		s := newSessions(func(context.Context) (session, error) {
			if tries++; tries == 2 {
				<-proceed
			}
			return session{token: "same"}, nil
		})
		stale, err := s.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if fresh, err := s.renew(t.Context(), stale); err != nil || fresh.number != 2 {
					t.Error(fresh, err)
				}
			})
		}
		synctest.Wait()
		close(proceed)
		all.Wait()
		if tries != 2 {
			t.Errorf("%d logins, want 2", tries)
		}
	})
}

// TestAnOrgMayGiveTheSameTokenAgain: sessions are told apart by number.
func TestAnOrgMayGiveTheSameTokenAgain(t *testing.T) {
	o := newOrg(t, replies(expired401, okLimits))
	o.onLogin = func(w http.ResponseWriter, _ *http.Request) {
		reply{body: `{"access_token":"same","instance_url":"` + o.URL + `"}`}.send(w)
	}
	if _, err := o.client(t).Limits(t.Context()); err != nil {
		t.Error(err)
	}
	if n := o.logins.Load(); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}
