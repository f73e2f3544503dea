package portal

import (
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// maxBody bounds what a request may carry: nothing here reads a body.
const maxBody = 4 << 10

//go:embed static
var static embed.FS

// assets serves the style and the mark. They change with the program only.
func assets() http.Handler {
	files := http.FileServerFS(static)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// No listing of the folder.
		if r.URL.Path == "/static/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		files.ServeHTTP(w, r)
	})
}

// guarded puts around every answer what a browser has to be told, and turns a
// panic into a 500 that says nothing of the inside.
func (s *site) guarded(next http.Handler) http.Handler {
	limited := http.MaxBytesHandler(next, maxBody)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		// No script at all, no foreign source, no frame, no form.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		defer s.recovered(w, r)
		limited.ServeHTTP(w, r)
	})
}

// named refuses requests for a name that is not one of this site's. A page
// elsewhere can have its own name lead to this machine (DNS rebinding), and would
// then read in the browser of somebody here what partners are owed. It can't do so
// with an address, nor with a name that is not its own. Health and metrics show
// no money and are asked for under many names, so they answer to all.
func (s *site) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostOf(r.Host); !s.answersTo(host) {
			s.Log.Warn("refused to show the page under a name that is not this site's", zap.String("host", host))
			http.Error(w, fmt.Sprintf("The status page is not shown under the name %q. The setting http.hosts lists the names that it has.", host),
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf takes the port and the brackets of an IPv6 address from a Host header.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
}

func (s *site) answersTo(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.TrimSuffix(host, ".")
	return strings.EqualFold(host, "localhost") ||
		slices.ContainsFunc(s.Hosts, func(name string) bool { return strings.EqualFold(host, name) })
}

func (s *site) recovered(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	// The server's own way to end a connection; it is no fault.
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	s.Log.Error("a page panicked", zap.String("path", r.URL.Path), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
	http.Error(w, "This is a fault of the program; its log has the details.", http.StatusInternalServerError)
}
