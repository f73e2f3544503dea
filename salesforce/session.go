package salesforce

import (
	"context"
	"fmt"
	"sync"
)

// session is what a login gives. The zero session is none.
type session struct {
	// number counts the logins. It tells sessions apart where the token does
	// not: an org may give the same token twice.
	number   int
	token    string
	instance string
}

// grant is one way to get a session: one of the OAuth flows or the SOAP login.
type grant func(ctx context.Context) (session, error)

// sessions holds the current session and sees to it that one login at a time
// is made, for everybody who waits for one.
type sessions struct {
	login grant
	// turn holds a token while somebody logs in; unlike a mutex, waiting for
	// it ends with the waiter's context.
	turn chan struct{}

	mu   sync.Mutex
	last session
	// tries counts the logins that ended, whatever way, and failure is how the
	// last of them ended.
	tries   int
	failure error
}

func newSessions(login grant) *sessions {
	return &sessions{login: login, turn: make(chan struct{}, 1)}
}

func (s *sessions) current() session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// get gives the current session, and makes one if there is none.
func (s *sessions) get(ctx context.Context) (session, error) {
	if cur := s.current(); cur.number > 0 {
		return cur, nil
	}
	return s.renew(ctx, session{})
}

// renew gives a session other than the stale one. Of all who call it at once
// one logs in; the rest get its session or its failure. Sharing the failure
// matters: a hundred goroutines that each tried a wrong password would lock the
// user out. Only a login that ended because its own caller gave up says nothing
// to the others.
func (s *sessions) renew(ctx context.Context, stale session) (session, error) {
	s.mu.Lock()
	seen := s.tries
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return session{}, fmt.Errorf("wait for a login: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	last, tries, failure := s.last, s.tries, s.failure
	s.mu.Unlock()
	switch {
	case last.number != stale.number:
		return last, nil
	case tries != seen && failure != nil:
		return session{}, failure
	}
	fresh, err := s.login(ctx)
	if err != nil && ctx.Err() != nil {
		return session{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	s.failure = err
	if err != nil {
		return session{}, err
	}
	fresh.number = stale.number + 1
	s.last = fresh
	return fresh, nil
}
