package portal

import (
	"embed"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/web"
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

// guarded bounds what requests carry, and tells browsers what they have to be told.
func (s *site) guarded(next http.Handler) http.Handler {
	return web.Guard(http.MaxBytesHandler(next, maxBody), web.NoForms, s.Log)
}

// named refuses requests for a name that is not one of this site's. A page
// elsewhere can have its own name lead to this machine (DNS rebinding), and would
// then read in the browser of somebody here what partners are owed. It can't do so
// with an address, nor with a name that is not its own. Health and metrics show
// no money and are asked for under many names, so they answer to all.
func (s *site) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := web.HostOf(r.Host); !web.CannotBeRebound(host, s.Hosts...) {
			s.Log.Warn("refused to show the page under a name that is not this site's", zap.String("host", host))
			http.Error(w, fmt.Sprintf("The status page is not shown under the name %q. The setting http.hosts lists the names that it has.", host),
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
