package deal

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

const benchmarked = 500 // sources in a batch of accrue

// BenchmarkAddClaims measures a batch of 500 sources among 60,000 opportunities of
// 20,000 customers, with no registration, with 5,000 of other customers, and with
// one for every other customer.
func BenchmarkAddClaims(b *testing.B) {
	db := pgtest.New(b)
	fill(b, db, `
		insert into ledger.customer (account_id, name, domain, is_deleted, modstamp)
		select 'C' || n, 'C' || n, 'c' || n || '.example', false, now() from generate_series(1, 30000) as n`)
	fill(b, db, `
		insert into ledger.customer_domain (account_id, at, domain) select account_id, modstamp, domain from ledger.customer`)
	fill(b, db, `
		insert into ledger.opportunity (id, account_id, first_account_id, customer_id, amount, currency, close_date,
			is_closed, is_won, created_at, is_deleted, modstamp)
		select 'O' || n, 'C' || a, 'C' || a, 'C' || a, 1000, 'USD', '2026-03-01', true, true, '2026-02-01', false, now()
		from (select n, 1 + n % 20000 as a from generate_series(1, 60000) as n) as o`)
	b.Run("without registrations", func(b *testing.B) { addClaims(b, db, 0) })
	register := func(from, to, step int) {
		if _, err := db.ExecContext(b.Context(), `
			insert into ledger.registration (id, origin, partner_id, email_domain, account_id, first_account_id, customer_id,
				involvement, status, submitted_at, decided_at, modstamp)
			select 'R' || n, 'salesforce', 'FG3877', 'c' || n || '.example', 'C' || n, 'C' || n, 'C' || n,
				'engaged', 'approved', '2026-01-01', '2026-01-02', now() from generate_series($1::int, $2::int, $3::int) as n`, from, to, step); err != nil {
			b.Fatal(err)
		}
		fill(b, db, `analyze ledger.registration`)
	}
	register(25001, 30000, 1)
	b.Run("none in reach", func(b *testing.B) { addClaims(b, db, 0) })
	register(1, 20000, 2)
	b.Run("one for every other customer", func(b *testing.B) { addClaims(b, db, 1) })
}

func fill(b *testing.B, db *sqlx.DB, statement string) {
	b.Helper()
	for _, s := range []string{statement, `analyze ledger.customer`, `analyze ledger.customer_domain`, `analyze ledger.opportunity`} {
		if _, err := db.ExecContext(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}

func addClaims(b *testing.B, db *sqlx.DB, want int) {
	var ids []string
	if err := db.SelectContext(b.Context(), &ids, `
		select id from ledger.opportunity where id like 'O%' order by length(id), id limit $1`, benchmarked); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		sources := make([]commission.Source, len(ids))
		for i, id := range ids {
			sources[i].ID = id
		}
		if err := AddClaims(b.Context(), db, sources, terms); err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, s := range sources {
			n += len(s.Claims)
		}
		if n < want || want == 0 && n > 0 {
			b.Fatalf("%d claims", n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/benchmarked, "µs/source")
}
