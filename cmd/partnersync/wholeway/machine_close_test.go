package wholeway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/period"
	"github.com/partnersync/partnersync/ledger/statement"
)

// machineMonth is what a closed month was when it was closed.
type machineMonth struct {
	entries    string // hash by hash, of every payee
	statements string
	digest     string
	holders    map[string]string // partners, by ID
}

// closeMonth closes the month after the last closed one, or another one.
func (m *machine) closeMonth() {
	last := m.today().Month().First().AddDays(-1).Month()
	month := last
	if !m.closed.IsZero() {
		month = m.closed.Next()
	}
	if rapid.IntRange(0, 5).Draw(m.T, "another month") == 0 {
		month = rapid.SampledFrom([]clock.Month{last, last.Next(), month.Next(), month.First().AddDays(-1).Month()}).Draw(m.T, "month")
	}
	m.closes(month)
}

// closes closes a month if it may be closed, and asks that it is refused if not.
func (m *machine) closes(month clock.Month) {
	m.Helper()
	m.digest = m.board.digest(m.T)
	_, err := period.Month(m.background(), m.db, month, period.Options{Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: "ana", Now: m.clock.Now()})
	over := month.Last().Before(m.today())
	inTurn := m.closed.IsZero() || m.closed.Next() == month
	posted := !m.reached.IsZero() && !m.reached.Before(month.Last())
	may := over && inTurn && posted && len(m.due) == 0
	switch {
	case err != nil && may && len(m.perhapsDue) == 0:
		m.Fatalf("close %s: %v", month, err)
	case err != nil:
		m.refusedWhole("close", err)
		return
	case !may:
		m.Fatalf("%s was closed on %s: in turn %t, posted through %s, %d due", month, m.today(), inTurn, m.reached, len(m.due))
	}
	if m.closed.IsZero() {
		m.firstClosed = month
	}
	m.closed = month
	for _, l := range m.lines {
		if l.byHand {
			m.perhapsDue[l.source] = true
		}
	}
	m.board.count("close")
	now := m.readBook()
	m.kept[month] = machineMonth{entries: entriesOf(now, month), statements: m.statementsOf(month), digest: m.reproduced(month), holders: m.holders()}
}

// entriesOf is everything that a month's entries say, through their hashes.
func entriesOf(b machineBook, month clock.Month) string {
	var out strings.Builder
	for i := range b.entries {
		if e := &b.entries[i]; e.Period == month {
			fmt.Fprintf(&out, "%s %d %s %s %s %d %x\n", e.PayeeID, e.Seq, e.LineKey, e.Debit, e.Credit, e.AmountMinor, e.Hash)
		}
	}
	return out.String()
}

// statementsOf writes the statements of a month, without what is said of lines as they
// are now and the partner's present name.
func (m *machine) statementsOf(month clock.Month) string {
	m.Helper()
	var out bytes.Buffer
	table, document := statement.NewCSV(&out), json.NewEncoder(&out)
	m.ok(pg.InSnapshot(m.background(), m.db, func(ctx context.Context, tx *sqlx.Tx) error {
		for s, err := range statement.All(ctx, tx, month) {
			if err != nil {
				return err
			}
			for i := range s.Lines {
				s.Lines[i].Status, s.Lines[i].Reason, s.Lines[i].Sentence = "", "", ""
			}
			if err := errors.Join(table.Write(s), table.Flush(), document.Encode(s)); err != nil {
				return err
			}
		}
		return nil
	}))
	return out.String()
}

// reproduced works a closed month out again.
func (m *machine) reproduced(month clock.Month) string {
	m.Helper()
	r, err := period.Reproduce(m.background(), m.db, month, io.Discard)
	m.ok(err)
	if !r.Agrees() {
		m.Fatalf("%s comes to other bytes", month)
	}
	kept, is, err := period.AnchorOf(m.background(), m.db, month)
	m.ok(err)
	if kept.String() != is.String() {
		m.Fatalf("the anchor of %s was %s and is %s", month, kept, is)
	}
	return r.Is.String() + " " + is.String()
}

// sameAsClosed asks that a closed month is what it was.
func (m *machine) sameAsClosed(month clock.Month, now machineBook) {
	m.Helper()
	m.sameEntries(month, now)
	m.sameStatements(month)
	if is := m.reproduced(month); is != m.kept[month].digest {
		m.Fatalf("%s came to %s and comes to %s", month, m.kept[month].digest, is)
	}
}

func (m *machine) sameEntries(month clock.Month, now machineBook) {
	m.Helper()
	if is := entriesOf(now, month); is != m.kept[month].entries {
		m.Fatalf("the entries of %s were\n%sand are\n%s", month, m.kept[month].entries, is)
	}
}

func (m *machine) sameStatements(month clock.Month) {
	m.Helper()
	if is := m.statementsOf(month); is != m.kept[month].statements {
		m.Fatalf("the statements of %s were\n%s\nand are\n%s", month, m.kept[month].statements, is)
	}
}
