package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"
)

// session is a login that is still good.
type session struct {
	userID  string
	expires time.Time
}

// access is who may come in.
type access struct {
	mu       sync.Mutex
	sessions map[string]*session       // by access token
	refresh  map[string]bool           // refresh tokens
	keys     map[string]*rsa.PublicKey // of clients that sign assertions
}

// maxSessions bounds the sessions kept; the platform's bound is higher than any
// test's need.
const maxSessions = 5000

// newSession opens a session and gives its access token, which looks like the
// platform's: the org's id, "!", and what nobody can guess.
func (o *Org) newSession() string {
	var secret [48]byte
	rand.Read(secret[:]) //nolint:errcheck // never fails since Go 1.24
	token := o.OrgID[:15] + "!" + base64.RawURLEncoding.EncodeToString(secret[:])
	o.access.mu.Lock()
	defer o.access.mu.Unlock()
	now := o.opt.Clock.Now()
	if len(o.access.sessions) >= maxSessions {
		for t, s := range o.access.sessions {
			if !now.Before(s.expires) {
				delete(o.access.sessions, t)
			}
		}
	}
	o.access.sessions[token] = &session{userID: o.UserID, expires: now.Add(o.opt.SessionTTL)}
	return token
}

// ExpireSessions ends all sessions: the next request of each is answered
// INVALID_SESSION_ID.
func (o *Org) ExpireSessions() {
	o.access.mu.Lock()
	defer o.access.mu.Unlock()
	clear(o.access.sessions)
}

// endSession ends the session of a request, if it has one.
func (o *Org) endSession(r *http.Request) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	o.access.mu.Lock()
	defer o.access.mu.Unlock()
	delete(o.access.sessions, strings.TrimSpace(token))
}

// authorize finds the request's session and prolongs it.
func (o *Org) authorize(r *http.Request) (*session, error) {
	if r.Header.Get("Authorization") == "" {
		return nil, errSession
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "OAuth") {
		return nil, refuse(http.StatusUnauthorized, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
	}
	return o.prolong(token)
}

// prolong finds the session of an access token and prolongs it.
func (o *Org) prolong(token string) (*session, error) {
	o.access.mu.Lock()
	defer o.access.mu.Unlock()
	s := o.access.sessions[strings.TrimSpace(token)]
	now := o.opt.Clock.Now()
	if s == nil || !now.Before(s.expires) {
		return nil, errSession
	}
	s.expires = now.Add(o.opt.SessionTTL)
	return &session{userID: s.userID}, nil
}

// instanceURL is the address that a login gives: where it came in, unless the
// options say otherwise.
func (o *Org) instanceURL(r *http.Request) string {
	if o.opt.InstanceURL != "" {
		return strings.TrimRight(o.opt.InstanceURL, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
