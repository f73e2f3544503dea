package ledger

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// NamesAccount is a kind of record whose customer is the Account that it names: the
// table that keeps it, with the columns id, account_id, first_account_id,
// first_account_at and modstamp.
type NamesAccount string

// The kinds of records that name an Account.
const (
	OpportunityNamesAccount  NamesAccount = "ledger.opportunity"
	RegistrationNamesAccount NamesAccount = "ledger.registration"
	SpaceNamesAccount        NamesAccount = "ledger.space"
)

// KeepNamedAccounts notes which Accounts versions of records name where those that
// are kept name another; the SQL function ledger.own_account tells from it what a
// person corrected and what only followed a merge (R3.3, R9.2). Call it in the
// transaction that saves the versions, before they are saved, with each record once.
// A blank account says nothing.
//
// The order in which versions come does not matter: one that is older than the kept
// one takes its place before it, and one older than all is what the record named
// first (R7.7). Only where several versions, one after the other, name one Account,
// the stamps of those between the oldest and the newest are not known.
//
// It gives the records of which something older than what is kept was learned. Saving
// ignores those versions; the records find their customers anew all the same.
func KeepNamedAccounts(ctx context.Context, tx *sqlx.Tx, kind NamesAccount, ids, accounts []string, modstamps []time.Time) (late []string, err error) {
	defer errs.Wrap(&err, "keep which Accounts records of %s named", kind)
	err = tx.SelectContext(ctx, &late, `
		with named as (
			select r.id, r.account, r.at, k.account_id as kept, k.modstamp as kept_at,
				k.first_account_id as first, k.first_account_at as first_at
			from unnest($1::text[], $2::text[], $3::timestamptz[]) as r (id, account, at)
			join `+string(kind)+` k on k.id = r.id
			where r.account <> '' and (r.account <> k.account_id or r.at < k.modstamp)),
		older as (
			update `+string(kind)+` k set first_account_id = n.account, first_account_at = n.at
			from named n where k.id = n.id and n.at < n.kept_at and (n.first = '' or n.at < n.first_at)),
		silent as (
			insert into ledger.account_change as c (record_id, at, is_silent, account_id)
			select id, at, true, account from named where at = kept_at and first <> ''
			on conflict (record_id, at, is_silent) do update set account_id = excluded.account_id),
		change (id, at, account) as (
			select id, at, account from named where at > kept_at and first <> ''
			union all -- what came late
			select id, at, account from named n where at < kept_at and first <> '' and (at < first_at) is not true
				and (account, at) is distinct from (first, first_at)
				and (account <> first or account <> kept or exists (select from ledger.account_change c where c.record_id = n.id))
			union all -- what the record named first as far as was known, after what came late
			select id, first_at, first from named where at < kept_at and at < first_at and account <> first
			union all -- what the kept version names, again after what came late
			select id, kept_at, kept from named where at < kept_at and kept <> '' and kept <> account),
		kept as (
			insert into ledger.account_change (record_id, at, account_id) select id, at, account from change
			on conflict do nothing returning record_id)
		select distinct n.id from named n join kept on kept.record_id = n.id where n.at < n.kept_at`,
		pq.Array(ids), pq.Array(accounts), pq.Array(modstamps))
	return late, err
}
