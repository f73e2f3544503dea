// Package web is what every page of the program tells a browser, and under which names it
// lets itself be asked.
package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// Forms says where the forms of a page may lead.
type Forms string

// Where forms lead.
const (
	NoForms  Forms = "'none'"
	OwnForms Forms = "'self'"
)

// Guard puts around every answer what a browser has to be told: no script at all, no
// foreign source, no frame, nothing kept. A panic becomes a 500 that says nothing of the
// inside; the log has it.
func Guard(next http.Handler, forms Forms, log *zap.Logger) http.Handler {
	policy := "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action " + string(forms) + "; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		defer recovered(w, r, log)
		next.ServeHTTP(w, r)
	})
}

func recovered(w http.ResponseWriter, r *http.Request, log *zap.Logger) {
	p := recover()
	if p == nil {
		return
	}
	// The server's own way to end a connection; it is no fault.
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	log.Error("a page panicked", zap.String("path", r.URL.Path), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
	http.Error(w, "This is a fault of the program; its log has the details.", http.StatusInternalServerError)
}

// HostOf takes the port and the brackets of an IPv6 address from a Host header, and the dot
// that may end a name.
func HostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.TrimSuffix(host, ".")
}

// CannotBeRebound says whether a host, as HostOf gives it, is one that no page elsewhere can
// have as its own: an address, localhost or a name below it, or one of some names that are
// known. Any other name can be led to this machine by whoever owns it (DNS rebinding), and
// his page would then read here in somebody's browser.
func CannotBeRebound(host string, known ...string) bool {
	return isAddress(host) || isLocalhost(host) ||
		slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(host, name) })
}

// IsThisMachine says whether a host, as HostOf gives it, names this machine in a way that
// nobody else can make point elsewhere.
func IsThisMachine(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	return isLocalhost(host)
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isLocalhost follows RFC 6761, section 6.3: what ends in localhost never leaves the machine.
func isLocalhost(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
