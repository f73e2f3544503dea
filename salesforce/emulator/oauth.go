package emulator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// oauthError is a refused login.
type oauthError struct{ code, description string }

func (e *oauthError) Error() string { return e.code + ": " + e.description }

// maxForm bounds the body of a login.
const maxForm = 64 << 10

// RegisterJWTKey lets a client sign in with assertions (the JWT bearer flow)
// that its private key signed with RS256. clientID is the assertion's issuer.
func (o *Org) RegisterJWTKey(clientID string, key *rsa.PublicKey) {
	o.access.mu.Lock()
	defer o.access.mu.Unlock()
	o.access.keys[clientID] = key
}

// token answers the OAuth 2.0 token endpoint.
// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flows.htm
func (o *Org) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache, must-revalidate, no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	out, err := o.grant(r)
	if err != nil {
		var oe *oauthError
		if !errors.As(err, &oe) {
			oe = &oauthError{"invalid_request", err.Error()}
		}
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": oe.code, "error_description": oe.description})
		return
	}
	writeJSON(w, http.StatusOK, out)
}

func (o *Org) grant(r *http.Request) (map[string]string, error) {
	if r.Method != http.MethodPost {
		return nil, &oauthError{"invalid_request", "must use HTTP POST"}
	}
	if err := r.ParseForm(); err != nil {
		return nil, &oauthError{"invalid_request", "the request body cannot be read"}
	}
	extra := map[string]string{}
	var err error
	switch r.PostForm.Get("grant_type") {
	case "client_credentials":
		err = o.checkClient(r, true)
	case "password":
		if err = o.checkClient(r, true); err == nil {
			err = o.checkPassword(r.PostForm.Get("username"), r.PostForm.Get("password"))
		}
	case "refresh_token":
		if err = o.checkClient(r, false); err == nil {
			extra["refresh_token"], err = o.refreshGrant(r.PostForm.Get("refresh_token"))
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		err = o.checkAssertion(r)
	default:
		err = &oauthError{"unsupported_grant_type", "grant type not supported"}
	}
	if err != nil {
		return nil, err
	}
	return o.loginAnswer(r, extra), nil
}

// loginAnswer opens a session and tells of it.
func (o *Org) loginAnswer(r *http.Request, extra map[string]string) map[string]string {
	instance := o.instanceURL(r)
	out := map[string]string{
		"access_token": o.newSession(),
		"instance_url": instance,
		"id":           instance + "/id/" + o.OrgID + "/" + o.UserID,
		"token_type":   "Bearer",
		"issued_at":    strconv.FormatInt(o.opt.Clock.Now().UnixMilli(), 10),
		"scope":        "api refresh_token",
	}
	mac := hmac.New(sha256.New, []byte(o.opt.ClientSecret))
	mac.Write([]byte(out["id"] + out["issued_at"]))
	out["signature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for k, v := range extra {
		if v != "" {
			out[k] = v
		}
	}
	return out
}

// checkClient looks at the client's id and secret, in the form or in a Basic
// header. A refresh may leave the secret out, but not give a wrong one.
func (o *Org) checkClient(r *http.Request, secretNeeded bool) error {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok && id == "" {
		id, secret = user, pass
	}
	switch {
	case !same(id, o.opt.ClientID):
		return &oauthError{"invalid_client_id", "client identifier invalid"}
	case secret == "" && !secretNeeded:
		return nil
	case !same(secret, o.opt.ClientSecret):
		return &oauthError{"invalid_client", "invalid client credentials"}
	}
	return nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// checkPassword wants the user's name and the password with the security token
// behind it.
func (o *Org) checkPassword(username, password string) error {
	if !strings.EqualFold(username, o.opt.Username) || !same(password, o.opt.Password+o.opt.SecurityToken) {
		return &oauthError{"invalid_grant", "authentication failure"}
	}
	return nil
}

// refreshGrant checks a refresh token and, where the org rotates them, gives the
// next one; the old one is then used up.
func (o *Org) refreshGrant(token string) (next string, err error) {
	o.access.mu.Lock()
	defer o.access.mu.Unlock()
	if !o.access.refresh[token] {
		return "", &oauthError{"invalid_grant", "expired access/refresh token"}
	}
	if !o.opt.RotateRefreshToken {
		return "", nil
	}
	delete(o.access.refresh, token)
	next = "5Aep" + rand.Text()
	o.access.refresh[next] = true
	return next, nil
}

// checkAssertion checks a signed assertion: issuer, RS256 signature, audience,
// user and expiry.
// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm
func (o *Org) checkAssertion(r *http.Request) error {
	var claims assertionClaims
	keyOf := func(t *jwt.Token) (any, error) {
		o.access.mu.Lock()
		defer o.access.mu.Unlock()
		if key := o.access.keys[claims.Issuer]; key != nil {
			return key, nil
		}
		return nil, errUnknownIssuer
	}
	_, err := jwt.ParseWithClaims(r.PostForm.Get("assertion"), &claims, keyOf,
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(o.opt.Clock.Now))
	switch {
	case errors.Is(err, errUnknownIssuer):
		return &oauthError{"invalid_client_id", "client identifier invalid"}
	case errors.Is(err, jwt.ErrTokenExpired):
		return &oauthError{"invalid_grant", "assertion expired"}
	case err != nil:
		return &oauthError{"invalid_grant", "invalid assertion"}
	case !o.isAudience(r, claims.Audience):
		return &oauthError{"invalid_grant", "audience is invalid"}
	case !strings.EqualFold(claims.Subject, o.opt.Username):
		return &oauthError{"invalid_grant", "user hasn't approved this consumer"}
	}
	return nil
}

// assertionClaims are what an assertion says. The platform takes instants as
// numbers and as texts of digits; some clients send the latter.
type assertionClaims struct{ jwt.RegisteredClaims }

// UnmarshalJSON reads the claims.
func (c *assertionClaims) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	for _, name := range []string{"exp", "iat", "nbf"} {
		var digits string
		if json.Unmarshal(members[name], &digits) == nil {
			members[name] = json.RawMessage(digits)
		}
	}
	plain, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, &c.RegisteredClaims)
}

var errUnknownIssuer = errors.New("unknown issuer")

// isAudience says whether an assertion is meant for this org: its own address,
// or the platform's login hosts.
func (o *Org) isAudience(r *http.Request, audience []string) bool {
	for _, a := range audience {
		switch a = strings.TrimRight(a, "/"); a {
		case o.instanceURL(r), "https://login.salesforce.com", "https://test.salesforce.com":
			return true
		}
	}
	return false
}
