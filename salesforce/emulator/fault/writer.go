package fault

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
)

// lost takes an answer that nobody will see.
type lost struct {
	header http.Header
}

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) WriteHeader(int)             {}
func (l *lost) Write(b []byte) (int, error) { return len(b), nil }

// cutWriter lets the first bytes of a body through and swallows the rest, so that
// the handler behind it ends its work in its own way.
type cutWriter struct {
	http.ResponseWriter
	left    int
	started bool
}

func (c *cutWriter) WriteHeader(status int) { c.start(status) }

func (c *cutWriter) start(status int) {
	if c.started {
		return
	}
	c.started = true
	// A body that is whole would be no fault: one byte at least stays away.
	if n, err := strconv.Atoi(c.Header().Get("Content-Length")); err == nil {
		c.left = min(c.left, max(n-1, 0))
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *cutWriter) Write(b []byte) (int, error) {
	c.start(http.StatusOK)
	part := b[:min(len(b), c.left)]
	c.left -= len(part)
	if len(part) > 0 {
		if _, err := c.ResponseWriter.Write(part); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// flush brings what was let through on its way. A writer that cannot flush has
// nobody at its other end.
func (c *cutWriter) flush() {
	http.NewResponseController(c.ResponseWriter).Flush() //nolint:errcheck // see above
}

// Unwrap gives the writer below, for http.ResponseController.
func (c *cutWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// maxSpoiled bounds what is kept of an answer in order to spoil it; of a longer one
// the rest is missing, which spoils it too.
const maxSpoiled = 4 << 20

// kept keeps an answer, up to its bound.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *kept) Write(b []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	k.body.Write(b[:min(len(b), maxSpoiled-k.body.Len())])
	return len(b), nil
}

// spoil sends the org's own answer, its body spoiled and its framing intact: what
// the client reads is a complete HTTP message.
func spoil(a *Answer, w http.ResponseWriter, r *http.Request, next http.Handler) {
	k := &kept{header: w.Header()}
	plain := r.Clone(r.Context())
	plain.Header.Del("Accept-Encoding") // what is spoiled is the text, not its packing
	next.ServeHTTP(k, plain)
	k.WriteHeader(http.StatusOK)
	body := k.body.Bytes()
	if a.Form == FormGzip {
		body = brokenGzip(body)
		w.Header().Set("Content-Encoding", "gzip")
	} else {
		body = body[:truncated(len(body), a.Bytes)]
	}
	for name, values := range a.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	status := k.status
	if a.Status != 0 {
		status = a.Status
	}
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // that the client has gone away is its own business
}

// truncated gives how much of n bytes is left: what is wanted, but never all; a
// negative wish is half.
func truncated(n, want int) int {
	if want < 0 {
		return n / 2
	}
	return min(want, max(n-1, 0))
}

// brokenGzip packs a body and turns bits in the middle and in the check sum.
func brokenGzip(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body) //nolint:errcheck // a buffer takes everything
	z.Close()     //nolint:errcheck // a buffer takes everything
	packed := b.Bytes()
	for _, i := range []int{len(packed) / 2, len(packed) - 8, len(packed) - 5} {
		packed[i] ^= 0xff
	}
	return packed
}
