package deal

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// View is a registration as it stands, for people.
type View struct {
	Registration
	// State is where it stands as of the as-of day; "" if nobody can tell. Reason says
	// why: the decision's, or with whom it is in conflict.
	State  commission.State
	Reason string
	// WindowEnd is the last day on which it finds its opportunity; no date while it is
	// undecided (R5.5).
	WindowEnd clock.Date
	// ExclusiveFrom and ExclusiveUntil are the instants between which it keeps other
	// partners off its customer; ExclusiveUntil is the zero Time while that has no end
	// yet (R5.3). Both are zero of one that claims nothing.
	ExclusiveFrom, ExclusiveUntil time.Time
	// Linked is the id of the opportunity that it covers, LinkedName its name, and How
	// says by what (R5.5); all are "" if it covers none.
	Linked, LinkedName, How string
	// Rivals are the registrations within whose exclusivity it was submitted (R5.4).
	Rivals []string
	// ShareFault says what is wrong with the shares of its group, or is "".
	ShareFault   string
	IsUnreadable bool
	// Journal is in the order of time. It and Engagements are there of one that was
	// asked for by its id.
	Journal     []Event
	Engagements []Engagement
}

func (w *world) view(c *claimant) View {
	v := View{
		Registration: c.Registration, State: w.state(c), Reason: w.reason(c), WindowEnd: c.windowEnd, IsUnreadable: c.isUnreadable,
	}
	if c.group != nil {
		v.ShareFault = c.group.fault()
	}
	if l, linked := w.links[c.ID]; linked {
		v.Linked, v.LinkedName, v.How = l.opportunity, w.oppByID[l.opportunity].name, l.how
	}
	if c.claims() {
		v.ExclusiveFrom, v.ExclusiveUntil, _ = w.exclusivity(c)
		for _, r := range w.rivals(c) {
			v.Rivals = append(v.Rivals, r.ID)
		}
	}
	return v
}

// Get gives a registration with its journal and its engagements. One that is not
// there is NotFound.
func Get(ctx context.Context, q sqlx.QueryerContext, id string, t Terms) (v View, err error) {
	defer errs.Wrap(&err, "read the registration %s", id)
	f, err := gather(ctx, q, keys{registrations: []string{id}})
	if err != nil {
		return View{}, err
	}
	w := newWorld(f, t)
	c := w.byID[id]
	if c == nil {
		return View{}, errs.New(errs.NotFound, "there is no registration %q", id).WithHint("List them with: partnersync registrations list")
	}
	v = w.view(c)
	evidence, err := readEngagements(ctx, q, []string{id})
	if err != nil {
		return View{}, err
	}
	v.Engagements = evidence[id]
	v.Journal, err = readJournal(ctx, q, id)
	return v, err
}

// readJournal gives what happened to a registration, in the order of time.
func readJournal(ctx context.Context, q sqlx.QueryerContext, id string) ([]Event, error) {
	var rows []struct {
		State     string    `db:"state"`
		Actor     string    `db:"actor"`
		At        time.Time `db:"at"`
		Reason    string    `db:"reason"`
		LearnedAt time.Time `db:"learned_at"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select state, actor, at, reason, learned_at from ledger.registration_event
		where registration_id = $1 order by at, nth`, id); err != nil {
		return nil, err
	}
	out := make([]Event, len(rows))
	for i, r := range rows {
		out[i] = Event{State: commission.State(r.State), Actor: r.Actor, At: r.At.UTC(), Reason: r.Reason, LearnedAt: r.LearnedAt.UTC()}
	}
	return out, nil
}

// Filter narrows a listing. Zero fields do not narrow.
type Filter struct {
	// State is where they stand as of the as-of day.
	State commission.State
	// Partner is a Partner ID.
	Partner string
	// Account is one of the Accounts that they name, or of its kin.
	Account string
	Origin  string
	Limit   int // at most so many; 0 is 1,000
}

// inAPage is how many registrations a listing works out at once.
const inAPage = 200

// List lists registrations, the earliest submitted last and drafts first, without
// journals and engagements; deleted ones are left out.
func List(ctx context.Context, q sqlx.QueryerContext, f Filter, t Terms) (out []View, err error) {
	defer errs.Wrap(&err, "list registrations")
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	ids, err := f.find(ctx, q)
	if err != nil {
		return nil, err
	}
	err = eachOf(ctx, q, t, ids, func(w *world, c *claimant) (goOn bool) {
		if f.State == "" || w.state(c) == f.State {
			out = append(out, w.view(c))
		}
		return len(out) < f.Limit
	})
	return out, err
}

// eachOf gives registrations by their ids, each in the world around it, until one is
// enough. The worlds are gathered a page at a time.
func eachOf(ctx context.Context, q sqlx.QueryerContext, t Terms, ids []string, use func(w *world, c *claimant) (goOn bool)) error {
	for page := range slices.Chunk(ids, inAPage) {
		facts, err := gather(ctx, q, keys{registrations: page})
		if err != nil {
			return err
		}
		w := newWorld(facts, t)
		for _, id := range page {
			if c := w.byID[id]; c != nil && !use(w, c) {
				return nil
			}
		}
	}
	return nil
}

// find gives the ids of registrations that pass the filter, their states apart,
// latest submission first.
func (f Filter) find(ctx context.Context, q sqlx.QueryerContext) (ids []string, err error) {
	partner := f.Partner
	if id, ok := ledger.ParsePartnerID(partner); ok {
		partner = id
	}
	var accounts []string
	if f.Account != "" {
		accounts = []string{f.Account}
	}
	err = sqlx.SelectContext(ctx, q, &ids, `
		select id from ledger.registration
		where not is_deleted and ($1 = '' or upper(btrim(partner_id)) = $1) and ($2 = '' or origin = $2)
		  and ($3::text[] is null or customer_id in (select ledger.kin($3)))
		order by submitted_at desc nulls first, id collate "C"`, partner, f.Origin, pq.Array(accounts))
	return ids, err
}

// Conflict is a registration that waits for a decision, with those that it is in
// conflict with, side by side (R5.4).
type Conflict struct {
	Claim  View
	Rivals []View // in the order of submission
}

// Queue lists the registrations that are in conflict, the earliest submitted first.
func Queue(ctx context.Context, q sqlx.QueryerContext, t Terms) (out []Conflict, err error) {
	defer errs.Wrap(&err, "list conflicts of registrations")
	// Only what is undecided can be in conflict.
	var ids []string
	if err := sqlx.SelectContext(ctx, q, &ids, `
		select id from ledger.registration
		where not is_deleted and submitted_at is not null and lower(btrim(status)) in ('submitted', 'conflict', 'approved', 'won', 'lost', 'expired')
		  and (lower(btrim(status)) in ('submitted', 'conflict') or decided_at is null)
		order by submitted_at, id collate "C"`); err != nil {
		return nil, err
	}
	err = eachOf(ctx, q, t, ids, func(w *world, c *claimant) bool {
		if w.state(c) != commission.Conflict {
			return true
		}
		one := Conflict{Claim: w.view(c)}
		for _, r := range w.rivals(c) {
			one.Rivals = append(one.Rivals, w.view(r))
		}
		out = append(out, one)
		return true
	})
	return out, err
}
