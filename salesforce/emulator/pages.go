package emulator

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// cursor is a query's result of which pages are still to be fetched.
type cursor struct {
	id     string
	result *query.Result
	userID string
	isRead bool // its last page was given
	step   int  // records on its first page
	opened time.Time
	// children are the ids of longer lists of children in its records. They go
	// when it goes.
	children []string
}

// cursors are the open results, oldest first. Their number is bounded for each
// user; the oldest goes when one too many is opened, read ones before others.
type cursors struct {
	mu   sync.Mutex
	n    uint64
	byID map[string]*cursor
	open []*cursor
	// now is the org's clock, and ttl how long a result lasts after its query.
	now func() time.Time
	ttl time.Duration
}

func (cs *cursors) add(c *cursor, limit int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.n++
	c.opened = cs.now()
	c.id = store.MakeID("01g", cs.n)
	for len(cs.open) > 0 && cs.isOver(cs.open[0]) {
		cs.forget(cs.open[0])
		cs.open = cs.open[1:]
	}
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
		cs.forget(cs.open[oldest])
		cs.open = slices.Delete(cs.open, oldest, oldest+1)
	}
	cs.byID[c.id] = c
	cs.open = append(cs.open, c)
}

// forget takes a result and the lists of its children out of byID.
func (cs *cursors) forget(c *cursor) {
	delete(cs.byID, c.id)
	for _, id := range c.children {
		delete(cs.byID, id)
	}
}

// addChildren opens a list of children of a result that is open itself.
func (cs *cursors) addChildren(of, c *cursor) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.n++
	c.opened = of.opened
	c.id = store.MakeID("01g", cs.n)
	cs.byID[c.id] = c
	of.children = append(of.children, c.id)
}

func (cs *cursors) find(id string) *cursor {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.byID[id]
	if c == nil || cs.isOver(c) {
		return nil
	}
	return c
}

// isOver says whether a result's time is over.
func (cs *cursors) isOver(c *cursor) bool { return cs.now().Sub(c.opened) >= cs.ttl }

// drop forgets the result of a locator.
func (cs *cursors) drop(locator string) {
	id, _, _ := strings.Cut(locator, "-")
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c := cs.byID[id]; c != nil {
		cs.forget(c)
	}
	cs.open = slices.DeleteFunc(cs.open, func(c *cursor) bool { return c.id == id })
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

// firstPage answers query and queryAll, and explain instead of a query.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
func (o *Org) firstPage(c *call, all bool) error { return o.firstPageOf(c, o.Store, all) }

func (o *Org) firstPageOf(c *call, s *store.Store, all bool) error {
	params := c.r.URL.Query()
	text, explain := params.Get("q"), false
	if text == "" && params.Has("explain") {
		text, explain = params.Get("explain"), true
	}
	if strings.TrimSpace(text) == "" {
		return refuse(http.StatusBadRequest, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
	}
	batch, err := o.batchSize(c.r)
	if err != nil {
		return err
	}
	qerr := o.hiddenInQuery(decisionOf(c.r.Context()), text)
	if qerr != nil {
		return queryError(qerr)
	}
	p, qerr := query.New(s, text, all)
	switch {
	case qerr != nil:
		return queryError(qerr)
	case explain:
		writeJSON(c.w, http.StatusOK, map[string]any{"plans": o.explain(p)})
		return nil
	case strings.EqualFold(params.Get("columns"), "true"):
		writeJSON(c.w, http.StatusOK, p.Metadata())
		return nil
	}
	buffer := takeBuffer()
	defer buffer.giveBack()
	if qerr := o.runQuery(c, p, batch, buffer); qerr != nil {
		return queryError(qerr)
	}
	writeBody(c.w, http.StatusOK, buffer.b)
	return nil
}

// pageBuffer is memory for a page, used again for another: pages are megabytes,
// and making new ones would keep the garbage collector busy.
type pageBuffer struct{ b []byte }

// maxKept is the size above which a buffer isn't kept.
const maxKept = 8 << 20

var pageBuffers = sync.Pool{New: func() any { return &pageBuffer{} }}

func takeBuffer() *pageBuffer {
	p, ok := pageBuffers.Get().(*pageBuffer)
	if !ok {
		return &pageBuffer{}
	}
	p.b = p.b[:0]
	return p
}

func (p *pageBuffer) giveBack() {
	if cap(p.b) <= maxKept {
		pageBuffers.Put(p)
	}
}

func (o *Org) explain(p *query.Plan) []query.Explanation {
	p.RLock()
	defer p.RUnlock()
	return p.Explain()
}

// runQuery runs a query and gives its first page. The lock is let go before
// anything is sent, so that a slow client holds nobody up.
func (o *Org) runQuery(c *call, p *query.Plan, batch int, into *pageBuffer) *soql.Error {
	p.RLock()
	defer p.RUnlock()
	result, err := p.Find()
	if err != nil {
		return err
	}
	if p.Count {
		into.b = fmt.Appendf(into.b, `{"totalSize":%d,"done":true,"records":[]}`, len(result.Records))
		return nil
	}
	cur := &cursor{result: result, userID: c.session.userID}
	batch = cur.batch(batch)
	cur.step = batch
	if len(result.Records) > batch {
		o.cursors.add(cur, o.opt.MaxCursors)
	}
	o.page(c, cur, 0, batch, into)
	return nil
}

// batch is how many records a page of the result has at most: fewer than the
// client asks for where long texts would make it heavy.
func (c *cursor) batch(asked int) int {
	if c.result.Projection.LongText >= 2 {
		return min(asked, minBatch)
	}
	return asked
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
	if cur == nil || cur.userID != c.session.userID || from >= len(cur.result.Records) {
		return bad
	}
	buffer := takeBuffer()
	defer buffer.giveBack()
	o.pageLocked(c, cur, from, cur.batch(batch), buffer)
	writeBody(c.w, http.StatusOK, buffer.b)
	return nil
}

func (o *Org) pageLocked(c *call, cur *cursor, from, batch int, into *pageBuffer) {
	o.RLock()
	defer o.RUnlock()
	o.page(c, cur, from, batch, into)
}

// page prints the records [from, from+batch) of a result, as they are now.
// Callers hold the lock.
func (o *Org) page(c *call, cur *cursor, from, batch int, into *pageBuffer) {
	loops := from > 0 && decisionOf(c.r.Context()).LoopsPages()
	total := len(cur.result.Records)
	to := min(from+batch, total)
	noteRows(c.w, to-from)
	if to == total && !loops {
		o.cursors.markRead(cur)
	}
	into.b = cur.result.AppendPage(into.b, cur.id, from, query.Pages{Base: c.base(), Batch: batch, Loops: loops, Open: func(r *query.Result) string {
		if cur.id == "" {
			o.cursors.add(cur, o.opt.MaxCursors)
		}
		child := &cursor{result: r, userID: c.session.userID, step: batch}
		o.cursors.addChildren(cur, child)
		return child.id
	}})
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
