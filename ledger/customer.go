package ledger

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Customer is a Salesforce Account, or what is left of one that was merged (R1.4).
type Customer struct {
	AccountID       string
	Name            string
	Domain          string // registrable domain of its website, or ""
	MasterAccountID string // the survivor of its merge, or ""
	IsDeleted       bool
	Modstamp        time.Time
}

// SaveCustomers keeps what Accounts state, ignoring versions older than those
// kept. It gives the ids of those whose survivor has changed: what named them
// finds its customer anew (R9.2).
func SaveCustomers(ctx context.Context, tx *sqlx.Tx, cs []Customer) (merged []string, err error) {
	defer errs.Wrap(&err, "save customers")
	n := len(cs)
	id, name, domain, master := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	deleted, modstamp := make([]bool, n), make([]time.Time, n)
	for i, c := range cs {
		id[i], name[i], domain[i], master[i] = c.AccountID, c.Name, c.Domain, c.MasterAccountID
		deleted[i], modstamp[i] = c.IsDeleted, c.Modstamp
	}
	if err := tx.SelectContext(ctx, &merged, `
		select r.id from unnest($1::text[], $2::text[], $3::timestamptz[]) as r (id, master, modstamp)
		left join ledger.customer c on c.account_id = r.id
		where r.master <> coalesce(c.master_account_id, '') and (c.modstamp is null or r.modstamp >= c.modstamp)`,
		pq.Array(id), pq.Array(master), pq.Array(modstamp)); err != nil {
		return nil, err
	}
	// The loser of a merge is deleted by it, so the stamp of the version that first
	// names a survivor is the instant of the merge.
	_, err = tx.ExecContext(ctx, `
		insert into ledger.customer as c (account_id, name, domain, master_account_id, merged_at, is_deleted, modstamp)
		select id, name, domain, master, case when master <> '' then modstamp end, deleted, modstamp
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::timestamptz[])
			as r (id, name, domain, master, deleted, modstamp)
		on conflict (account_id) do update set
			name = excluded.name, domain = excluded.domain, master_account_id = excluded.master_account_id,
			merged_at = case when excluded.master_account_id = c.master_account_id then c.merged_at else excluded.merged_at end,
			is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
		where excluded.modstamp >= c.modstamp`,
		pq.Array(id), pq.Array(name), pq.Array(domain), pq.Array(master), pq.Array(deleted), pq.Array(modstamp))
	return merged, err
}
