package push_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/stage/stagetest"
)

// shared makes a pass whose parts are done by so many workers, who write through a sink if
// it is not nil.
func (b *bench) shared(workers int, sink push.Sink) (stage.Report, error) {
	b.t.Helper()
	c := b.config
	if sink != nil {
		c.Sink = sink
	}
	var all []stage.Parted
	for range workers {
		all = append(all, push.New(c))
	}
	return push.New(b.config).Run(b.t.Context(), stage.Options{Share: stagetest.Share(b.t, b.db, all...)})
}

func (b *bench) sharedBy(report stage.Report) (workers int) {
	for _, s := range report.Shared {
		if s.In > 0 {
			workers++
		}
	}
	return workers
}

// TestASharedPushIsTheSame: every record once, by both ways.
func TestASharedPushIsTheSame(t *testing.T) {
	for _, api := range []push.API{push.APICollections, push.APIBulk} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.config.API, b.config.Part = api, 200
			b.lines(900)
			report, err := b.shared(3, nil)
			if err != nil || report.Problems != 0 {
				t.Fatalf("%+v, %v", report, err)
			}
			b.expect(report, "commission", 900, 0, 0, 0)
			b.settled(900)
			if n := b.sharedBy(report); n < 2 {
				t.Errorf("%d workers had a part: %+v", n, report)
			}
			// Little is not shared.
			b.exec(`update outbox.record set wanted = wanted + 1 where key like '%/C1/%'`)
			if report, err = b.shared(3, nil); err != nil || report.Shared != nil {
				t.Errorf("little was shared: %+v, %v", report, err)
			}
		})
	}
}

// mortal is a sink whose pushers die now and then, behind a call or a closed job.
type mortal struct {
	*salesforce.Client
	calls atomic.Int64
}

func (m *mortal) dies() bool { return m.calls.Add(1)%3 == 1 }

func (m *mortal) Upsert(ctx context.Context, object, key string, records []any) ([]salesforce.UpsertResult, error) {
	out, err := m.Client.Upsert(ctx, object, key, records)
	if m.dies() {
		return nil, stagetest.ErrDied
	}
	return out, err
}

func (m *mortal) CloseIngest(ctx context.Context, id string) (salesforce.IngestJob, error) {
	job, err := m.Client.CloseIngest(ctx, id)
	if m.dies() {
		return salesforce.IngestJob{}, stagetest.ErrDied
	}
	return job, err
}

// TestWhatADeadPartLeavesInFlightIsSettledInTheSameRun, and nothing is written twice.
func TestWhatADeadPartLeavesInFlightIsSettledInTheSameRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API, b.config.Part = push.APIBulk, 200
	b.lines(900)
	report, err := b.shared(2, &mortal{Client: b.config.Sink.(*salesforce.Client)})
	if err != nil || report.Problems != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	var again int
	if err := b.db.Get(&again, `select count(*) from job.part where attempt > 1`); err != nil || again == 0 {
		t.Errorf("%d parts were begun again: %v", again, err)
	}
	b.settled(900)
	keys := map[any]bool{}
	for _, r := range b.org.Records("Partner_Commission__c") {
		if keys[r["Commission_Key__c"]] || r["SystemModstamp"] != r["CreatedDate"] {
			t.Errorf("%v was written twice", r["Commission_Key__c"])
		}
		keys[r["Commission_Key__c"]] = true
	}
}

// TestAReplicaThatWritesOtherwiseDoesNoPart: what it would write is not what the leader has
// aimed for.
func TestAReplicaThatWritesOtherwiseDoesNoPart(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API, b.config.Part = push.APIBulk, 200
	b.lines(900)
	other := b.config
	other.Shape = record.Shape{Grain: record.BySource}
	refused := 0
	share := func(ctx context.Context, token stage.Token, parts []stage.Part, heard func(int64)) ([]stage.Outcome, error) {
		for _, p := range parts {
			if _, err := push.New(other).RunPart(ctx, &stage.Held{Token: token, Args: p.Args}); !errors.Is(err, stage.ErrElsewhere) {
				t.Errorf("it gave %v", err)
			}
			refused++
		}
		return stagetest.Share(t, b.db, push.New(b.config))(ctx, token, parts, heard)
	}
	report, err := push.New(b.config).Run(t.Context(), stage.Options{Share: share})
	if err != nil || refused == 0 {
		t.Errorf("%d refused, %v", refused, err)
	}
	b.expect(report, "commission", 900, 0, 0, 0)
}

// TestAPartForWhichNoRequestIsLeftPutsThePushOff, and what was written stays.
func TestAPartForWhichNoRequestIsLeftPutsThePushOff(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API, b.config.Part = push.APICollections, 200
	b.lines(900)
	var calls atomic.Int64
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/composite/sobjects") && calls.Add(1) > 2 {
			return &emulator.Fault{Status: 403, Body: `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`}
		}
		return nil
	})
	report, err := b.shared(2, nil)
	if err != nil || !strings.Contains(report.Deferred, "quota is used up") || b.org.Count("Partner_Commission__c") == 0 {
		t.Errorf("%d there: %+v, %v", b.org.Count("Partner_Commission__c"), report, err)
	}
	b.org.Fail(nil)
	if _, err = b.shared(2, nil); err != nil {
		t.Error(err)
	}
	b.settled(900)
}
