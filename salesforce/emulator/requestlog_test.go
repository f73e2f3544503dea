package emulator_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestTheLogTellsRowsAndClients(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1})
	for i := range 3 {
		if _, err := c.org.Insert("Lead", map[string]any{"LastName": fmt.Sprint(i), "Company": "x"}); err != nil {
			t.Fatal(err)
		}
	}
	lead := func(name string) string {
		return `{"attributes":{"type":"Lead"},"LastName":"` + name + `","Company":"x"}`
	}
	soql := "query?q=" + url.QueryEscape("SELECT Id FROM Lead")
	for _, tt := range []struct {
		method, path, body string
		header             []string
		rows               int // -1 for none
	}{
		{"GET", soql, "", nil, 3},
		{"GET", soql, "", []string{"Accept-Encoding", "gzip"}, 3},
		{"GET", soql, "", []string{"Sforce-Query-Options", "batchSize=2"}, 2},
		{"GET", soql + url.QueryEscape(" WHERE LastName = 'nobody'"), "", nil, 0},
		{"POST", "composite/sobjects", `{"records":[` + lead("a") + `,` + lead("b") + `]}`, nil, 2},
		{"POST", "composite/tree/Lead", `{"records":[{"attributes":{"type":"Lead","referenceId":"r"},"LastName":"t","Company":"x"}]}`, nil, 1},
		{"GET", "limits", "", nil, -1},
		{"GET", "query?q=SELECT", "", nil, -1},
	} {
		status, _, _ := c.do(tt.method, tt.path, tt.body, append(tt.header, "User-Agent", "a tester/1.0")...)
		e := c.org.RequestLog(1)[0]
		rows := -1
		if e.Rows != nil {
			rows = *e.Rows
		}
		if rows != tt.rows || e.Status != status || e.Client != "a tester/1.0" {
			t.Errorf("%s %s: %d rows, not %d, in %+v", tt.method, tt.path, rows, tt.rows, e)
		}
	}
}
