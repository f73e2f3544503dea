package salesforce

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
)

func TestNewNamesAllFaultsOfAConfigAtOnce(t *testing.T) {
	_, err := New(Config{LoginURL: "http://acme.my.salesforce.com", APIVersion: "62", MaxAttempts: -1})
	if errs.KindOf(err) != errs.Invalid {
		t.Fatal(err)
	}
	for _, want := range []string{"client id is needed", "client secret is needed", "is not https", `"62" is not like "v62.0"`, "number of attempts"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	base := Config{LoginURL: "https://acme.my.salesforce.com", ClientID: "id", ClientSecret: "secret"}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"good":                {func(*Config) {}, ""},
		"slash":               {func(c *Config) { c.LoginURL += "/" }, ""},
		"local http":          {func(c *Config) { c.LoginURL = "http://127.0.0.1:8080" }, ""},
		"local http by name":  {func(c *Config) { c.LoginURL = "http://localhost:8080" }, ""},
		"allowed http":        {func(c *Config) { c.LoginURL, c.PlainHTTP = "http://emulator:8080", true }, ""},
		"http":                {func(c *Config) { c.LoginURL = "http://emulator:8080" }, "not https"},
		"other scheme":        {func(c *Config) { c.LoginURL = "ftp://x" }, "not https"},
		"path":                {func(c *Config) { c.LoginURL += "/services" }, "without anything"},
		"user info":           {func(c *Config) { c.LoginURL = "https://me:hush@acme.my.salesforce.com" }, "without anything"},
		"no host":             {func(c *Config) { c.LoginURL = "acme.my.salesforce.com" }, "not an address"},
		"shared host":         {func(c *Config) { c.LoginURL = "" }, "My Domain"},
		"version":             {func(c *Config) { c.APIVersion = "v62.0/../x" }, "is not like"},
		"old version":         {func(c *Config) { c.APIVersion = "30.0" }, "older than"},
		"flow":                {func(c *Config) { c.Flow = "device" }, `"device" is none of`},
		"jwt":                 {func(c *Config) { c.Flow = FlowJWTBearer }, "private key is needed"},
		"jwt key":             {func(c *Config) { c.Flow, c.PrivateKeyPEM = FlowJWTBearer, "hush" }, "not an RSA key"},
		"refresh":             {func(c *Config) { c.Flow = FlowRefreshToken }, "refresh token is needed"},
		"password":            {func(c *Config) { c.Flow, c.Username = FlowPassword, "jo" }, "password is needed"},
		"password line break": {func(c *Config) { c.Flow, c.Username, c.Password = FlowPassword, "jo", "hush\n" }, "control character"},
		"retry":               {func(c *Config) { c.RetryInitial, c.RetryMax = 2, 1 }, "longest retry pause"},
	} {
		cfg := base
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: a secret is told: %v", name, err)
		}
	}
}
