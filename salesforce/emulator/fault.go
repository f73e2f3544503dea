package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// RowError is why a record was refused, as a row of a result says it.
type RowError = schema.RowError

// Fault is how the org misbehaves for one request, for tests that decide in Go. A
// plan (see PlayFaults) can do more. The zero value does nothing.
type Fault struct {
	// Delay is waited before anything else, on the machine's clock; a client that
	// goes away ends it.
	Delay time.Duration
	// After lets the request do its work first and then loses the answer: what
	// the client gets is Status and Body, or a dropped connection.
	After bool
	// Drop closes the connection without an answer.
	Drop bool
	// Status and Body are the answer instead of the org's own; Status 0 leaves the
	// org's own. It is JSON if Body begins like JSON, and HTML otherwise.
	Status int
	Body   string
}

// decision says the same in the words of a plan.
func (f *Fault) decision() *fault.Decision {
	a := &fault.Action{Delay: f.Delay}
	answer := &fault.Answer{Status: f.Status, Body: f.Body, Bytes: -1}
	switch {
	case f.After && (f.Drop || f.Status == 0):
		a.Lose = &fault.Answer{}
	case f.After:
		a.Lose = answer
	case f.Drop:
		a.Cut = &fault.Cut{Bytes: -1}
	case f.Status != 0:
		a.Answer = answer
	}
	return fault.NewDecision("Org.Fail", a)
}

type faults struct {
	mu      sync.Mutex
	request func(*http.Request) *Fault
	row     func(object string, fields map[string]any) *schema.RowError
	player  *fault.Player
}

// Fail asks hook about every request from now on; nil from it means to answer as
// usual, and a nil hook ends the faults. The hook is called by many goroutines;
// it must not read the body.
func (o *Org) Fail(hook func(*http.Request) *Fault) {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.request = hook
}

// FailTimes plays a fault for the next n requests whose path holds the text
// (all, if it is empty), in the place of any other hook.
func (o *Org) FailTimes(n int, path string, f Fault) {
	var mu sync.Mutex
	o.Fail(func(r *http.Request) *Fault {
		mu.Lock()
		defer mu.Unlock()
		if n <= 0 || !strings.Contains(r.URL.Path, path) {
			return nil
		}
		n--
		return &f
	})
}

// FailRow asks hook about every row that is written; a row for which it gives an
// error is not written and has that error in its result. A nil hook ends it. The
// hook is called with the org locked, so it must not call the org.
func (o *Org) FailRow(hook func(object string, fields map[string]any) *schema.RowError) {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.row = hook
}

// PlayFaults puts a plan into force, in the place of one before it, with all
// counts at zero. The relative times of its rules begin now. A nil plan ends the
// faults; hooks stay.
func (o *Org) PlayFaults(p *fault.Plan, seed uint64) {
	var player *fault.Player
	if p != nil {
		player = fault.NewPlayer(p, seed, o.opt.Clock.Now())
	}
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.player = player
}

// Faults gives the plan in force with its counts; nil is none.
func (o *Org) Faults() *fault.Player {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	return o.faults.player
}

// decide says what happens to a request: what the hook of Fail says or, if it says
// nothing, what the plan in force does.
func (o *Org) decide(r *http.Request) *fault.Decision {
	o.faults.mu.Lock()
	hook, player := o.faults.request, o.faults.player
	o.faults.mu.Unlock()
	if hook != nil {
		if f := hook(r); f != nil {
			return f.decision()
		}
	}
	if player == nil {
		return nil
	}
	return player.Decide(o.faultRequest(r))
}

// faultRequest is what a plan may ask of a request.
func (o *Org) faultRequest(r *http.Request) fault.Request {
	out := fault.Request{Method: r.Method, Path: r.URL.Path, At: o.opt.Clock.Now()}
	out.Kind, out.Object = fault.KindOf(r.Method, out.Path)
	switch out.Kind {
	case fault.KindBulkIngest, fault.KindBulkQuery:
		if r.Method == http.MethodPost {
			out.Object = jobObject(r)
		}
	case fault.KindQuery:
		out.Object, out.Page = fault.ObjectOf(r.URL.Query().Get("q")), 1
	case fault.KindPage:
		m := locatorPattern.FindStringSubmatch(out.Path[strings.LastIndexByte(out.Path, '/')+1:])
		if m == nil {
			break
		}
		from, err := strconv.Atoi(m[2])
		if cur := o.cursors.find(m[1]); cur != nil && err == nil {
			out.Object, out.Page = cur.result.Projection.Object.Name, from/max(cur.step, 1)+1
		}
	}
	return out
}

// decisionKey is the context key of a request's decision.
type decisionKey struct{}

