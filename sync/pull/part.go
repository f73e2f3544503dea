package pull

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// partArgs says which windows of an object a part reads: those that lie between two
// instants and are left. It reads what whoever planned it saw in the org, so that replicas
// need not look, nor agree.
type partArgs struct {
	Reading      mapping.Reading
	Since, Until time.Time
	Settled      time.Time
	IsFresh      bool // nothing of the object is staged but by this pass
	WasDoubted   bool
}

// partResult is what the pass has to know of a part that was read.
type partResult struct {
	Received  int64
	Settled   time.Time
	IsSuspect bool
}

// share has windows read by several replicas, and gives how many records came.
func (o *object) share(ctx context.Context, windows []*window) (received int64, err error) {
	parts := make([]stage.Part, len(windows))
	for i, w := range windows {
		args := partArgs{Reading: o.reading, Since: w.Since, Until: w.Until, Settled: o.settled, IsFresh: o.isFresh, WasDoubted: o.was.IsDoubted}
		if parts[i].Args, err = json.Marshal(args); err != nil {
			return 0, err
		}
		parts[i].What = fmt.Sprintf("%s from %s to %s", o.reading.Object, w.Since.Format(time.RFC3339), w.Until.Format(time.RFC3339))
	}
	before := o.received
	outcomes, err := o.options.Share(ctx, o.token, parts, func(done int64) {
		o.options.Progress.Tell(o.reading.Object, before+done, max(o.total, before+done))
	})
	deferred := ""
	for _, out := range outcomes {
		var r partResult
		if err := json.Unmarshal(out.Result, &r); err != nil {
			return received, errs.New(errs.Unknown, "what came of a part of %s cannot be read: %w", o.reading.Object, err)
		}
		o.report.Merge(out.Report, out.Worker)
		received += r.Received
		o.isSuspect = o.isSuspect || r.IsSuspect
		if r.Settled.Before(o.settled) {
			o.settled = r.Settled
		}
		if deferred == "" {
			deferred = out.Report.Deferred
		}
	}
	o.received, o.isFresh = before+received, false
	if err == nil && deferred != "" {
		err = salesforce.Withhold("%s", deferred)
	}
	return received, err
}

// RunPart reads some windows of an object that a pass shares.
func (s *Stage) RunPart(ctx context.Context, h *stage.Held) (out stage.Outcome, err error) {
	defer errs.Wrap(&err, "pull")
	var args partArgs
	if err := json.Unmarshal(h.Args, &args); err != nil {
		return out, errs.New(errs.Unknown, "read what the part is: %w", err)
	}
	defer errs.Wrap(&err, "read %s", args.Reading.Object)
	left, err := staging.WindowsWithin(ctx, s.DB, args.Reading.Object, args.Since, args.Until)
	if err != nil {
		return out, err
	}
	out.Report = h.Report
	p := &pass{Stage: s, options: stage.Options{Progress: h.Progress}, report: &out.Report, token: h.Token, began: args.Settled}
	o := &object{pass: p, reading: args.Reading, settled: args.Settled, isFresh: args.IsFresh, part: h,
		was: staging.Cursor{IsDoubted: args.WasDoubted}}
	if o.shape, err = shapeOf(args.Reading); err != nil {
		return out, err
	}
	r := &remaining{object: o, windows: stored(left)}
	for w := r.take(); w != nil && err == nil; w = r.take() {
		err = r.read(ctx, w)
	}
	if salesforce.IsQuotaUsedUp(err) {
		s.Log.Warn("a part of a pull is put off", zap.Error(err))
		out.Report.Deferred, err = "Salesforce's request quota is used up: "+err.Error(), nil
	}
	if err != nil || h.IsOver() {
		return out, err
	}
	out.Result, err = r.result()
	return out, err
}

// stored gives windows as they were kept.
func stored(rows []staging.Window) []*window {
	windows := make([]*window, len(rows))
	for i, row := range rows {
		windows[i] = &window{Window: row, isStored: true, from: position{at: row.Since}}
		if !row.At.IsZero() {
			windows[i].from = position{at: row.At, id: row.ID}
		}
	}
	return windows
}

func (l *remaining) result() (json.RawMessage, error) {
	return json.Marshal(partResult{Received: l.ended, Settled: l.settled, IsSuspect: l.isSuspect})
}

// endPart ends the part in the transaction that ends its last window.
func (l *remaining) endPart(ctx context.Context, tx *sqlx.Tx) error {
	result, err := l.result()
	if err != nil {
		return err
	}
	return l.part.End(ctx, tx, stage.Outcome{Report: l.copyOfReport(), Result: result})
}

// note keeps with a part what came of it so far.
func (o *object) note(ctx context.Context, tx *sqlx.Tx, received, staged int64) error {
	o.mu.Lock()
	r := o.copyOfReport()
	o.mu.Unlock()
	o.tally(&r, received, staged)
	return o.part.Note(ctx, tx, r)
}

func (o *object) copyOfReport() stage.Report {
	r := *o.report
	r.Counts = slices.Clone(r.Counts)
	return r
}
