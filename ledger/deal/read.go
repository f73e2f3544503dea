package deal

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// registrationRow is a row of ledger.registration.
type registrationRow struct {
	ID              string              `db:"id"`
	Origin          string              `db:"origin"`
	Key             string              `db:"registration_key"`
	PartnerID       string              `db:"partner_id"`
	CustomerName    string              `db:"customer_name"`
	StatedDomain    string              `db:"stated_domain"`
	EmailDomain     string              `db:"email_domain"`
	AccountID       string              `db:"account_id"`
	CustomerID      string              `db:"customer_id"`
	OpportunityID   string              `db:"opportunity_id"`
	SpaceID         string              `db:"space_id"`
	Involvement     string              `db:"involvement"`
	Status          string              `db:"status"`
	SubmittedAt     *time.Time          `db:"submitted_at"`
	DecidedAt       *time.Time          `db:"decided_at"`
	DecisionReason  string              `db:"decision_reason"`
	Share           decimal.NullDecimal `db:"share"`
	ShareGroup      string              `db:"share_group"`
	Project         string              `db:"project"`
	KeyPeople       string              `db:"key_people"`
	UseCase         string              `db:"use_case"`
	BusinessOutcome string              `db:"business_outcome"`
	Timeframe       string              `db:"timeframe"`
	Priority        string              `db:"priority"`
	Speculative     bool                `db:"speculative"`
	IsUnreadable    bool                `db:"is_unreadable"`
	IsVanished      bool                `db:"is_vanished"`
	IsUnproven      bool                `db:"is_unproven"`
	IsDeleted       bool                `db:"is_deleted"`
	Modstamp        time.Time           `db:"modstamp"`
	ApprovedAt      *time.Time          `db:"approved_at"`
	SeenSubmittedAt *time.Time          `db:"seen_submitted_at"`
}

// registrationColumns are the columns of a registrationRow of the table r. What was
// made here is approved once, and journals what happens to its share under the same
// state; Salesforce may approve again, and the latest counts.
const registrationColumns = `
	r.id, r.origin, r.registration_key, r.partner_id, r.customer_name, r.stated_domain, r.email_domain, r.account_id,
	r.customer_id, r.opportunity_id, r.space_id, r.involvement, r.status, r.submitted_at, r.decided_at, r.decision_reason,
	r.share, r.share_group, r.project, r.key_people, r.use_case, r.business_outcome, r.timeframe, r.priority, r.speculative,
	r.is_unreadable, r.is_deleted, r.modstamp,
	exists (select from ledger.vanished v where v.record_id = r.id and v.is_held) as is_vanished,
	exists (select from ledger.engagement e join ledger.vanished v on v.record_id = e.id and v.is_held
	        where e.registration_id = r.id) as is_unproven,
	(select case r.origin when 'portal' then min(e.at) else max(e.at) end from ledger.registration_event e
	 where e.registration_id = r.id and e.state = 'approved' and e.at <= coalesce(r.decided_at, e.at)) as approved_at,
	(select max(e.at) from ledger.registration_event e
	 where e.registration_id = r.id and e.state = 'submitted') as seen_submitted_at`

