package alert

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// receiver answers webhooks with a status and keeps the last.
type receiver struct {
	*httptest.Server
	status int
	header http.Header
	body   []byte
	hits   int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: 204}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.hits++
		r.header = q.Header
		r.body, _ = io.ReadAll(q.Body)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(r.status)
		if r.status != 204 {
			_, _ = io.WriteString(w, strings.Repeat("x", 10*maxAnswer))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func TestAWebhookIsSignedAsTheStandardSays(t *testing.T) {
	r := newReceiver(t)
	for secret, key := range map[string]string{"plain words": "plain words", "whsec_" + base64.StdEncoding.EncodeToString([]byte("bytes")): "bytes"} {
		w, err := NewWebhook(WebhookConfig{URL: r.URL + "/hook?token=hush", Secret: secret, Private: true, Clock: clock.NewManual(noon)})
		if err != nil {
			t.Fatal(err)
		}
		n := TestNotice("Acme", noon)
		if err := w.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		want := "v1," + Sign([]byte(key), n.ID, "1795176000", r.body)
		if r.header.Get("Webhook-Id") != n.ID || r.header.Get("Webhook-Timestamp") != "1795176000" || r.header.Get("Webhook-Signature") != want {
			t.Errorf("%v, want %s", r.header, want)
		}
		var got Notice
		if err := json.Unmarshal(r.body, &got); err != nil || got != n {
			t.Errorf("%s, %v", r.body, err)
		}
	}
	// The example of the standard: https://github.com/standard-webhooks/standard-webhooks
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	if got := Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("the standard's example is signed %s", got)
	}
}

func TestAWebhookFollowsNoRedirectAndTellsNoSecret(t *testing.T) {
	r := newReceiver(t)
	w, err := NewWebhook(WebhookConfig{URL: r.URL + "/hook?token=hush", Secret: "hush", Private: true, Clock: clock.NewManual(noon)})
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{302, 307, 404, 500} {
		r.status, r.hits = status, 0
		err := w.Send(t.Context(), TestNotice("", noon))
		if err == nil || r.hits != 1 || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), strings.TrimPrefix(r.URL, "http://")) {
			t.Errorf("%d: %d requests, %v", status, r.hits, err)
		}
	}
	r.Close()
	if err := w.Send(t.Context(), TestNotice("", noon)); err == nil || strings.Contains(err.Error(), "hush") || errs.KindOf(err) != errs.Transient {
		t.Errorf("unreachable: %v", err)
	}
}

func TestAWebhookIsNotPostedInsideUnlessThatIsAllowed(t *testing.T) {
	for _, raw := range []string{
		"", "hooks.example", "ftp://hooks.example", "http://hooks.example/a", "https://u:p@hooks.example", "https://hooks.example/#hush",
		"https://127.0.0.1/hush", "https://localhost/hush", "https://a.localhost./hush", "https://[::1]/hush", "https://10.1.2.3/hush", "https://169.254.169.254/hush",
		"https://[fe80::1]/", "https://[::ffff:10.0.0.1]/", "https://0.0.0.0/", "https://100.64.0.1/", "https://[fd00:ec2::254]/", "https://[64:ff9b::a9fe:a9fe]/",
	} {
		if _, err := NewWebhook(WebhookConfig{URL: raw, Clock: clock.NewManual(noon)}); errs.KindOf(err) != errs.Invalid || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	for _, raw := range []string{"https://hooks.example/a?b=c", "https://93.184.215.14/"} {
		if _, err := NewWebhook(WebhookConfig{URL: raw, Clock: clock.NewManual(noon)}); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
	// A name that leads inside is found out when its address is known.
	for address, allowed := range map[string]bool{"127.0.0.1:443": false, "[::1]:443": false, "192.168.1.1:80": false, "169.254.169.254:80": false, "x": false, "93.184.215.14:443": true, "[2606:2800:21f::1]:443": true} {
		if err := mayDial(address); (err == nil) != allowed {
			t.Errorf("%s: %v", address, err)
		}
	}
	// By 6to4, Teredo, as IPv4-compatible IPv6, and as people wrote inside addresses before fd00.
	for _, inside := range []string{"2002:a00:1::", "2001:0:a00:1::1", "::10.0.0.1", "::7f00:1", "fec0::1", "192.88.99.1"} {
		if isPublic(netip.MustParseAddr(inside)) {
			t.Errorf("%s leads to a private address", inside)
		}
	}
}

func TestANameThatLeadsToThisMachineIsRefusedAtTheDial(t *testing.T) {
	r := newReceiver(t)
	w, err := NewWebhook(WebhookConfig{URL: "https://hooks.example/", Clock: clock.NewManual(noon)})
	if err != nil {
		t.Fatal(err)
	}
	*w.url = *must(ParseWebhookURL(r.URL, true)) // as if the name had been resolved to it
	if err := w.Send(t.Context(), TestNotice("", noon)); err == nil || r.hits != 0 || !strings.Contains(err.Error(), "private network") {
		t.Errorf("%d hits, %v", r.hits, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
