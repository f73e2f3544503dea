package peer_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/k-capehart/go-salesforce/v3"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// desk is an org and a stranger's client that has logged in to it.
type desk struct {
	*salesforce.Salesforce
	t   *testing.T
	org *emulator.Org
	url string
}

type row = map[string]any

// serve puts an org on a port and gives its address.
func serve(t *testing.T, o emulator.Options) (*emulator.Org, *httptest.Server) {
	t.Helper()
	org := emulator.New(o)
	s := httptest.NewServer(org.Handler())
	t.Cleanup(s.Close)
	return org, s
}

// clientCredentials are those of an app that logs in by itself.
func clientCredentials(url string) salesforce.Creds {
	return salesforce.Creds{Domain: url, ConsumerKey: emulator.DemoClientID, ConsumerSecret: emulator.DemoClientSecret}
}

// open makes an org and logs in to it by client credentials.
func open(t *testing.T, o emulator.Options, options ...salesforce.Option) *desk {
	t.Helper()
	org, s := serve(t, o)
	options = append([]salesforce.Option{salesforce.WithRoundTripper(s.Client().Transport)}, options...)
	sf, err := salesforce.Init(clientCredentials(s.URL), options...)
	if err != nil {
		t.Fatalf("login: %v", err)
	}
	return &desk{Salesforce: sf, t: t, org: org, url: s.URL}
}

// insert puts a record into the org behind its HTTP surface.
func (d *desk) insert(object string, fields row) string {
	d.t.Helper()
	id, err := d.org.Insert(object, fields)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// now is the org's time, as its answers tell it.
func (d *desk) now() time.Time {
	d.t.Helper()
	at, err := http.ParseTime(d.get("/limits", nil).Header.Get("Date"))
	if err != nil {
		d.t.Fatal(err)
	}
	return at
}

// query asks with the library's Query and gives the records.
func (d *desk) query(soql string) []row {
	d.t.Helper()
	var out []row
	if err := d.Query(soql, &out); err != nil {
		d.t.Fatalf("%s: %v", soql, err)
	}
	return out
}

// only asks for a record that has to be the only one.
func (d *desk) only(soql string) row {
	d.t.Helper()
	out := d.query(soql)
	if len(out) != 1 {
		d.t.Fatalf("%s: %d records, want 1", soql, len(out))
	}
	return out[0]
}

// ask sends a request by the library's DoRequest and decodes the answer into
// out, unless that is nil.
func (d *desk) ask(method, path, body string, out any) (*http.Response, error) {
	d.t.Helper()
	r, err := d.DoRequest(method, path, []byte(body))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return r, nil
}

// get asks for what has to be there.
func (d *desk) get(path string, out any) *http.Response {
	d.t.Helper()
	r, err := d.ask("GET", path, "", out)
	if err != nil {
		d.t.Fatalf("GET %s: %v", path, err)
	}
	return r
}

// platformError is the platform's refusal, as the library hands it on: the body
// as the text of the error.
type platformError struct {
	ErrorCode, Message string
	Fields             []string
}

// refused wants an error to be a refusal with a code, and gives it.
func (d *desk) refused(err error, code string) platformError {
	d.t.Helper()
	var list []platformError
	if err == nil {
		d.t.Fatalf("nothing is refused, want %s", code)
	}
	if json.Unmarshal([]byte(err.Error()), &list) != nil || len(list) == 0 || list[0].ErrorCode != code {
		d.t.Fatalf("refused with %v, want %s", err, code)
	}
	return list[0]
}

// escaped is a text as part of a path or of a query in one.
func escaped(text string) string { return url.QueryEscape(text) }

// text repeats a letter.
func text(n int) string { return strings.Repeat("x", n) }
