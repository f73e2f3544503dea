package query

import (
	"strconv"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Result is what a query found, to be printed page by page: records with their
// children, or groups.
type Result struct {
	Projection *Projection
	// Records are the records found. Those that are purged later are left out
	// when their page is printed. Of an aggregate query they are its groups.
	Records  []*store.Record
	families families
}

// Find runs the query. A query whose groups do not fit one page is refused, as
// the platform keeps no cursors for groups. Callers hold the lock by RLock.
func (p *Plan) Find() (*Result, *soql.Error) {
	r := &Result{Projection: p.Projection, Records: p.Run()}
	if p.groups != nil {
		var err *soql.Error
		r.Records, err = p.group(r.Records)
		return r, err
	}
	if p.Projection.isNested {
		r.families = families{}
		p.Projection.findChildren(r.Records, r.families)
	}
	return r, nil
}

// Pages says how pages are printed.
type Pages struct {
	// Base is the path under which the version answers: "/services/data/v62.0/".
	Base string
	// Batch is how many records a page may have.
	Batch int
	// Open keeps a result of which more pages are to be asked for, and gives it
	// an id. It is asked for every list of children that is longer than a page.
	Open func(*Result) string
	// Loops makes the page name itself as the next one, as a broken server does.
	Loops bool
}

// AppendPage writes the page that begins with the record from, in the form of
// REST. Callers hold the lock.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
func (r *Result) AppendPage(b []byte, id string, from int, pages Pages) []byte {
	w := &printer{base: pages.Base + "sobjects/", result: r, batch: pages.Batch, children: pages.Open, loops: pages.Loops}
	if r.Projection.Object != nil {
		w.head = head(r.Projection.Object, w.base)
	}
	return r.appendFrom(b, id, from, w)
}

// append writes the first page of a list of children.
func (r *Result) append(b []byte, from int, w *printer) []byte {
	id := ""
	if len(r.Records) > w.batch && w.children != nil {
		id = w.children(r)
	}
	return r.appendFrom(b, id, from, w)
}

func (r *Result) appendFrom(b []byte, id string, from int, w *printer) []byte {
	to := min(from+w.batch, len(r.Records))
	next := to
	if w.loops && r == w.result {
		next = from
	}
	b = append(b, `{"totalSize":`...)
	b = strconv.AppendInt(b, int64(len(r.Records)), 10)
	if next == len(r.Records) {
		b = append(b, `,"done":true,`...)
	} else {
		b = append(b, `,"done":false,"nextRecordsUrl":"`...)
		b = append(b, w.base[:len(w.base)-len("sobjects/")]...)
		b = append(b, "query/"+id+"-"...)
		b = strconv.AppendInt(b, int64(next), 10)
		b = append(b, `",`...)
	}
	b = append(b, `"records":[`...)
	written := false
	for _, rec := range r.Records[from:to] {
		if rec.Purged {
			continue
		}
		if written {
			b = append(b, ',')
		}
		written = true
		b = r.Projection.append(b, rec, r.Projection.Object, w)
	}
	return append(b, "]}"...)
}
