package migrations_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
)

// TestHorizonOfAnOlderLedger: 00008 gives a ledger that was filled before it the
// horizon that its first pass would have kept: of each kind the oldest of the
// history rows that came first, and none where none came.
func TestHorizonOfAnOlderLedger(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.Empty(t))
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	downTo(t, db, 7)
	run(t, db, `
		insert into ledger.space (id, created_at, is_deleted, modstamp) values ('S1', '2019-01-01Z', false, '2019-01-01Z');
		insert into ledger.profile_record (id, email, profile, email_key, registered_at, is_deleted, modstamp)
		values ('U1', 'a@x.example', 'a@x.example', 'a@x.example', '2019-01-01Z', false, '2019-01-01Z');
		insert into ledger.statement_of_id (record_id, source, source_id, at, new_value, learned_at) values
			('S1', 'observation', 'S1', '2020-06-01Z', 'FG3877', '2021-01-01Z'),
			('S1', 'history', 'h2', '2020-05-01Z', 'FG3877', '2021-01-01Z'),
			('S1', 'history', 'h1', '2020-04-01Z', 'AB1234', '2021-01-01Z'),
			('S1', 'history', 'h0', '2018-04-01Z', 'AB1234', '2021-02-01Z'),
			('U1', 'observation', 'U1', '2020-06-01Z', 'FG3877', '2021-01-02Z')`)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := db.SelectContext(t.Context(), &got, `
		select concat_ws(' ', subject_kind, to_char(seen_at at time zone 'UTC', 'YYYY-MM-DD'),
			coalesce(to_char(oldest at time zone 'UTC', 'YYYY-MM-DD'), 'none'), settled_at is null)
		from ledger.history_horizon order by subject_kind`); err != nil {
		t.Fatal(err)
	}
	want := []string{"profile 2021-01-02 none t", "space 2021-01-01 2020-04-01 t"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", strings.TrimSpace(d))
	}
}

// TestTheAnswerAboutHistoryGoesUpAndDown: 00010 leaves the horizons of an older
// ledger as they are until Salesforce is asked, and taking it back leaves none
// settled that has no instant.
func TestTheAnswerAboutHistoryGoesUpAndDown(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.Empty(t))
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	run(t, db, `
		insert into ledger.history_horizon (subject_kind, seen_at, oldest, asked_at, settled_at) values
			('space', '2021-01-01Z', null, '2021-01-01Z', '2021-01-01Z'),
			('profile', '2021-01-01Z', '2020-01-01Z', null, '2021-01-01Z')`)
	downTo(t, db, 9)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := db.SelectContext(t.Context(), &got, `
		select concat_ws(' ', subject_kind, oldest is not null, asked_at is not null, settled_at is not null)
		from ledger.history_horizon order by subject_kind`); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"profile t f t", "space f f f"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
