package console

import (
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"go.uber.org/zap"
)

//go:embed static
var static embed.FS

// assets serves the style and the mark. They change with the program only.
func assets() http.Handler {
	files := http.StripPrefix(prefix, http.FileServerFS(static))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") { // no listing of the folder
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
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		// No script at all, no foreign source, no frame; forms lead to this site.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "+
			"base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		defer s.recovered(w, r)
		next.ServeHTTP(w, r)
	})
}

// named refuses requests for a name that is not one of this machine's. A page
// elsewhere can have its own name lead to this machine (DNS rebinding), and would
// then read the org in the browser of its developer. It can't do so with an
// address, nor with a name that is not its own. The API has no need of this: it
// wants a token that such a page does not have.
func (s *site) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostOf(r.Host); !s.answersTo(host, r) {
			http.Error(w, fmt.Sprintf("The org's page is not shown under the name %q.\n\n"+
				"It asks nobody to log in, so it answers only under an address, such as 127.0.0.1 or [::1], under localhost, and under\n"+
				"the name in the org's instance URL. Any other name could be that of a page which wants to read the org from your\n"+
				"browser (DNS rebinding). Programs may ask the API under every name; with --admin-any-host this page answers there, too.\n", host), http.StatusMisdirectedRequest)
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

func (s *site) answersTo(host string, r *http.Request) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	about := s.org.About(r)
	return about.AnyHost || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(about.Hosts, func(name string) bool { return strings.EqualFold(host, name) })
}

// safeLink gives a text as the address of a link, if it is one of the web that a
// click may follow: what is in a url field can be anything.
func safeLink(text string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	return u.String(), true
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
	s.org.Logger().Error("a page of the org panicked", zap.String("path", r.URL.Path), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
	http.Error(w, "This is a fault of the program; its log has the details.", http.StatusInternalServerError)
}
