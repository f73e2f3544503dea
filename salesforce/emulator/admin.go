package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/web"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

// adminPath is under where the keeper of an org finds what no real org has.
const adminPath = "/emulator"

// adminHandler answers the endpoints under /emulator/: for developers and tests,
// so without login. A page of another site must reach them neither directly nor by
// a name of its own that it lets point to this machine (DNS rebinding): requests
// that a browser marks as another site's are refused, and those for a host name
// that is not this machine's, unless Options.AdminAnyHost says otherwise.
func (o *Org) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /emulator/{$}", o.adminIndex)
	mux.HandleFunc("GET /emulator/faults", o.adminFaults)
	mux.HandleFunc("PUT /emulator/faults", o.adminSetFaults)
	mux.HandleFunc("POST /emulator/faults", o.adminSetFaults)
	mux.HandleFunc("DELETE /emulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		o.PlayFaults(nil, 0)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /emulator/requests", o.adminRequests)
	mux.HandleFunc("GET /emulator/clock", o.adminClock)
	mux.HandleFunc("POST /emulator/clock", o.adminSetClock)
	mux.HandleFunc("DELETE /emulator/sessions", func(w http.ResponseWriter, _ *http.Request) {
		o.ExpireSessions()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /emulator/cursors", func(w http.ResponseWriter, _ *http.Request) {
		o.DropCursors()
		w.WriteHeader(http.StatusNoContent)
	})
	return o.adminOnly(mux)
}

// adminOnly keeps from a handler what must not reach an org's keeper: requests of
// other sites' pages, and those for a host that is not this machine's.
func (o *Org) adminOnly(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		switch {
		case !o.opt.AdminAnyHost && !web.IsThisMachine(web.HostOf(r.Host)):
			adminError(w, http.StatusForbidden, fmt.Sprintf("the host %q is not this machine; start the emulator with --admin-any-host if it shall answer for it", r.Host))
		case (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate":
			adminError(w, http.StatusForbidden, "a page of another origin may not ask this")
		default:
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Cache-Control", "no-store")
			protected.ServeHTTP(w, r)
		}
	})
}

// isRebound says whether a request is one of a page whose own name leads to this
// machine. The org's credentials are known to everybody, so such a page could log
// in. Programs send no Origin, and pages of other names can't read what they get.
func (o *Org) isRebound(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || origin.Host == "" || !strings.EqualFold(origin.Host, r.Host) || o.opt.AdminAnyHost {
		return false
	}
	var own []string
	if instance, err := url.Parse(o.opt.InstanceURL); err == nil && instance.Host != "" {
		own = append(own, instance.Hostname())
	}
	return !web.CannotBeRebound(web.HostOf(r.Host), own...)
}

func adminError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

func (o *Org) adminIndex(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"org": o.ID(), "now": o.opt.Clock.Now().UTC(), "endpoints": []string{
		"GET|PUT|DELETE /emulator/faults", "GET /emulator/requests?n=100", "GET|POST /emulator/clock", "DELETE /emulator/sessions", "DELETE /emulator/cursors",
	}})
}

func (o *Org) adminFaults(w http.ResponseWriter, _ *http.Request) {
	p := o.Faults()
	if p == nil {
		writeJSON(w, http.StatusOK, map[string]any{"rules": []any{}})
		return
	}
	writeJSON(w, http.StatusOK, p)
}

// adminSetFaults puts the plan of the body into force, with ?seed=N; by default 1.
func (o *Org) adminSetFaults(w http.ResponseWriter, r *http.Request) {
	seed := uint64(1)
	if text := r.URL.Query().Get("seed"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			adminError(w, http.StatusBadRequest, "seed has to be a whole number")
			return
		}
	}
	p, err := fault.Read(http.MaxBytesReader(w, r.Body, 1<<20), "plan")
	var wrong *fault.Error
	switch {
	case errors.As(err, &wrong):
		type problem struct {
			Line    int    `json:"line"`
			Column  int    `json:"column"`
			Key     string `json:"key"`
			Message string `json:"message"`
		}
		out := make([]problem, len(wrong.Problems))
		for i, p := range wrong.Problems {
			out[i] = problem(p)
		}
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": wrong.Error(), "problems": out})
	case err != nil:
		adminError(w, http.StatusBadRequest, "the plan cannot be read")
	default:
		o.PlayFaults(p, seed)
		o.adminFaults(w, r)
	}
}

func (o *Org) adminRequests(w http.ResponseWriter, r *http.Request) {
	n := 100
	if text := r.URL.Query().Get("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 {
			adminError(w, http.StatusBadRequest, "n has to be a number of requests")
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"total": o.Requests().Total, "requests": o.RequestLog(n)})
}

// movable is a clock that the keeper moves.
type movable interface {
	Set(t time.Time)
	Advance(d time.Duration)
}

func (o *Org) adminClock(w http.ResponseWriter, _ *http.Request) {
	_, canMove := o.opt.Clock.(movable)
	writeJSON(w, http.StatusOK, map[string]any{"now": o.opt.Clock.Now().UTC(), "movable": canMove})
}

// adminSetClock moves the clock: {"advance": "1h30m"} or {"set": "2026-11-27T09:00:00Z"}.
func (o *Org) adminSetClock(w http.ResponseWriter, r *http.Request) {
	c, canMove := o.opt.Clock.(movable)
	if !canMove {
		adminError(w, http.StatusConflict, "the org goes by the machine's clock; start the emulator with --clock to move it")
		return
	}
	var body struct {
		Advance string    `json:"advance"`
		Set     time.Time `json:"set"`
	}
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || (body.Advance == "") == body.Set.IsZero() {
		adminError(w, http.StatusBadRequest, `expected {"advance": "1h30m"} or {"set": "2026-11-27T09:00:00Z"}`)
		return
	}
	if body.Advance == "" {
		c.Set(body.Set)
	} else {
		by, err := time.ParseDuration(body.Advance)
		if err != nil {
			adminError(w, http.StatusBadRequest, "advance has to be a duration like 1h30m")
			return
		}
		c.Advance(by)
	}
	o.adminClock(w, r)
}
