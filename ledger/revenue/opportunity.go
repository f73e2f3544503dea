// Package revenue keeps opportunities and works out which days of which Space
// earn (rulebook 3). Installs, which never make revenue, are in attribution.
package revenue

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger"
)

// Opportunity is what a record states.
type Opportunity struct {
	ID           string
	Name         string
	AccountID    string
	SpaceID      string
	Amount       *decimal.Decimal
	Currency     money.Currency
	CloseDate    clock.Date
	Stage        string
	IsClosed     bool
	IsWon        bool
	Type         string
	CreatedAt    time.Time
	ServiceStart clock.Date
	ServiceEnd   clock.Date
	NetNewAmount *decimal.Decimal
	// RegistrationID is the Salesforce id of the registration that it names, known
	// or not; or "" (R5.5).
	RegistrationID string
	IsDeleted      bool
	Modstamp       time.Time
	// SeenAt is when the version was read from Salesforce.
	SeenAt time.Time
}

// SaveOpportunities keeps what records state. A version older than the one that
// is kept is ignored, so the order in which they come does not matter, except for the
// Account and the Space that it names. It gives the ids of those that changed; call
// FindCustomers and FindSpaces for them.
func SaveOpportunities(ctx context.Context, tx *sqlx.Tx, os []Opportunity) (changed []string, err error) {
	defer errs.Wrap(&err, "save opportunities")
	n := len(os)
	var (
		id, name, account, space = make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		currency, stage, typ     = make([]string, n), make([]string, n), make([]string, n)
		registration             = make([]string, n)
		amount, netNew           = make([]*decimal.Decimal, n), make([]*decimal.Decimal, n)
		closeDate, start, end    = make([]clock.Date, n), make([]clock.Date, n), make([]clock.Date, n)
		closed, won, deleted     = make([]bool, n), make([]bool, n), make([]bool, n)
		created, modstamp        = make([]time.Time, n), make([]time.Time, n)
		seen                     = make([]time.Time, n)
	)
	for i, o := range os {
		id[i], name[i], account[i], space[i] = o.ID, o.Name, o.AccountID, o.SpaceID
		currency[i], stage[i], typ[i] = string(o.Currency), o.Stage, o.Type
		amount[i], netNew[i] = o.Amount, o.NetNewAmount
		closeDate[i], start[i], end[i] = o.CloseDate, o.ServiceStart, o.ServiceEnd
		closed[i], won[i], deleted[i] = o.IsClosed, o.IsWon, o.IsDeleted
		registration[i], created[i], modstamp[i], seen[i] = o.RegistrationID, o.CreatedAt, o.Modstamp, o.SeenAt
	}
	late, err := ledger.KeepNamedAccounts(ctx, tx, ledger.OpportunityNamesAccount, id, account, modstamp)
	if err != nil {
		return nil, err
	}
	named, err := keepNamedSpaces(ctx, tx, id, space, modstamp, seen)
	if err != nil {
		return nil, err
	}
	late = append(late, named...)
	err = tx.SelectContext(ctx, &changed, `
		insert into ledger.opportunity as o
			(id, name, account_id, first_account_id, first_account_at, customer_id, space_id, amount, currency, close_date, stage,
			 is_closed, is_won, type, created_at, service_start, service_end, net_new_amount, registration_id, is_deleted, modstamp)
		select id, name, account, account, case when account <> '' then modstamp end, account, space, amount, currency, close_date, stage,
			closed, won, type, created, service_start, service_end, net_new, registration, deleted, modstamp
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[], $7::date[], $8::text[],
			$9::bool[], $10::bool[], $11::text[], $12::timestamptz[], $13::date[], $14::date[], $15::numeric[],
			$16::bool[], $17::timestamptz[], $18::text[])
			as r (id, name, account, space, amount, currency, close_date, stage, closed, won, type, created,
				service_start, service_end, net_new, deleted, modstamp, registration)
		on conflict (id) do update set
			name = excluded.name, account_id = excluded.account_id,
			first_account_id = case o.first_account_id when '' then excluded.account_id else o.first_account_id end,
			first_account_at = case o.first_account_id when '' then excluded.first_account_at else o.first_account_at end,
			space_id = excluded.space_id, amount = excluded.amount, currency = excluded.currency,
			close_date = excluded.close_date, stage = excluded.stage, is_closed = excluded.is_closed,
			is_won = excluded.is_won, type = excluded.type, created_at = excluded.created_at,
			service_start = excluded.service_start, service_end = excluded.service_end,
			net_new_amount = excluded.net_new_amount, registration_id = excluded.registration_id, is_unreadable = false,
			is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
		where excluded.modstamp >= o.modstamp
		returning id`,
		pq.Array(id), pq.Array(name), pq.Array(account), pq.Array(space), pq.Array(amount), pq.Array(currency),
		pq.Array(closeDate), pq.Array(stage), pq.Array(closed), pq.Array(won), pq.Array(typ), pq.Array(created),
		pq.Array(start), pq.Array(end), pq.Array(netNew), pq.Array(deleted), pq.Array(modstamp), pq.Array(registration))
	return append(changed, late...), err
}

