package deal

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// AddClaims fills in the Claims of sources: the registrations that are linked to
// each of them, and those that might have been (R5.5), with their states as of
// t.AsOf and their engagements. Where no registration is in reach of any of them it
// costs one statement, or two.
func AddClaims(ctx context.Context, q sqlx.QueryerContext, sources []commission.Source, t Terms) (err error) {
	defer errs.Wrap(&err, "find the registrations of %d sources", len(sources))
	ids := make([]string, len(sources))
	names := false // one of them names a registration, which nobody may have seen
	for i := range sources {
		ids[i] = sources[i].ID
		names = names || sources[i].NamedRegistration != ""
	}
	if !names {
		if yes, err := isInReach(ctx, q, ids); err != nil || !yes {
			return err
		}
	}
	f, err := gather(ctx, q, keys{opportunities: ids})
	if err != nil {
		return err
	}
	w := newWorld(f, t)
	var claiming []string
	for i := range sources {
		sources[i].Claims = w.claimsOn(sources[i].ID)
		for _, c := range sources[i].Claims {
			claiming = append(claiming, c.RegistrationID)
		}
	}
	evidence, err := readEngagements(ctx, q, claiming)
	if err != nil {
		return err
	}
	for i := range sources {
		for j := range sources[i].Claims {
			c := &sources[i].Claims[j]
			for _, e := range evidence[c.RegistrationID] {
				c.Engagements = append(c.Engagements, e.evidence())
			}
		}
	}
	return nil
}

// isInReach says whether any registration may have to do with any of some
// opportunities. It never says no where one has. The arrays are behind a select here,
// and elsewhere in this room, so that the planner takes them for few and looks each
// key up: it would read whole tables for some hundred keys.
func isInReach(ctx context.Context, q sqlx.QueryerContext, ids []string) (yes bool, err error) {
	var leads struct {
		Any      bool           `db:"any_registration"`
		Accounts pq.StringArray `db:"accounts"`
		Domains  pq.StringArray `db:"domains"`
		Named    pq.StringArray `db:"named"`
	}
	if err := sqlx.GetContext(ctx, q, &leads, `
		with o as materialized (
			select id, customer_id, registration_id from ledger.opportunity
			where id = any((select $1::text[])::text[]) and exists (select from ledger.registration)),
		named as materialized (select array(select distinct customer_id from o where customer_id <> '') as accounts),
		`+kinOfNamed+`
		select exists (select from ledger.registration) as any_registration,
			(select accounts from k) as accounts,
			array(select distinct d.domain from ledger.customer_domain d
			      where d.account_id = any((select accounts from k)::text[]) and d.domain <> ''
			        and d.domain not in (select unnest(p.domains) from ledger.partner p)) as domains,
			array(select distinct registration_id from o where registration_id <> '') as named`, pq.Array(ids)); err != nil {
		return false, err
	}
	if !leads.Any {
		return false, nil
	}
	domains := slices.DeleteFunc(leads.Domains, ledger.IsPublicMailDomain)
	// A registration without a domain goes by that of its Account, or of a survivor.
	err = sqlx.GetContext(ctx, q, &yes, `
		with named as materialized (
			select array(select unnest($2::text[]) union
				select account_id from ledger.customer_domain where domain = any((select $3::text[])::text[]) and domain <> '') as accounts),
		`+kinOfNamed+`
		select exists (select from ledger.registration where opportunity_id = any((select $1::text[])::text[]) and opportunity_id <> '')
			or exists (select from ledger.registration where customer_id = any((select accounts from k)::text[]) and customer_id <> '')
			or exists (select from ledger.registration where email_domain = any((select $3::text[])::text[]) and email_domain <> '')
			or exists (select from ledger.registration where id = any($4))`,
		pq.Array(ids), leads.Accounts, pq.Array([]string(domains)), leads.Named)
	return yes, err
}

// Reached is what has changed, or is about to: ids of opportunities, registrations
// and Accounts.
type Reached struct {
	Opportunities, Registrations, Accounts []string
}

// Around gives the ids of all won opportunities whose claims may have to do with any
// of r, which is what may have to be accrued anew, and of all registrations that have
// to do with it, which is what SettleFindings may say something else of; both in
// order. What a change cuts off is only there before it, and what it connects only
// after it, so ask both before and after facts are saved. Where no registration is in
// reach it costs one to three statements.
func Around(ctx context.Context, q sqlx.QueryerContext, r Reached) (opportunities, registrations []string, err error) {
	defer errs.Wrap(&err, "find what registrations reach")
	f, err := reached(ctx, q, r)
	if err != nil || len(f.records) == 0 {
		return nil, nil, err
	}
	for _, o := range f.opportunities {
		if o.isWon {
			opportunities = append(opportunities, o.id)
		}
	}
	for _, c := range f.records {
		registrations = append(registrations, c.ID)
	}
	slices.Sort(opportunities)
	slices.Sort(registrations)
	return opportunities, registrations, nil
}

// reached gathers the components of what has changed; nothing, where there is no
// registration in them.
func reached(ctx context.Context, q sqlx.QueryerContext, r Reached) (facts, error) {
	if there, err := Any(ctx, q); err != nil || !there {
		return facts{}, err
	}
	if len(r.Registrations) == 0 && len(r.Accounts) == 0 {
		if yes, err := isInReach(ctx, q, r.Opportunities); err != nil || !yes {
			return facts{}, err
		}
	}
	return gather(ctx, q, keys{registrations: r.Registrations, opportunities: r.Opportunities, accounts: r.Accounts})
}
