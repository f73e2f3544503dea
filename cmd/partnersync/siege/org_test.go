package siege_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
)

// observer asks an org as anybody could, by REST, and shares no code with the
// program's client. It goes round the wall.
type observer struct {
	t     testing.TB
	url   string
	token string
}

func (o *observer) do(method, path string, body io.Reader, header ...string) (int, []byte) {
	o.t.Helper()
	req, err := http.NewRequest(method, o.url+path, body)
	must(o.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(o.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(o.t, err)
	return resp.StatusCode, text
}

func (o *observer) login() {
	o.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}}
	status, body := o.do("POST", "/services/oauth2/token", strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		o.t.Fatalf("log in: %d %s", status, body)
	}
	o.token = answer.Token
}

// queryAll gives all records of a query, deleted ones too.
func (o *observer) queryAll(soql string) []map[string]any {
	o.t.Helper()
	var out []map[string]any
	path := "/services/data/v62.0/queryAll?q=" + url.QueryEscape(soql)
	for path != "" {
		status, body := o.do("GET", path, nil, "Authorization", "Bearer "+o.token)
		if status == http.StatusUnauthorized {
			o.login()
			continue
		}
		var page struct {
			Records []map[string]any
			Next    string `json:"nextRecordsUrl"`
		}
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		if err := d.Decode(&page); err != nil || status != http.StatusOK {
			o.t.Fatalf("%s: %d %s", soql, status, body)
		}
		out, path = append(out, page.Records...), page.Next
	}
	return out
}

// play puts a plan of faults into force, one rule a line.
func (o *observer) play(rules ...string) {
	o.t.Helper()
	plan := planOf(rules)
	if status, body := o.do("PUT", "/emulator/faults?seed=7", strings.NewReader(plan)); status/100 != 2 {
		o.t.Fatalf("the plan was refused: %d %s\n%s", status, body, plan)
	}
}

// behave ends the faults.
func (o *observer) behave() {
	o.t.Helper()
	if status, body := o.do("DELETE", "/emulator/faults", nil); status/100 != 2 {
		o.t.Fatalf("the faults do not end: %d %s", status, body)
	}
}

// plays says how often each rule in force has played.
func (o *observer) plays() (n []int64) {
	o.t.Helper()
	_, body := o.do("GET", "/emulator/faults", nil)
	var answer struct {
		Rules []struct{ Plays int64 }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		o.t.Fatalf("%v: %s", err, body)
	}
	for _, r := range answer.Rules {
		n = append(n, r.Plays)
	}
	return n
}

// played says how often all of them have.
func (o *observer) played() (n int64) {
	o.t.Helper()
	for _, plays := range o.plays() {
		n += plays
	}
	return n
}

// theCompany is what every case's org is filled with.
func theCompany(opportunities int) emulator.GenerateOptions {
	return emulator.GenerateOptions{Opportunities: opportunities, Seed: 42, Now: instant("2026-10-15T12:00:00Z")}
}

// newOrg is a made-up company, always the same, on a port of this machine.
func newOrg(t testing.TB, o emulator.Options, opportunities int) (*emulator.Org, *observer) {
	t.Helper()
	org := emulator.New(o)
	must(t, org.Generate(theCompany(opportunities)))
	seer := &observer{t: t, url: orgtest.Serve(t, org)}
	seer.login()
	return org, seer
}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
