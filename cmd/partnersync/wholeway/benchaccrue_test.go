package wholeway_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/stage"
)

// The floors that a first accrual and a single change are held against.
const (
	slowestFirstAccrual = 1.0 / 3 // of the speed of reading the facts and copying the rows
	slowestChange       = 100 * time.Millisecond
	changeGrowth        = 2.0    // against a change in the smallest ledger
	smallestLedger      = 10_000 // opportunities
	memoryGrowth        = 1.2    // of the median over the run, against a tenth of the sources
	mostMemory          = 150    // MB, ever
	changes             = 15     // whose median counts
)

// BenchmarkAccrue holds the first accrual of a whole ledger, in a process of its
// own, against the least that it can cost: reading the same facts with plain
// SELECTs and copying the same rows into tables without keys or indexes. Then it
// changes one opportunity and times its accrual. Both are done in ledgers of
// several sizes, because neither memory nor a change may grow with the ledger.
// BENCH_OPPORTUNITIES says how large the largest is.
func BenchmarkAccrue(b *testing.B) {
	n := benchOpportunities(b)
	for range b.N {
		sizes := []int{smallestLedger, n / 10, n}
		slices.Sort(sizes)
		var ledgers []*benchLedger
		for _, size := range slices.Compact(sizes) {
			ledgers = append(ledgers, newBenchLedger(b, size))
		}
		// A process starts with its parent's peak memory for its own, so everything
		// that is measured so comes before this one grows.
		for _, l := range ledgers {
			l.accrueAll()
		}
		for range changes {
			for _, l := range ledgers { // in turn, so that a busy machine is as busy for each
				l.accrueOneChange()
			}
		}
		for _, l := range ledgers {
			l.copyFloor()
		}
		b.Log("\n" + accrueTable(ledgers) + verdicts(ledgers))
	}
}

// benchLedger is one ledger and what was measured in it.
type benchLedger struct {
	b       testing.TB
	sources int
	db      *sqlx.DB
	program *program
	stage   stage.Stage

	first   used // the first accrual
	lines   int64
	rows    int64         // that it wrote
	floor   time.Duration // of reading the same facts and copying the same rows
	changed []time.Duration
}

func newBenchLedger(b *testing.B, sources int) *benchLedger {
	b.Helper()
	dsn := pgtest.DSN(b)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 4, Patience: time.Hour, Name: "benchmark"})
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	loadFacts(b, db, sources)
	return &benchLedger{
		b: b, sources: sources, db: db, program: newProgram(b, dsn, "http://127.0.0.1:9"), // accrue opens no network
		stage: accrue.New(accrue.Config{DB: db, Clock: clock.System{}, Zone: time.UTC, GoLive: book.GoLive{Decided: true}}),
	}
}

func (l *benchLedger) accrueAll() {
	l.first = l.program.stage(context.Background(), stage.Accrue)
	if got := l.first.counts[accrue.CountSources]; got != int64(l.sources) {
		l.b.Fatalf("%d of %d sources were worked out", got, l.sources)
	}
	l.lines = l.first.counts[accrue.CountLines]
	tidy(l.b, l.db)
}

// accrueOneChange changes the Amount of an opportunity and times the pass that
// posts the difference.
func (l *benchLedger) accrueOneChange() {
	const id = `(select source_id from ledger.line where status = 'accrued' and amount_minor > 0
		and source_id > '006' || lpad(($1::int / 2)::text, 12, '0') order by source_id limit 1)`
	_, err := l.db.Exec(`update ledger.opportunity set amount = amount + 100 where id = `+id, l.sources)
	must(l.b, err)
	_, err = l.db.Exec(`insert into ledger.due_source (source_id, marked_at) select `+id+`, now()`, l.sources)
	must(l.b, err)
	start := time.Now()
	report, err := l.stage.Run(context.Background(), stage.Options{Actor: "benchmark"})
	l.changed = append(l.changed, time.Since(start))
	must(l.b, err)
	if report.Get(accrue.CountSources) != 1 || report.Get(accrue.CountEntries) == 0 {
		l.b.Fatalf("one change came to %+v", report.Counts)
	}
}

func (l *benchLedger) medianChange() time.Duration {
	sorted := slices.Sorted(slices.Values(l.changed))
	return sorted[len(sorted)/2]
}

// factQueries read plainly all that a first accrual reads.
var factQueries = []string{
	`select source_id, marked_at from ledger.due_source`,
	`select id, name, account_id, customer_id, space_id, registration_id, type, amount, currency, close_date, created_at, is_won, is_closed,
		is_deleted, service_start, service_end, net_new_amount, is_unreadable from ledger.opportunity`,
	`select account_id, master_account_id, merged_at from ledger.customer`,
	`select id, name, customer_id, created_at from ledger.space`,
	`select subject, at, partner_id, is_malformed, cause, learned_at, superseded_at from ledger.holding where subject_kind = 'space'`,
	`select id, registration_key, partner_id, account_id, customer_id, opportunity_id, involvement, status, submitted_at, decided_at
		from ledger.registration`,
	`select id, registration_id, engaged_on, kind from ledger.engagement`,
}

