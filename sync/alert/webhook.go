package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

const (
	// dialWithin and maxAnswer bound what the other side may cost us.
	dialWithin = 5 * time.Second
	maxAnswer  = 4 << 10
)

// WebhookConfig says where to post notices.
type WebhookConfig struct {
	// URL is https, or http to this machine or with Private. It may itself be a secret,
	// so only its host is ever told.
	URL string
	// Secret signs the messages; "" leaves them unsigned. One that begins with whsec_ is
	// base64, as the standard writes it.
	Secret string
	// Private allows addresses that are not on the internet: of this machine and of
	// private networks.
	Private bool
	Clock   clock.Clock
}

// Webhook posts notices as JSON, signed as https://www.standardwebhooks.com says: the
// headers webhook-id, webhook-timestamp and webhook-signature, where the signature is "v1,"
// and the base64 of HMAC-SHA256 over "id.timestamp.body".
type Webhook struct {
	url    *url.URL
	key    []byte
	clock  clock.Clock
	client *http.Client
}

// NewWebhook checks the settings. The error is errs.Invalid, and does not repeat the URL.
func NewWebhook(c WebhookConfig) (*Webhook, error) {
	u, err := ParseWebhookURL(c.URL, c.Private)
	if err != nil {
		return nil, err
	}
	key := []byte(c.Secret)
	if text, isStandard := strings.CutPrefix(c.Secret, "whsec_"); isStandard {
		if key, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, errs.New(errs.Invalid, "the webhook's secret begins with whsec_, and what follows is not base64")
		}
	}
	w := &Webhook{url: u, key: key, clock: c.Clock}
	dialer := &net.Dialer{Timeout: dialWithin}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		return nil, errs.New(errs.Invalid, "the proxy that the environment names for webhooks is not an address")
	}
	if proxy == nil && !c.Private {
		// Looked at when the address is known, not the name: a name can lead elsewhere the
		// second time. A proxy looks for itself.
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return mayDial(address) }
	}
	w.client = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialWithin,
			ResponseHeaderTimeout: sendWithin, MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true,
		},
		// A redirect would send what is signed for one host to another, or to a host that
		// is not to be reached from outside.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w, nil
}

// ParseWebhookURL checks the address of a webhook. The error is errs.Invalid, and does not
// repeat it.
func ParseWebhookURL(raw string, private bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errs.New(errs.Invalid, "it is not a URL like https://hooks.acme.example/partnersync")
	case u.User != nil || u.Fragment != "":
		return nil, errs.New(errs.Invalid, "it holds a user or a fragment; a secret in the path or the query is kept as one")
	case u.Scheme == "http" && !private && !isLoopback(u.Hostname()):
		return nil, errs.New(errs.Invalid, "it is not https, and would show what partners are owed to the network")
	case !private && isInside(u.Hostname()):
		return nil, errs.New(errs.Invalid, "it is an address of this machine or of a private network").
			WithHint("alerts.webhook_private: true allows it")
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// isInside says whether a host, if it is an address or localhost, is one that is not on
// the internet.
func isInside(host string) bool {
	if host == "localhost" || strings.HasSuffix(strings.TrimSuffix(host, "."), ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && !isPublic(ip)
}

// notPublic are the networks, beside those that netip knows, that no webhook is in.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("192.88.99.0/24"),
}

// isPublic says whether an address is on the internet: neither this machine's, nor of a
// private network, nor where clouds keep their metadata.
// https://www.iana.org/assignments/iana-ipv4-special-registry
func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

var errInside = errors.New("the address is of this machine or of a private network, which alerts.webhook_private allows")

// mayDial refuses addresses that are not on the internet.
func mayDial(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(ap.Addr()) {
		return errInside
	}
	return nil
}

// Name is "webhook".
func (*Webhook) Name() string { return "webhook" }

// Send posts a notice. Anything but a 2xx is an error; its text has the host and
// nothing else of the address.
func (w *Webhook) Send(ctx context.Context, n Notice) (err error) {
	defer errs.Wrap(&err, "post to %s", w.url.Host)
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is not one")
	}
	stamp := strconv.FormatInt(w.clock.Now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "partnersync")
	r.Header.Set("Webhook-Id", n.ID)
	r.Header.Set("Webhook-Timestamp", stamp)
	if len(w.key) > 0 {
		r.Header.Set("Webhook-Signature", "v1,"+Sign(w.key, n.ID, stamp, body))
	}
	resp, err := w.client.Do(r)
	if err != nil {
		return errs.New(errs.Transient, "%w", bare(err))
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	// What it answers is nobody's business, but the connection has to end.
	if _, err := io.CopyN(io.Discard, resp.Body, maxAnswer); err != nil && !errors.Is(err, io.EOF) {
		return errs.New(errs.Transient, "its answer broke off")
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return errs.New(errs.Transient, "it answered %d", resp.StatusCode)
	}
	return nil
}

// Sign gives the signature of a message, in base64.
func Sign(key []byte, id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%s.%s.", id, timestamp)
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// bare takes the URL out of an error of net/http.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
