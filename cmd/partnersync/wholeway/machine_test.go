package wholeway_test

import (
	"context"
	"flag"
	"strconv"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/verify"
)

// TestR8_StateMachine does to a ledger whatever may happen to one, in random order, and
// after every step holds the book against a model of it that was written from the
// rulebook alone: days are counted one by one, and what becomes of every line is
// followed step by step. It stops at the first step after which the two disagree, and
// rapid shrinks the sequence to the shortest that still does.
//
// -rapid.checks is the number of sequences, of -rapid.steps steps each on average.
func TestR8_StateMachine(t *testing.T) {
	t.Parallel()
	sequences(t, 60)
	b := newBoard(t, pgtest.New(t))
	rapid.Check(t, func(r *rapid.T) {
		m := newMachine(r, b)
		defer m.tell()
		r.Repeat(m.actions())
		m.finish()
	})
	b.report(t)
}

// sequences sets how many there are, unless a flag does.
func sequences(t *testing.T, n int) {
	t.Helper()
	const checks = "rapid.checks"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == checks })
	if !given {
		must(t, flag.Set(checks, strconv.Itoa(n)))
	}
}

// machine is one sequence: a ledger and the model of it.
type machine struct {
	*rapid.T
	board *board
	db    *sqlx.DB
	clock *clock.Manual

	facts *machineFacts
	lines map[string]*machineLine // by key; those on which something was posted, or that are held by hand
	bills map[string]*machineBill // by number
	due   map[string]bool         // sources of which a fact changed since accrue ran
	// perhapsDue: sources of which a person held a line when a month was closed.
	perhapsDue  map[string]bool
	closed      clock.Month
	reached     clock.Date // the last as-of that was posted
	explicit    clock.Date // the last of those that a person gave
	kept        map[clock.Month]machineMonth
	firstClosed clock.Month
	openings    int    // opening balances that were brought in
	digest      string // of all tables before the command in hand
	step        int
}

func newMachine(r *rapid.T, b *board) *machine {
	b.reset(r)
	m := &machine{
		T: r, board: b, db: b.db, clock: b.clock, facts: newMachineFacts(), lines: map[string]*machineLine{}, bills: map[string]*machineBill{},
		due: map[string]bool{}, perhapsDue: map[string]bool{}, kept: map[clock.Month]machineMonth{},
	}
	m.clock.Set(instant("2026-03-05T06:00:00Z"))
	terms := machinePlan + "partners:\n"
	for _, p := range m.facts.partners {
		terms += p.yaml()
	}
	m.apply(terms)
	for range 3 {
		m.newCustomer()
	}
	for range 3 {
		m.newSale()
	}
	m.accrueRuns(false)
	return m
}

// today is the day on which the clock stands.
func (m *machine) today() clock.Date { return clock.DateIn(m.clock.Now(), time.UTC) }

// by is who acts, today.
func (m *machine) by(actor string) book.Context {
	return book.Context{AsOf: m.today(), Actor: actor, Now: m.clock.Now()}
}

func (m *machine) accrueStage() *accrue.Stage {
	return accrue.New(accrue.Config{DB: m.db, Clock: m.clock, Zone: time.UTC, GoLive: book.GoLive{Decided: true}})
}

func (m *machine) verifyStage() *verify.Stage {
	return verify.New(verify.Config{DB: m.db, Clock: m.clock, Zone: time.UTC, Log: zap.NewNop()})
}

// ok ends the sequence if a step that has to succeed does not.
func (m *machine) ok(err error) {
	m.Helper()
	if err != nil {
		m.Fatalf("%+v", err)
	}
}

func (m *machine) background() context.Context { return context.Background() }
