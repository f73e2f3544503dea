package deal

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// actorSalesforce is who decided on what Salesforce owns, as far as we are told.
const actorSalesforce = "Salesforce"

// SaveRegistrations keeps what Salesforce states of the registrations that it owns.
// A version older than the one that is kept is ignored, so the order in which they
// come does not matter. What any version says of states goes into the journal
// (R5.2). It gives the ids of those that changed; call FindCustomers for them.
func SaveRegistrations(ctx context.Context, tx *sqlx.Tx, rs []Registration, now time.Time) (changed []string, err error) {
	defer errs.Wrap(&err, "save registrations")
	c := columnsOf(rs)
	late, err := ledger.KeepNamedAccounts(ctx, tx, ledger.RegistrationNamesAccount, c.id, c.account, c.modstamp)
	if err != nil {
		return nil, err
	}
	if err := tx.SelectContext(ctx, &changed, `
		insert into ledger.registration as r
			(id, origin, registration_key, partner_id, payee_id, customer_name, stated_domain, email_domain, account_id,
			 first_account_id, first_account_at, customer_id, opportunity_id, space_id, involvement, status, submitted_at, decided_at,
			 decision_reason, share, project, key_people, use_case, business_outcome, timeframe, priority, speculative,
			 is_deleted, modstamp)
		select id, 'salesforce', key, partner, payee, customer_name, stated_domain, email_domain, account, account,
			case when account <> '' then modstamp end, account, opportunity, space, involvement, status, submitted,
			decided, reason, share, project, people, use_case, outcome, timeframe, priority, speculative, deleted, modstamp
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
			$10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::numeric[], $16::text[],
			$17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::bool[], $23::bool[], $24::timestamptz[], $25::text[])
			as r (id, key, partner, customer_name, stated_domain, email_domain, account, opportunity, space, involvement,
				status, submitted, decided, reason, share, project, people, use_case, outcome, timeframe, priority,
				speculative, deleted, modstamp, payee)
		on conflict (id) do update set
			registration_key = excluded.registration_key, partner_id = excluded.partner_id, payee_id = excluded.payee_id,
			customer_name = excluded.customer_name, stated_domain = excluded.stated_domain,
			email_domain = excluded.email_domain, account_id = excluded.account_id,
			first_account_id = case r.first_account_id when '' then excluded.account_id else r.first_account_id end,
			first_account_at = case r.first_account_id when '' then excluded.first_account_at else r.first_account_at end,
			opportunity_id = excluded.opportunity_id, space_id = excluded.space_id, involvement = excluded.involvement,
			status = excluded.status, submitted_at = excluded.submitted_at, decided_at = excluded.decided_at,
			decision_reason = excluded.decision_reason, share = excluded.share, project = excluded.project,
			key_people = excluded.key_people, use_case = excluded.use_case, business_outcome = excluded.business_outcome,
			timeframe = excluded.timeframe, priority = excluded.priority, speculative = excluded.speculative,
			is_unreadable = false, is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
		where excluded.modstamp >= r.modstamp and r.origin = 'salesforce'
		returning id`, c.values()...); err != nil {
		return nil, err
	}
	return append(changed, late...), journalStated(ctx, tx, rs, now)
}

// columns are registrations by columns, as a statement takes them.
type columns struct {
	id, key, partner, payee, customer, stated, domain, account, opportunity, space, involvement, status, reason []string
	project, people, useCase, outcome, timeframe, priority                                                      []string
	submitted, decided                                                                                          []*time.Time
	share                                                                                                       []*decimal.Decimal
	speculative, deleted                                                                                        []bool
	modstamp                                                                                                    []time.Time
}

func columnsOf(rs []Registration) columns {
	var c columns
	for _, r := range rs {
		c.id, c.key, c.partner = append(c.id, r.ID), append(c.key, r.Key), append(c.partner, r.PartnerID)
		c.payee = append(c.payee, payeeID(r.PartnerID))
		c.customer, c.stated = append(c.customer, r.CustomerName), append(c.stated, r.EmailDomain)
		c.domain, c.account = append(c.domain, customerDomain(r.EmailDomain)), append(c.account, r.AccountID)
		c.opportunity, c.space = append(c.opportunity, r.OpportunityID), append(c.space, r.SpaceID)
		c.involvement, c.status = append(c.involvement, r.Involvement), append(c.status, r.Status)
		c.reason, c.project, c.people = append(c.reason, r.DecisionReason), append(c.project, r.Project), append(c.people, r.KeyPeople)
		c.useCase, c.outcome = append(c.useCase, r.UseCase), append(c.outcome, r.BusinessOutcome)
		c.timeframe, c.priority = append(c.timeframe, r.Timeframe), append(c.priority, r.Priority)
		c.submitted, c.decided = append(c.submitted, pg.OrNull(r.SubmittedAt)), append(c.decided, pg.OrNull(r.DecidedAt))
		c.share, c.speculative = append(c.share, r.Share), append(c.speculative, r.Speculative)
		c.deleted, c.modstamp = append(c.deleted, r.IsDeleted), append(c.modstamp, r.Modstamp)
	}
	return c
}

func (c columns) values() []any {
	all := []any{
		c.id, c.key, c.partner, c.customer, c.stated, c.domain, c.account, c.opportunity, c.space, c.involvement,
		c.status, c.submitted, c.decided, c.reason, c.share, c.project, c.people, c.useCase, c.outcome, c.timeframe,
		c.priority, c.speculative, c.deleted, c.modstamp, c.payee,
	}
	for i := range all {
		all[i] = pq.Array(all[i])
	}
	return all
}

