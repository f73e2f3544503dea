package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// noon is when most of these orgs stand still.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// client talks to an org over HTTP with nothing but the standard library.
type client struct {
	t     *testing.T
	org   *emulator.Org
	clock *clock.Manual
	url   string
	close func()
	token string
}

func newClient(t *testing.T, o emulator.Options) *client {
	t.Helper()
	c := &client{t: t, clock: clock.NewManual(noon)}
	o.Clock = c.clock
	c.org = emulator.New(o)
	c.serve(c.org.Handler())
	c.login()
	return c
}

// serve lets the client talk to a handler from now on.
func (c *client) serve(h http.Handler) {
	s := httptest.NewServer(h)
	c.t.Cleanup(s.Close)
	c.url, c.close = s.URL, s.Close
}

func (c *client) login() {
	c.t.Helper()
	status, body := c.form(url.Values{"grant_type": {"client_credentials"}, "client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}})
	if status != 200 {
		c.t.Fatalf("login: %d %v", status, body)
	}
	c.token = body["access_token"]
}

// form posts to the token endpoint.
func (c *client) form(v url.Values) (int, map[string]string) {
	c.t.Helper()
	r, err := http.PostForm(c.url+"/services/oauth2/token", v)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	out := map[string]string{}
	if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
		c.t.Fatal(err)
	}
	return r.StatusCode, out
}

// do sends a request to a path below the version and gives status, body, header.
func (c *client) do(method, path, body string, header ...string) (int, string, http.Header) {
	c.t.Helper()
	if !strings.HasPrefix(path, "/") {
		path = "/services/data/v62.0/" + path
	}
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r.StatusCode, string(b), r.Header
}

// result is a page of a query.
type result struct {
	TotalSize      int              `json:"totalSize"`
	Done           bool             `json:"done"`
	NextRecordsURL string           `json:"nextRecordsUrl"`
	Records        []map[string]any `json:"records"`
}

// query runs a query, or queryAll, and gives its first page.
func (c *client) query(resource, soql string, header ...string) result {
	c.t.Helper()
	return c.page(resource+"?q="+url.QueryEscape(soql), header...)
}

func (c *client) page(path string, header ...string) result {
	c.t.Helper()
	status, body, _ := c.do("GET", path, "", header...)
	if status != 200 {
		c.t.Fatalf("%s: %d %s", path, status, body)
	}
	var out result
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		c.t.Fatalf("%s: %v in %s", path, err, body)
	}
	return out
}

// ids gives the Name of every record of a query, joined.
func (c *client) names(soql string) string {
	c.t.Helper()
	var out []string
	for _, r := range c.query("query", soql).Records {
		name, _ := r["Name"].(string)
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// refused sends a request that has to be refused with a status and a code, and
// gives the message.
func (c *client) refused(status int, code, method, path, body string, header ...string) string {
	c.t.Helper()
	got, text, _ := c.do(method, path, body, header...)
	var errs []struct{ Message, ErrorCode string }
	if err := json.Unmarshal([]byte(text), &errs); err != nil || got != status || len(errs) != 1 || errs[0].ErrorCode != code {
		c.t.Fatalf("%s %.100s: got %d %s, want %d with %s", method, path, got, text, status, code)
	}
	return errs[0].Message
}

func (c *client) insert(object string, fields map[string]any) string {
	c.t.Helper()
	id, err := c.org.Insert(object, fields)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

type row = map[string]any

// upsertRow is a row of the answer to a Collections call.
type upsertRow struct {
	ID      string `json:"id"`
	Success bool   `json:"success"`
	Created bool   `json:"created"`
	Errors  []struct {
		StatusCode string   `json:"statusCode"`
		Message    string   `json:"message"`
		Fields     []string `json:"fields"`
	} `json:"errors"`
}

// upsert sends rows of one object, whose type it fills in.
func (c *client) upsert(object, field string, allOrNone bool, rows ...row) []upsertRow {
	c.t.Helper()
	for _, r := range rows {
		if _, ok := r["attributes"]; !ok {
			r["attributes"] = row{"type": object}
		}
	}
	b, err := json.Marshal(row{"allOrNone": allOrNone, "records": rows})
	if err != nil {
		c.t.Fatal(err)
	}
	status, body, _ := c.do("PATCH", "composite/sobjects/"+object+"/"+field, string(b))
	if status != 200 {
		c.t.Fatalf("upsert %s: %d %s", object, status, body)
	}
	var out []upsertRow
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		c.t.Fatal(err)
	}
	if len(out) != len(rows) {
		c.t.Fatalf("%d results for %d rows", len(out), len(rows))
	}
	return out
}
