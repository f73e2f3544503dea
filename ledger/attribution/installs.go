package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
)

// graceDays is how long a production install may be without a Space before
// somebody is asked to look (R3.6, default).
const graceDays = 7

// checkInstalls settles what installs, orgs and Spaces tell of each other (R3.6,
// R1.4): installs make no revenue, they are evidence. today is the company's.
func checkInstalls(ctx context.Context, tx *sqlx.Tx, today clock.Date, now time.Time) (opened int64, err error) {
	defer errs.Wrap(&err, "check installs")
	checks := []struct {
		kind, object, rule, detail, query string
		args                              []any
	}{
		{
			kind: "install_without_profile", object: "install", rule: "R3.6",
			detail: "The e-mail of the Lead of this install belongs to no user. Check the Lead, or whether the user registered under another address.",
			query: `select n.id from ledger.install n
				where n.lead_email <> '' and not n.is_deleted and not n.is_sandbox and n.status <> 'Uninstalled'
				  and not exists (select from ledger.profile p where p.email_key = n.lead_email)
				  and not exists (select from ledger.profile_alias a where a.email_key = n.lead_email)`,
		},
		{
			kind: "space_without_install", object: "Space", rule: "R3.6",
			detail: "A QuickStart created this Space, but its org has no install, or it names no org. Check the Space's org id.",
			query: `select s.id from ledger.space s
				where s.created_via = 'QuickStart' and not s.is_deleted
				  and not exists (select from ledger.install n where n.org_id = s.quickstart_org_id)`,
		},
		{
			kind: "install_without_space", object: "install", rule: "R3.6",
			detail: "This production org has had the package for more than a week, and no Space. Has QuickStart been run?",
			query: `select n.id from ledger.install n
				where not n.is_deleted and not n.is_sandbox and n.status <> 'Uninstalled' and n.installed_on <= $1::date
				  and not exists (select from ledger.space s where s.quickstart_org_id = n.org_id)
				  and not exists (select from ledger.connection c where c.org_id = n.org_id and not c.is_deleted)`,
			args: []any{today.AddDays(-graceDays)},
		},
		{
			kind: "org_in_several_spaces", object: "org", rule: "R1.4",
			detail: "This org is connected to several Spaces at a time, and counts with the one to which it was connected last. End the connections that no longer hold.",
			query: `select distinct a.org_id from ledger.connection a join ledger.connection b on b.org_id = a.org_id
				where a.space_id < b.space_id and not a.is_deleted and not b.is_deleted
				  and coalesce(a.connected_at, '-infinity') < coalesce(b.disconnected_at, 'infinity')
				  and coalesce(b.connected_at, '-infinity') < coalesce(a.disconnected_at, 'infinity')`,
		},
	}
	for _, c := range checks {
		d := ledger.Discrepancy{Kind: c.kind, Object: c.object, Rule: c.rule, Detail: c.detail}
		n, err := ledger.SettleAll(ctx, tx, d, now, c.query, c.args...)
		if err != nil {
			return opened, err
		}
		opened += n
	}
	return opened, nil
}
