package emulator

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// cursor is a query's result of which pages are still to be fetched.
type cursor struct {
	id         string
	projection *query.Projection
	table      *store.Table
	records    []*store.Record
	userID     string
	isRead     bool // its last page was given
}

// cursors are the open results, oldest first. Their number is bounded for each
// user; the oldest goes when one too many is opened, read ones before others.
type cursors struct {
	mu   sync.Mutex
	n    uint64
	byID map[string]*cursor
	open []*cursor
}

func (cs *cursors) add(c *cursor, limit int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.n++
	c.id = store.MakeID("01g", cs.n)
	for {
		mine := 0
		oldest := -1
		for i, other := range cs.open {
			if other.userID != c.userID {
				continue
			}
			mine++
			if oldest < 0 || other.isRead && !cs.open[oldest].isRead {
				oldest = i
			}
		}
		if mine < limit {
			break
		}
		delete(cs.byID, cs.open[oldest].id)
		cs.open = slices.Delete(cs.open, oldest, oldest+1)
	}
	cs.byID[c.id] = c
	cs.open = append(cs.open, c)
}

func (cs *cursors) find(id string) *cursor {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.byID[id]
}

func (cs *cursors) markRead(c *cursor) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.isRead = true
}

// DropCursors forgets all open query results, as the platform may at any time:
// the next page is answered INVALID_QUERY_LOCATOR.
func (o *Org) DropCursors() {
	o.cursors.mu.Lock()
	defer o.cursors.mu.Unlock()
	clear(o.cursors.byID)
	o.cursors.open = nil
}

// firstPage answers query and queryAll.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
func (o *Org) firstPage(c *call, all bool) error {
	text := c.r.URL.Query().Get("q")
	if strings.TrimSpace(text) == "" {
		return refuse(http.StatusBadRequest, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
	}
	batch, err := o.batchSize(c.r)
	if err != nil {
		return err
	}
	p, qerr := query.New(o.Store, text, all)
	if qerr != nil {
		return queryError(qerr)
	}
	writeBody(c.w, http.StatusOK, o.runQuery(c, p, batch))
	return nil
}

// runQuery runs a query and gives its first page. The lock is let go before
// anything is sent, so that a slow client holds nobody up.
func (o *Org) runQuery(c *call, p *query.Plan, batch int) []byte {
	o.RLockTidy(p.Table)
	defer o.RUnlock()
	records := p.Run()
	if p.Count {
		noteRows(c.w, 0)
		return fmt.Appendf(nil, `{"totalSize":%d,"done":true,"records":[]}`, len(records))
	}
	if p.Projection.LongText >= 2 {
		batch = min(batch, minBatch)
	}
	cur := &cursor{projection: p.Projection, table: p.Table, records: records, userID: c.session.userID}
	if len(records) > batch {
		o.cursors.add(cur, o.opt.MaxCursors)
	}
	return o.page(c, cur, 0, batch)
}

func queryError(e *soql.Error) error {
	return &apiError{status: http.StatusBadRequest, code: e.Code, message: e.Message}
}

var locatorPattern = regexp.MustCompile(`^([A-Za-z0-9]{18})-(\d{1,9})$`)

// nextPage answers a nextRecordsUrl.
func (o *Org) nextPage(c *call, locator string) error {
	bad := refuse(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
	m := locatorPattern.FindStringSubmatch(locator)
	if m == nil {
		return bad
	}
	from, err := strconv.Atoi(m[2])
	if err != nil {
		return bad
	}
	batch, err := o.batchSize(c.r)
	if err != nil {
		return err
	}
	cur := o.cursors.find(m[1])
	if cur == nil || cur.userID != c.session.userID || from >= len(cur.records) {
		return bad
	}
	if cur.projection.LongText >= 2 {
		batch = min(batch, minBatch)
	}
	writeBody(c.w, http.StatusOK, o.pageLocked(c, cur, from, batch))
	return nil
}

func (o *Org) pageLocked(c *call, cur *cursor, from, batch int) []byte {
	o.RLock()
	defer o.RUnlock()
	return o.page(c, cur, from, batch)
}

// page prints the records [from, from+batch) of a result, as they are now.
// Callers hold the lock.
func (o *Org) page(c *call, cur *cursor, from, batch int) []byte {
	to := min(from+batch, len(cur.records))
	b := make([]byte, 0, 256+(to-from)*64*(4+len(cur.projection.Parts)))
	b = fmt.Appendf(b, `{"totalSize":%d,"done":%t,`, len(cur.records), to == len(cur.records))
	if to < len(cur.records) {
		b = fmt.Appendf(b, `"nextRecordsUrl":"%squery/%s-%d",`, c.base(), cur.id, to)
	} else {
		o.cursors.markRead(cur)
	}
	b = append(b, `"records":[`...)
	base := c.base() + "sobjects/"
	noteRows(c.w, to-from)
	written := false
	for _, r := range cur.records[from:to] {
		if r.Purged {
			continue
		}
		if written {
			b = append(b, ',')
		}
		written = true
		b = cur.projection.AppendJSON(b, r, base)
	}
	return append(b, "]}"...)
}

// batchSize reads Sforce-Query-Options: batchSize=500.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_queryoptions.htm
func (o *Org) batchSize(r *http.Request) (int, error) {
	h := r.Header.Get("Sforce-Query-Options")
	if h == "" {
		return maxBatch, nil
	}
	for option := range strings.SplitSeq(h, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "batchSize") {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < o.opt.MinBatch || n > maxBatch {
			return 0, refuse(http.StatusBadRequest, "INVALID_BATCH_SIZE", "Batch size must be between %d and %d", o.opt.MinBatch, maxBatch)
		}
		return n, nil
	}
	return maxBatch, nil
}
