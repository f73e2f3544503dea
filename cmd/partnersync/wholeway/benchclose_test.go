package wholeway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/period"
	"github.com/partnersync/partnersync/ledger/statement"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/stage"
)

// What a month has that the benchmark of closing one closes.
const (
	closedPartners = 1_000
	closedLines    = 100_000
)

// BenchmarkClose closes a month of 100,000 lines of 1,000 partners and takes their
// statements, beside plain sums over the same lines in the same run.
func BenchmarkClose(b *testing.B) {
	for range b.N {
		ctx := context.Background()
		db, c := busyMonth(b)
		sum := timed(func() {
			var n int64
			must(b, db.Get(&n, `select count(*) from (select payee_id, currency, sum(amount_minor) from ledger.line group by payee_id, currency) as s`))
		})
		closing := timed(func() {
			_, err := period.Month(ctx, db, month("2026-10"), period.Options{Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: "benchmark", Now: c.Now()})
			must(b, err)
		})
		reproducing := timed(func() {
			r, err := period.Reproduce(ctx, db, month("2026-10"), io.Discard)
			must(b, err)
			if !r.Agrees() {
				b.Fatal("the month comes to other bytes")
			}
		})
		statements, lines := 0, 0
		stating := timed(func() {
			for s, err := range statement.All(ctx, db, month("2026-10")) {
				must(b, err)
				statements++
				lines += len(s.Lines)
				must(b, json.NewEncoder(io.Discard).Encode(s))
			}
		})
		if statements != closedPartners || lines != closedLines {
			b.Fatalf("%d statements of %d lines", statements, lines)
		}
		var out strings.Builder
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(w, "what\ttook\tlines/s\ttimes the plain sum\t\n")
		for _, row := range []struct {
			what string
			took time.Duration
		}{
			{"plain SQL sum of the lines by payee", sum},
			{"close the month", closing},
			{"reproduce it to the byte", reproducing},
			{"1,000 statements with every line, as JSON", stating},
		} {
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.1f\t\n", row.what, row.took.Round(time.Millisecond), closedLines/row.took.Seconds(), row.took.Seconds()/sum.Seconds())
		}
		must(b, w.Flush())
		b.Log("\n" + out.String())
	}
}

// busyMonth gives a ledger that has accrued October 2026.
func busyMonth(b *testing.B) (*sqlx.DB, *clock.Manual) {
	b.Helper()
	ctx := context.Background()
	c := clock.NewManual(instant("2026-11-03T06:00:00Z"))
	db, err := pg.Open(ctx, pg.Config{DSN: pgtest.DSN(b), MaxConns: 8, Patience: time.Hour, Name: "benchmark"})
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	var partners strings.Builder
	partners.WriteString("plans: [{plan: default, effective_from: 2010-01-01, space: {referral_rate: 10%}}]\npartners:\n")
	for i := range closedPartners {
		fmt.Fprintf(&partners, "  - {key: p%04d, name: Partner %d, kind: registered, joined_on: 2015-01-01, partner_ids: [PA%04d]}\n", i, i, i)
	}
	f, err := apply.Read(strings.NewReader(partners.String()), "benchmark")
	must(b, err)
	must(b, pg.InTx(ctx, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "benchmark", Zone: time.UTC, Now: c.Now(), Alone: true}); err != nil {
			return err
		}
		for _, statement := range []string{
			`insert into ledger.space (id, space_key, name, account_id, first_account_id, customer_id, created_via, created_at, is_deleted, modstamp)
			select 'a0S' || lpad(i::text, 12, '0') || 'AAA', 'S-' || i, 'Space ' || i, '', '', '', 'Manual', '2020-01-01', false, '2020-01-01'
			from generate_series(0, $1::int - 1) as i where $2::int > 0`,
			`insert into ledger.holding (subject_kind, subject, at, partner_id, cause, learned_at)
			select 'space', 'a0S' || lpad(i::text, 12, '0') || 'AAA', '2020-01-01', 'PA' || lpad(i::text, 4, '0'), '{"kind": "history", "id": "017000000000001AAA"}', '2020-01-01'
			from generate_series(0, $1::int - 1) as i where $2::int > 0`,
			`insert into ledger.opportunity (id, name, space_id, amount, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
			select '006' || lpad(i::text, 12, '0') || 'AAA', 'Deal ' || i, 'a0S' || lpad((i % $1::int)::text, 12, '0') || 'AAA', 1000 + i, 'USD',
				'2026-10-01'::date + i % 31, true, true, '2026-09-01', false, '2026-10-31'
			from generate_series(1, $2::int) as i`,
			`insert into ledger.due_source select id, '2026-11-01' from ledger.opportunity where $1::int + $2::int > 0`,
		} {
			if _, err := tx.ExecContext(ctx, statement, closedPartners, closedLines); err != nil {
				return err
			}
		}
		return nil
	}))
	tidy(b, db)
	r, err := accrue.New(accrue.Config{DB: db, Clock: c, Zone: time.UTC, GoLive: book.GoLive{Decided: true}}).
		Run(ctx, stage.Options{Actor: "benchmark"})
	must(b, err)
	if r.Get(accrue.CountEntries) != closedLines {
		b.Fatalf("accrue came to %+v", r.Counts)
	}
	tidy(b, db)
	return db, c
}
