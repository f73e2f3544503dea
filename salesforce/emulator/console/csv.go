package console

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
)

// maxCSV is how many records a download may have; Bulk API 2.0 is for more.
const maxCSV = 50_000

// queryCSV gives the whole result of a query as CSV: a header of the fields'
// paths, values as the API writes them, "" for null, a subquery as its JSON.
func (s *site) queryCSV(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	text := q.Get("q")
	records, err := s.allRecords(r, text, q.Get("all") == "on")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var b bytes.Buffer
	if err := writeCSV(&b, records); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="query.csv"`)
	w.Write(b.Bytes()) //nolint:errcheck // see show
}

// allRecords follows a query through its pages.
func (s *site) allRecords(r *http.Request, text string, all bool) (node, error) {
	records := node{kind: '['}
	for locator := ""; ; {
		a := s.fetch(r, text, all, locator, maxPage)
		body, err := parseJSON(a.Body)
		if err != nil || a.Status != http.StatusOK {
			e := errorOf(a, body, text)
			return records, fmt.Errorf("%s: %s", e.Code, e.Message)
		}
		if n, err := strconv.Atoi(body.get("totalSize").text); err == nil && n > maxCSV {
			return records, fmt.Errorf("the query has %d records, and a download %d at the most: Bulk API 2.0 is for more", n, maxCSV)
		}
		records.children = append(records.children, body.get("records").children...)
		if locator = locatorOf(body); locator == "" {
			return records, nil
		}
	}
}

// maxPage is the largest page that the platform gives.
const maxPage = 2000

func writeCSV(b *bytes.Buffer, records node) error {
	out := csv.NewWriter(b)
	names, rows := spread(records)
	if err := out.Write(names); err != nil {
		return err
	}
	line := make([]string, len(names))
	for _, row := range rows {
		for i, name := range names {
			if line[i] = row[name].text; row[name].kind == '{' || row[name].kind == '[' {
				line[i] = row[name].json()
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
