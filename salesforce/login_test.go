package salesforce

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

func form(t *testing.T, o *testOrg) url.Values {
	t.Helper()
	calls := o.received("/oauth2/token")
	v, err := url.ParseQuery(calls[len(calls)-1].Body)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestClientCredentialsIsTheDefaultLogin(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	if err := o.client(t).Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := form(t, o)
	if f.Get("grant_type") != "client_credentials" || f.Get("client_id") != "demo-client" || f.Get("client_secret") != "demo-secret" {
		t.Error(f)
	}
	if c := o.received("/token")[0]; c.Query != "" || c.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%+v", c)
	}
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func keyPEM(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestJWTBearerSignsWhoForWhomAndUntilWhen(t *testing.T) {
	key, text := keyPEM(t)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	o := newOrg(t, replies(okLimits))
	c := o.client(t, func(c *Config) {
		c.Flow, c.Username, c.PrivateKeyPEM, c.Clock, c.ClientSecret = FlowJWTBearer, "jo@acme.example", text, clock.NewManual(now), ""
	})
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := form(t, o)
	if f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || f.Has("client_secret") {
		t.Error(f)
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(f.Get("assertion"), &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Issuer != "demo-client" || claims.Subject != "jo@acme.example" || claims.Audience[0] != o.URL ||
		!claims.ExpiresAt.Equal(now.Add(2*time.Minute)) {
		t.Errorf("%+v", claims)
	}
}

func TestARotatedRefreshTokenIsStoredBeforeTheSessionIsUsed(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	o.onLogin = func(w http.ResponseWriter, r *http.Request) {
		n := o.logins.Load()
		if err := r.ParseForm(); err != nil || r.Form.Get("refresh_token") != fmt.Sprintf("refresh-%d", n-1) {
			refusal(400, "invalid_grant", "expired access/refresh token").send(w)
			return
		}
		reply{body: fmt.Sprintf(`{"access_token":"t","instance_url":%q,"refresh_token":"refresh-%d"}`, o.URL, n)}.send(w)
	}
	var stored []string
	broken := errors.New("disk full")
	var storeErr error
	c := o.client(t, func(c *Config) {
		c.Flow, c.RefreshToken = FlowRefreshToken, "refresh-0"
		c.StoreRefreshToken = func(_ context.Context, token string) error { stored = append(stored, token); return storeErr }
	})
	if err := c.Login(t.Context()); err != nil || strings.Join(stored, " ") != "refresh-1" {
		t.Fatalf("%v, stored %v", err, stored)
	}
	storeErr = broken
	err := c.Login(t.Context())
	if !errors.Is(err, broken) || errs.HintOf(err) == "" || o.logins.Load() != 2 {
		t.Fatalf("a token that can't be stored fails the login, without a second try: %v, %d logins", err, o.logins.Load())
	}
	storeErr = nil
	if err := c.Login(t.Context()); err != nil || strings.Join(stored, " ") != "refresh-1 refresh-2 refresh-2 refresh-3" {
		t.Fatalf("%v, stored %v", err, stored)
	}
}

func TestARotatedRefreshTokenThatNothingStoresIsUsedAndWarnedOf(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	o.onLogin = replies(reply{body: fmt.Sprintf(`{"access_token":"t","instance_url":%q,"refresh_token":"refresh-1"}`, o.URL)})
	core, seen := observer.New(zapcore.WarnLevel)
	c := o.client(t, func(c *Config) { c.Flow, c.RefreshToken, c.Log = FlowRefreshToken, "refresh-0", zap.New(core) })
	for range 2 {
		if err := c.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if f := form(t, o); f.Get("refresh_token") != "refresh-1" || seen.Len() != 1 || strings.Contains(fmt.Sprint(seen.All()), "refresh-1") {
		t.Errorf("%v, %v", f, seen.All())
	}
}

// TestARefreshTokenIsNotSentAgainWhenItsAnswerIsLost: an org that rotates
// tokens would take the second use for a theft.
func TestARefreshTokenIsNotSentAgainWhenItsAnswerIsLost(t *testing.T) {
	for _, flow := range []Flow{FlowRefreshToken, FlowClientCredentials} {
		o := newOrg(t, replies(okLimits))
		o.onLogin = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		c := o.client(t, func(c *Config) { c.Flow, c.RefreshToken, c.MaxAttempts = flow, "refresh-0", 3 })
		err := c.Login(t.Context())
		want := map[Flow]int64{FlowRefreshToken: 1, FlowClientCredentials: 3}[flow]
		if errs.KindOf(err) != errs.Transient || o.logins.Load() != want {
			t.Errorf("%s: %v, %d logins, want %d", flow, err, o.logins.Load(), want)
		}
	}
}

func TestWrongCredentialsAreAuthErrorsThatSayWhatToCheckAndAreTriedOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer reply
		config func(*Config)
		hint   string
	}{
		{"secret", reply{status: 401, body: `{"error":"invalid_client","error_description":"invalid client credentials"}`}, nil, "client secret"},
		{"client id", reply{status: 400, body: `{"error":"invalid_client_id","error_description":"client identifier invalid"}`}, nil, "client id"},
		{"grant", reply{status: 400, body: `{"error":"invalid_grant","error_description":"no client credentials user enabled"}`}, nil, "run-as user"},
		{"unknown code", reply{status: 400, body: `{"error":"some_new_code","error_description":"?"}`}, nil, ""},
		{"password", reply{status: 500, body: soapFaultBody}, soapConfig, "security token"},
		{"bare 401", reply{status: 401}, nil, "credentials"},
		{"bare 403", reply{status: 403}, nil, ""},
	} {
		o := newOrg(t, replies(okLimits))
		o.onLogin = replies(c.answer)
		change := func(cfg *Config) {}
		if c.config != nil {
			change = c.config
		}
		_, err := o.client(t, change).Limits(t.Context())
		if errs.KindOf(err) != errs.Auth || !strings.Contains(errs.HintOf(err), c.hint) || !strings.Contains(err.Error(), "log in to ") {
			t.Errorf("%s: kind %s, %v, hint %q", c.name, errs.KindOf(err), err, errs.HintOf(err))
		}
		if n := o.logins.Load(); n != 1 {
			t.Errorf("%s: tried %d times", c.name, n)
		}
		for _, secret := range []string{"demo-secret", "demo-password", "demo-token"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error tells %s", c.name, secret)
			}
		}
	}
}

func TestABusyLoginIsTriedAgain(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	o.onLogin = replies(htmlBusy, reply{status: 400, body: `{"error":"unknown_error","error_description":"retry your request"}`},
		reply{body: fmt.Sprintf(`{"access_token":"t","instance_url":%q}`, o.URL)})
	if err := o.client(t).Login(t.Context()); err != nil || o.logins.Load() != 3 {
		t.Errorf("%v, %d logins", err, o.logins.Load())
	}
	o.onLogin = replies(htmlBusy)
	if err := o.client(t).Login(t.Context()); errs.KindOf(err) != errs.Transient || !strings.Contains(err.Error(), "after 5 attempts") {
		t.Error(err)
	}
}

func TestAnAddressThatIsNoSalesforceLoginIsSaidSo(t *testing.T) {
	page := "<!doctype html><html><head><title>Acme &amp; Sons</title></head></html>"
	for name, answer := range map[string]reply{
		"page":             {body: page},
		"page 404":         {status: 404, body: page},
		"redirect":         {status: 302, header: map[string]string{"Location": "https://elsewhere.example/sign-in?token=x"}},
		"text":             {body: "access_token=secret-token"},
		"empty":            {},
		"token elsewhere":  {body: `{"access_token":"secret-token","instance_url":"http://elsewhere.example"}`},
		"no token":         {body: `{"instance_url":"https://acme.my.salesforce.com"}`},
		"token that isn't": {body: `{"access_token":["secret-token"]}`},
	} {
		for flow, config := range map[string]func(*Config){"oauth": func(*Config) {}, "soap": soapConfig} {
			o := newOrg(t, replies(okLimits))
			o.onLogin = replies(answer)
			err := o.client(t, config).Login(t.Context())
			if errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.HintOf(err), "My Domain") || strings.Contains(fmt.Sprint(err), "secret-token") {
				t.Errorf("%s %s: kind %s, %v, hint %q", flow, name, errs.KindOf(err), err, errs.HintOf(err))
			}
			if n := o.logins.Load(); n != 1 {
				t.Errorf("%s %s: tried %d times", flow, name, n)
			}
		}
	}
}

func TestAnUnreachableHostIsTransientAndNamed(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	o.Close()
	_, err := o.client(t, func(c *Config) { c.MaxAttempts = 2 }).Limits(t.Context())
	host := strings.TrimPrefix(o.URL, "http://")
	if errs.KindOf(err) != errs.Transient || !strings.Contains(err.Error(), host) || !strings.Contains(errs.HintOf(err), host) {
		t.Errorf("%v, hint %q", err, errs.HintOf(err))
	}
}

// TestSOAPLoginUsesTheLastVersionThatHasIt, whatever the other calls use.
func TestSOAPLoginUsesTheLastVersionThatHasIt(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	o.onLogin = soapAnswer(o)
	if _, err := o.client(t, soapConfig, func(c *Config) { c.APIVersion = "v67.0" }).Limits(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.received("/services/")[0].Path; got != "/services/Soap/u/64.0" {
		t.Error(got)
	}
	if got := o.received("/limits")[0].Path; got != "/services/data/v67.0/limits" {
		t.Error(got)
	}
}

func TestALoginInfoLineHasNoSecret(t *testing.T) {
	if s := fmt.Sprintf("%v %+v %#v", Config{ClientSecret: "hush"}, Config{Password: "hush"}, Config{PrivateKeyPEM: "hush"}); strings.Contains(s, "hush") {
		t.Error(s)
	}
}
