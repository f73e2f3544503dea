package wholeway_test

import (
	"context"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
)

// loadFacts fills a ledger with the facts of a company that has n opportunities,
// in the proportions and the order of the emulator's generated org: twenty
// opportunities to a customer, two thirds of them won, two thirds with a service
// term, one in twelve registered by a partner, a Space for nearly every customer, a
// second one for some, and takeovers. Everything is due.
// The same n gives the same facts on the same day.
func loadFacts(t testing.TB, db *sqlx.DB, n int) {
	t.Helper()
	(&way{t: t, db: db, clock: clock.NewManual(clock.System{}.Now())}).apply(generatedPartners)
	must(t, pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		for _, statement := range factStatements {
			if _, err := tx.ExecContext(ctx, `select setseed(0.7)`); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, statement, n); err != nil {
				return err
			}
		}
		return nil
	}))
	tidy(t, db)
}

// tidy does what autovacuum does of itself; the tests' server has none.
func tidy(t testing.TB, db *sqlx.DB) {
	t.Helper()
	_, err := db.Exec(`vacuum analyze`)
	must(t, err)
}

// factStatements fill one table each; $1 is the number of opportunities.
var factStatements = []string{
	`insert into ledger.customer (account_id, name, domain, is_deleted, modstamp)
	select '001' || lpad(i::text, 12, '0') || 'AAA', 'Meridian GmbH ' || i, 'kunde' || i || '.example', false, now()
	from generate_series(1, greatest(12, $1::int / 20)) as i`,

	`insert into ledger.customer_domain (account_id, at, domain)
	select account_id, modstamp, domain from ledger.customer where $1::int > 0`,

	`insert into ledger.space (id, space_key, name, account_id, first_account_id, customer_id, created_via, created_at, is_deleted, modstamp)
	select id, key, name, account, account, account, 'QuickStart', at, false, at
	from (
		select 'a0S' || lpad(i::text, 11, '0') || k || 'AAA' as id, 'C-' || lpad(i::text, 6, '0') || '-' || k as key,
			'Space of customer ' || i || case k when 2 then ', second' else '' end as name,
			'001' || lpad(i::text, 12, '0') || 'AAA' as account, random() as chance,
			timestamptz '2016-01-01 08:00Z' + random() * interval '1825 days' + (k - 1) * interval '300 days' as at, k
		from generate_series(1, greatest(12, $1::int / 20)) as i, generate_series(1, 2) as k) as s
	where case k when 1 then chance < 0.97 else chance < 0.15 end`,

	// Who is on a Space from its creation, then who took it over.
	`insert into ledger.holding (subject_kind, subject, at, partner_id, cause, learned_at)
	select 'space', id, at, case when chance < 0.72 then (array['FG3877', 'AB1234', 'KM5521', 'TR0942', 'QX7718',
			'LP2046', 'BN6390', 'CW1589', 'FG3877', 'ZZ9999'])[1 + floor(pick * case when chance < 0.01 then 10 else 9 end)] else '' end,
		json_build_object('kind', 'creation', 'id', id, 'from', 'ana@kunde.example', 'from_at', at - interval '3 days',
			'via', json_build_object('kind', 'invitation', 'id', 'a0I' || substr(id, 4), 'from', 'a0S00000000000AAA')), now()
	from (select id, created_at as at, random() as chance, random() as pick, $1::int from ledger.space order by id) as s`,

	`insert into ledger.holding (subject_kind, subject, at, partner_id, cause, learned_at)
	select 'space', id, at, (array['FG3877', 'AB1234', 'KM5521', 'QX7718', 'LP2046', 'BN6390', 'CW1589', ''])[1 + floor(pick * 8)],
		json_build_object('kind', 'history', 'id', '017' || substr(id, 4)), now()
	from (
		select id, created_at + interval '90 days' + random() * interval '2000 days' as at, random() as chance, random() as pick, $1::int
		from ledger.space order by id) as s
	where chance < 0.06 and at < now()`,

	`insert into ledger.opportunity (id, name, account_id, first_account_id, customer_id, space_id, amount, currency, close_date, stage,
		is_closed, is_won, type, created_at, service_start, service_end, is_deleted, modstamp)
	select id, name, account, account, account,
		case when names < 0.7 and exists (select from ledger.space s where s.id = space) then space else '' end,
		case when untidy < 0.003 then null else amount end, 'USD', closed, case when outcome < 0.68 then 'Closed Won' else 'Prospecting' end,
		outcome < 0.88, outcome < 0.68, 'Expansion', closed - interval '40 days',
		case when term < 0.65 then closed + lag end,
		case when term < 0.65 then (closed + lag + months * interval '1 month' - interval '1 day')::date end,
		false, least(now(), closed::timestamptz)
	from (
		select '006' || lpad(i::text, 12, '0') || 'AAA' as id, 'Customer ' || c || ', deal ' || 1 + i % 20 as name,
			'001' || lpad(c::text, 12, '0') || 'AAA' as account, 'a0S' || lpad(c::text, 11, '0') || '1AAA' as space,
			round((500 + random() * 40000)::numeric, 2) as amount, random() as names, random() as outcome, random() as term, random() as untidy,
			(date '2016-06-01' + floor(random() * (current_date - 1 - date '2016-06-01'))::int) as closed, floor(random() * 15)::int as lag,
			(array[12, 12, 12, 12, 24, 36, 6, 1, 3])[1 + floor(random() * 9)] as months
		from (select i, least(1 + (i - 1) / 20, greatest(12, $1::int / 20)) as c from generate_series(1, $1::int) as i) as numbered) as o`,

	// Half of the registered opportunities name their registration; the others are
	// found by their customer.
	`insert into ledger.registration (id, origin, registration_key, partner_id, customer_name, account_id, first_account_id, customer_id,
		involvement, status, submitted_at, decided_at, modstamp)
	select 'a0R' || substr(id, 4), 'salesforce', 'R-' || substr(id, 7, 9), partner, 'Meridian GmbH', customer_id, customer_id, customer_id,
		case when kind < 0.6 then 'Engaged' else 'Referred' end, case when state < 0.7 then 'Approved' when state < 0.85 then 'Rejected' else 'Submitted' end,
		created_at - interval '10 days', case when state < 0.85 then created_at - interval '3 days' end, created_at
	from (
		select id, customer_id, created_at, random() as chance, random() as state, random() as kind,
			(array['FG3877', 'AB1234', 'KM5521', 'TR0942', 'QX7718', 'LP2046', 'BN6390', 'CW1589'])[1 + floor(random() * 8)] as partner, $1::int
		from ledger.opportunity order by id) as o
	where chance < 0.08`,

	`update ledger.opportunity o set registration_id = r.id from ledger.registration r
	where o.id = '006' || substr(r.id, 4) and substr(o.id, 15, 1)::int % 2 = 0 and $1::int > 0`,

	`insert into ledger.engagement (id, registration_id, engaged_on, kind, recorded_by, modstamp)
	select 'a0E' || substr(r.id, 4), r.id, (r.submitted_at + interval '30 days')::date, 'Workshop', 'salesforce', r.modstamp
	from ledger.registration r where r.involvement = 'Engaged' and $1::int > 0`,

	`insert into ledger.due_source (source_id, marked_at) select id, now() from ledger.opportunity where $1::int > 0 order by id`,
}
