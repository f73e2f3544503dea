package pull_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/stage/stagetest"
)

// shared makes a pass whose parts are done by so many workers; given is, if not nil, what
// the workers read from.
func (b *bench) shared(workers int, given pull.Source) (stage.Report, error) {
	b.t.Helper()
	c := b.config
	if given != nil {
		c.Source = given
	}
	var all []stage.Parted
	for range workers {
		all = append(all, pull.New(c))
	}
	return pull.New(b.config).Run(b.t.Context(), stage.Options{Share: stagetest.Share(b.t, b.db, all...)})
}

// cursorOf gives where an object's cursor stands.
func (b *bench) cursorOf(object string) (at time.Time) {
	b.t.Helper()
	if err := b.db.Get(&at, `select at from staging.cursor where object = $1`, object); err != nil {
		b.t.Fatal(err)
	}
	return at
}

func large(b *bench, api pull.API) {
	b.spaces(1500, 30)
	b.config.API, b.config.BulkAbove, b.config.Window = api, 300, 200
}

func TestASharedReadingIsTheSame(t *testing.T) {
	for _, api := range []pull.API{pull.Bulk, pull.REST} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			large(b, api)
			b.pull()
			want, cursor := b.payloads("Space__c"), b.cursorOf("Space__c")
			if _, err := b.db.Exec(`truncate staging.record, staging.cursor`); err != nil {
				t.Fatal(err)
			}
			report, err := b.shared(3, nil)
			if err != nil || report.Problems != 0 {
				t.Fatalf("%+v, %v", report, err)
			}
			b.expect(report, "Space__c", 1500, 1500)
			if diff := cmp.Diff(want, b.payloads("Space__c")); diff != "" {
				t.Error(diff)
			}
			if b.windows() != 0 || !b.cursorOf("Space__c").Equal(cursor) {
				t.Errorf("%d windows are left, and the cursor is at %s, not %s", b.windows(), b.cursorOf("Space__c"), cursor)
			}
			if report, err = b.shared(3, nil); err != nil || report.Shared != nil {
				t.Errorf("a reading of nothing was shared: %+v, %v", report, err)
			}
		})
	}
}

// dying is a source whose reader dies now and then, behind some records.
type dying struct {
	*salesforce.Client
	calls atomic.Int64
}

func (d *dying) BulkQuery(ctx context.Context, soql string, o salesforce.BulkOptions, sink salesforce.BulkSink) error {
	if d.calls.Add(1)%3 == 1 {
		return stagetest.ErrDied
	}
	return d.Client.BulkQuery(ctx, soql, o, sink)
}

func (d *dying) Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error {
	pages := 0
	return d.Client.Query(ctx, soql, o, func(ctx context.Context, p salesforce.Page) error {
		if pages++; strings.Contains(soql, "ORDER BY") && pages == 2 && d.calls.Add(1)%3 == 1 {
			return stagetest.ErrDied
		}
		return page(ctx, p)
	})
}

// TestAPartWhoseWorkersDieIsReadOnce: nothing is missing, and nothing is counted twice.
func TestAPartWhoseWorkersDieIsReadOnce(t *testing.T) {
	for _, api := range []pull.API{pull.Bulk, pull.REST} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			large(b, api)
			b.config.Window = 500
			report, err := b.shared(2, &dying{Client: b.client})
			if err != nil || report.Problems != 0 {
				t.Fatalf("%+v, %v", report, err)
			}
			var again int
			if err := b.db.Get(&again, `select count(*) from job.part where attempt > 1`); err != nil || again == 0 {
				t.Errorf("%d parts were begun again: %v", again, err)
			}
			b.expect(report, "Space__c", 1500, 1500)
			if n := b.staged("Space__c"); n != 1500 || b.windows() != 0 {
				t.Errorf("%d staged, %d windows left", n, b.windows())
			}
		})
	}
}

func TestAPartThatIsTooLargeIsCutInTwo(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	large(b, pull.Bulk)
	source := &narrow{Client: b.client}
	report, err := b.shared(2, source)
	b.expect(report, "Space__c", 1500, 1500)
	if err != nil || source.refused == 0 || report.Problems != 0 || b.windows() != 0 {
		t.Errorf("%d refused, %+v, %v", source.refused, report, err)
	}
}

// lossy loses the first line of a result.
type lossy struct{ *salesforce.Client }

func (l *lossy) BulkQuery(ctx context.Context, soql string, o salesforce.BulkOptions, sink salesforce.BulkSink) error {
	if !strings.Contains(soql, "FROM Space__c") {
		return l.Client.BulkQuery(ctx, soql, o, sink)
	}
	return l.Client.BulkQuery(ctx, soql, o, &losing{BulkSink: sink})
}

type losing struct {
	salesforce.BulkSink
	lines int
}

func (l *losing) Line(cells [][]byte) error {
	if l.lines++; l.lines == 1 {
		return nil
	}
	return l.BulkSink.Line(cells)
}

// TestARecordThatAPartLosesIsToldAndReadAgain: the count of the part says so, and the
// cursor stays where the pass has found it.
func TestARecordThatAPartLosesIsToldAndReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	large(b, pull.Bulk)
	report, err := b.shared(2, &lossy{b.client})
	if err != nil || report.Problems == 0 || !strings.Contains(strings.Join(report.Notices, " "), "the next pull reads the same again") {
		t.Fatalf("%+v, %v", report, err)
	}
	lost := 1500 - b.staged("Space__c")
	b.clock.Advance(time.Hour)
	if report, err = b.shared(2, nil); err != nil || report.Problems != 0 || b.staged("Space__c") != 1500 || lost == 0 {
		t.Errorf("%d were lost, %d are staged: %+v, %v", lost, b.staged("Space__c"), report, err)
	}
}

// TestAPartForWhichNoRequestIsLeftIsPutOff, and what was read stays.
func TestAPartForWhichNoRequestIsLeftIsPutOff(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	large(b, pull.Bulk)
	var jobs atomic.Int64
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/jobs/query") && jobs.Add(1) > 3 {
			return &emulator.Fault{Status: 403, Body: `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`}
		}
		return nil
	})
	report, err := b.shared(2, nil)
	if err != nil || !strings.Contains(report.Deferred, "quota is used up") || b.windows() == 0 || b.staged("Space__c") == 0 {
		t.Errorf("%d windows left, %d staged: %+v, %v", b.windows(), b.staged("Space__c"), report, err)
	}
	b.org.Fail(nil)
	if report, err = b.shared(2, nil); err != nil || b.staged("Space__c") != 1500 || b.windows() != 0 {
		t.Errorf("%d windows left, %d staged: %+v, %v", b.windows(), b.staged("Space__c"), report, err)
	}
}

// TestWhatAPartCantReadIsThePassesError, with its kind.
func TestWhatAPartCantReadIsThePassesError(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	large(b, pull.Bulk)
	refused := errs.New(errs.Auth, "no permission")
	report, err := b.shared(2, &refusing{Client: b.client, err: refused})
	if !errors.Is(err, refused) || report.Get("Space__c staged") != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

type refusing struct {
	*salesforce.Client
	err error
}

func (r *refusing) BulkQuery(context.Context, string, salesforce.BulkOptions, salesforce.BulkSink) error {
	return fmt.Errorf("read: %w", r.err)
}
