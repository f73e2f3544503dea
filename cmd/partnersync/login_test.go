package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
)

// Every flow of the settings logs in, with secrets from files where there can be.
func TestEveryFlowLogsIn(t *testing.T) {
	org, env := withOrg(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	org.RegisterJWTKey(emulator.DemoClientID, &key.PublicKey)
	c := withDatabase(t, env...)
	writeFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	writeFile(t, "password", emulator.DemoPassword+"\n")
	writeFile(t, "refresh-token", emulator.DemoRefreshToken+"\n")
	for flow, extra := range map[string][]string{
		"client_credentials": nil,
		"jwt":                {"PRIVATE_KEY_FILE=key.pem", "USERNAME=" + emulator.DemoUsername},
		"refresh_token":      {"REFRESH_TOKEN_FILE=refresh-token"},
		"password":           {"USERNAME=" + emulator.DemoUsername, "PASSWORD_FILE=password", "SECURITY_TOKEN=" + emulator.DemoSecurityToken},
	} {
		t.Run(flow, func(t *testing.T) {
			with := &command{t: t, env: append(append([]string{}, c.env...), "PARTNERSYNC_SALESFORCE_FLOW="+flow)}
			for _, e := range extra {
				with.env = append(with.env, "PARTNERSYNC_SALESFORCE_"+e)
			}
			with.run("doctor").want(t, exitOK, "ok       salesforce")
		})
	}
}

// A refresh token that the org gives in place of the last one is kept in its file:
// the next process needs it.
func TestRotatedRefreshTokenIsKept(t *testing.T) {
	url := orgtest.Serve(t, emulator.New(emulator.Options{RotateRefreshToken: true}))
	c := withDatabase(t, "PARTNERSYNC_SALESFORCE_LOGIN_URL="+url, "PARTNERSYNC_SALESFORCE_CLIENT_ID="+emulator.DemoClientID,
		"PARTNERSYNC_SALESFORCE_CLIENT_SECRET="+emulator.DemoClientSecret, "PARTNERSYNC_SALESFORCE_FLOW=refresh_token",
		"PARTNERSYNC_SALESFORCE_REFRESH_TOKEN_FILE=refresh-token", "PARTNERSYNC_HTTP_LISTEN=127.0.0.1:0")
	writeFile(t, "refresh-token", emulator.DemoRefreshToken)
	for range 3 {
		before, err := os.ReadFile("refresh-token")
		if err != nil {
			t.Fatal(err)
		}
		c.run("doctor").want(t, exitOK, "ok       salesforce")
		after, err := os.ReadFile("refresh-token")
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(before)) == strings.TrimSpace(string(after)) {
			t.Error("the token was not replaced")
		}
	}
}

// A day before the last one posted may only be a dry run (R7.3).
func TestAsOf(t *testing.T) {
	org, env := withOrg(t)
	sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	c.run("run", "pull", "reconcile").want(t, exitProblems)
	c.run("run", "accrue", "--as-of", "2026-03-31", "--dry-run").want(t, exitOK, "dry run: nothing was written")
	c.run("run", "accrue", "--as-of", "2026-03-31").want(t, exitOK, "1 entry posted")
	o := c.run("run", "accrue", "--as-of", "2026-02-28")
	if o.code == exitOK {
		t.Errorf("went back behind what was posted:\n%s", o.out)
	}
	c.run("run", "accrue", "--as-of", "2026-02-28", "--dry-run").want(t, exitOK)
}
