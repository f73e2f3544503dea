package attribution

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Resolve works out anew what Spaces have from other records: the creator, who is
// whom they state or, for a QuickStart that states nobody, the Lead of its org's
// install (R2.3); and the customer, by whose Account revenue finds them: the one
// named when first seen or, if a person corrected it, the one named then, also
// after a merge; where none is named, the one that an org of theirs gives (R1.4,
// R3.3, R9.2).
//
// The orgs of a Space are the one in which its QuickStart ran and those connected
// to it. A production org's install gives the customer before that of any sandbox,
// whose customer is that of its production org (R3.6); then the QuickStart's org
// comes first, then what is still connected, then what was connected first.
func Resolve(ctx context.Context, tx *sqlx.Tx, spaces []string) error {
	_, err := resolve(ctx, tx, spaces)
	return err
}

// resolve is Resolve. It gives the Spaces for which something came out otherwise.
func resolve(ctx context.Context, tx *sqlx.Tx, spaces []string) (changed []string, err error) {
	defer errs.Wrap(&err, "resolve creators and customers of Spaces")
	err = tx.SelectContext(ctx, &changed, `
		with named as (
			select s.id, case
				when s.creator_email <> '' or s.created_via <> $2 then s.creator_email
				else coalesce((
					select i.lead_email from ledger.install i
					where i.org_id = s.quickstart_org_id and s.quickstart_org_id <> '' and i.lead_email <> ''
					order by i.installed_on, i.id limit 1), '') end as creator_key,
			case
				when s.account_id = '' then coalesce((
					select i.account_id
					from (
						select s.quickstart_org_id, 0, null::timestamptz where s.quickstart_org_id <> ''
						union all
						select c.org_id, case when c.disconnected_at is null then 1 else 2 end, c.connected_at
						from ledger.connection c where c.space_id = s.id and not c.is_deleted) as org (id, place, since)
					join ledger.install i on i.org_id = org.id and i.account_id <> ''
					order by i.is_sandbox, org.place, org.since, i.installed_on, i.id collate "C" limit 1), '')
				when exists (select from ledger.account_change c where c.record_id = s.id)
				then ledger.own_account(s.id, s.first_account_id)
				else s.account_id end as customer_id
			from ledger.space s where s.id = any($1))
		update ledger.space s set customer_id = named.customer_id, creator_key = named.creator_key
		from named where s.id = named.id
			and (s.customer_id, s.creator_key) is distinct from (named.customer_id, named.creator_key)
		returning s.id`,
		pq.Array(spaces), QuickStart)
	return changed, err
}
