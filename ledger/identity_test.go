package ledger_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/ledger"
)

func TestR1_1_PartnerID(t *testing.T) {
	for raw, want := range map[string]string{"FG3877": "FG3877", " fg3877 ": "FG3877", "": "", "  \t": ""} {
		if id, ok := ledger.ParsePartnerID(raw); !ok || id != want {
			t.Errorf("%q: %q, %t; want %q", raw, id, ok, want)
		}
	}
	for _, raw := range []string{"FG387", "FG38777", "F33877", "FGA877", "FG-3877", "ＦＧ3877", "ßG3877", "FG387７", "FG3877,AB1234", "[G3877", "{G3877"} {
		if id, ok := ledger.ParsePartnerID(raw); ok {
			t.Errorf("%q is taken for %q", raw, id)
		}
	}
}

func TestR1_2_EmailKey(t *testing.T) {
	for raw, want := range map[string]string{
		" Ana@Client.Example ": "ana@client.example", "a@BÜCHER.example": "a@xn--bcher-kva.example", "": "",
		"ana+tag@client.example": "ana+tag@client.example", "a.n.a@client.example": "a.n.a@client.example",
	} {
		if key, err := ledger.EmailKey(raw); err != nil || key != want {
			t.Errorf("%q: %q (%v), want %q", raw, key, err, want)
		}
	}
	for _, raw := range []string{"ana", "@client.example", "ana@", "a b@client.example", "ana@-bad-.example"} {
		if key, err := ledger.EmailKey(raw); err == nil {
			t.Errorf("%q is taken for %q", raw, key)
		}
	}
	if a, b := ledger.FoldEmailKey("a.na+x@client.example"), ledger.FoldEmailKey("ana@client.example"); a != b {
		t.Errorf("%q and %q do not look alike", a, b)
	}
}

func TestRegistrableDomain(t *testing.T) {
	for address, want := range map[string]string{
		"https://www.Client.example/path?x": "client.example", "shop.client.co.uk": "client.co.uk", "client.example:8080": "client.example",
		"co.uk": "", "": "", "localhost": "", "not a domain": "",
	} {
		if got := ledger.RegistrableDomain(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

// What is longer than any address may be is none, however it is made up.
func TestR1_2_NothingEndlessIsAnAddress(t *testing.T) {
	long := strings.Repeat("a", 250)
	if key, err := ledger.EmailKey(long[:240] + "@client.example"); err == nil {
		t.Errorf("it is taken for %q", key)
	}
	if key, err := ledger.EmailKey(long[:238] + "@client.example"); err != nil || len(key) != 253 {
		t.Errorf("%q, %v", key, err)
	}
	if key, err := ledger.EmailKey("ana@" + strings.Repeat("bücher.", 30) + "example"); err == nil {
		t.Errorf("it is taken for %q", key)
	}
	if domain := ledger.RegistrableDomain(strings.Repeat(long[:50]+".", 6) + "client.example"); domain != "" {
		t.Errorf("it is taken for %q", domain)
	}
	if domain := ledger.RegistrableDomain(strings.Repeat("ü", 1<<20) + ".example"); domain != "" {
		t.Errorf("it is taken for a domain of %d bytes", len(domain))
	}
}