// payeeID gives a Partner ID in its proper form, by which a partner finds its
// registrations; "" for a blank and for what is none (R1.1).
func payeeID(stated string) string {
	id, ok := ledger.ParsePartnerID(stated)
	if !ok {
		return ""
	}
	return id
}

// customerDomain gives the registrable domain by which a stated domain, web address
// or e-mail address proposes a customer; "" for a public mail domain (R1.4). Those
// of partners are told apart when they are asked for: partners come and go.
func customerDomain(stated string) string {
	domain := ledger.RegistrableDomain(stated[strings.LastIndexByte(stated, '@')+1:])
	if ledger.IsPublicMailDomain(domain) {
		return ""
	}
	return domain
}

// journalStated notes what records say of their submission and their decision.
func journalStated(ctx context.Context, tx *sqlx.Tx, rs []Registration, now time.Time) error {
	var es []entry
	for _, r := range rs {
		stated, known := ParseStatus(r.Status)
		base := decided(stated)
		if !known || base == commission.Draft {
			continue
		}
		if !r.SubmittedAt.IsZero() {
			es = append(es, entry{r.ID, Event{State: commission.Submitted, Actor: actorSalesforce, At: r.SubmittedAt, LearnedAt: now}})
		}
		if base != commission.Submitted && !r.DecidedAt.IsZero() {
			es = append(es, entry{r.ID, Event{State: base, Actor: actorSalesforce, At: r.DecidedAt, Reason: r.DecisionReason, LearnedAt: now}})
		}
	}
	return journal(ctx, tx, es)
}

// entry is an event with its registration.
type entry struct {
	registrationID string
	Event
}

// journal adds events of registrations that are kept, except those that say no more
// than what is there: the same state at the same instant, for the same reason.
func journal(ctx context.Context, tx *sqlx.Tx, es []entry) (err error) {
	defer errs.Wrap(&err, "journal what happened to registrations")
	if len(es) == 0 {
		return nil
	}
	n := len(es)
	id, state, actor, reason := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	at, learned := make([]time.Time, n), make([]time.Time, n)
	for i, e := range es {
		id[i], state[i], actor[i], reason[i] = e.registrationID, string(e.State), e.Actor, e.Reason
		at[i], learned[i] = e.At, e.LearnedAt
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.registration_event (registration_id, nth, state, actor, at, reason, learned_at)
		select n.id, coalesce((select max(e.nth) from ledger.registration_event e where e.registration_id = n.id), 0)
				+ row_number() over (partition by n.id order by n.place),
			n.state, n.actor, n.at, n.reason, n.learned_at
		from (
			select distinct on (u.id, u.state, u.at, u.reason) u.*
			from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::timestamptz[]) with ordinality
				as u (id, state, actor, at, reason, learned_at, place)
			order by u.id, u.state, u.at, u.reason, u.place) as n
		join ledger.registration r on r.id = n.id
		where not exists (
			select from ledger.registration_event e
			where e.registration_id = n.id and e.state = n.state and e.at = n.at and e.reason = n.reason)`,
		pq.Array(id), pq.Array(state), pq.Array(actor), pq.Array(at), pq.Array(reason), pq.Array(learned))
	return err
}

// MarkUnreadable notes of registrations that their latest version could not be
// read; what was last known of them goes on counting. It gives those that are known.
func MarkUnreadable(ctx context.Context, tx *sqlx.Tx, ids []string) (known []string, err error) {
	defer errs.Wrap(&err, "mark unreadable registrations")
	err = tx.SelectContext(ctx, &known,
		`update ledger.registration set is_unreadable = true where id = any($1) returning id`, pq.Array(ids))
	return known, err
}

// FindCustomers works out anew, for registrations, the Account by which they find
// their opportunity: the one named when first seen or, if a person corrected it, the
// one named then; also after a merge moved them (R7.7, R9.2). Call it for what was
// saved, and for what names an Account whose merge has changed.
func FindCustomers(ctx context.Context, tx *sqlx.Tx, ids []string) (err error) {
	defer errs.Wrap(&err, "find customers of registrations")
	_, err = tx.ExecContext(ctx, `
		with named as (
			select r.id, case
				when r.account_id <> '' and exists (select from ledger.account_change c where c.record_id = r.id)
				then ledger.own_account(r.id, r.first_account_id) else r.account_id end as customer_id
			from ledger.registration r where r.id = any($1))
		update ledger.registration r set customer_id = named.customer_id
		from named where r.id = named.id and r.customer_id <> named.customer_id`, pq.Array(ids))
	return err
}

// OfAccounts gives the ids of the registrations that name any of the Accounts, or
// one that merges have made one customer with them, now or when first seen.
func OfAccounts(ctx context.Context, q sqlx.QueryerContext, accounts []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find registrations of accounts")
	err = sqlx.SelectContext(ctx, q, &ids, `
		with kin (id) as (select ledger.kin($1))
		select r.id from kin join ledger.registration r on r.account_id = kin.id and r.account_id <> ''
		union
		select r.id from kin join ledger.registration r on r.first_account_id = kin.id and r.first_account_id <> ''`,
		pq.Array(accounts))
	return ids, err
}
