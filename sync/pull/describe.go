package pull

import (
	"context"

	"github.com/goccy/go-json"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/staging"
)

// describer describes objects from what is known of them, and asks the org when that
// is too old. It is a mapping.Describer.
type describer struct {
	*pass
	known map[string]staging.Description
	// isFresh says that nothing is believed but what this pass has asked for.
	isFresh bool
	asked   map[string]bool
	// learned is what the org has said in this pass and is to be kept, and changes
	// where that may differ from what it said before.
	learned []staging.Description
	changes []change
}

// change is an object as it was described before and now; nil is none.
type change struct {
	object      string
	before, now *salesforce.Object
}

// Describe gives an object; one that is absent or hidden is errs.NotFound. That an
// object is absent is not believed for long: it is asked for in every pass.
func (d *describer) Describe(ctx context.Context, object string) (*salesforce.Object, error) {
	known, isKnown := d.known[object]
	var before *salesforce.Object
	if isKnown && known.JSON != nil {
		before = new(salesforce.Object)
		if err := json.Unmarshal(known.JSON, before); err != nil {
			before, isKnown = nil, false // of another version of this program
		}
	}
	isYoung := d.asked[object] || !d.isFresh && d.Clock.Now().Sub(known.DescribedAt) < d.DescribeEvery
	if before != nil && isYoung {
		return before, nil
	}
	modified := ""
	if before != nil && !d.isFresh {
		modified = known.Modified
	}
	answer, err := d.Source.DescribeSince(ctx, object, modified)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	d.asked[object] = modified == "" || answer.Object != nil
	now := answer.Object
	if now == nil && err == nil {
		now = before // as it was
	} else if isKnown {
		d.changes = append(d.changes, change{object, before, now})
	}
	learned := staging.Description{Object: object, DescribedAt: d.Clock.Now(), Modified: answer.Modified}
	if now != nil {
		if learned.JSON, err = json.Marshal(now); err != nil {
			return nil, err
		}
	}
	d.known[object] = learned
	d.learned = append(d.learned, learned)
	return now, err
}

// tell reports what has changed in the org, beside the mappings that are stopped by it,
// and keeps what is known of it now.
func (d *describer) tell(ctx context.Context, stopped []mapping.Stopped) error {
	for _, c := range d.changes {
		d.drift(c, stopped)
	}
	d.changes = nil
	if len(d.learned) == 0 || d.options.DryRun {
		return nil
	}
	err := pg.InTx(ctx, d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := d.token.Check(ctx, tx); err != nil {
			return err
		}
		for _, learned := range d.learned {
			if err := staging.WriteDescription(ctx, tx, learned); err != nil {
				return err
			}
		}
		return nil
	})
	d.learned = nil
	return err
}
