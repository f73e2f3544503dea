package portal

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"go.uber.org/zap"
)

//go:embed templates
var templates embed.FS

// page is the status page's template.
type page struct{ status *template.Template }

// loadPage reads the embedded template. It panics if that is broken, which no
// test lets happen.
func loadPage() page {
	return page{status: template.Must(template.New("status.html").Funcs(template.FuncMap{"prose": prose}).
		ParseFS(templates, "templates/status.html"))}
}

// status shows how the stages fare and what is owed. It is rendered as a whole
// before the first byte is sent, so a failure is a clean one.
func (s *site) status(w http.ResponseWriter, r *http.Request) {
	var v view
	code := http.StatusOK
	if snap, err := s.snapshots.get(r.Context()); err == nil {
		v = s.view(snap)
	} else {
		s.Log.Warn("the state could not be read for the page", zap.Error(err))
		code, v = http.StatusServiceUnavailable, s.unreadable()
	}
	var b bytes.Buffer
	if err := s.page.status.Execute(&b, v); err != nil {
		s.Log.Error("the status page could not be rendered", zap.Error(err))
		http.Error(w, "This is a fault of the program; its log has the details.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	s.write(w, b.Bytes())
}
