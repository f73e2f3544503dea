package wholeway_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/bill"
	"github.com/partnersync/partnersync/ledger/book"
	"pgregory.net/rapid"
)

// actions are what may happen. What leads deeper into the life of lines comes up more
// often than the rest.
func (m *machine) actions() map[string]func(*rapid.T) {
	do := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
	return map[string]func(*rapid.T){
		"":                       do(m.check),
		"accrue":                 do(func() { m.accrueRuns(false) }),
		"accrue again":           do(func() { m.accrueRuns(false) }),
		"accrue through a day":   do(func() { m.accrueRuns(true) }),
		"bring in":               do(m.bringIn),
		"merge partners":         do(m.mergePartners),
		"approve all":            do(func() { m.approve(true) }),
		"approve some":           do(func() { m.approve(false) }),
		"approve some more":      do(func() { m.approve(false) }),
		"approve nothing":        do(m.noSuchLine),
		"change an amount":       do(m.changeAmount),
		"change another amount":  do(m.changeAmount),
		"change the days":        do(m.changeDays),
		"close":                  do(m.closeMonth),
		"confirm":                do(m.confirm),
		"confirm another":        do(m.confirm),
		"days pass":              do(func() { m.daysPass(rapid.IntRange(1, 20).Draw(m.T, "days")) }),
		"delete or restore":      do(m.remove),
		"export":                 do(m.export),
		"export again":           do(m.export),
		"hold":                   do(m.hold),
		"hold more":              do(m.hold),
		"issue an ID":            do(m.issue),
		"merge customers":        do(m.merge),
		"a month ends":           do(m.monthEnds),
		"pay day":                do(m.payDay),
		"another pay day":        do(m.payDay),
		"release":                do(m.release),
		"release more":           do(m.release),
		"sell":                   do(m.newSale),
		"sell more":              do(m.newSale),
		"suspend or not":         do(m.suspend),
		"take over":              do(func() { m.takeover(0) }),
		"take over, known later": do(func() { m.takeover(rapid.IntRange(1, 90).Draw(m.T, "ago")) }),
		"unapprove":              do(m.unapprove),
		"unapprove again":        do(m.unapprove),
		"unwin":                  do(m.unwin),
		"win again":              do(m.winAgain),
	}
}

func (m *machine) daysPass(days int) {
	m.clock.Set(m.clock.Now().AddDate(0, 0, days))
}

// monthEnds is what finance does in the first days of a month.
func (m *machine) monthEnds() {
	m.clock.Set(m.today().Month().Next().First().AddDays(1).Start(m.clock.Now().Location()).Add(6 * 3600e9))
	m.accrueRuns(false)
	m.closeMonth()
}

// payDay is what finance does once a month: everything that may be is approved, billed
// and mostly paid.
func (m *machine) payDay() {
	if m.today().Month().First() == m.today() || m.reached.IsZero() || rapid.Bool().Draw(m.T, "after a month's end") {
		m.monthEnds()
	}
	m.approveBy("ana", book.Selection{Filter: book.Filter{Through: m.today().Month()}}, anyLine)
	m.exportOnce(m.today().Month())
	outcome := rapid.SampledFrom([]string{bill.Paid, bill.Paid, bill.Failed, ""}).Draw(m.T, "outcome")
	for _, number := range slices.Sorted(maps.Keys(m.bills)) {
		if b := m.bills[number]; b.state == bill.Exported && outcome != "" {
			m.confirmOnce(b, bill.Confirmation{Bill: number, Outcome: outcome, On: m.today()}, false)
		}
	}
}

// finish ends a sequence: everything is worked out once more, and verified with the
// program's own eyes.
func (m *machine) finish() {
	if rapid.Bool().Draw(m.T, "release all") {
		m.releaseAll()
	}
	m.accrueRuns(false)
	m.check()
	now := m.readBook()
	for month := range m.kept {
		m.sameAsClosed(month, now)
	}
	for month := m.firstMonth(now); !m.today().Month().Before(month); month = month.Next() {
		m.statements(month, now)
	}
	r, err := m.verifyStage().Verify(m.background(), nil)
	m.ok(err)
	if first, is := r.First(); is {
		m.Fatalf("verify finds %d differences; the first is %+v", r.Differences(), first)
	}
	m.board.count("sequences")
}

// releaseAll ends every hold by hand.
func (m *machine) releaseAll() {
	for _, l := range m.linesInOrder(func(l *machineLine) bool { return l.byHand }) {
		m.releaseLines([]string{l.key})
	}
}

// check holds the ledger against the model.
func (m *machine) check() {
	m.Helper()
	m.clock.Advance(1e9)
	now := m.readBook()
	m.checkLines(now)
	m.checkBalances(now)
	m.checkBills()
	m.checkMonths(now)
	m.step++
	m.board.count("steps")
}

