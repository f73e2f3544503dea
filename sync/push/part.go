package push

import (
	"context"
	"encoding/json"
	"fmt"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

// mostParts bounds how many parts a push is shared in.
const mostParts = 64

// partArgs says what a part sends: what is unsent of an object, of some parents.
type partArgs struct {
	Reach  outbox.Range
	ByBulk bool
	Rows   int64 // that it is likely to have
	// IsDense says that most of what the outbox has of the object is unsent.
	IsDense bool
	// Aim is what the leader writes of an object: replicas whose settings say otherwise
	// must not.
	Aim string
}

// parts says among how many parts so many records are shared; 1 if they are not.
func (p *pass) parts(records int64) int {
	if p.options.Share == nil || p.options.DryRun || records <= 2*int64(p.Part) {
		return 1
	}
	return int(min(records/int64(p.Part), mostParts))
}

// share has what is unsent of an object, so many records, sent by several replicas, each
// some parents'. If one died over a part, what it left in flight is settled before anything
// else.
func (p *pass) share(ctx context.Context, object string, parts int, records int64, byBulk bool) error {
	ranges, err := outbox.Split(ctx, p.DB, object, parts, p.Clock.Now())
	if err != nil {
		return err
	}
	all := make([]stage.Part, len(ranges))
	for n, reach := range ranges {
		raw, err := json.Marshal(partArgs{Reach: reach, ByBulk: byBulk, Rows: records / int64(len(ranges)), IsDense: p.isDense, Aim: p.aimOf(object)})
		if err != nil {
			return err
		}
		all[n] = stage.Part{What: fmt.Sprintf("%s records, part %d of %d", object, n+1, len(ranges)), Args: raw}
	}
	before := p.done
	outcomes, err := p.options.Share(ctx, p.token, all, func(done int64) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.options.Progress.Tell(object, before+done, max(p.total, before+done))
	})
	deferred, hasDied := "", false
	p.mu.Lock()
	for _, o := range outcomes {
		p.report.Merge(o.Report, o.Worker)
		p.done += o.Report.Rows()
		hasDied = hasDied || o.Attempt > 1
		if deferred == "" {
			deferred = o.Report.Deferred
		}
	}
	p.mu.Unlock()
	switch {
	case err != nil:
		return err
	case deferred != "":
		return salesforce.Withhold("%s", deferred)
	case hasDied:
		return p.settleFlights(ctx)
	}
	return nil
}

// aimOf says what is written of an object's records, and which.
func (s *Stage) aimOf(object string) string {
	for _, t := range mapping.Targets() {
		if record.ObjectOf(t) == object {
			return s.Mapping.Target(t).Signature() + s.Shape.Signature(t)
		}
	}
	return ""
}

// RunPart sends what is unsent of some parents.
func (s *Stage) RunPart(ctx context.Context, h *stage.Held) (out stage.Outcome, err error) {
	defer errs.Wrap(&err, "push")
	var args partArgs
	if err := json.Unmarshal(h.Args, &args); err != nil {
		return out, errs.New(errs.Unknown, "read what the part is: %w", err)
	}
	if args.Aim != s.aimOf(args.Reach.Object) {
		return out, fmt.Errorf("the mapping or push.since and push.grain say otherwise than where the push is led what is written of %s records: %w",
			args.Reach.Object, stage.ErrElsewhere)
	}
	out.Report = h.Report
	p := &pass{Stage: s, token: h.Token, report: &out.Report, total: args.Rows, isDense: args.IsDense}
	p.options.Progress = func(what string, done, total int64) {
		h.Progress.Tell(what, done, total)
		h.Keep(out.Report)
	}
	err = p.runPart(ctx, args)
	if salesforce.IsQuotaUsedUp(err) {
		s.Log.Warn("a part of a push is put off", zap.Error(err))
		out.Report.Deferred, err = "Salesforce's request quota is used up: "+err.Error(), nil
	}
	return out, err
}

func (p *pass) runPart(ctx context.Context, args partArgs) error {
	to, err := p.destination(ctx, args.Reach.Object)
	if err != nil {
		return err
	}
	reach := args.Reach
	if !args.ByBulk {
		reach.Limit = flightSize
		w := &worker{pass: p, composer: p.composer(to), object: reach.Object, reach: reach}
		return w.run(ctx)
	}
	patience, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	r := &bulkRun{pass: p, composer: p.composer(to), object: reach.Object, reach: reach, after: reach.After, total: int(args.Rows)}
	return r.run(ctx, patience)
}
