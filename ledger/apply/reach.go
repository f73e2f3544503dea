package apply

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
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

// sources gives the opportunities that the partners bear on as things are: those
// of the Spaces that their Partner IDs, and those of partners that merged into
// them, are or were on, and those that registrations under these IDs reach. The
// Spaces are marked on the way, to be looked at anew.
func (t *touched) sources(ctx context.Context, tx *sqlx.Tx, now time.Time) ([]string, error) {
	ids, err := ledger.PaidThrough(ctx, tx, t.keys)
	if err != nil {
		return nil, err
	}
	ids = append(ids, t.ids...)
	spaces, err := attribution.HeldBy(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	if err := attribution.MarkSpaces(ctx, tx, spaces, now); err != nil {
		return nil, err
	}
	sources, err := revenue.OfSpaces(ctx, tx, spaces)
	if err != nil {
		return nil, err
	}
	registered, err := reachOf(ctx, tx, ids, t.domains)
	return append(sources, registered...), err
}

// reachOf gives the opportunities that registrations under Partner IDs reach, or
// those which a domain connects with a customer.
func reachOf(ctx context.Context, q sqlx.QueryerContext, ids, domains []string) (_ []string, err error) {
	defer errs.Wrap(&err, "find registrations of partners")
	var r deal.Reached
	if err := sqlx.SelectContext(ctx, q, &r.Registrations, `
		select id from ledger.registration where upper(btrim(partner_id)) = any($1)
		union select id from ledger.registration where email_domain = any($2) and email_domain <> ''`,
		pq.Array(ids), pq.Array(domains)); err != nil {
		return nil, err
	}
	if err := sqlx.SelectContext(ctx, q, &r.Accounts, `
		select account_id from ledger.customer where domain = any($1) and domain <> ''`, pq.Array(domains)); err != nil {
		return nil, err
	}
	if len(r.Registrations)+len(r.Accounts) == 0 {
		return nil, nil
	}
	return deal.Reach(ctx, q, r)
}
