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

// Merging gives, of Accounts that are about to be saved, the ids of those that get
// another survivor, or none any more, or of whose merge the instant gets known
// better: what names them finds its customer anew (R9.2).
func Merging(ctx context.Context, q sqlx.QueryerContext, cs []Customer) (ids []string, err error) {
	defer errs.Wrap(&err, "find customers that are merging")
	n := len(cs)
	id, master, modstamp := make([]string, n), make([]string, n), make([]time.Time, n)
	for i, c := range cs {
		id[i], master[i], modstamp[i] = c.AccountID, c.MasterAccountID, c.Modstamp
	}
	err = sqlx.SelectContext(ctx, q, &ids, `
		select r.id from unnest($1::text[], $2::text[], $3::timestamptz[]) as r (id, master, modstamp)
		left join ledger.customer c on c.account_id = r.id
		where case when r.master <> coalesce(c.master_account_id, '') then c.modstamp is null or r.modstamp >= c.modstamp
			else r.modstamp < c.merged_at end`,
		pq.Array(id), pq.Array(master), pq.Array(modstamp))
	return ids, err
}

// SaveCustomers keeps what Accounts state, ignoring versions older than those
// kept. It gives the ids of those that were Merging.
func SaveCustomers(ctx context.Context, tx *sqlx.Tx, cs []Customer) (merged []string, err error) {
	defer errs.Wrap(&err, "save customers")
	if merged, err = Merging(ctx, tx, cs); err != nil {
		return nil, err
	}
	n := len(cs)
	id, name, domain, master := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	deleted, modstamp := make([]bool, n), make([]time.Time, n)
	for i, c := range cs {
		id[i], name[i], domain[i], master[i] = c.AccountID, c.Name, c.Domain, c.MasterAccountID
		deleted[i], modstamp[i] = c.IsDeleted, c.Modstamp
	}
	if err := keepDomains(ctx, tx, id, domain, modstamp); err != nil {
		return nil, err
	}
	// The loser of a merge is deleted by it, so the stamp of the oldest version that
	// names a survivor is the instant of the merge.
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.customer as c (account_id, name, domain, master_account_id, merged_at, is_deleted, modstamp)
		select id, name, domain, master, case when master <> '' then modstamp end, deleted, modstamp
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::timestamptz[])
			as r (id, name, domain, master, deleted, modstamp)
		on conflict (account_id) do update set
			name = excluded.name, domain = excluded.domain, master_account_id = excluded.master_account_id,
			merged_at = case when excluded.master_account_id = c.master_account_id then c.merged_at else excluded.merged_at end,
			former_master_ids = case when c.master_account_id in ('', excluded.master_account_id) or c.master_account_id = any(c.former_master_ids)
				then c.former_master_ids else c.former_master_ids || c.master_account_id end,
			is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
		where excluded.modstamp >= c.modstamp`,
		pq.Array(id), pq.Array(name), pq.Array(domain), pq.Array(master), pq.Array(deleted), pq.Array(modstamp)); err != nil {
		return nil, err
	}
	if len(merged) == 0 {
		return nil, nil
	}
	// A version that comes late changes nothing else.
	_, err = tx.ExecContext(ctx, `
		update ledger.customer c set merged_at = r.modstamp
		from unnest($1::text[], $2::text[], $3::timestamptz[]) as r (id, master, modstamp)
		where c.account_id = r.id and r.master = c.master_account_id and r.modstamp < c.merged_at`,
		pq.Array(id), pq.Array(master), pq.Array(modstamp))
	return merged, err
}

// CustomersByDomain gives, by registrable domain, the customers whose website has
// it, in the order of their Account ids: candidates for a person to choose from,
// because a domain proposes a customer and never identifies one (R1.4). An Account
// that was merged gives its survivor; deleted ones are left out.
func CustomersByDomain(ctx context.Context, q sqlx.QueryerContext, domains []string) (_ map[string][]Customer, err error) {
	defer errs.Wrap(&err, "find customers by domain")
	var rows []struct {
		Domain    string `db:"domain"`
		AccountID string `db:"account_id"`
		Name      string `db:"name"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select distinct c.domain, v.account_id collate "C" as account_id, v.name
		from ledger.customer c
		join ledger.customer v on v.account_id = case c.master_account_id when '' then c.account_id else ledger.survivor(c.account_id) end
		where c.domain = any($1) and c.domain <> '' and not v.is_deleted
		order by 1, 2`, pq.Array(domains)); err != nil {
		return nil, err
	}
	out := make(map[string][]Customer, len(rows))
	for _, r := range rows {
		out[r.Domain] = append(out[r.Domain], Customer{AccountID: r.AccountID, Name: r.Name, Domain: r.Domain})
	}
	return out, nil
}
