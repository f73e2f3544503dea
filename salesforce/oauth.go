package salesforce

import (
	"context"
	"crypto/rsa"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-json"
	"github.com/golang-jwt/jwt/v5"

	"github.com/partnersync/partnersync/internal/errs"
)

const (
	tokenPath = "services/oauth2/token"
	// assertionLife is how long a JWT is valid; the platform allows 3 minutes
	// at most, and its clock may differ from ours.
	assertionLife = 2 * time.Minute
	jwtGrantType  = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// oauth logs in by OAuth 2.0's token endpoint.
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm
type oauth struct {
	c   *Client
	key *rsa.PrivateKey

	mu sync.Mutex
	// refresh is the token to use next, and unsaved says that the owner of the
	// configuration has not stored it yet.
	refresh string
	unsaved bool
}

func newOAuth(c *Client) (*oauth, error) {
	o := &oauth{c: c, refresh: c.cfg.RefreshToken}
	if c.cfg.Flow == FlowJWTBearer {
		key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(c.cfg.PrivateKeyPEM))
		if err != nil {
			return nil, errs.New(errs.Invalid, "the private key is not an RSA key in PEM form")
		}
		o.key = key
	}
	return o, nil
}

// login makes one attempt. Turns are kept by sessions, so that no refresh token
// is ever spent twice at once.
func (o *oauth) login(ctx context.Context) (session, error) {
	if err := o.save(ctx); err != nil {
		return session{}, err
	}
	form, err := o.form()
	if err != nil {
		return session{}, err
	}
	var token struct {
		AccessToken  string `json:"access_token"`
		InstanceURL  string `json:"instance_url"`
		RefreshToken string `json:"refresh_token"`
	}
	body, err := o.c.post(ctx, form)
	if err != nil {
		return session{}, o.ambiguous(err)
	}
	if err := json.Unmarshal(body, &token); err != nil {
		// The decoder's error is not shown: it could quote the token.
		return session{}, errs.New(errs.Invalid, "%s: the answer is not a token", tokenPath).
			WithHint("Check that the login URL is the org's My Domain.")
	}
	if o.rotate(token.RefreshToken) {
		if err := o.save(ctx); err != nil {
			return session{}, err
		}
	}
	return session{token: token.AccessToken, instance: token.InstanceURL}, nil
}

// form gives the grant as the token endpoint wants it.
func (o *oauth) form() (url.Values, error) {
	cfg := o.c.cfg
	form := url.Values{"grant_type": {string(cfg.Flow)}, "format": {"json"}}
	if cfg.Flow == FlowJWTBearer {
		now := cfg.Clock.Now()
		assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": cfg.ClientID, "sub": cfg.Username, "aud": cfg.Audience, "exp": now.Add(assertionLife).Unix(),
		}).SignedString(o.key)
		if err != nil {
			return nil, errs.New(errs.Invalid, "sign the login assertion: %w", err)
		}
		form.Set("grant_type", jwtGrantType)
		form.Set("assertion", assertion)
		return form, nil
	}
	form.Set("client_id", cfg.ClientID)
	if cfg.ClientSecret != "" {
		form.Set("client_secret", cfg.ClientSecret)
	}
	if cfg.Flow == FlowRefreshToken {
		o.mu.Lock()
		defer o.mu.Unlock()
		form.Set("refresh_token", o.refresh)
	}
	return form, nil
}

// rotate takes over a new refresh token, and says whether there was one.
func (o *oauth) rotate(token string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.c.cfg.Flow != FlowRefreshToken || token == "" || token == o.refresh {
		return false
	}
	o.refresh, o.unsaved = token, true
	return true
}

// save hands a rotated refresh token to its store, again at every login until
// that works. The old token may be void from now on, so a login whose token
// isn't stored fails, loudly and while this process still has the new one.
func (o *oauth) save(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.unsaved {
		return nil
	}
	if o.c.cfg.StoreRefreshToken == nil {
		o.c.log.Warn("salesforce gave a new refresh token and nothing stores it: after a restart the login will fail")
		o.unsaved = false
		return nil
	}
	if err := o.c.cfg.StoreRefreshToken(ctx, o.refresh); err != nil {
		return final(errs.New(errs.Transient, "store the refresh token that Salesforce gave in place of the last one: %w", err).
			WithHint("Do not stop the program before this works: only it has the new token."))
	}
	o.unsaved = false
	return nil
}

// ambiguous keeps a refresh token from being sent a second time when it is not
// known whether the first was received: where tokens rotate, an org takes a
// second use of one for a theft, and revokes them all. The other grants can be
// repeated without harm.
func (o *oauth) ambiguous(err error) error {
	var answered *Error
	var network *net.OpError
	unsent := errors.As(err, &network) && network.Op == "dial"
	if o.c.cfg.Flow == FlowRefreshToken && !errors.As(err, &answered) && !unsent {
		return final(err)
	}
	return err
}

// post sends a form to the token endpoint and gives the JSON that it answers.
// It goes over the same exchange as every call, but not through simpleforce,
// which speaks no OAuth.
func (c *Client) post(ctx context.Context, form url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.LoginURL+"/"+tokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errs.New(errs.Invalid, "login URL: %w", err)
	}
	x := c.newExchange(ctx, "POST "+tokenPath)
	x.header = http.Header{
		"User-Agent": {userAgent}, "Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"},
	}
	x.read = oauthBody
	free, err := c.turn(ctx, x.name)
	if err != nil {
		return nil, err
	}
	defer free()
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	r = r.WithContext(ctx)
	r.Header = x.header
	return x.send(r)
}

// oauthBody refuses a 2xx body that is not JSON, and keeps it out of the error:
// it could be a token in another form.
func oauthBody(body []byte) ([]byte, error) {
	if _, err := onlyJSON(body); err != nil {
		return webPageOnly(body), err
	}
	return body, nil
}

// webPageOnly gives a body back if it is a web page, whose title may be shown.
func webPageOnly(body []byte) []byte {
	if pageTitle.Match(body) {
		return body
	}
	return nil
}
