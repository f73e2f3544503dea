package wholeway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	peer "github.com/k-capehart/go-salesforce/v3"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// drain reads what a first pull reads, with net/http and nothing else.
type drain struct {
	b        testing.TB
	url      string
	api      string
	readings []mapping.Reading
	token    string
	client   *http.Client
	body     bytes.Buffer
	records  int64
}

func newDrain(b testing.TB, address, api string) *drain {
	b.Helper()
	c, err := salesforce.New(salesforce.Config{LoginURL: address, ClientID: emulator.DemoClientID, ClientSecret: emulator.DemoClientSecret})
	must(b, err)
	defer c.Close()
	found, err := mapping.Default().Resolve(context.Background(), c)
	must(b, err)
	d := &drain{b: b, url: address, api: api, readings: found.Readings, client: &http.Client{Transport: &http.Transport{}}}
	var login struct {
		Token string `json:"access_token"`
	}
	must(b, json.Unmarshal(d.send(http.MethodPost, "/services/oauth2/token", "application/x-www-form-urlencoded",
		"grant_type=client_credentials&client_id="+emulator.DemoClientID+"&client_secret="+emulator.DemoClientSecret, nil), &login))
	d.token = login.Token
	return d
}

// send sends a request. Its answer is given until the next one, or goes to a writer.
func (d *drain) send(method, path, contentType, body string, to io.Writer) []byte {
	d.b.Helper()
	req, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	must(d.b, err)
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", contentType)
	resp, err := d.client.Do(req)
	must(d.b, err)
	d.body.Reset()
	if to == nil {
		to = &d.body
	}
	_, err = io.Copy(to, resp.Body)
	must(d.b, err)
	must(d.b, resp.Body.Close())
	if resp.StatusCode >= 300 {
		d.b.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, d.body.String())
	}
	d.body.WriteString(resp.Header.Get("Sforce-Locator")) // behind what was read, for those that page
	return d.body.Bytes()
}

// all drains everything and gives how long that took.
func (d *drain) all() time.Duration {
	return timed(func() {
		for _, r := range d.readings {
			if d.api == "bulk" && r.Kind == mapping.Opportunity {
				d.job(query(r))
			} else {
				d.pages(query(r))
			}
		}
	})
}

// query asks for all records of an object.
func query(r mapping.Reading) string {
	where := ""
	if r.Filter != "" {
		where = " WHERE " + r.Filter
	}
	return "SELECT " + strings.Join(r.Fields, ", ") + " FROM " + r.Object + where
}

const apiBase = "/services/data/v62.0"

func (d *drain) pages(soql string) {
	path := apiBase + "/queryAll?q=" + url.QueryEscape(soql+" ORDER BY Id")
	for first := true; path != ""; first = false {
		page := d.send(http.MethodGet, path, "application/json", "", nil)
		head := page[:min(len(page), 200)]
		if first {
			n, err := strconv.ParseInt(within(head, `"totalSize":`, ","), 10, 64)
			must(d.b, err)
			d.records += n
		}
		path = within(head, `"nextRecordsUrl":"`, `"`)
	}
}

func within(text []byte, before, after string) string {
	_, rest, ok := bytes.Cut(text, []byte(before))
	if !ok {
		return ""
	}
	got, _, _ := bytes.Cut(rest, []byte(after))
	return string(got)
}

func (d *drain) job(soql string) {
	body, err := json.Marshal(map[string]string{"operation": "queryAll", "query": soql})
	must(d.b, err)
	var job struct {
		ID        string `json:"id"`
		State     string `json:"state"`
		Processed int64  `json:"numberRecordsProcessed"`
	}
	must(d.b, json.Unmarshal(d.send(http.MethodPost, apiBase+"/jobs/query", "application/json", string(body), nil), &job))
	path := apiBase + "/jobs/query/" + job.ID
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for job.State != "JobComplete" {
		<-tick.C
		must(d.b, json.Unmarshal(d.send(http.MethodGet, path, "application/json", "", nil), &job))
	}
	d.records += job.Processed
	for locator := ""; locator != "null"; {
		locator = string(d.send(http.MethodGet, path+"/results?maxRecords=50000&locator="+locator, "text/csv", "", io.Discard))
	}
}

// peer lets go-salesforce read the same into structs, and gives how long that took.
func (d *drain) peer() time.Duration {
	sf, err := peer.Init(peer.Creds{Domain: d.url, ConsumerKey: emulator.DemoClientID, ConsumerSecret: emulator.DemoClientSecret})
	must(d.b, err)
	n := 0
	took := timed(func() {
		for _, r := range d.readings {
			into := reflect.New(reflect.SliceOf(structOf(r.Columns, "", d.api == "bulk")))
			if d.api != "bulk" || r.Kind != mapping.Opportunity {
				into = reflect.New(reflect.SliceOf(structOf(r.Columns, "", false)))
				must(d.b, sf.Query(query(r), into.Interface()))
				n += into.Elem().Len()
				continue
			}
			it, err := sf.QueryBulkIterator(query(r))
			must(d.b, err)
			for it.Next() {
				page := reflect.New(into.Type().Elem())
				must(d.b, it.Decode(page.Interface()))
				n += page.Elem().Len()
			}
			must(d.b, it.Error())
		}
	})
	if n == 0 {
		d.b.Fatal("the peer has read nothing")
	}
	return took
}

// structOf makes a struct type for the columns below a prefix, as somebody would write
// it down for the peer: texts, numbers and checkboxes, a struct for a parent.
func structOf(columns []mapping.Column, prefix string, isCSV bool) reflect.Type {
	var fields []reflect.StructField
	done := map[string]bool{}
	for _, c := range columns {
		rest, below := strings.CutPrefix(c.Path, prefix)
		name, _, isParent := strings.Cut(rest, ".")
		if isCSV {
			name, isParent = c.Path, false
		}
		if !below || done[name] {
			continue
		}
		done[name] = true
		of := reflect.TypeFor[string]()
		switch {
		case isParent:
			of = structOf(columns, prefix+name+".", false)
		case c.Type == "boolean":
			of = reflect.TypeFor[bool]()
		case c.Type == "currency", c.Type == "double", c.Type == "percent", c.Type == "int":
			of = reflect.TypeFor[float64]()
		}
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", len(fields)), Type: of,
			Tag: reflect.StructTag(fmt.Sprintf(`salesforce:%q csv:"%s,omitempty"`, name, name))})
	}
	return reflect.StructOf(fields)
}
