package push_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/stage"
)

// failCallsWith lets every Collections call of commissions fail as a whole that has a text
// in it, and counts the calls.
func (b *bench) failCallsWith(text string, f emulator.Fault) *atomic.Int64 {
	var calls atomic.Int64
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if r.Method != http.MethodPatch || !strings.Contains(r.URL.Path, "Partner_Commission__c") {
			return nil
		}
		calls.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(text)) {
			return &f
		}
		return nil
	})
	return &calls
}

func TestOneRecordOnWhichWholeCallsFailKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]emulator.Fault{
		"a value that no call is read with": {Status: 400, Body: `[{"errorCode":"JSON_PARSER_ERROR","message":"Cannot deserialize instance of date from VALUE_STRING value x"}]`},
		"too large":                         {Status: 413, Body: `[{"errorCode":"REQUEST_ENTITY_TOO_LARGE","message":"too large"}]`},
		"Salesforce breaks down over it":    {Status: 500, Body: `[{"errorCode":"UNKNOWN_EXCEPTION","message":"An unexpected error occurred. Please include this ErrorId"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.config.API, b.config.Workers = push.APICollections, 1
			b.lines(400)
			calls := b.failCallsWith("/C57/", f)
			report := b.push()
			b.expect(report, "commission", 399, 0, 0, 1)
			if n := calls.Load(); n > 2+4*9 { // halves of 200, each failure tried twice by the client
				t.Errorf("%d calls", n)
			}
			key := "AA0001/program/C57/flat/2026-10"
			if r := b.row(key); r.State(noon) != outbox.Quarantined || !strings.Contains(r.LastError, "a request with this record alone fails: ") {
				t.Errorf("%+v", r)
			}
			b.org.Fail(nil)
			b.exec(`update outbox.record set quarantined_at = null`)
			b.expect(b.push(), "commission", 1, 0, 0, 0)
			b.settled(400)
		})
	}
}

func TestAFailureThatIsHardlyTheRecordsStopsThePass(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API, b.config.Workers = push.APICollections, 1
	b.lines(400)
	calls := b.failCallsWith("", emulator.Fault{Status: 400, Body: `[{"errorCode":"JSON_PARSER_ERROR","message":"no"}]`})
	report, err := push.New(b.config).Run(t.Context(), stage.Options{})
	if errs.KindOf(err) != errs.Invalid || report.Get("commission quarantined") > 5 {
		t.Errorf("%v, %+v", err, report)
	}
	if n := calls.Load(); n > 30 {
		t.Errorf("%d calls", n)
	}
	b.org.Fail(nil)
	b.exec(`update outbox.record set quarantined_at = null`)
	b.expect(b.push(), "commission", 400, 0, 0, 0)
}

func TestACallOfWhichOnlyAPartWasDoneIsReadBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API, b.config.Workers = push.APICollections, 1
	b.lines(200)
	// The call works, its answer is lost, and one record is changed before it is read back.
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		switch {
		case r.Method == http.MethodPatch:
			return &emulator.Fault{After: true, Drop: true}
		case strings.HasSuffix(r.URL.Path, "/query") && b.org.Count("Partner_Commission__c") == 200:
			id := b.org.Records("Partner_Commission__c")[7]["Id"].(string)
			if err := b.org.Update("Partner_Commission__c", id, map[string]any{"Amount__c": 12345}, noon); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	report, err := push.New(b.config).Run(t.Context(), stage.Options{})
	if errs.KindOf(err) != errs.Transient {
		t.Errorf("%v", err)
	}
	b.expect(report, "commission", 199, 0, 1, 0)
	b.org.Fail(nil)
	b.exec(`update outbox.record set not_before = null`)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	b.settled(200)
	for _, r := range b.org.Records("Partner_Commission__c") {
		if fmt.Sprint(r["Amount__c"]) == "12345" {
			t.Error("what was changed in between stays so")
		}
	}
}
