package migrations_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
)

// What people stated before plans had all their terms, and kinds their days, means
// what it meant (R4.4), and goes down again without loss.
func TestTermsThatWereAppliedBeforeThereWereMore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	downTo(t, db, 4)
	run(t, db, `insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at) values
		('default', '2010-01-01', '{"space":{"referral_rate":"0.125","joined_before":"2021-01-01"}}', 'ada', '2026-01-01'),
		('default', '2024-01-01', '{"space":{"referral_rate":"0.1","joined_before":""}}', 'bob', '2026-01-02')`)
	run(t, db, `insert into ledger.partner (key, name, kind, joined_on, status, applied_by, applied_at) values
		('north', 'North', 'consulting', '2016-05-01', 'active', 'ada', '2026-01-01'),
		('south', 'South', 'registered', '2016-05-01', 'exited', 'bob', '2026-01-02')`)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	rows := func(query string) (out []string) {
		t.Helper()
		if err := db.SelectContext(t.Context(), &out, query); err != nil {
			t.Fatal(err)
		}
		return out
	}
	const rest = ` beside:false 0.1 0.25 0.1 60 90 90 ["existing customer - renewal", "renewal"] payout: by `
	want := []string{"0.125 2021-01-01" + rest + "ada", "0.1 " + rest + "bob"}
	if d := cmp.Diff(want, rows(`
		select concat_ws(' ', terms->'space'->>'referral_rate', terms->'space'->>'joined_before', 'beside:' || (terms->'space'->>'beside'),
			r->>'referral_rate', r->>'net_new_rate', r->>'remainder_rate', r->>'engagement_days', r->>'window_days',
			terms->'net_new'->>'renewal_days', terms->'net_new'->'types'->>'renewal', 'payout:' || (terms->>'payout_currency'), 'by', applied_by)
		from ledger.plan_version, lateral (select terms->'registration') as x (r)
		where superseded_at is null order by effective_from`)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"north 0001-01-01 consulting ada", "south 0001-01-01 registered bob"}, rows(`
		select concat_ws(' ', partner_key, effective_from, kind, applied_by) from ledger.partner_kind where superseded_at is null order by 1`)); d != "" {
		t.Error(d)
	}
	// A superseded version is not in force, and so is not there below.
	run(t, db, `update ledger.plan_version set superseded_by = 'eve', superseded_at = now() where effective_from = '2024-01-01'`)
	run(t, db, `insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at, approved_by, approved_at)
		values ('default', '2024-01-01', '{"space":{}}', 'eve', now(), 'bob', now())`)
	downTo(t, db, 4)
	if d := cmp.Diff([]string{"2010-01-01 ada", "2024-01-01 eve"}, rows(`
		select concat_ws(' ', effective_from, applied_by) from ledger.plan_version order by 1`)); d != "" {
		t.Error(d)
	}
}
