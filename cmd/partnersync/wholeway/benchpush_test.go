package wholeway_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

// What a push is held against.
const (
	slowestPush    = 0.8 // of the speed of sending the same bodies with net/http
	mostPushMemory = 150 // MB
	bulkCalls      = 20  // for 100,000 commissions, all requests
)

// paces are orgs that write so many rows in a second, the share of all commissions that
// each gets, and what a push to them is held against. The platform allots an org 150 million
// rows by Bulk in a day, 1,736 a second on average; how fast it writes at a time it does not
// say.
// https://developer.salesforce.com/docs/atlas.en-us.228.0.api_bulk_v2.meta/api_bulk_v2/bulk_api_2_limits.htm
var paces = []struct {
	rows    int
	share   int // 1 / share
	slowest float64
}{{2_000, 5, 0.9}, {20_000, 1, slowestPush}}

// BenchmarkPush sends the commissions of a ledger to an org whose emulator is a process of
// its own, by Bulk and by Collections, in a process of its own each time, and holds that
// against the least that it can cost, in the same run: the same bodies, made up before, sent
// with net/http. BENCH_COMMISSIONS says how many there are; a tenth of them shows that
// memory does not grow, and some go to orgs that write only so many rows in a second. Calls
// are counted by the emulator. All of that shares the machine's processors.
func BenchmarkPush(b *testing.B) {
	n := benchCommissions(b)
	for range b.N {
		var small, large, slow []*pushed
		for _, api := range []string{"bulk", "collections"} {
			small = append(small, newPushed(b, pushed{api: api, n: n / 10}))
			large = append(large, newPushed(b, pushed{api: api, n: n}))
			for _, pace := range paces {
				slow = append(slow, newPushed(b, pushed{api: api, n: n / pace.share, pace: pace.rows, slowest: pace.slowest}))
			}
		}
		for _, p := range slices.Concat(small, large, slow) {
			p.measure()
		}
		for _, p := range slices.Concat(large, slow) {
			p.takeFloor()
		}
		for _, p := range large {
			p.takeLedger()
		}
		// A benchmark's own log is cut after ten lines.
		fmt.Fprint(os.Stdout, "\n", pushTable(large, small, slow), pushVerdicts(large, slow))
	}
}

// benchCommissions is how many commissions are pushed.
func benchCommissions(b *testing.B) int {
	b.Helper()
	s := os.Getenv("BENCH_COMMISSIONS")
	if s == "" {
		return 100_000
	}
	n, err := strconv.Atoi(s)
	must(b, err)
	return n
}

// pushed is one ledger, pushed by one API, and what was measured.
type pushed struct {
	b       testing.TB
	api     string
	n       int
	pace    int     // rows that the org writes in a second; 0 is as many as it can
	slowest float64 // of the speed of its floor, where there is a pace
	url     string
	db      *sqlx.DB
	program *program

	run, nothing used
	calls        map[string]int // that the org received, by kind
	floor        time.Duration
	ledger       time.Duration // of reading the lines plainly and noting as many outcomes
	bytes        int64
	pid          int // of the org
	// cpu is what others than push used of processors during the run, floorCPU what all did
	// during the floor.
	cpu, floorCPU spent
}

// spent is processor time by who used it.
type spent struct{ org, database, own time.Duration }

func (s spent) sum() time.Duration { return s.org + s.database + s.own }

// spending reads what was used until now.
func (p *pushed) spending() spent {
	return spent{cpuOf(p.b, p.pid), cpuOfServer(p.b, p.db), cpuOf(p.b, os.Getpid())}
}

func (s spent) since(before spent) spent {
	return spent{s.org - before.org, s.database - before.database, s.own - before.own}
}

