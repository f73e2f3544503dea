// Package orgtest serves orgs to tests, and gives clients of them.
package orgtest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// Serve serves an org on a port of this machine until the test is over, and gives its
// address.
func Serve(t testing.TB, org *emulator.Org) (url string) {
	t.Helper()
	s, err := emulator.Serve(context.Background(), org, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URL()
}

// Client gives a client of the org at an address, whose connections end with the test. It
// logs in as the demo's app; what else c leaves open is as by default, but that it takes no
// time between attempts.
func Client(t testing.TB, url string, c salesforce.Config) *salesforce.Client {
	t.Helper()
	c.LoginURL, c.ClientID, c.ClientSecret = url, emulator.DemoClientID, emulator.DemoClientSecret
	c.RetryInitial, c.RetryMax = cmp.Or(c.RetryInitial, time.Millisecond), cmp.Or(c.RetryMax, time.Millisecond)
	client, err := salesforce.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
