package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Age says since when the rows of an object wait that have waited longest.
type Age struct {
	Object string `db:"object" json:"object"`
	// UnsentSince is when the oldest unsent row was last marked, those that are put off
	// included; nil if there is none.
	UnsentSince *time.Time `db:"unsent_since" json:"unsent_since,omitempty"`
	// QuarantinedSince is when the oldest quarantined row was put aside; nil if none is.
	QuarantinedSince *time.Time `db:"quarantined_since" json:"quarantined_since,omitempty"`
}

// Ages gives those of the objects that have something to send.
func Ages(ctx context.Context, q sqlx.QueryerContext) (_ []Age, err error) {
	defer errs.Wrap(&err, "read how long the outbox waits")
	var out []Age
	err = sqlx.SelectContext(ctx, q, &out, `
		select object, min(marked_at) filter (where quarantined_at is null) as unsent_since, min(quarantined_at) as quarantined_since
		from outbox.record where wanted > confirmed group by object order by object`)
	for i := range out {
		for _, at := range []*time.Time{out[i].UnsentSince, out[i].QuarantinedSince} {
			if at != nil {
				*at = at.UTC()
			}
		}
	}
	return out, err
}
