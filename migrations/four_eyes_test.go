package migrations_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
)

// What one person applied before there were proposals is in force as it was, approved
// by whoever applied it; what never was in force is not there below.
func TestR8_5_VersionsFromBeforeCountAsApprovedByWhoAppliedThem(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	downTo(t, db, 14)
	run(t, db, `insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at, superseded_by, superseded_at) values
		('default', '2010-01-01', '{}', 'ada', '2026-01-01', 'bob', '2026-01-02'),
		('default', '2010-01-01', '{}', 'bob', '2026-01-02', null, null)`)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := db.SelectContext(t.Context(), &got, `
		select concat_ws(' ', applied_by, approved_by, approved_at = applied_at, approved_alone, 'over:' || superseded_by)
		from ledger.plan_version order by id`); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"ada ada t t over:bob", "bob bob t t"}, got); d != "" {
		t.Error(d)
	}
	run(t, db, `insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at) values
		('default', '2010-01-01', '{}', 'eve', now()), ('default', '2024-01-01', '{}', 'eve', now())`)
	downTo(t, db, 14)
	var left string
	if err := db.GetContext(t.Context(), &left, `select string_agg(applied_by, ' ' order by id) from ledger.plan_version`); err != nil || left != "ada bob" {
		t.Errorf("below are %q (%v)", left, err)
	}
}

// The database refuses by itself what four eyes forbid.
func TestR8_5_TheDatabaseKeepsFourEyes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run(t, db, `insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at) values
		('default', '2010-01-01', '{"a":1}', 'ada', now()), ('default', '2024-01-01', '{"a":1}', 'ada', now()), ('default', '2025-01-01', '{"a":1}', 'ada', now())`)
	run(t, db, `update ledger.plan_version set approved_by = 'bob', approved_at = now() where effective_from = '2010-01-01'`)
	run(t, db, `update ledger.plan_version set refused_by = 'bob', refused_at = now() where effective_from = '2025-01-01'`)
	for statement, want := range map[string]string{
		`update ledger.plan_version set approved_by = ' ADA', approved_at = now() where effective_from = '2024-01-01'`: "plan_version_four_eyes",
		`update ledger.plan_version set approved_by = 'bob' where effective_from = '2024-01-01'`:                       "plan_version_approved",
		`update ledger.plan_version set approved_by = 'eve' where effective_from = '2010-01-01'`:                       "on record",
		`update ledger.plan_version set terms = '{"a":2}'`:                                                             "on record",
		`update ledger.plan_version set effective_from = '2012-01-01' where effective_from = '2024-01-01'`:             "on record",
		`update ledger.plan_version set approved_by = 'eve', approved_at = now() where effective_from = '2025-01-01'`:  "on record",
		`update ledger.plan_version set refused_by = null, refused_at = null where effective_from = '2025-01-01'`:      "on record",
		`delete from ledger.plan_version`: "on record",
		`insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at) values ('default', '2024-01-01', '{}', 'eve', now())`: "plan_version_proposed",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a refusal that says %q", statement, err, want)
		}
	}
	run(t, db, `update ledger.plan_version set superseded_by = 'eve', superseded_at = now() where effective_from = '2010-01-01'`)
}