// decisionOf gives what was decided over a request; nil is nothing.
func decisionOf(ctx context.Context) *fault.Decision {
	d, _ := ctx.Value(decisionKey{}).(*fault.Decision)
	return d
}

// serveFaulty answers a request, or misbehaves. It gives the names of the rules
// that play to told first.
func (o *Org) serveFaulty(w http.ResponseWriter, r *http.Request, told func(rules []string)) {
	d := o.decide(r)
	if d == nil {
		o.serve(w, r)
		return
	}
	told(d.Rules)
	r = r.WithContext(context.WithValue(r.Context(), decisionKey{}, d))
	if a := d.Act; a != nil {
		if d.EndsSession() {
			o.endSession(r)
		}
		if d.DropsCursor() {
			o.cursors.drop(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
		}
		if a.Swallows() {
			o.traffic.count(kindOther)
		}
	}
	stage := fault.Stage{Now: o.opt.Clock.Now, DailyLimit: o.opt.DailyLimit, Wait: waitOut}
	stage.Serve(d, w, r, http.HandlerFunc(o.serve))
}

// errEnded ends a wait when the server does.
var errEnded = errors.New("the server ends")

// endKey is the context key of the channel that is closed when a request's server
// ends: those who hang by a fault shall not hold it up.
type endKey struct{}

// waitOut lets time pass on the machine's clock, for a fault.
func waitOut(ctx context.Context, d time.Duration) error {
	end, _ := ctx.Value(endKey{}).(chan struct{})
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-end:
		return errEnded
	}
}

// writer is as whom a call writes, and when: at the org's present, as a fault may
// have it.
func (o *Org) writer(c *call) store.Writer {
	return o.faultyWriter(c.r.Context(), c.session.userID)
}

func (o *Org) faultyWriter(ctx context.Context, userID string) store.Writer {
	return misdated(store.Writer{UserID: userID, At: o.Now()}, decisionOf(ctx))
}

// directWriter is as whom the org's own people write: as w, unless the plan has
// something against it.
func (o *Org) directWriter(object string, w store.Writer) store.Writer {
	player := o.Faults()
	if player == nil {
		return w
	}
	return misdated(w, player.Decide(fault.Request{Kind: fault.KindDirect, Object: object, At: o.opt.Clock.Now()}))
}

// misdated gives a writer the times that a fault wants.
func misdated(w store.Writer, d *fault.Decision) store.Writer {
	if d != nil {
		w.At = d.Stamped(d.Clock(w.At)).Truncate(time.Second)
		w.Late = d.Late
	}
	return w
}

// rowFault says whether a row of a write fails by a fault; key is the external id
// or record id that the write goes by, "" for a plain create. It is asked once for
// each row, in the order of the rows, with the store locked or not.
func (o *Org) rowFault(ctx context.Context, object, key string, fields map[string]any) *schema.RowError {
	o.faults.mu.Lock()
	hook := o.faults.row
	o.faults.mu.Unlock()
	if hook != nil {
		if e := hook(object, fields); e != nil {
			return &schema.RowError{StatusCode: e.StatusCode, Message: e.Message, Fields: append([]string{}, e.Fields...)}
		}
	}
	f := decisionOf(ctx).Row(key, func(field string) string { return rowText(fields, field) })
	if f == nil {
		return nil
	}
	return &schema.RowError{StatusCode: f.Code, Message: f.Message, Fields: f.Fields}
}

// failsRows says whether rows of a request may fail by a fault, for those to whom
// asking costs something.
func (o *Org) failsRows(ctx context.Context) bool {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	return o.faults.row != nil || decisionOf(ctx) != nil
}

// rowText gives a field of a row as the client sent it, "" if it did not.
func rowText(fields map[string]any, name string) string {
	for k, v := range fields {
		if strings.EqualFold(k, name) {
			switch v := v.(type) {
			case string:
				return v
			case nil:
				return ""
			default:
				return fmt.Sprint(v)
			}
		}
	}
	return ""
}

// maxPeek bounds what is read of a body before the request is decided.
const maxPeek = 64 << 10

// jobObject gives the object of the Bulk job that a request makes, which only its
// body says; "" if it does not. The body can be read again afterwards.
func jobObject(r *http.Request) string {
	if r.Body == nil || !strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/json") {
		return ""
	}
	start, _ := io.ReadAll(io.LimitReader(r.Body, maxPeek)) //nolint:errcheck // whoever reads it next meets the error again
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), r.Body), r.Body}
	var job struct {
		Object string `json:"object"`
		Query  string `json:"query"`
	}
	if json.Unmarshal(start, &job) != nil {
		return ""
	}
	if job.Object != "" {
		return job.Object
	}
	return fault.ObjectOf(job.Query)
}
