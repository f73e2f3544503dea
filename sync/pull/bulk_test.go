package pull_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// spaces makes Spaces at so many instants, a day apart, the last of them a day ago.
func (b *bench) spaces(n, instants int) {
	b.t.Helper()
	for i := range n {
		id := b.space(i)
		day := time.Duration(instants-i%instants) * 24 * time.Hour
		if err := b.org.Update("Space__c", id, map[string]any{"Name": fmt.Sprintf("Space %d \"x\",\r\nü", i)}, b.clock.Now().Add(-day)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// requests counts requests by a word of their path, through a transport of its own.
type requests struct {
	mu    sync.Mutex
	next  http.RoundTripper
	paths []string
}

func (r *requests) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.paths = append(r.paths, req.Method+" "+req.URL.Path)
	r.mu.Unlock()
	return r.next.RoundTrip(req)
}

func (r *requests) CloseIdleConnections() { r.next.(*http.Transport).CloseIdleConnections() }

func (r *requests) count(part string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.paths {
		if strings.Contains(p, part) {
			n++
		}
	}
	return n
}

func (r *requests) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paths = nil
}

// watched makes the bench's client count its requests.
func (b *bench) watched() *requests {
	b.t.Helper()
	r := &requests{next: &http.Transport{}}
	c := orgtest.Client(b.t, b.url, salesforce.Config{Transport: r, MaxAttempts: 3})
	b.config.Source, b.client = c, c
	return r
}

func (b *bench) payloads(object string) map[string]string {
	b.t.Helper()
	var rows []struct{ ID, Payload string }
	if err := b.db.Select(&rows, `select id || modstamp as id, payload::text as payload from staging.record where object = $1`, object); err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r.ID] = r.Payload
	}
	return out
}

// readTo gives how far an object is said to be read.
func (b *bench) readTo(object string) time.Time {
	b.t.Helper()
	all, err := staging.Freshnesses(b.t.Context(), b.db)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range all {
		if f.Object == object {
			return f.ReadTo
		}
	}
	return time.Time{}
}

func (b *bench) windows() (n int) {
	b.t.Helper()
	if err := b.db.Get(&n, `select count(*) from staging.window`); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// TestMuchIsReadByBulkInWindowsAndIsTheSame: what REST has staged, Bulk finds staged;
// and what Bulk stages on an empty ledger is what REST would have.
func TestMuchIsReadByBulkInWindowsAndIsTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	sent := b.watched()
	b.spaces(2600, 20)
	account := b.insert("Account", map[string]any{"Name": "Acme"})
	for i := range 1500 {
		b.insert("Opportunity", map[string]any{"Name": "O", "AccountId": account, "Amount": json.Number(fmt.Sprintf("%d.50", i)),
			"CloseDate": "2026-10-31", "StageName": []string{"Closed Won", "Prospecting"}[i%2]})
	}
	lead := b.insert("Lead", map[string]any{"LastName": "L", "Company": "C", "Email": "l@x.example"})
	for i := range 1300 {
		f := map[string]any{"sfLma__Subscriber_Org_ID__c": fmt.Sprintf("00D%012d", i)}
		if i%2 == 0 {
			f["sfLma__Lead__c"] = lead
		}
		b.insert("sfLma__License__c", f)
	}
	b.clock.Advance(time.Second)
	b.config.API = pull.REST
	b.pull()
	if sent.count("jobs/query") > 0 {
		t.Fatal("a job was made")
	}
	byREST := map[string]map[string]string{}
	for _, object := range []string{"Space__c", "Opportunity", "sfLma__License__c"} {
		byREST[object] = b.payloads(object)
	}
	if n := len(byREST["Space__c"]); n != 2600 {
		t.Fatalf("%d Spaces", n)
	}

	b.config.API, b.config.BulkAbove, b.config.Window, b.config.Workers = pull.Auto, 1000, 600, 3
	for _, again := range []string{`update staging.cursor set at = null, id = ''`, `truncate staging.record, staging.cursor`} {
		if _, err := b.db.Exec(again); err != nil {
			t.Fatal(err)
		}
		sent.forget()
		report := b.pull()
		want := int64(2600)
		if strings.HasPrefix(again, "update") {
			want = 0
		}
		b.expect(report, "Space__c", 2600, want)
		if report.Problems != 0 || len(report.Notices) > 0 || b.windows() != 0 {
			t.Errorf("%+v, %d windows", report, b.windows())
		}
		if n := sent.count("POST /services/data/v62.0/jobs/query"); n < 7 || sent.count("DELETE") != n {
			t.Errorf("%d jobs, %d deleted", n, sent.count("DELETE"))
		}
		for object, want := range byREST {
			for id, payload := range b.payloads(object) {
				if want[id] != payload {
					t.Fatalf("%s by REST: %s\nby Bulk: %s", object, want[id], payload)
				}
			}
		}
	}
}

func TestForcedBulkMakesNoJobForNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	sent := b.watched()
	b.space(1)
	b.config.API = pull.Bulk
	b.expect(b.pull(), "Space__c", 1, 1)
	if n := sent.count("POST /services/data/v62.0/jobs/query"); n != 1 {
		t.Errorf("%d jobs", n)
	}
	b.clock.Advance(time.Hour)
	b.pull()
	sent.forget()
	b.clock.Advance(time.Hour)
	b.expect(b.pull(), "Space__c", 0, 0)
	if n := sent.count("jobs/query"); n != 0 {
		t.Errorf("%d requests about jobs", n)
	}
}

// TestAnEmptyPassCostsOneQueryAnObject: no description, no count.
func TestAnEmptyPassCostsOneQueryAnObject(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	sent := b.watched()
	b.spaces(300, 3)
	b.pull()
	b.clock.Advance(time.Hour)
	sent.forget()
	report := b.pull()
	objects := len(mapping.Kinds())
	if n := sent.count("queryAll"); n != objects || sent.count("describe") != 0 || sent.count("") != objects+1 {
		t.Errorf("%v", sent.paths)
	}
	b.expect(report, "Space__c", 0, 0)
}

// TestAKilledFirstLoadGoesOnWithItsWindows: what is done is not read again.
func TestAKilledFirstLoadGoesOnWithItsWindows(t *testing.T) {
	for _, api := range []pull.API{pull.Auto, pull.REST} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.spaces(3000, 30)
			b.config.API, b.config.BulkAbove, b.config.Window, b.config.Workers = api, 500, 500, 2
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := pull.New(b.config).Run(ctx, stage.Options{Progress: func(what string, done, total int64) {
				if what == "Space__c" && total != 3000 {
					t.Errorf("progress of %d", total)
				}
				if what == "Space__c" && done >= 1500 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("the interrupted pull gave %v", err)
			}
			staged, left := b.staged("Space__c"), b.windows()
			if staged < 1500 || staged == 3000 || left == 0 {
				t.Fatalf("%d staged, %d windows left", staged, left)
			}
			var gap time.Time
			if err := b.db.Get(&gap, `select min(coalesce(at, since)) from staging.window`); err != nil {
				t.Fatal(err)
			}
			if to := b.readTo("Space__c"); to.After(gap) {
				t.Errorf("it is said to be read to %s, and from %s on something is missing", to, gap)
			}
			b.clock.Advance(time.Minute)
			late := b.space(9999) // after the windows were planned
			b.clock.Advance(time.Minute)
			report := b.pull()
			if b.staged("Space__c") != 3001 || b.windows() != 0 || report.Problems != 0 {
				t.Errorf("%d staged, %d windows left, %+v", b.staged("Space__c"), b.windows(), report)
			}
			if to := b.readTo("Space__c"); !to.Equal(b.clock.Now()) {
				t.Errorf("read to its end, it is said to be read to %s", to)
			}
			// Windows in hand are read again, by Bulk; those that were done are not.
			if n := report.Get("Space__c received"); n > 3001-staged+2*500 {
				t.Errorf("%d received again, %d were staged", n, staged)
			}
			var seen bool
			if err := b.db.Get(&seen, `select exists (select from staging.record where id = $1)`, late); err != nil || !seen {
				t.Errorf("the late one is not there: %v", err)
			}
		})
	}
}

// TestAWindowThatIsTooLargeIsCutInTwo, be it a query's or a job's.
func TestAWindowThatIsTooLargeIsCutInTwo(t *testing.T) {
	t.Parallel()
	for _, api := range []pull.API{pull.Auto, pull.REST} {
		b := newBench(t, emulator.Options{})
		b.spaces(1300, 30)
		b.config.API, b.config.BulkAbove, b.config.Window = api, 300, 300
		source := &narrow{Client: b.client}
		b.config.Source = source
		report := b.pull()
		b.expect(report, "Space__c", 1300, 1300)
		if source.refused == 0 || report.Problems != 0 || b.windows() != 0 {
			t.Errorf("%s: %d refused, %+v", api, source.refused, report)
		}
	}
}

