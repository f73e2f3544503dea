package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

// holdVanished holds the batch's records that a recount found to be gone, and ends
// the hold of those of which something is known again (R9.1). It comes before the
// facts are saved: saving marks what has to be worked out anew, and that reads the
// holds.
func (b *batch) holdVanished(ctx context.Context) error {
	var vanished, deleted, back []string
	var alive []*time.Time
	for _, r := range b.records {
		switch {
		case r.VanishedAt != nil:
			vanished, alive = append(vanished, r.ID), append(alive, r.AliveAt)
			b.vanished(r)
		case r.IsDeleted:
			deleted = append(deleted, r.ID)
		default:
			back = append(back, r.ID)
		}
	}
	if err := ledger.ReleaseVanished(ctx, b.tx, deleted, back, b.now); err != nil {
		return err
	}
	return ledger.HoldVanished(ctx, b.tx, b.object, vanished, alive, b.now)
}

// vanished says what a person has to do about a record that is gone. It stops money
// where the record earns or claims, or proves a claim; what others last said goes on
// counting, because what they stood for ends nothing (R2.11).
func (b *batch) vanished(r staging.Record) {
	holds := map[mapping.Kind]string{
		mapping.Opportunity:  "What it earned stays as it is until then",
		mapping.Registration: "What it claims is on hold until then",
		mapping.Engagement:   "What its registration claims is on hold until then",
	}[b.kind]
	isHold := holds != ""
	if !isHold {
		holds = "What it last said goes on counting until then"
	}
	b.found = append(b.found, ledger.Discrepancy{
		Kind: ledger.KindVanished, Subject: r.ID, Object: b.object, Rule: "R9.1", IsHold: isHold,
		Detail: fmt.Sprintf("On %s Salesforce had this record no more, not even in its recycle bin, and nobody saw it deleted. Restore it there, or say that it is gone: "+
			"partnersync discrepancies confirm %s --reason …. %s.", r.VanishedAt.UTC().Format(time.DateOnly), r.ID, holds),
	})
}