// checkLines compares what stands in every line's accounts, and its status, with the
// model. Only accrue and the steps of a life change either.
func (m *machine) checkLines(now machineBook) {
	m.Helper()
	account := map[string]string{"": "accrued", "approved": "payable", "exported": "in_payment", "paid": "settled"}
	for key, a := range now.lines {
		l := m.lines[key]
		if l == nil && a.posted() == 0 {
			continue
		}
		if l == nil {
			m.Fatalf("%s has %v, and nobody knows why", key, a)
		}
		for _, name := range []string{"accrued", "payable", "in_payment", "settled", "brought_in"} {
			want := int64(0)
			if name == account[l.life] {
				want = l.minor
			} else if name == "brought_in" && l.brought {
				want = -l.minor
			}
			if a.accounts[name] != want {
				m.Fatalf("%s: %d in %s, want %d: the line is %q with %d, and has %v", key, a.accounts[name], name, want, l.life, l.minor, a)
			}
		}
	}
	var rows []struct {
		Key, Status string
		Minor       int64 `db:"amount_minor"`
	}
	m.ok(m.db.Select(&rows, `select key, status, amount_minor from ledger.line`))
	seen := map[string]bool{}
	for _, row := range rows {
		l := m.lines[row.Key]
		if l == nil {
			l = &machineLine{key: row.Key, unsure: true}
		}
		seen[row.Key] = true
		if !slices.Contains(m.statuses(l), row.Status) {
			m.Fatalf("%s is %s, want %v: %v", row.Key, row.Status, m.statuses(l), l)
		}
		if row.Status != "on_hold" && row.Minor != l.minor {
			m.Fatalf("%s says %d and is %s, posted are %d", row.Key, row.Minor, row.Status, l.minor)
		}
	}
	for key, l := range m.lines {
		if !seen[key] && (l.minor != 0 || l.life != "") {
			m.Fatalf("%s is no line", key)
		}
	}
}

// statuses are those that a line may have (R8.5).
func (m *machine) statuses(l *machineLine) []string {
	switch {
	case l.life != "":
		return []string{l.life}
	case l.minor == 0:
		return []string{"zero", "void", "on_hold"}
	case l.byHand:
		return []string{"on_hold"}
	case l.unsure:
		return []string{"accrued", "on_hold"}
	case l.waits:
		return []string{"on_hold"}
	}
	return []string{"accrued"}
}

// checkBalances compares the kept balances with the entries, and all accounts with zero
// (R8.2).
func (m *machine) checkBalances(now machineBook) {
	m.Helper()
	var rows []struct {
		Payee    string `db:"payee_id"`
		Currency string
		Account  string
		Minor    int64
	}
	m.ok(m.db.Select(&rows, `select payee_id, currency, account, minor from ledger.balance`))
	sums := map[string]int64{}
	kept := map[string]int64{}
	for _, r := range rows {
		sums[r.Currency] += r.Minor
		kept[r.Payee+" "+r.Currency+" "+r.Account] = r.Minor
	}
	for currency, sum := range sums {
		if sum != 0 {
			m.Fatalf("all accounts in %s sum to %d", currency, sum)
		}
	}
	for payee, a := range now.payees {
		for account, minor := range a.accounts {
			name := payee[0] + " " + payee[1] + " " + account
			if kept[name] != minor {
				m.Fatalf("the balance %s is %d, its entries sum to %d", name, kept[name], minor)
			}
			delete(kept, name)
		}
	}
	for name, minor := range kept {
		if minor != 0 {
			m.Fatalf("the balance %s is %d and has no entries", name, minor)
		}
	}
}

// checkBills compares bills with the model: what is on them, what they come to, where
// they stand, and that no line is on two that live.
func (m *machine) checkBills() {
	m.Helper()
	if len(m.bills) == 0 {
		return
	}
	var rows []struct {
		Number, Key, State string
		Minor, Whole       int64
	}
	m.ok(m.db.Select(&rows, `
		select b.number, l.line_key as key, l.amount_minor as minor, b.amount_minor as whole,
			(select outcome from ledger.bill_event e where e.bill = b.number order by e.nth desc limit 1) as state
		from ledger.bill b join ledger.bill_line l on l.bill = b.number`))
	live := map[string]string{}
	count := 0
	for _, r := range rows {
		b := m.bills[r.Number]
		if b == nil || b.lines[r.Key] != r.Minor || r.Minor == 0 || b.minor != r.Whole || r.Whole <= 0 || b.state != r.State {
			m.Fatalf("bill %+v, want %+v", r, b)
		}
		if count++; b.state == "exported" || b.state == "paid" {
			if live[r.Key] != "" {
				m.Fatalf("%s is on %s and on %s", r.Key, r.Number, live[r.Key])
			}
			live[r.Key] = r.Number
			if m.lines[r.Key].life != b.state || m.lines[r.Key].minor != r.Minor {
				m.Fatalf("%s is on %+v and is %v", r.Key, b, m.lines[r.Key])
			}
		}
	}
	for _, b := range m.bills {
		count -= len(b.lines)
	}
	if count != 0 {
		m.Fatalf("%d lines too many are on bills", count)
	}
}

// checkMonths looks at the entries of all closed months. Of one of them it looks at the
// statements or works it out again, and it compares the statements of one month with
// the entries: after some steps, every month has come up in every way.
func (m *machine) checkMonths(now machineBook) {
	m.Helper()
	closed := slices.SortedFunc(maps.Keys(m.kept), compareMonths)
	for _, month := range closed {
		m.sameEntries(month, now)
	}
	if n := len(closed); n > 0 && m.step%2 == 0 {
		m.sameStatements(closed[m.step/2%n])
	} else if n > 0 {
		m.reproduced(closed[m.step/2%n])
	}
	var months []clock.Month
	for month := m.firstMonth(now); !m.today().Month().Before(month); month = month.Next() {
		months = append(months, month)
	}
	m.statements(months[m.step%len(months)], now)
}

func compareMonths(a, b clock.Month) int { return strings.Compare(a.String(), b.String()) }

// firstMonth is the one before the first entry's.
func (m *machine) firstMonth(now machineBook) clock.Month {
	first := m.today().Month()
	for i := range now.entries {
		if now.entries[i].Period.Before(first) {
			first = now.entries[i].Period
		}
	}
	return first.First().AddDays(-1).Month()
}
