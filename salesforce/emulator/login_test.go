package emulator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestTokenEndpoint(t *testing.T) {
	c := newClient(t, emulator.Options{})
	good := url.Values{"client_id": {"partnersync-demo"}, "client_secret": {"demo-secret"}}
	with := func(pairs ...string) url.Values {
		v := url.Values{}
		maps.Copy(v, good)
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	user, pass := emulator.DemoUsername, emulator.DemoPassword+emulator.DemoSecurityToken
	for _, tt := range []struct {
		name string
		form url.Values
		code string // "" for a login that works
	}{
		{"client credentials", with("grant_type", "client_credentials"), ""},
		{"wrong secret", with("grant_type", "client_credentials", "client_secret", "x"), "invalid_client"},
		{"no secret", with("grant_type", "client_credentials", "client_secret", ""), "invalid_client"},
		{"wrong client", with("grant_type", "client_credentials", "client_id", "x"), "invalid_client_id"},
		{"password", with("grant_type", "password", "username", user, "password", pass), ""},
		{"password without its token", with("grant_type", "password", "username", user, "password", emulator.DemoPassword), "invalid_grant"},
		{"refresh", with("grant_type", "refresh_token", "refresh_token", emulator.DemoRefreshToken), ""},
		{"refresh without a secret", with("grant_type", "refresh_token", "refresh_token", emulator.DemoRefreshToken, "client_secret", ""), ""},
		{"unknown refresh token", with("grant_type", "refresh_token", "refresh_token", "x"), "invalid_grant"},
		{"no such grant", with("grant_type", "magic"), "unsupported_grant_type"},
		{"no grant", good, "unsupported_grant_type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := c.form(tt.form)
			if tt.code != "" {
				if status != 400 || body["error"] != tt.code || body["error_description"] == "" {
					t.Errorf("got %d %v, want 400 with %s", status, body, tt.code)
				}
				return
			}
			if status != 200 || body["instance_url"] != c.url || body["token_type"] != "Bearer" || body["issued_at"] != fmt.Sprint(noon.UnixMilli()) {
				t.Fatalf("got %d %v", status, body)
			}
			c.token = body["access_token"]
			if status, text, _ := c.do("GET", "limits", ""); status != 200 {
				t.Errorf("the token is not good: %d %s", status, text)
			}
		})
	}
	if r, err := http.Get(c.url + "/services/oauth2/token?grant_type=client_credentials"); err != nil || r.StatusCode != 400 {
		t.Errorf("a GET logs in: %v %v", r, err)
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	c := newClient(t, emulator.Options{RotateRefreshToken: true})
	form := func(token string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {emulator.DemoClientID}, "refresh_token": {token}}
	}
	_, first := c.form(form(emulator.DemoRefreshToken))
	if first["refresh_token"] == "" {
		t.Fatalf("no new refresh token: %v", first)
	}
	if status, body := c.form(form(emulator.DemoRefreshToken)); status != 400 || body["error"] != "invalid_grant" {
		t.Errorf("a used token is good again: %d %v", status, body)
	}
	if status, _ := c.form(form(first["refresh_token"])); status != 200 {
		t.Errorf("the new token is refused: %d", status)
	}
}

func TestJWTBearer(t *testing.T) {
	c := newClient(t, emulator.Options{})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c.org.RegisterJWTKey("jwt-client", &key.PublicKey)
	claims := func(change func(*jwt.RegisteredClaims)) jwt.RegisteredClaims {
		cl := jwt.RegisteredClaims{Issuer: "jwt-client", Subject: emulator.DemoUsername, Audience: jwt.ClaimStrings{c.url}, ExpiresAt: jwt.NewNumericDate(noon.Add(time.Minute))}
		if change != nil {
			change(&cl)
		}
		return cl
	}
	sign := func(m jwt.SigningMethod, cl jwt.RegisteredClaims, key any) string {
		s, err := jwt.NewWithClaims(m, cl).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	signMap := func(m jwt.SigningMethod, cl jwt.Claims) string {
		s, err := jwt.NewWithClaims(m, cl).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	rs := jwt.SigningMethodRS256
	for _, tt := range []struct {
		name, assertion, code, description string
	}{
		{"good", sign(rs, claims(nil), key), "", ""},
		{"with its end as text", signMap(rs, jwt.MapClaims{"iss": "jwt-client", "sub": emulator.DemoUsername, "aud": c.url, "exp": fmt.Sprint(noon.Add(time.Minute).Unix())}), "", ""},
		{"with an end that is no instant", signMap(rs, jwt.MapClaims{"iss": "jwt-client", "sub": emulator.DemoUsername, "aud": c.url, "exp": "soon"}), "invalid_grant", "invalid assertion"},
		{"for the login host", sign(rs, claims(func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"https://login.salesforce.com"} }), key), "", ""},
		{"signed by another key", sign(rs, claims(nil), other), "invalid_grant", "invalid assertion"},
		{"signed with the public key as a secret", sign(jwt.SigningMethodHS256, claims(nil), []byte("x")), "invalid_grant", "invalid assertion"},
		{"not signed", sign(jwt.SigningMethodNone, claims(nil), jwt.UnsafeAllowNoneSignatureType), "invalid_grant", "invalid assertion"},
		{"expired", sign(rs, claims(func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(noon.Add(-time.Minute)) }), key), "invalid_grant", "assertion expired"},
		{"unknown client", sign(rs, claims(func(c *jwt.RegisteredClaims) { c.Issuer = "x" }), key), "invalid_client_id", ""},
		{"other audience", sign(rs, claims(func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"https://x.example"} }), key), "invalid_grant", "audience is invalid"},
		{"other user", sign(rs, claims(func(c *jwt.RegisteredClaims) { c.Subject = "x@y.example" }), key), "invalid_grant", "user hasn't approved this consumer"},
		{"nonsense", "a.b.c", "invalid_grant", "invalid assertion"},
	} {
		status, body := c.form(url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {tt.assertion}})
		if tt.code == "" && (status != 200 || body["access_token"] == "") || tt.code != "" && (status != 400 || body["error"] != tt.code || tt.description != "" && body["error_description"] != tt.description) {
			t.Errorf("%s: got %d %v", tt.name, status, body)
		}
	}
}

