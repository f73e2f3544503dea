package deal

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// handsAtOnce bounds how many sources are looked at together.
const handsAtOnce = 500

// Hands says, for each of some sources (ids of opportunities), who had a hand in what
// lies underneath it, and so may not approve its lines (R8.5): whoever entered,
// changed, decided on or connected a registration that covers it, and whoever logged
// or confirmed an engagement of one. A registration that covered it until it was
// revoked lies underneath what its revocation takes back. One that claims the source
// and lost it does not count, nor does what happened to others of its customer.
//
// Actors are as the journal has them, each once, in order; what Salesforce stated is
// Salesforce's. Sources without any, such as those that Space attribution alone pays,
// are not in the result. t says by which terms registrations find their opportunities.
func Hands(ctx context.Context, q sqlx.QueryerContext, sourceIDs []string, t Terms) (_ map[string][]string, err error) {
	defer errs.Wrap(&err, "find who had a hand in %d sources", len(sourceIDs))
	out := map[string][]string{}
	for some := range slices.Chunk(sourceIDs, handsAtOnce) {
		if err := addHands(ctx, q, some, t, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addHands adds the hands in some sources to out.
func addHands(ctx context.Context, q sqlx.QueryerContext, sourceIDs []string, t Terms, out map[string][]string) error {
	if yes, err := isInReach(ctx, q, sourceIDs); err != nil || !yes {
		return err
	}
	f, err := gather(ctx, q, keys{opportunities: sourceIDs})
	if err != nil {
		return err
	}
	w := newWorld(f, t)
	underneath := map[string][]string{}
	var all []string
	for _, id := range sourceIDs {
		underneath[id] = w.underneath(id)
		all = append(all, underneath[id]...)
	}
	actors, err := readActors(ctx, q, all)
	if err != nil {
		return err
	}
	for id, registrations := range underneath {
		var hands []string
		for _, r := range registrations {
			hands = append(hands, actors[r]...)
		}
		if len(hands) > 0 {
			slices.Sort(hands)
			out[id] = slices.Compact(hands)
		}
	}
	return nil
}

// underneath gives the registrations that what an opportunity earned may rest on:
// those that are linked to it, and those that were until they were revoked.
func (w *world) underneath(id string) (registrations []string) {
	for _, c := range w.claimsOn(id) {
		ended, wouldHave := w.shadows[c.RegistrationID]
		wasRevoked := c.State == commission.Revoked && wouldHave && ended.opportunity == id
		if c.IsLinked || wasRevoked {
			registrations = append(registrations, c.RegistrationID)
		}
	}
	return registrations
}

// readActors gives everybody who did anything to registrations or to their
// engagements, by registration.
func readActors(ctx context.Context, q sqlx.QueryerContext, registrations []string) (map[string][]string, error) {
	out := map[string][]string{}
	if len(registrations) == 0 {
		return out, nil
	}
	var rows []struct {
		RegistrationID string `db:"registration_id"`
		Actor          string `db:"actor"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select registration_id, actor from ledger.registration_event where registration_id = any($1)
		union
		select registration_id, actor from ledger.engagement where registration_id = any($1) and not is_deleted and actor <> ''
		union
		select registration_id, confirmed_by from ledger.engagement
		where registration_id = any($1) and not is_deleted and confirmed_by <> ''`, pq.Array(registrations)); err != nil {
		return nil, err
	}
	for _, r := range rows {
		out[r.RegistrationID] = append(out[r.RegistrationID], r.Actor)
	}
	return out, nil
}
