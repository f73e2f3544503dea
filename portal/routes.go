package portal

import "net/http"

// routes is the route table. A path that is not here is not found; a method that
// is not here is not allowed. GET answers HEAD too.
func (s *site) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.named(http.HandlerFunc(s.status)))
	mux.Handle("GET /static/", assets())
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics())
	return mux
}
