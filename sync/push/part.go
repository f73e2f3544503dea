package push

import (
	"context"
	"encoding/json"
	"fmt"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

// mostParts bounds how many parts a push is shared in.
const mostParts = 64

// partArgs says what a part sends: what is unsent of an object, of a part of the parents.
type partArgs struct {
	Object      string
	ByBulk      bool
	Part, Parts int
	Total       int64 // of all parts
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

// share has what is unsent of an object sent by several replicas, each its parts of the
// parents. If one died over a part, what it left in flight is settled before anything else.
func (p *pass) share(ctx context.Context, object string, parts int, args partArgs) error {
	args.Object, args.Parts, args.Aim = object, parts, p.aimOf(object)
	all := make([]stage.Part, parts)
	for n := range all {
		args.Part = n
		raw, err := json.Marshal(args)
		if err != nil {
			return err
		}
		all[n] = stage.Part{What: fmt.Sprintf("%s records, part %d of %d", object, n+1, parts), Args: raw}
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
	if args.Aim != s.aimOf(args.Object) {
		return out, fmt.Errorf("the mapping or push.since and push.grain say otherwise than where the push is led what is written of %s records: %w",
			args.Object, stage.ErrElsewhere)
	}
	out.Report = h.Report
	p := &pass{Stage: s, token: h.Token, report: &out.Report, total: args.Total / int64(args.Parts)}
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
	to, err := p.destination(ctx, args.Object)
	if err != nil {
		return err
	}
	if !args.ByBulk {
		w := &worker{pass: p, composer: p.composer(to), object: args.Object, part: args.Part, parts: args.Parts}
		return w.run(ctx)
	}
	patience, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	r := &bulkRun{pass: p, composer: p.composer(to), object: args.Object, part: args.Part, parts: args.Parts, total: int(p.total)}
	return r.run(ctx, patience)
}