func newPushed(b *testing.B, of pushed) *pushed {
	b.Helper()
	p := &of
	dsn := pgtest.DSN(b)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 2, Patience: time.Hour, Name: "benchmark"})
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	p.b, p.db = b, db
	p.url = p.org()
	p.program = newProgram(b, dsn, p.url)
	p.program.env = []string{"PARTNERSYNC_PUSH_API=" + p.api}
	_, err = db.Exec(`insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor, status, explanation, computed_at)
		select p || '/space/' || s || '/referral/2026-' || lpad((1 + n % 12)::text, 2, '0'), p, 'space', s, 'referral', '2026-' || lpad((1 + n % 12)::text, 2, '0'), 'USD', 12000, 0.1,
			1000 + n % 9000, 'accrued', json_build_object('sentence', 'FG3877 earns 92.05 USD for February 2026: 10 % of 12000.00 USD (opportunity “Acme renewal ' || n || '”, closed on 2025-12-20), spread evenly over the 365 days from 2026-01-01 to 2026-12-31, for the 28 days of February 2026 on which FG3877 was on the customer''s Space “Acme”.',
			'rules', json_build_array('R4.1', 'R7.2', 'R7.4'), 'plan', 'default from 2000-01-01',
			'facts', (select json_agg(json_build_object('name', 'Fact ' || f, 'value', '12000.00 USD', 'id', s, 'at', '2025-12-20T09:00:00Z')) from generate_series(1, 6) f),
			'arithmetic', json_build_array('Through 2026-02-28: 59 days of 365 held', '12000.00 USD × 10 % × 59 ÷ 365 = 193.972602…, rounded to 193.97 USD', '193.97 USD less 101.92 USD for the 31 days of the months before = 92.05 USD')),
			now()
		from generate_series(1, $1) n, lateral (select 'AA' || lpad((n % 100)::text, 4, '0') as p, '006' || lpad((n / 12)::text, 15, '0') as s) as k`, p.n)
	must(b, err)
	_, err = db.Exec(`insert into outbox.record (object, key, parent, marked_at) select 'commission', key, payee_id, now() from ledger.line`)
	must(b, err)
	tidy(b, db)
	return p
}

// org starts an org that has nothing of ours.
func (p *pushed) org() string {
	url, pid, stop := emulateAs(p.b.(*testing.B), 10, "--writes-per-second", strconv.Itoa(p.pace))
	p.b.Cleanup(stop)
	p.pid = pid
	return url
}

func (p *pushed) measure() {
	before := p.spending()
	p.run = p.program.stage(context.Background(), stage.Push)
	p.cpu = p.spending().since(before)
	p.cpu.own = p.run.cpuTime
	if got := p.run.counts["commission written"]; got != int64(p.n) {
		p.b.Fatalf("%d of %d were written: %v", got, p.n, p.run.counts)
	}
	p.calls = p.received()
	tidy(p.b, p.db)
	p.nothing = p.program.stage(context.Background(), stage.Push)
}

// takeFloor makes up the bodies, then times sending them to an org that is as empty.
func (p *pushed) takeFloor() {
	url := p.org()
	c, err := salesforce.New(salesforce.Config{LoginURL: url, ClientID: emulator.DemoClientID, ClientSecret: emulator.DemoClientSecret})
	must(p.b, err)
	defer c.Close()
	to, err := mapping.Default().ResolveTarget(context.Background(), c, mapping.CommissionTarget)
	must(p.b, err)
	d := newDrain(p.b, url, "")
	records := p.records(to)
	if p.api == "bulk" {
		p.sendJobs(d, to, records)
	} else {
		p.sendCalls(d, to, records)
	}
}

// takeLedger times what a push can't do without on the other side: the lines are read
// plainly, and as many outcomes are noted in one statement.
func (p *pushed) takeLedger() {
	l := &benchLedger{b: p.b, db: p.db}
	tidy(p.b, p.db)
	p.ledger = timed(func() {
		must(p.b, l.each(context.Background(), `select * from ledger.line order by key`, func([]*sql.ColumnType, []any) {}))
	})
	p.ledger += timed(func() {
		_, err := p.db.Exec(`update outbox.record set confirmed = wanted, confirmed_hash = sha256(key::bytea), confirmed_at = now() where object = 'commission'`)
		must(p.b, err)
	})
}