// soapLogin sends login() and gives the session, the server's address and the
// fault's code.
func soapLogin(t *testing.T, c *client, version, user, password string) (session, server, fault string) {
	t.Helper()
	var escaped strings.Builder
	if err := xml.EscapeText(&escaped, []byte(password)); err != nil {
		t.Fatal(err)
	}
	body := `<?xml version="1.0"?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><n1:login xmlns:n1="urn:partner.soap.sforce.com"><n1:username>` +
		user + `</n1:username><n1:password>` + escaped.String() + `</n1:password></n1:login></env:Body></env:Envelope>`
	r, err := http.Post(c.url+"/services/Soap/u/"+version, "text/xml", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Session string `xml:"Body>loginResponse>result>sessionId"`
		Server  string `xml:"Body>loginResponse>result>serverUrl"`
		Fault   string `xml:"Body>Fault>faultcode"`
	}
	if err := xml.Unmarshal(b, &out); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if (out.Fault != "") != (r.StatusCode == 500) {
		t.Errorf("status %d with %s", r.StatusCode, b)
	}
	return out.Session, out.Server, out.Fault
}

func TestSOAPLogin(t *testing.T) {
	c := newClient(t, emulator.Options{Password: `p<&>"w`})
	good := `p<&>"w` + emulator.DemoSecurityToken
	session, server, _ := soapLogin(t, c, "62.0", emulator.DemoUsername, good)
	if !strings.HasPrefix(server, c.url+"/services/Soap/u/62.0/00D") {
		t.Errorf("serverUrl is %s", server)
	}
	c.token = session
	if status, body, _ := c.do("GET", "limits", ""); status != 200 {
		t.Errorf("the session is not good: %d %s", status, body)
	}
	for _, tt := range []struct{ version, password, fault string }{
		{"62.0", "wrong", "sf:INVALID_LOGIN"},
		{"65.0", good, "soapenv:Client"}, // the operation is gone
		{"99.0", good, "sf:UNSUPPORTED_API_VERSION"},
		{"x", good, "sf:UNSUPPORTED_API_VERSION"},
	} {
		if _, _, fault := soapLogin(t, c, tt.version, emulator.DemoUsername, tt.password); fault != tt.fault {
			t.Errorf("%s: fault is %q, want %q", tt.version, fault, tt.fault)
		}
	}
	off := newClient(t, emulator.Options{NoSOAPLogin: true})
	if _, _, fault := soapLogin(t, off, "62.0", emulator.DemoUsername, emulator.DemoPassword+emulator.DemoSecurityToken); fault != "sf:INVALID_OPERATION" {
		t.Errorf("switched off, the fault is %q", fault)
	}
}

func TestSessions(t *testing.T) {
	c := newClient(t, emulator.Options{SessionTTL: time.Hour})
	c.clock.Advance(50 * time.Minute)
	c.do("GET", "limits", "") // prolongs it
	c.clock.Advance(50 * time.Minute)
	if status, _, _ := c.do("GET", "limits", ""); status != 200 {
		t.Error("a session in use has ended")
	}
	c.clock.Advance(61 * time.Minute)
	c.refused(401, "INVALID_SESSION_ID", "GET", "limits", "")
	c.login()
	c.org.ExpireSessions()
	c.refused(401, "INVALID_SESSION_ID", "GET", "query?q=x", "")
	c.refused(401, "INVALID_AUTH_HEADER", "GET", "limits", "", "Authorization", "Basic eDp5")
	c.refused(401, "INVALID_SESSION_ID", "GET", "limits", "", "Authorization", "")
	c.login()
	if status, body, _ := c.do("GET", "/services/oauth2/userinfo", ""); status != 200 || !strings.Contains(body, emulator.DemoUsername) {
		t.Errorf("userinfo: %d %s", status, body)
	}
}
