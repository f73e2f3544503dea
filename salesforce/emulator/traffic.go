package emulator

import (
	"sync"
	"time"
)

// requestKind is what a request was for.
type requestKind int

const (
	kindOther requestKind = iota
	kindLogin
	kindQuery
	kindPage
	kindDescribe
	kindLimits
	kindRecord
	kindUpsert
	kindBulk
	kinds
	// kindOwn marks a door behind which requests of several kinds come, which
	// counts them itself.
	kindOwn requestKind = -1
)

// Requests counts the requests that reached the org, those that it refused and
// those that a Fault swallowed included.
type Requests struct {
	Total    int
	Login    int // token endpoint and SOAP login
	Query    int // first pages of query and queryAll
	Page     int // further pages
	Describe int
	Limits   int
	Record   int // single records
	Upsert   int // Collections calls
	Bulk     int // anything about bulk jobs
	Other    int
}

// traffic counts requests: by kind, and for the daily limit, which is a rolling
// one.
type traffic struct {
	mu     sync.Mutex
	byKind [kinds]int
	hours  [24]struct{ hour, n int64 }
}

func (t *traffic) count(k requestKind) {
	if k == kindOwn {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byKind[k]++
}

// spend counts a request against the daily limit and gives what is used, and
// whether the limit still holds.
func (t *traffic) spend(now time.Time, limit int) (used int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	used = t.used(now)
	if used >= limit {
		return used, false
	}
	t.bucket(now.Unix()/3600).n++
	return used + 1, true
}

func (t *traffic) bucket(hour int64) *struct{ hour, n int64 } {
	b := &t.hours[((hour%24)+24)%24]
	if b.hour != hour {
		b.hour, b.n = hour, 0
	}
	return b
}

func (t *traffic) used(now time.Time) int {
	hour := now.Unix() / 3600
	n := int64(0)
	for _, b := range t.hours {
		if b.hour > hour-24 && b.hour <= hour {
			n += b.n
		}
	}
	return int(n)
}

// Requests gives the counters.
func (o *Org) Requests() Requests {
	t := &o.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Requests{Login: t.byKind[kindLogin], Query: t.byKind[kindQuery], Page: t.byKind[kindPage],
		Describe: t.byKind[kindDescribe], Limits: t.byKind[kindLimits], Record: t.byKind[kindRecord],
		Upsert: t.byKind[kindUpsert], Bulk: t.byKind[kindBulk], Other: t.byKind[kindOther]}
	for _, n := range t.byKind {
		r.Total += n
	}
	return r
}

// SetUsage makes the org believe that so many requests of its daily limit are
// used.
func (o *Org) SetUsage(n int) {
	t := &o.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.hours {
		t.hours[i].n = 0
	}
	t.bucket(o.opt.Clock.Now().Unix() / 3600).n = int64(n)
}