// narrow finds the first windows of Spaces too large.
type narrow struct {
	*salesforce.Client
	mu      sync.Mutex
	refused int
}

func (n *narrow) refuse(soql string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if strings.Contains(soql, "FROM Space__c WHERE SystemModstamp >") && !strings.Contains(soql, "COUNT()") && n.refused < 3 {
		n.refused++
		return &salesforce.Error{Status: 400, Details: []salesforce.Detail{{Code: "QUERY_TIMEOUT"}}}
	}
	return nil
}

func (n *narrow) Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error {
	if err := n.refuse(soql); err != nil {
		return err
	}
	return n.Client.Query(ctx, soql, o, page)
}

func (n *narrow) BulkQuery(ctx context.Context, soql string, o salesforce.BulkOptions, sink salesforce.BulkSink) error {
	if err := n.refuse(soql); err != nil {
		return err
	}
	return n.Client.BulkQuery(ctx, soql, o, sink)
}

// TestAnObjectThatBulkRefusesIsReadByREST, unless Bulk was asked for.
func TestAnObjectThatBulkRefusesIsReadByREST(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.spaces(1300, 30)
	b.config.BulkAbove, b.config.Window, b.config.Source = 300, 500, noBulk{b.client}
	if report := b.pull(); b.staged("Space__c") != 1300 || report.Problems != 0 || b.windows() != 0 {
		t.Errorf("%d staged, %+v", b.staged("Space__c"), report)
	}
	if _, err := b.db.Exec(`truncate staging.cursor`); err != nil {
		t.Fatal(err)
	}
	b.config.API = pull.Bulk
	if report := b.pull(); report.Problems == 0 || !strings.Contains(strings.Join(report.Notices, " "), "not supported by the Bulk API") {
		t.Errorf("%+v", report)
	}
}

type noBulk struct{ *salesforce.Client }

func (noBulk) BulkQuery(context.Context, string, salesforce.BulkOptions, salesforce.BulkSink) error {
	return &salesforce.Error{Status: 400, Details: []salesforce.Detail{{Code: "INVALIDENTITY", Message: "Entity 'Space__c' is not supported by the Bulk API."}}}
}

// muddled gives records out of order, and some of them twice, or loses some.
type muddled struct {
	*salesforce.Client
	object string
	order  func(records []json.RawMessage) []json.RawMessage
	after  int // records of the object until it breaks; 0 is never
	given  int
}

var errMuddled = errors.New("broken off")

func (m *muddled) Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error {
	return m.Client.Query(ctx, soql, o, func(ctx context.Context, p salesforce.Page) error {
		if strings.Contains(soql, "FROM "+m.object+" ") {
			if m.after > 0 && m.given >= m.after {
				return errMuddled
			}
			m.given += len(p.Records)
			p.Records = m.order(slices.Clone(p.Records))
		}
		return page(ctx, p)
	})
}

// TestRecordsOutOfOrderAreNotLost: a pass that breaks off in the middle of a result
// without order doesn't go on behind the last record that came.
func TestRecordsOutOfOrderAreNotLost(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.spaces(1000, 10)
	b.config.PageSize = 200
	random := rand.New(rand.NewPCG(1, 2))
	m := &muddled{Client: b.client, object: "Space__c", after: 600, order: func(r []json.RawMessage) []json.RawMessage {
		random.Shuffle(len(r), func(i, j int) { r[i], r[j] = r[j], r[i] })
		return append(r, r[:min(3, len(r))]...) // and some twice
	}}
	b.config.Source = m
	if _, err := pull.New(b.config).Run(t.Context(), stage.Options{}); !errors.Is(err, errMuddled) {
		t.Fatal(err)
	}
	m.after = 0
	b.pull()
	if n := b.staged("Space__c"); n != 1000 {
		t.Errorf("%d staged", n)
	}
}

