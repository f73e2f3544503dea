package emulator

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/salesforce/emulator/console"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// desk shows the org to the page in a browser.
type desk struct{ o *Org }

// consoleVersion is the version of the API that the page asks.
var consoleVersion = fmt.Sprintf("%d.0", lastVersion)

// consoleUser is whose query results the page's are, so that they push none of a
// client's out.
const consoleUser = "the page in a browser"

func (d desk) Data() *store.Store  { return d.o.Store }
func (d desk) Now() time.Time      { return d.o.opt.Clock.Now() }
func (d desk) Logger() *zap.Logger { return d.o.opt.Logger }

func (d desk) Log() []console.Request { return d.o.requests.latest() }

// Ask calls the resource itself: behind the faults, the session, the limit and
// the counters, none of which the page is meant for.
func (d desk) Ask(ctx context.Context, path string, query url.Values, header http.Header) console.Answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/services/data/v"+consoleVersion+"/"+path+"?"+query.Encode(), nil)
	w := &answer{header: http.Header{}}
	if err != nil {
		writeError(w, errNoResource)
		return console.Answer{Status: w.status, Body: w.body.Bytes()}
	}
	r.Header = header
	_, f := d.o.resource(r.Method, strings.Split(path, "/"))
	if err := f(&call{w: w, r: r, version: consoleVersion, session: &session{userID: consoleUser}}); err != nil {
		writeError(w, err)
	}
	return console.Answer{Status: w.status, Body: w.body.Bytes()}
}

func (d desk) About(r *http.Request) console.About {
	o := d.o
	o.traffic.mu.Lock()
	used := o.traffic.used(o.opt.Clock.Now())
	o.traffic.mu.Unlock()
	a := console.About{
		URL: o.instanceURL(r), Version: consoleVersion, ClientID: o.opt.ClientID, ClientSecret: o.opt.ClientSecret,
		Username: o.opt.Username, Password: o.opt.Password, SecurityToken: o.opt.SecurityToken,
		DailyUsed: used, DailyLimit: o.opt.DailyLimit,
	}
	if u, err := url.Parse(o.opt.InstanceURL); err == nil && u.Hostname() != "" {
		a.Hosts = []string{u.Hostname()}
	}
	return a
}

// answer takes what a resource answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}
