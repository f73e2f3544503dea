package console

import (
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/partnersync/partnersync/internal/web"
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

// guarded tells browsers what they have to be told; forms lead to this site.
func (s *site) guarded(next http.Handler) http.Handler {
	return web.Guard(next, web.OwnForms, s.org.Logger())
}

// named refuses requests for a name that is not one of this machine's. A page
// elsewhere can have its own name lead to this machine (DNS rebinding), and would
// then read the org in the browser of its developer. It can't do so with an
// address, nor with a name that is not its own. The API has no need of this: it
// wants a token that such a page does not have.
func (s *site) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		about := s.org.About(r)
		if host := web.HostOf(r.Host); !about.AnyHost && !web.CannotBeRebound(host, about.Hosts...) {
			http.Error(w, fmt.Sprintf("The org's page is not shown under the name %q.\n\n"+
				"It asks nobody to log in, so it answers only under an address, such as 127.0.0.1 or [::1], under localhost, and under\n"+
				"the name in the org's instance URL. Any other name could be that of a page which wants to read the org from your\n"+
				"browser (DNS rebinding). Programs may ask the API under every name; with --admin-any-host this page answers there, too.\n", host), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
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
