package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/goccy/go-json"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

const (
	// maxQuery bounds a query as it stands in the address, in bytes. The
	// platform answers 414 when the address is longer than 16,384, and 431 when
	// address and headers together are.
	maxQuery = 15_000
	// The platform's bounds of a page. Within them it takes the size as advice.
	minBatch, maxBatch = 200, 2000
	// spareEmptyPages is how many pages without a record are borne in one query.
	spareEmptyPages = 16
)

// QueryOptions are the options of a query; the zero value is a good one.
type QueryOptions struct {
	// All reads deleted and archived records too (queryAll).
	All bool
	// BatchSize is the wanted number of records a page, 200 to 2000; 0 leaves
	// it to the platform (2000, or fewer for wide records).
	BatchSize int
}

// Page is a page of a query's result.
type Page struct {
	// TotalSize is how many records the query found, on all pages together.
	TotalSize int
	// Records are the page's records, each as the JSON object that was sent:
	// numbers have all their digits. They are valid during the call only.
	Records []json.RawMessage
	// ServerTime is the org's clock when it answered, to the second; zero if it
	// did not say.
	ServerTime time.Time
	// Last says that no page follows.
	Last bool
}

// queryAnswer is the body of a query.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
type queryAnswer struct {
	TotalSize int               `json:"totalSize"`
	Done      *bool             `json:"done"`
	Next      string            `json:"nextRecordsUrl"`
	Records   []json.RawMessage `json:"records"`
}

// Query runs a SOQL query and calls page for every page, in order; for an empty
// result it calls it once, with no records. An error of page ends the query and
// is returned as it is. Literals in soql must be made with Quote and DateTime.
//
// A page that fails is asked for again; pages that page has seen are not. An
// error of ClassRestart means that the org dropped the query's cursor, and that
// the query must be run again. A query longer than about 15,000 characters is
// refused with errs.Invalid, because the platform would answer 414.
func (c *Client) Query(ctx context.Context, soql string, o QueryOptions, page func(ctx context.Context, p Page) error) error {
	r, err := c.queryRequest(soql, o)
	if err != nil {
		return err
	}
	p := paging{client: c, seen: map[string]bool{}}
	for {
		var a queryAnswer
		r.decode = func(b []byte) error { a = queryAnswer{}; return a.decode(b) }
		got, err := c.do(ctx, r)
		if err != nil {
			return err
		}
		next, err := p.follow(r, a)
		if err != nil {
			return err
		}
		if err := page(ctx, Page{TotalSize: a.TotalSize, Records: a.Records, ServerTime: got.date, Last: *a.Done}); err != nil {
			return err
		}
		if *a.Done {
			return nil
		}
		r.path, r.query, _ = strings.Cut(next, "?")
	}
}

func (c *Client) queryRequest(soql string, o QueryOptions) (request, error) {
	r := request{method: http.MethodGet, path: c.data("query"), query: "q=" + url.QueryEscape(soql), header: http.Header{}}
	switch {
	case strings.TrimSpace(soql) == "":
		return r, errs.New(errs.Invalid, "the SOQL query is empty")
	case len(r.query) > maxQuery:
		return r, errs.New(errs.Invalid, "the SOQL query is %d characters long in the request, and Salesforce takes %d at most", len(r.query), maxQuery).
			WithHint("Name fewer fields, or split the conditions over several queries.")
	case o.BatchSize != 0 && (o.BatchSize < minBatch || o.BatchSize > maxBatch):
		return r, errs.New(errs.Invalid, "a batch of %d records is not between %d and %d", o.BatchSize, minBatch, maxBatch)
	}
	if o.All {
		r.path = c.data("queryAll")
	}
	if o.BatchSize != 0 {
		r.header.Set("Sforce-Query-Options", fmt.Sprintf("batchSize=%d", o.BatchSize))
	}
	return r, nil
}

// decode reads a page, and refuses JSON that is no page: taken for one, it would
// read as the end of the result.
func (a *queryAnswer) decode(body []byte) error {
	if err := json.Unmarshal(body, a); err != nil {
		return err
	}
	switch {
	case a.Done == nil:
		return errs.New(errs.Transient, `the answer of the query does not say whether it is "done"`)
	case !*a.Done && a.Next == "":
		return errs.New(errs.Transient, "the query is not done, and the answer names no next page")
	}
	return nil
}

// paging guards a query that goes on: it ends, and it stays with its org.
type paging struct {
	client   *Client
	seen     map[string]bool
	pages    int
	received int
}

// follow accounts for a page and gives the address of the next, without host. It refuses a page
// that came before, more than was announced, and an address of another host,
// which would get our session.
func (p *paging) follow(r request, a queryAnswer) (string, error) {
	p.pages++
	p.received += len(a.Records)
	if a.TotalSize >= 0 && (p.received > a.TotalSize || p.pages > a.TotalSize+spareEmptyPages) {
		return "", errs.New(errs.Transient, "%s: Salesforce announced %d records and sent %d on %d pages",
			r.name(), a.TotalSize, p.received, p.pages)
	}
	if *a.Done {
		// A count has a total and no records; and records that are purged while
		// the query goes on are missing at its end.
		if p.received < a.TotalSize && p.received > 0 {
			p.client.log.Warn("salesforce sent fewer records than it announced",
				zap.Int("announced", a.TotalSize), zap.Int("sent", p.received))
		}
		return "", nil
	}
	next, err := p.client.nextPage(a.Next)
	if err != nil {
		return "", err
	}
	if p.seen[next] {
		return "", errs.New(errs.Transient, "%s: Salesforce sends the same page of the query again and again", r.name())
	}
	p.seen[next] = true
	return next, nil
}

// nextPage gives a nextRecordsUrl without its host and leading slash.
func (c *Client) nextPage(raw string) (string, error) {
	u, err := url.Parse(raw)
	own := host(c.sessions.current().instance)
	if err != nil || u.Host != "" && !strings.EqualFold(u.Host, own) || u.User != nil ||
		!strings.HasPrefix(u.Path, "/services/data/") || strings.Contains(u.Path, "..") {
		return "", errs.New(errs.Transient, "the next page of the query is not at %s: %q", own, shorten(raw)).
			WithHint("Check what stands between here and Salesforce: the answer was changed on its way.")
	}
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}
