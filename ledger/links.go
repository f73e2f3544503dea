package ledger

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Link is what Salesforce makes of lookups to a record.
type Link struct {
	// To is where one leads that is written now: the record itself, the survivor of its
	// merge, or "" where there is nothing to lead to.
	To string
	// Or are other places where one may have been left that was written before.
	Or []string
}

// LinksToAccounts gives, of Accounts, what Salesforce makes of lookups to them where those
// need not lead to them: a merge moves them to the survivor (R9.2), and leaves them there
// when the loser is undeleted; a deletion clears them, until an undelete.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_undelete.htm
func LinksToAccounts(ctx context.Context, q sqlx.QueryerContext, accounts []string) (_ map[string]Link, err error) {
	defer errs.Wrap(&err, "look what has become of %d accounts", len(accounts))
	out := map[string]Link{}
	if len(accounts) == 0 {
		return out, nil
	}
	var rows []struct {
		ID         string `db:"id"`
		At         string `db:"at"`
		IsSurvivor bool   `db:"is_survivor"`
		IsGone     bool   `db:"is_gone"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		with recursive asked (id) as (
			select account_id from ledger.customer
			where account_id = any((select $1::text[])::text[]) and (is_deleted or master_account_id <> '' or former_master_ids <> '{}')
			union
			select record_id from ledger.vanished where record_id = any((select $1::text[])::text[]) and returned_at is null),
		led (id, at) as ( -- wherever merges, undone or not, may have moved a lookup
			select id, id from asked
			union
			select l.id, n.id from led l join ledger.customer c on c.account_id = l.at
			cross join lateral (select c.master_account_id where c.master_account_id <> '' union all select unnest(c.former_master_ids)) as n (id))
		select id, at, at = ledger.survivor(id) as is_survivor,
			exists (select from ledger.customer c where c.account_id = at and c.is_deleted)
			or exists (select from ledger.vanished v where v.record_id = at and v.returned_at is null) as is_gone
		from led`, pq.Array(accounts)); err != nil {
		return nil, err
	}
	for _, r := range rows {
		l := out[r.ID]
		l.Or = append(l.Or, r.At)
		if r.IsGone {
			l.Or = append(l.Or, "")
		} else if r.IsSurvivor {
			l.To = r.At
		}
		out[r.ID] = l
	}
	return out, nil
}
