package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
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

// deskLog is how many of the latest requests the page shows.
const deskLog = 500

func (d desk) Log() []console.Request {
	log := d.o.RequestLog(deskLog)
	out := make([]console.Request, len(log))
	for i, e := range log {
		out[i] = console.Request{At: e.At, Method: e.Method, Path: e.Path, SOQL: e.Query, Status: e.Status, Rows: -1,
			Bytes: e.Bytes, Client: e.Client, Duration: time.Duration(e.Millis) * time.Millisecond, Faults: e.Faults}
		if e.Rows != nil {
			out[i].Rows = *e.Rows
		}
	}
	return out
}

// Ask asks as a part of a composite call does: behind the faults, the session, the
// limit and the counters, none of which the page is meant for.
func (d desk) Ask(r *http.Request, path string, query url.Values, batch int) console.Answer {
	c := &call{r: r, version: consoleVersion, session: &session{userID: consoleUser}}
	a := d.o.ask(c, nested{method: http.MethodGet, url: c.base() + path + "?" + query.Encode(),
		header: map[string]string{"Sforce-Query-Options": "batchSize=" + strconv.Itoa(batch)}})
	return console.Answer{Status: a.status, Body: a.body.Bytes()}
}

func (d desk) About(r *http.Request) console.About {
	o := d.o
	o.traffic.mu.Lock()
	used := o.traffic.used(o.opt.Clock.Now())
	o.traffic.mu.Unlock()
	a := console.About{
		URL: o.instanceURL(r), Version: consoleVersion, ClientID: o.opt.ClientID, ClientSecret: o.opt.ClientSecret,
		Username: o.opt.Username, Password: o.opt.Password, SecurityToken: o.opt.SecurityToken,
		DailyUsed: used, DailyLimit: o.opt.DailyLimit, AnyHost: o.opt.AdminAnyHost,
	}
	if u, err := url.Parse(o.opt.InstanceURL); err == nil && u.Hostname() != "" {
		a.Hosts = []string{u.Hostname()}
	}
	return a
}
