package quota

import (
	"context"

	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
)

// guardedParts guards a stage whose large passes are shared.
type guardedParts struct {
	guarded
	parts stage.Parted
}

// RunPart does a part. What it asks of the org is counted with the stage's, and its report
// says how much that was. A job's share is looked up when a part begins, so what others
// spend meanwhile counts from the next part on.
func (s guardedParts) RunPart(ctx context.Context, h *stage.Held) (stage.Outcome, error) {
	p := s.governor.newPass(s.Name(), false)
	h.OnEnd(func(r *stage.Report) { p.report(context.WithoutCancel(ctx), r) })
	o, err := s.parts.RunPart(salesforce.WithGate(ctx, p), h)
	p.flush(context.WithoutCancel(ctx), true)
	return o, err
}
