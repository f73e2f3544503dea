package ledger

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// keepDomains dates the domains of Accounts by versions that are about to be saved
// (R1.4): what is paid by the domain that a customer had on a day must not go when
// its website is another (R5.5). Call it before the versions themselves are kept, at
// most one of each Account at a time.
//
// A version between two that have its domain says nothing new and leaves no row, so an
// Account that is touched every night does not grow. Both ends of every stretch of one
// domain have theirs, because another domain may come late between them: so the order
// in which versions come makes no difference (R7.7), except that a version which left
// no row does not end what comes late before it; the next row does. Salesforce gives
// only the newest version of a record and reconcile takes them in the order of their
// stamps, so none comes late unless somebody restores staged records.
func keepDomains(ctx context.Context, tx *sqlx.Tx, account, domain []string, modstamp []time.Time) (err error) {
	defer errs.Wrap(&err, "date the domains of customers")
	_, err = tx.ExecContext(ctx, `
		with seen as materialized (
			select s.account_id, s.domain, s.at, c.domain as kept, c.modstamp as kept_at, before.domain as before, after.domain as after
			from unnest($1::text[], $2::text[], $3::timestamptz[]) as s (account_id, domain, at)
			left join ledger.customer c on c.account_id = s.account_id
			left join lateral (
				select d.domain from ledger.customer_domain d
				where d.account_id = s.account_id and d.at <= s.at order by d.at desc limit 1) as before on true
			left join lateral (
				select d.domain from ledger.customer_domain d
				where d.account_id = s.account_id and d.at > s.at order by d.at limit 1) as after on true)
		insert into ledger.customer_domain as d (account_id, at, domain)
		select account_id, at, domain from seen
		where before is distinct from domain
			or domain <> coalesce(after, case when kept_at > at then kept end, domain)
		union all
		select account_id, kept_at, kept from seen
		where kept <> domain and kept_at <> at and after is null
		on conflict (account_id, at) do update set domain = excluded.domain where d.domain <> excluded.domain`,
		pq.Array(account), pq.Array(domain), pq.Array(modstamp))
	return err
}