// records makes up all records in the order in which they are sent.
func (p *pushed) records(to mapping.Destination) (out []record.Record) {
	var after outbox.Key
	for {
		var keys []string
		must(p.b, p.db.Select(&keys, `select key from outbox.record where object = 'commission' and (parent, key) > ($1, $2) order by parent, key limit 2000`, after.Parent, after.Key))
		if len(keys) == 0 {
			return out
		}
		states, err := record.Shape{}.States(context.Background(), p.db, to.Target, keys)
		must(p.b, err)
		for _, k := range keys {
			out = append(out, record.Make(to, k, states[k].Values))
		}
		last := keys[len(keys)-1]
		parent, _, _ := strings.Cut(last, "/")
		after = outbox.Key{Key: last, Parent: parent}
	}
}

// sendJobs sends CSV in three jobs, one after the other, and waits until they are done.
func (p *pushed) sendJobs(d *drain, to mapping.Destination, records []record.Record) {
	const jobs = 3
	var bodies []string
	for i := range jobs {
		data := record.AppendCSVHeader(nil, to)
		for _, r := range records[i*len(records)/jobs : (i+1)*len(records)/jobs] {
			var err error
			data, err = r.AppendCSV(data, to)
			must(p.b, err)
		}
		bodies = append(bodies, string(data))
		p.bytes += int64(len(data))
	}
	p.timeFloor(func() {
		var ids []string
		for _, body := range bodies {
			id := within(d.send(http.MethodPost, apiBase+"/jobs/ingest", "application/json",
				`{"object":"`+to.Object+`","operation":"upsert","externalIdFieldName":"`+to.Key+`","contentType":"CSV","lineEnding":"LF"}`, nil), `"id":"`, `"`)
			d.send(http.MethodPut, apiBase+"/jobs/ingest/"+id+"/batches", "text/csv", body, nil)
			d.send(http.MethodPatch, apiBase+"/jobs/ingest/"+id, "application/json", `{"state":"UploadComplete"}`, nil)
			ids = append(ids, id)
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for _, id := range ids {
			for within(d.send(http.MethodGet, apiBase+"/jobs/ingest/"+id, "application/json", "", nil), `"state":"`, `"`) != "JobComplete" {
				<-tick.C
			}
		}
	})
}

// sendCalls sends Collections calls of 200 records, four at once.
func (p *pushed) sendCalls(d *drain, to mapping.Destination, records []record.Record) {
	var bodies [][]byte
	for i := 0; i < len(records); i += 200 {
		var body bytes.Buffer
		body.WriteString(`{"allOrNone":false,"records":[`)
		for j, r := range records[i:min(i+200, len(records))] {
			raw, err := json.Marshal(r)
			must(p.b, err)
			if j > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"attributes":{"type":%q},`, to.Object)
			body.Write(raw[1:])
		}
		body.WriteString("]}")
		p.bytes += int64(body.Len())
		bodies = append(bodies, body.Bytes())
	}
	const writers = 4
	p.timeFloor(func() {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for _, body := range bodies[w*len(bodies)/writers : (w+1)*len(bodies)/writers] {
					p.call(d, to, body)
				}
			})
		}
		all.Wait()
	})
}

func (p *pushed) timeFloor(f func()) {
	runtime.GC() // the bodies are made up
	before := p.spending()
	p.floor = timed(f)
	p.floorCPU = p.spending().since(before)
}

func (p *pushed) call(d *drain, to mapping.Destination, body []byte) {
	req, err := http.NewRequest(http.MethodPatch, d.url+apiBase+"/composite/sobjects/"+to.Object+"/"+to.Key, bytes.NewReader(body))
	must(p.b, err)
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(req)
	must(p.b, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(p.b, err)
	must(p.b, resp.Body.Close())
	if resp.StatusCode >= 300 {
		p.b.Errorf("a call was answered %d", resp.StatusCode)
	}
}
