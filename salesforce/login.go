package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

// newGrant gives the configured way to log in, with retries and with errors
// that say what was tried and what to check.
func newGrant(c *Client) (grant, error) {
	var once grant
	switch c.cfg.Flow {
	case FlowPassword:
		once = c.soapLogin
	default:
		o, err := newOAuth(c)
		if err != nil {
			return nil, err
		}
		once = o.login
	}
	name := fmt.Sprintf("log in to %s (%s)", host(c.cfg.LoginURL), c.cfg.Flow)
	return func(ctx context.Context) (session, error) {
		s, err := retry(ctx, c, name, func() (session, error) {
			s, err := once(ctx)
			if err == nil {
				s.instance, err = c.instance(s)
			}
			if wrongAddress(err) {
				err = final(err)
			}
			return s, err
		})
		if err != nil {
			return session{}, loginError(name, err)
		}
		c.log.Info("logged in to salesforce", zap.String("instance", s.instance), zap.String("flow", string(c.cfg.Flow)))
		return s, nil
	}, nil
}

// instance checks what a login gave: a token, and an address that may get it.
func (c *Client) instance(s session) (string, error) {
	if s.token == "" {
		return "", errs.New(errs.Invalid, "%s answered the login without a session", host(c.cfg.LoginURL)).
			WithHint("Check that the login URL is the org's My Domain.")
	}
	base, err := baseURL(s.instance, c.cfg.PlainHTTP)
	if err != nil {
		return "", errs.New(errs.Invalid, "%s names an instance that cannot be used: %w", host(c.cfg.LoginURL), err).
			WithHint("Check that the login URL is the org's My Domain.")
	}
	return base, nil
}

// wrongAddress says whether an answer to a login is one that only something
// other than Salesforce's login gives: a page, a redirect, a bare 404. Here that
// means a wrong address; after the login it would mean a disturbance.
func wrongAddress(err error) bool {
	var e *Error
	if !errors.As(err, &e) || len(e.Details) > 0 {
		return false
	}
	switch c := classOfStatus(e.Status); c {
	case ClassRetry, ClassSession:
		return false
	}
	return e.Status != http.StatusForbidden
}

// loginError names the login and says what to check.
func loginError(name string, err error) error {
	switch {
	case wrongAddress(err):
		return &errs.Error{Kind: errs.Invalid, Op: name, Err: err,
			Hint: "Check that the login URL is the org's My Domain: what answers there is not Salesforce's login."}
	case ClassOf(err) == ClassSession:
		return &errs.Error{Kind: errs.Auth, Op: name, Err: err,
			Hint: "Check the credentials of the integration user and of the org's app."}
	}
	return fmt.Errorf("%s: %w", name, err)
}
