package peer_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/k-capehart/go-salesforce/v3"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestEveryFlowOfTheLibraryLogsIn(t *testing.T) {
	org, s := serve(t, emulator.Options{})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	org.RegisterJWTKey("jwt-app", &key.PublicKey)
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	password := clientCredentials(s.URL)
	password.Username, password.Password, password.SecurityToken = emulator.DemoUsername, emulator.DemoPassword, emulator.DemoSecurityToken
	first, err := salesforce.Init(clientCredentials(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		creds salesforce.Creds
		flow  salesforce.AuthFlowType
	}{
		{"client credentials", clientCredentials(s.URL), salesforce.AuthFlowClientCredentials},
		{"user name and password", password, salesforce.AuthFlowUsernamePassword},
		{"a signed assertion", salesforce.Creds{Domain: s.URL, Username: emulator.DemoUsername, ConsumerKey: "jwt-app", ConsumerRSAPem: string(private)}, salesforce.AuthFlowJWT},
		{"an access token", salesforce.Creds{Domain: s.URL, AccessToken: first.GetAccessToken()}, salesforce.AuthFlowAccessToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sf, err := salesforce.Init(tt.creds, salesforce.WithRoundTripper(s.Client().Transport))
			if err != nil {
				t.Fatal(err)
			}
			if sf.GetAuthFlow() != tt.flow || sf.GetInstanceUrl() != s.URL {
				t.Errorf("flow %v at %s", sf.GetAuthFlow(), sf.GetInstanceUrl())
			}
			var orgs []row
			if err := sf.Query("SELECT Id, Name FROM Organization", &orgs); err != nil || len(orgs) != 1 {
				t.Errorf("the session does not work: %v %v", orgs, err)
			}
		})
	}
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	_, s := serve(t, emulator.Options{})
	wrong := func(change func(*salesforce.Creds)) salesforce.Creds {
		c := clientCredentials(s.URL)
		c.Username, c.Password, c.SecurityToken = emulator.DemoUsername, emulator.DemoPassword, emulator.DemoSecurityToken
		change(&c)
		return c
	}
	for name, creds := range map[string]salesforce.Creds{
		"secret":         wrong(func(c *salesforce.Creds) { c.ConsumerSecret = "x" }),
		"key":            wrong(func(c *salesforce.Creds) { c.ConsumerKey = "x" }),
		"password":       wrong(func(c *salesforce.Creds) { c.Password = "x" }),
		"security token": wrong(func(c *salesforce.Creds) { c.SecurityToken = "x" }),
		"access token":   {Domain: s.URL, AccessToken: "00D000000000000!x"},
	} {
		if _, err := salesforce.Init(creds); err == nil {
			t.Errorf("a wrong %s logs in", name)
		}
	}
}

func TestASessionThatEndsIsOpenedAgain(t *testing.T) {
	d := open(t, emulator.Options{})
	d.insert("Account", row{"Name": "Acme"})
	before := d.GetAccessToken()
	d.org.ExpireSessions()
	if got := d.only("SELECT Name FROM Account")["Name"]; got != "Acme" {
		t.Errorf("got %v", got)
	}
	if d.GetAccessToken() == before {
		t.Error("the library did not log in again")
	}
}

func TestASessionByTokenEndsForGood(t *testing.T) {
	d := open(t, emulator.Options{})
	sf, err := salesforce.Init(salesforce.Creds{Domain: d.url, AccessToken: d.GetAccessToken()})
	if err != nil {
		t.Fatal(err)
	}
	d.org.ExpireSessions()
	var out []row
	if err := sf.Query("SELECT Id FROM Account", &out); err == nil || !strings.Contains(err.Error(), "invalid session") {
		t.Errorf("got %v", err)
	}
}

func TestCompressionGoesBothWays(t *testing.T) {
	d := open(t, emulator.Options{}, salesforce.WithCompressionHeaders(true))
	for _, name := range []string{"One", "Two"} {
		d.insert("Account", row{"Name": name})
	}
	if n := len(d.query("SELECT Id, Name FROM Account ORDER BY Name")); n != 2 {
		t.Errorf("%d records come back", n)
	}
	result, err := d.InsertOne("Account", row{"Name": "Three"})
	if err != nil || !result.Success {
		t.Fatalf("a packed body is not read: %v %v", result, err)
	}
	if got := d.only("SELECT Name FROM Account WHERE Id = '" + result.Id + "'")["Name"]; got != "Three" {
		t.Errorf("got %v", got)
	}
}