// writtenTables are those whose rows a first accrual writes.
var writtenTables = []string{"ledger.line", "ledger.entry", "ledger.source_schedule", "ledger.discrepancy", "outbox.record"}

// copyFloor times the floor. The rows that are copied are those that were
// written, as far as memory holds them, again and again up to their number.
func (l *benchLedger) copyFloor() {
	ctx := context.Background()
	for _, query := range factQueries {
		l.floor += timed(func() { must(l.b, l.each(ctx, query, func([]*sql.ColumnType, []any) {})) })
	}
	_, err := l.db.Exec(`create schema floor`)
	must(l.b, err)
	for _, table := range writtenTables {
		columns, sample, rows := l.sample(ctx, table)
		l.rows += rows
		bare := "floor." + strings.ReplaceAll(table, ".", "_")
		_, err := l.db.Exec(`create table ` + bare + ` as table ` + table + ` with no data`)
		must(l.b, err)
		l.floor += timed(func() {
			must(l.b, pg.InTx(ctx, l.db, func(ctx context.Context, tx *sqlx.Tx) error {
				_, err := pg.CopyIn(ctx, tx, bare, columns, again(sample, rows))
				return err
			}))
		})
	}
	_, err = l.db.Exec(`drop schema floor cascade`)
	must(l.b, err)
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// each reads the rows of a query, one after the other.
func (l *benchLedger) each(ctx context.Context, query string, f func(columns []*sql.ColumnType, row []any)) (err error) {
	rows, err := l.db.QueryxContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			return err
		}
		f(columns, row)
	}
	return rows.Err()
}

// sampleRows bounds how many rows are held for being copied.
const sampleRows = 20_000

// sample gives rows from all over a table, ready to be copied, and its number of rows.
func (l *benchLedger) sample(ctx context.Context, table string) (names []string, sample [][]any, n int64) {
	n = fetch[int64](l.b, l.db, `select count(*) from `+table)
	query := fmt.Sprintf(`select * from %s tablesample bernoulli (%f) repeatable (7)`, table, min(100, 100*float64(sampleRows)/float64(max(n, 1))))
	must(l.b, l.each(ctx, query, func(columns []*sql.ColumnType, row []any) {
		for i, v := range row {
			if raw, ok := v.([]byte); ok && columns[i].DatabaseTypeName() != "BYTEA" {
				row[i] = string(raw)
			}
		}
		if sample == nil {
			for _, c := range columns {
				names = append(names, c.Name())
			}
		}
		sample = append(sample, row)
	}))
	return names, sample, n
}

// again gives n rows by going through a sample as often as it takes.
func again(sample [][]any, n int64) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range n {
			if len(sample) == 0 || !yield(sample[i%int64(len(sample))], nil) {
				return
			}
		}
	}
}

func accrueTable(ledgers []*benchLedger) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "sources\tlines\trows\taccrue took\tof it CPU\tsources/s\tlines/s\tusual memory\tpeak\tfloor took\tof the floor's speed\tone change\t\n")
	for _, l := range ledgers {
		s := l.first.took.Seconds()
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%s\t%.0f\t%.0f\t%d MB\t%d MB\t%s\t%.2f\t%s\t\n", l.sources, l.lines, l.rows,
			l.first.took.Round(10*time.Millisecond), l.first.cpuTime.Round(10*time.Millisecond), float64(l.sources)/s, float64(l.lines)/s,
			l.first.usualRSS>>20, l.first.maxRSS>>20, l.floor.Round(10*time.Millisecond), l.speed(), l.medianChange().Round(100*time.Microsecond))
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return out.String()
}

// speed is that of the first accrual, as a part of the floor's.
func (l *benchLedger) speed() float64 { return l.floor.Seconds() / l.first.took.Seconds() }

// verdicts hold the largest ledger against the floors.
func verdicts(ledgers []*benchLedger) string {
	smallest, largest := ledgers[0], ledgers[len(ledgers)-1]
	tenth := ledgers[max(0, len(ledgers)-2)]
	change := largest.medianChange()
	growth := change.Seconds() / smallest.medianChange().Seconds()
	memory := float64(largest.first.usualRSS) / float64(tenth.first.usualRSS)
	var out strings.Builder
	say := func(ok bool, format string, args ...any) {
		verdict := "PASS"
		if !ok {
			verdict = "FAIL"
		}
		fmt.Fprintf(&out, "%s  %s\n", verdict, fmt.Sprintf(format, args...))
	}
	say(largest.speed() >= slowestFirstAccrual, "first accrual of %d: %.2f of the floor's speed, at least %.2f",
		largest.sources, largest.speed(), slowestFirstAccrual)
	say(change < slowestChange, "one change among %d: %s, less than %s", largest.sources, change.Round(100*time.Microsecond), slowestChange)
	say(growth <= changeGrowth, "one change among %d: %.2f times that among %d, at most %.1f", largest.sources, growth, smallest.sources, changeGrowth)
	say(memory <= memoryGrowth, "usual memory: %.2f times that of %d sources, at most %.1f", memory, tenth.sources, memoryGrowth)
	say(largest.first.maxRSS>>20 < mostMemory, "peak memory: %d MB, less than %d MB", largest.first.maxRSS>>20, mostMemory)
	return out.String()
}