func (r registrationRow) record() record {
	out := record{
		Registration: Registration{
			ID: r.ID, Origin: r.Origin, Key: r.Key, PartnerID: r.PartnerID, CustomerName: r.CustomerName,
			EmailDomain: r.StatedDomain, AccountID: r.AccountID, OpportunityID: r.OpportunityID, SpaceID: r.SpaceID,
			Involvement: r.Involvement, Status: r.Status, SubmittedAt: orZero(r.SubmittedAt), DecidedAt: orZero(r.DecidedAt),
			DecisionReason: r.DecisionReason, ShareGroup: r.ShareGroup, Project: r.Project, KeyPeople: r.KeyPeople,
			UseCase: r.UseCase, BusinessOutcome: r.BusinessOutcome, Timeframe: r.Timeframe, Priority: r.Priority,
			Speculative: r.Speculative, IsDeleted: r.IsDeleted, Modstamp: r.Modstamp.UTC(),
		},
		customerID: r.CustomerID, domain: r.EmailDomain, approvedAt: orZero(r.ApprovedAt), isUnreadable: r.IsUnreadable,
		isVanished: r.IsVanished, isUnproven: r.IsUnproven,
		seenSubmittedAt: orZero(r.SeenSubmittedAt),
	}
	if r.Share.Valid {
		out.Share = &r.Share.Decimal
	}
	return out
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// readRegistrations gives the registrations that are among ids, or name any of the
// Accounts, domains, opportunities or share groups, in the order of ids. A
// registration without a domain goes by that of its Account, which is among the
// Accounts then.
func readRegistrations(ctx context.Context, q sqlx.QueryerContext, k keys) (_ []record, err error) {
	defer errs.Wrap(&err, "read registrations")
	var rows []registrationRow
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select `+registrationColumns+` from ledger.registration r where r.id in (
			select id from ledger.registration where id = any((select $1::text[])::text[])
			union select id from ledger.registration where customer_id = any((select $2::text[])::text[]) and customer_id <> ''
			union select id from ledger.registration where email_domain = any((select $3::text[])::text[]) and email_domain <> ''
			union select id from ledger.registration where opportunity_id = any((select $4::text[])::text[]) and opportunity_id <> ''
			union select id from ledger.registration where share_group = any((select $5::text[])::text[]) and share_group <> '')
		order by r.id`,
		pq.Array(k.registrations), pq.Array(k.accounts), pq.Array(k.domains), pq.Array(k.opportunities), pq.Array(k.groups)); err != nil {
		return nil, err
	}
	out := make([]record, len(rows))
	for i, r := range rows {
		out[i] = r.record()
	}
	return out, nil
}

const linkColumns = `id, name, customer_id, registration_id, created_at, close_date, is_closed, is_won from ledger.opportunity`

// readOpportunities gives the opportunities that are among ids or name any of the
// registrations, and those of the Accounts that close on or after a day or name a
// registration; but no deleted ones.
func readOpportunities(ctx context.Context, q sqlx.QueryerContext, k keys, from clock.Date) (_ []opportunity, err error) {
	defer errs.Wrap(&err, "read opportunities for registrations")
	var rows []struct {
		ID             string     `db:"id"`
		Name           string     `db:"name"`
		CustomerID     string     `db:"customer_id"`
		RegistrationID string     `db:"registration_id"`
		CreatedAt      time.Time  `db:"created_at"`
		CloseDate      clock.Date `db:"close_date"`
		IsClosed       bool       `db:"is_closed"`
		IsWon          bool       `db:"is_won"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select `+linkColumns+` where id = any((select $1::text[])::text[]) and not is_deleted
		union
		select `+linkColumns+` where registration_id = any((select $2::text[])::text[]) and registration_id <> '' and not is_deleted
		union
		select `+linkColumns+` where customer_id = any((select $3::text[])::text[]) and customer_id <> '' and not is_deleted
			and (close_date >= $4 or registration_id <> '')
		order by id`, pq.Array(k.opportunities), pq.Array(k.registrations), pq.Array(k.accounts), from); err != nil {
		return nil, err
	}
	out := make([]opportunity, len(rows))
	for i, r := range rows {
		out[i] = opportunity{
			id: r.ID, name: r.Name, customerID: r.CustomerID, registrationID: r.RegistrationID, createdAt: r.CreatedAt.UTC(),
			closeDate: r.CloseDate, isClosed: r.IsClosed || r.IsWon, isWon: r.IsWon,
		}
	}
	return out, nil
}

// kinOfNamed goes on from the accounts of named to k, which has those of all their
// kin as well. Most Accounts were never merged, and are not asked for their kin.
const kinOfNamed = `
		merged as materialized (
			select array(
				select c.account_id from ledger.customer c
				where c.account_id = any((select accounts from named)::text[]) and c.master_account_id <> ''
				union select c.master_account_id from ledger.customer c
				where c.master_account_id = any((select accounts from named)::text[]) and c.master_account_id <> '') as accounts),
		k as materialized (
			select array(
				select unnest(accounts) from named
				union select ledger.kin(accounts) from merged where accounts <> '{}') as accounts)`

// readAccounts gives all Accounts that are one customer with any of those given, or
// ever had one of the domains, by their ids; Accounts that nobody pulled are not known.
func readAccounts(ctx context.Context, q sqlx.QueryerContext, ids, domains []string) (_ map[string]account, err error) {
	defer errs.Wrap(&err, "read customers of registrations")
	var rows []struct {
		ID       string     `db:"account_id"`
		Survivor string     `db:"master_account_id"`
		MergedAt *time.Time `db:"merged_at"`
		Domain   string     `db:"domain"`
		At       *time.Time `db:"at"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		with named as materialized (
			select array(select unnest($1::text[]) union
				select account_id from ledger.customer_domain where domain = any((select $2::text[])::text[]) and domain <> '') as accounts),
		`+kinOfNamed+`
		select c.account_id, c.master_account_id, c.merged_at, coalesce(d.domain, '') as domain, d.at
		from ledger.customer c left join ledger.customer_domain d on d.account_id = c.account_id
		where c.account_id = any((select accounts from k)::text[])
		order by c.account_id, d.at`, pq.Array(ids), pq.Array(domains)); err != nil {
		return nil, err
	}
	out := make(map[string]account, len(rows))
	for _, r := range rows {
		a, known := out[r.ID]
		if !known {
			a = account{survivor: r.Survivor, mergedAt: orZero(r.MergedAt)}
		}
		// A website that was not stated yet says nothing; one that is taken away does.
		if r.Domain != "" || len(a.domains) > 0 {
			a.domains = append(a.domains, seenDomain{r.Domain, orZero(r.At)})
		}
		out[r.ID] = a
	}
	return out, nil
}
