package wholeway_test

import "fmt"

// Fatalf ends the sequence.
func (m *machine) Fatalf(format string, args ...any) {
	m.Helper()
	if m.board.first == "" {
		m.board.first = fmt.Sprintf(format, args...)
	}
	m.T.Fatalf(format, args...)
}

// tell writes what the ledger has when a sequence has failed.
func (m *machine) tell() {
	if !m.Failed() {
		return
	}
	var lines []struct {
		Key, Status, Reason string
		Minor               int64 `db:"amount_minor"`
	}
	if err := m.db.Select(&lines, `select key, status, reason, amount_minor from ledger.line order by source_id, payee_id, slice, period`); err != nil {
		m.Logf("the lines cannot be read: %v", err)
		return
	}
	m.Logf("on %s, reached %s, closed %s, due %v, the ledger has", m.today(), m.reached, m.closed, m.due)
	for _, l := range lines {
		m.Logf("  %s %s %s %d", l.Key, l.Status, l.Reason, l.Minor)
	}
	var entries []machineEntry
	if err := m.db.Select(&entries, `
		select payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency, period, corrects, hash
		from ledger.entry order by posted_at, payee_id, seq`); err != nil {
		m.Logf("the entries cannot be read: %v", err)
		return
	}
	if len(entries) > 60 {
		m.Logf("  and of %d entries the last", len(entries))
		entries = entries[len(entries)-60:]
	}
	for i := range entries {
		e := &entries[i]
		m.Logf("  %s#%d %s → %s %d %s, of %s", e.LineKey, e.Nth, e.Debit, e.Credit, e.AmountMinor, e.Currency, e.Period)
	}
}
