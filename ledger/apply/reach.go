package apply

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// touched is what partners that change bear on.
type touched struct {
	keys    []string // of the partners
	ids     []string // stated of them, some perhaps not issued yet
	domains []string // that become theirs, or cease to be (R1.4)
}

// touch adds a partner that changes.
func (t *touched) touch(was, is ledger.Partner) {
	t.keys, t.ids = append(t.keys, is.Key), append(t.ids, is.IDs...)
	for _, d := range slices.Concat(was.Domains, is.Domains) {
		if slices.Contains(was.Domains, d) != slices.Contains(is.Domains, d) {
			t.domains = append(t.domains, d)
		}
	}
}

// around is what partners bear on: opportunities whose lines may become others, and
// registrations of which there may be something else to say.
type around struct{ sources, registrations []string }

// around gives what the partners bear on as things are: the opportunities of the
// Spaces that their Partner IDs, and those of partners that merged into them, are or
// were on, and what registrations under these IDs reach. The Spaces are marked on the
// way, to be looked at anew.
func (t *touched) around(ctx context.Context, tx *sqlx.Tx, now time.Time) (a around, err error) {
	ids, err := ledger.PaidThrough(ctx, tx, t.keys)
	if err != nil {
		return a, err
	}
	ids = append(ids, t.ids...)
	spaces, err := attribution.HeldBy(ctx, tx, ids)
	if err != nil {
		return a, err
	}
	if err := attribution.MarkSpaces(ctx, tx, spaces, now); err != nil {
		return a, err
	}
	if a.sources, err = revenue.OfSpaces(ctx, tx, spaces); err != nil {
		return a, err
	}
	registered, err := reachOf(ctx, tx, ids, t.domains)
	a.sources, a.registrations = append(a.sources, registered.sources...), registered.registrations
	return a, err
}

// reachOf gives what registrations under Partner IDs reach, and those which a domain
// connects with a customer, on whatever day.
func reachOf(ctx context.Context, q sqlx.QueryerContext, ids, domains []string) (a around, err error) {
	defer errs.Wrap(&err, "find registrations of partners")
	var r deal.Reached
	if err := sqlx.SelectContext(ctx, q, &r.Registrations, `
		select id from ledger.registration where payee_id = any($1) and payee_id <> ''
		union select id from ledger.registration where email_domain = any($2) and email_domain <> ''`,
		pq.Array(ids), pq.Array(domains)); err != nil {
		return a, err
	}
	if err := sqlx.SelectContext(ctx, q, &r.Accounts, `
		select distinct account_id from ledger.customer_domain where domain = any($1) and domain <> ''`, pq.Array(domains)); err != nil {
		return a, err
	}
	if len(r.Registrations)+len(r.Accounts) == 0 {
		return a, nil
	}
	a.sources, a.registrations, err = deal.Around(ctx, q, r)
	return a, err
}

// submittedFrom gives the registrations that were submitted on a day or later. The
// day is taken generously, because zones differ.
func submittedFrom(ctx context.Context, q sqlx.QueryerContext, d clock.Date) (ids []string, err error) {
	defer errs.Wrap(&err, "find registrations submitted from %s on", d)
	err = sqlx.SelectContext(ctx, q, &ids, `select id from ledger.registration where submitted_at >= $1::date - 1 order by id`, d)
	return ids, err
}

// settledAtOnce bounds how many registrations are looked at together.
const settledAtOnce = 500

// findings says anew what there is to say of the registrations that changes bear on:
// a Partner ID that was unknown may have been issued (R2.8), a domain may have become
// a partner's, a window another.
func (a *application) findings(ctx context.Context) error {
	slices.Sort(a.registrations)
	registrations := slices.Compact(a.registrations)
	if len(registrations) == 0 {
		return nil
	}
	plans, err := book.Plans(ctx, a.tx, book.DefaultPlan)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(registrations, settledAtOnce) {
		if _, err := deal.SettleFindings(ctx, a.tx, some, a.Zone, plans, a.Now); err != nil {
			return err
		}
	}
	return nil
}