// TestALostRecordIsToldAndReadAgain: the count says that it is missing; the cursor stays
// once, so that a record which was only lost on its way comes the next time.
func TestALostRecordIsToldAndReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.spaces(100, 10)
	m := &muddled{Client: b.client, object: "Space__c", order: func(r []json.RawMessage) []json.RawMessage { return r[min(1, len(r)):] }}
	b.config.Source = m
	report := b.pull()
	if report.Problems != 1 || !strings.Contains(strings.Join(report.Notices, " "), "99 records came, and Salesforce had counted 100 (100 now)") {
		t.Errorf("%+v", report)
	}
	b.clock.Advance(time.Hour)
	if report = b.pull(); report.Problems != 1 || !strings.Contains(strings.Join(report.Notices, " "), "compare the object in full") {
		t.Errorf("the second time: %+v", report)
	}
	if _, err := b.db.Exec(`truncate staging.record, staging.cursor`); err != nil {
		t.Fatal(err)
	}
	b.pull()
	b.config.Source = b.client
	b.clock.Advance(time.Hour)
	report = b.pull()
	if b.staged("Space__c") != 100 || report.Problems != 0 {
		t.Errorf("%d staged, %+v", b.staged("Space__c"), report)
	}
}

// TestAClockThatWasAheadDoesNotShortenTheOverlap: the server that was asked for its
// clock is an hour ahead; a later answer proves it, and the next pass begins earlier.
func TestAClockThatWasAheadDoesNotShortenTheOverlap(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	late := b.space(1)
	b.clock.Advance(5 * time.Minute)
	b.config.Source = ahead{b.client}
	b.pull()
	b.config.Source = b.client
	if err := b.org.Update("Space__c", late, map[string]any{"Name": "Late"}, b.clock.Now().Add(-3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(3 * time.Hour)
	if r := b.pull(); r.Get("Space__c staged") != 1 {
		t.Errorf("%+v", r)
	}
}

type ahead struct{ *salesforce.Client }

func (a ahead) ServerTime(ctx context.Context) (time.Time, error) {
	at, err := a.Client.ServerTime(ctx)
	return at.Add(time.Hour), err
}

func TestAClockThatGoesBackIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.space(1)
	b.clock.Advance(time.Hour)
	b.pull()
	b.config.Source = behind{b.client}
	report := b.pull()
	if report.Problems == 0 || !strings.Contains(strings.Join(report.Notices, " "), "clock has gone back") {
		t.Errorf("%+v", report)
	}
	b.config.Source = b.client
	b.space(2)
	b.clock.Advance(time.Minute)
	if report = b.pull(); report.Problems != 0 || b.staged("Space__c") != 2 {
		t.Errorf("%+v", report)
	}
}

type behind struct{ *salesforce.Client }

func (a behind) ServerTime(ctx context.Context) (time.Time, error) {
	at, err := a.Client.ServerTime(ctx)
	return at.Add(-24 * time.Hour), err
}

// TestRecordsThatCommitLateAreReadByBulkToo: the emulator shows what is written five
// minutes after its stamp; passes in between read on, by jobs.
func TestRecordsThatCommitLateAreReadByBulkToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API, b.config.Window = pull.Bulk, 50
	b.play("{name: gap, when: {kind: direct, probability: 0.5}, do: {late: 5m}}", "{name: same, when: {kind: direct}, do: {stamp: 5m}}")
	for i := range 60 {
		b.space(i)
		b.clock.Advance(20 * time.Second)
		if i%5 == 4 {
			b.pull()
		}
	}
	b.clock.Advance(10 * time.Minute)
	b.pull()
	if n := b.staged("Space__c"); n != 60 {
		t.Errorf("%d of 60 Spaces staged", n)
	}
}

// TestDryRunReadsAndMapsEverythingAndWritesNothing by either API.
func TestDryRunReadsAndMapsEverythingAndWritesNothing(t *testing.T) {
	t.Parallel()
	for _, api := range []pull.API{pull.REST, pull.Bulk} {
		b := newBench(t, emulator.Options{})
		b.spaces(700, 10)
		b.config.API, b.config.Window = api, 300
		report, err := pull.New(b.config).Run(t.Context(), stage.Options{DryRun: true})
		if err != nil || report.Get("Space__c to receive") != 700 || report.Problems != 0 {
			t.Errorf("%+v, %v", report, err)
		}
		var rows int
		if err := b.db.Get(&rows, `select (select count(*) from staging.record) + (select count(*) from staging.cursor)
			+ (select count(*) from staging.window) + (select count(*) from staging.description) + (select count(*) from job.token)`); err != nil || rows != 0 {
			t.Errorf("%d rows, %v", rows, err)
		}
	}
}

// play puts a fault plan into force, one rule a line.
func (b *bench) play(rules ...string) {
	b.t.Helper()
	p, err := fault.Parse([]byte("rules:\n- "+strings.Join(rules, "\n- ")+"\n"), "plan")
	if err != nil {
		b.t.Fatal(err)
	}
	b.org.PlayFaults(p, 7)
}