// MarkUnreadable notes of opportunities that their latest version could not be
// read: what they earn is on hold until one can (R3.1). It gives those that are
// known.
func MarkUnreadable(ctx context.Context, tx *sqlx.Tx, ids []string) (known []string, err error) {
	defer errs.Wrap(&err, "mark unreadable opportunities")
	err = tx.SelectContext(ctx, &known,
		`update ledger.opportunity set is_unreadable = true where id = any($1) returning id`, pq.Array(ids))
	return known, err
}

// FindCustomers works out anew, for opportunities, the Account by which they
// find their Space: the one named when first seen or, if a person corrected it,
// the one named then; also after a merge moved them (R3.3, R7.7, R9.2).
func FindCustomers(ctx context.Context, tx *sqlx.Tx, ids []string) (err error) {
	defer errs.Wrap(&err, "find customers of opportunities")
	_, err = tx.ExecContext(ctx, `
		with named as (
			select o.id, case
				when o.account_id <> '' and exists (select from ledger.account_change c where c.record_id = o.id)
				then ledger.own_account(o.id, o.first_account_id) else o.account_id end as customer_id
			from ledger.opportunity o where o.id = any($1))
		update ledger.opportunity o set customer_id = named.customer_id
		from named where o.id = named.id and o.customer_id <> named.customer_id`, pq.Array(ids))
	return err
}

// OfAccounts gives the ids of the opportunities that name any of the Accounts, or
// one that merges have made one customer with them, now or when first seen.
func OfAccounts(ctx context.Context, q sqlx.QueryerContext, accounts []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find opportunities of accounts")
	err = sqlx.SelectContext(ctx, q, &ids, `
		with kin (id) as (select ledger.kin($1))
		select o.id from kin join ledger.opportunity o on o.account_id = kin.id and o.account_id <> ''
		union
		select o.id from kin join ledger.opportunity o on o.first_account_id = kin.id and o.first_account_id <> ''`,
		pq.Array(accounts))
	return ids, err
}

// OfSameCustomers gives the ids of the won opportunities of whatever customers the
// opportunities have: those of which one may renew another (R3.5).
func OfSameCustomers(ctx context.Context, q sqlx.QueryerContext, opportunities []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find opportunities of the same customers")
	err = sqlx.SelectContext(ctx, q, &ids, `
		with kin (id) as (select ledger.kin(array(
			select distinct customer_id from ledger.opportunity where id = any($1) and customer_id <> '')))
		select o.id from kin join ledger.opportunity o on o.customer_id = kin.id and o.customer_id <> ''
		where o.is_won`, pq.Array(opportunities))
	return ids, err
}

// OfSpaces gives the ids of the opportunities that may earn by any of the
// Spaces: those that name one, and those of the customers of one.
func OfSpaces(ctx context.Context, q sqlx.QueryerContext, spaces []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find opportunities of Spaces")
	err = sqlx.SelectContext(ctx, q, &ids, `
		with kin (id) as (
			select ledger.kin(array(select distinct customer_id from ledger.space where id = any($1) and customer_id <> '')))
		select id from ledger.opportunity where space_id = any($1) and space_id <> ''
		union
		select o.id from kin join ledger.opportunity o on o.customer_id = kin.id and o.customer_id <> ''
		where o.space_id = ''`, pq.Array(spaces))
	return ids, err
}

// WonAfter lists at most limit won opportunities after an id, in the order of ids.
func WonAfter(ctx context.Context, q sqlx.QueryerContext, after string, limit int) (ids []string, err error) {
	defer errs.Wrap(&err, "list won opportunities")
	err = sqlx.SelectContext(ctx, q, &ids,
		`select id from ledger.opportunity where is_won and id > $1 order by id limit $2`, after, limit)
	return ids, err
}
