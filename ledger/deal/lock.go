package deal

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// locksTried bounds how often a component is read again because it has grown while
// it was being locked.
const locksTried = 10

// worldOf locks a registration with all that it has to do with until the transaction
// ends, and reads them as they are then. Two people who decide on registrations that
// are in conflict come one after the other, and the second sees what the first did.
func worldOf(ctx context.Context, tx *sqlx.Tx, id string, t Terms) (*world, error) {
	var locked []string
	for range locksTried {
		f, err := gather(ctx, tx, keys{registrations: []string{id}})
		if err != nil {
			return nil, err
		}
		ids := make([]string, len(f.records))
		for i, r := range f.records {
			ids[i] = r.ID
		}
		slices.Sort(ids)
		if !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(locked, id) }) {
			return newWorld(f, t), nil
		}
		// All in one order, so that nobody waits for somebody who waits for him.
		if err := tx.SelectContext(ctx, &locked, `
			select id from ledger.registration where id = any($1) order by id collate "C" for update`, pq.Array(ids)); err != nil {
			return nil, err
		}
	}
	return nil, errs.New(errs.Transient, "registrations of this customer keep coming").WithHint("Try again.")
}

// owned locks a registration that was made here, with all that it has to do with.
func owned(ctx context.Context, tx *sqlx.Tx, id string, by By) (*claimant, *world, error) {
	if err := by.check(); err != nil {
		return nil, nil, err
	}
	w, err := worldOf(ctx, tx, id, by.Terms)
	if err != nil {
		return nil, nil, err
	}
	c := w.byID[id]
	if c == nil {
		return nil, nil, errs.New(errs.NotFound, "there is no registration %q", id).WithHint("List them with: partnersync registrations list")
	}
	if c.Origin != OriginPortal {
		return nil, nil, errs.New(errs.Conflict, "it is Salesforce's").
			WithHint("Its origin decides on it: change it in Salesforce, and the next pull learns of it.")
	}
	return c, w, nil
}

// check refuses what nobody does, or does at no time.
func (b By) check() error {
	switch {
	case strings.TrimSpace(b.Actor) == "":
		return errs.New(errs.Invalid, "nobody is named who does this").WithHint("Say who acts with --actor.")
	case b.Now.IsZero() || b.Terms.Zone == nil:
		return errs.New(errs.Unknown, "a registration was to be changed at no time, or in no zone")
	}
	return nil
}

func (b By) entry(id string, state commission.State, reason string) entry {
	return entry{id, Event{State: state, Actor: b.Actor, At: b.Now, Reason: reason, LearnedAt: b.Now}}
}

// latest is the last instant at which something happened to a registration.
func latest(c *claimant) time.Time {
	if c.DecidedAt.After(c.SubmittedAt) {
		return c.DecidedAt
	}
	return c.SubmittedAt
}
