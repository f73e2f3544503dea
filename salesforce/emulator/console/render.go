package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"go.uber.org/zap"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by the page's name, each with the frame around it.
var pages = parsePages("overview", "list", "record", "fields", "query", "requests", "find", "sorry")

func parsePages(names ...string) map[string]*template.Template {
	frame := template.Must(template.New("frame.html").Funcs(template.FuncMap{
		"grouped": func(n int) string { return groupDigits(fmt.Sprint(n)) },
		"path":    objectPath,
		"hasCode": func(s string) bool { return strings.ContainsAny(s, "_") },
	}).ParseFS(templateFiles, "templates/frame.html", "templates/cells.html"))
	out := map[string]*template.Template{}
	for _, name := range names {
		out[name] = template.Must(template.Must(frame.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return out
}

// view is what the frame shows around every page.
type view struct {
	Title   string
	Here    string // the entry of the navigation that is current
	OrgName string
	Refresh int // seconds after which the page loads again; 0 for never
	Find    string
	Page    any
}

// show renders a page; nothing is sent before it is whole.
func (s *site) show(w http.ResponseWriter, status int, name string, v view) {
	v.OrgName = newReader(s.org.Data()).orgName()
	var b bytes.Buffer
	if err := pages[name].Execute(&b, v); err != nil {
		s.org.Logger().Error("a page of the org could not be rendered", zap.String("page", name), zap.Error(err))
		http.Error(w, "This is a fault of the program; its log has the details.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // that the browser has gone away is its own business
}

// sorry says why there is no page.
func (s *site) sorry(w http.ResponseWriter, _ *http.Request, status int, title, text string) {
	s.show(w, status, "sorry", view{Title: title, Page: struct{ Title, Text string }{title, text}})
}

// objectPath is the address of an object's list.
func objectPath(object string) string { return prefix + "/objects/" + object }

// recordPath is the address of a record.
func recordPath(id string) string { return prefix + "/records/" + id }
