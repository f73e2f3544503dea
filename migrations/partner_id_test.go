package migrations_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/pgtest"
)

// Who a Partner ID was issued to is paid for it, whatever is written past the program.
func TestR1_1_TheDatabaseIssuesAPartnerIDForGood(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run(t, db, `insert into ledger.partner (key, name, kind, tier, joined_on, status, applied_by, applied_at)
		select key, key, 'registered', '', '2020-01-01', 'active', 'ada', now() from unnest('{a,b}'::text[]) as key`)
	run(t, db, `insert into ledger.partner_id (id, partner_key, is_primary) values ('FG3877', 'a', true), ('AB1234', 'b', true)`)
	for statement, want := range map[string]string{
		`update ledger.partner_id set partner_key = 'b' where id = 'FG3877'`: "for good",
		`update ledger.partner_id set id = 'ZZ9999' where id = 'FG3877'`:     "for good",
		`delete from ledger.partner_id where id = 'FG3877'`:                  "for good",
		`truncate ledger.partner_id`:                                         "for good",
		`truncate ledger.plan_version`:                                       "append only",
		`insert into ledger.partner_id as i (id, partner_key, is_primary) values ('FG3877', 'b', false)
			on conflict (id) do update set partner_key = excluded.partner_key`: "for good",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
	run(t, db, `update ledger.partner_id set is_primary = false where id = 'FG3877'`)
	run(t, db, `insert into ledger.partner_id (id, partner_key, is_primary) values ('FG0001', 'a', true)`)
}
