package wholeway_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
)

// command runs a life command in a transaction, as the command line does.
func (m *machine) command(f func(ctx context.Context, tx *sqlx.Tx) error) error {
	m.digest = m.board.digest(m.T)
	return pg.InTx(m.background(), m.db, f)
}

// refusedWhole says that a command failed: with a kind, and without a trace.
func (m *machine) refusedWhole(what string, err error) {
	m.Helper()
	switch errs.KindOf(err) {
	case errs.Conflict, errs.Invalid, errs.NotFound:
	default:
		m.Fatalf("%s failed with %q: %v", what, errs.KindOf(err), err)
	}
	m.unchanged(what)
	m.board.count(what + ", refused")
}

// unchanged asks that a step has written nothing.
func (m *machine) unchanged(what string) {
	m.Helper()
	if d := m.board.digest(m.T); d != m.digest {
		m.Fatalf("%s was refused and changed something", what)
	}
}

// hands says who had a hand in what lies underneath (R8.5).
func (m *machine) hands(_ context.Context, sources []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, id := range sources {
		if s := m.facts.sales[id]; s != nil {
			out[id] = s.hands
		}
	}
	return out, nil
}

// linesInOrder are the lines that a model line exists for, by key.
func (m *machine) linesInOrder(which func(*machineLine) bool) (out []*machineLine) {
	for _, key := range slices.Sorted(maps.Keys(m.lines)) {
		if l := m.lines[key]; which(l) {
			out = append(out, l)
		}
	}
	return out
}

// someLines draws one to three lines, one kind of them preferred.
func (m *machine) someLines(preferred func(*machineLine) bool) []string {
	all := m.linesInOrder(anyLine)
	if len(all) == 0 {
		m.Skip("there are no lines")
	}
	good := m.linesInOrder(preferred)
	if len(good) == 0 || rapid.IntRange(0, 5).Draw(m.T, "any line") == 0 {
		good = all
	}
	var keys []string
	for range rapid.IntRange(1, min(3, len(good))).Draw(m.T, "lines") {
		l := rapid.SampledFrom(good).Draw(m.T, "line")
		if !slices.Contains(keys, l.key) {
			keys = append(keys, l.key)
		}
	}
	return keys
}

// outcome compares what became of named lines with what may and what must.
func (m *machine) outcome(what string, keys []string, out book.Outcome, err error, may, must func(*machineLine) bool) (done []*machineLine) {
	m.Helper()
	if err != nil {
		m.refusedWhole(what, err)
		for _, key := range keys {
			if must(m.lines[key]) {
				m.Fatalf("%s of %v: %v", what, keys, err)
			}
		}
		return nil
	}
	seen := map[string]bool{}
	for _, t := range out.Done {
		l := m.lines[t.Key]
		if l == nil || !may(l) || seen[t.Key] || keys != nil && !slices.Contains(keys, t.Key) {
			m.Fatalf("%s was done with %s, %v", what, t.Key, l)
		}
		seen[t.Key] = true
		done = append(done, l)
	}
	for _, r := range out.Refused {
		l := m.lines[r.Key]
		if r.Reason == "" || r.Err() == nil || errs.KindOf(r.Err()) == errs.Unknown {
			m.Fatalf("%s of %s was refused without a reason or a kind: %+v", what, r.Key, r)
		}
		if seen[r.Key] || l != nil && must(l) || keys != nil && !slices.Contains(keys, r.Key) {
			m.Fatalf("%s of %s was refused: %s, %v", what, r.Key, r.Reason, l)
		}
		seen[r.Key] = true
	}
	for _, key := range keys {
		if !seen[key] {
			m.Fatalf("%s says nothing of %s", what, key)
		}
	}
	if len(done) == 0 {
		m.unchanged(what)
		m.board.count(what + ", nothing done")
	} else {
		m.board.count(what)
	}
	return done
}

// approvable: the line has accrued, is not on hold, and the actor's hands are clean.
func (m *machine) approvable(actor string) func(*machineLine) bool {
	return func(l *machineLine) bool {
		return l.life == "" && l.minor != 0 && !l.byHand && (!l.waits || l.unsure) && !m.underneath(l, actor)
	}
}

func (m *machine) underneath(l *machineLine, actor string) bool {
	s := m.facts.sales[l.source]
	return s != nil && slices.Contains(s.hands, strings.ToLower(strings.TrimSpace(actor)))
}

// surelyApprovable: nothing speaks against it that accrue has still to say.
func (m *machine) surelyApprovable(actor string) func(*machineLine) bool {
	return func(l *machineLine) bool {
		return m.approvable(actor)(l) && !l.waits && !l.unsure && !m.due[l.source]
	}
}

func (m *machine) drawActor() string {
	return rapid.SampledFrom([]string{"ana", "ana", "ana", "eva", " Eva "}).Draw(m.T, "actor")
}

// approve approves lines by their keys, or all that have something in common.
func (m *machine) approve(bulk bool) {
	actor := m.drawActor()
	var s book.Selection
	meets := anyLine
	if bulk {
		s.Filter, meets = m.drawFilter()
	} else {
		s.Keys = m.someLines(m.approvable(actor))
	}
	for range 1 + rapid.IntRange(0, 3).Draw(m.T, "twice")/3 {
		m.approveBy(actor, s, meets)
	}
}

func anyLine(*machineLine) bool { return true }

// approveBy approves lines by their keys, or those that meet what the filter asks.
func (m *machine) approveBy(actor string, s book.Selection, meets func(*machineLine) bool) {
	var out book.Outcome
	err := m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = book.Approve(ctx, tx, s, m.hands, m.by(actor))
		return err
	})
	may := func(l *machineLine) bool { return m.approvable(actor)(l) && meets(l) }
	sure := func(l *machineLine) bool { return m.surelyApprovable(actor)(l) && meets(l) }
	left := m.linesInOrder(sure)
	done := m.outcome("approve", s.Keys, out, err, may, sure)
	for _, l := range left {
		if s.Keys == nil && err == nil && !slices.Contains(done, l) {
			m.Fatalf("approve by %+v left %s out", s.Filter, l.key)
		}
	}
	for _, l := range done {
		l.life, l.waits, l.wasApproved = "approved", false, true
	}
}

// drawFilter draws what lines have in common, and the same as a question.
func (m *machine) drawFilter() (f book.Filter, meets func(*machineLine) bool) {
	f.Through = m.today().Month()
	if rapid.Bool().Draw(m.T, "through the month before") {
		f.Through = f.Through.First().AddDays(-1).Month()
	}
	if rapid.IntRange(0, 2).Draw(m.T, "by currency") == 0 {
		f.Currency = money.Currency(rapid.SampledFrom([]string{"USD", "JPY", "KWD"}).Draw(m.T, "currency"))
		if rapid.Bool().Draw(m.T, "by amount") {
			f.MostMinor = rapid.Int64Range(1, 100_000).Draw(m.T, "most")
		}
	}
	if rapid.IntRange(0, 3).Draw(m.T, "by payee") == 0 {
		f.Payees = []string{"FG3877", "AB1234"}
	}
	return f, func(l *machineLine) bool {
		return !f.Through.Before(l.period) && (f.Currency == "" || l.currency == string(f.Currency)) &&
			(f.MostMinor == 0 || max(l.minor, -l.minor) <= f.MostMinor) && (f.Payees == nil || slices.Contains(f.Payees, l.payee))
	}
}

// unapprove takes approvals back.
func (m *machine) unapprove() {
	approved := func(l *machineLine) bool { return l.life == "approved" && !l.opening }
	keys := m.someLines(approved)
	var out book.Outcome
	err := m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = book.Unapprove(ctx, tx, keys, "a mistake", m.by("ana"))
		return err
	})
	alone := func(l *machineLine) bool {
		for _, other := range m.lines {
			if other != l && other.family() == l.family() && other.life != "" {
				return false
			}
		}
		return approved(l)
	}
	may := func(l *machineLine) bool {
		for _, other := range m.lines {
			if l.nth == 0 && other != l && other.family() == l.family() && other.life != "" && (other.life != "approved" || !slices.Contains(keys, other.key)) {
				return false // what it adjusts would be gone
			}
		}
		return approved(l)
	}
	for _, l := range m.outcome("unapprove", keys, out, err, may, alone) {
		l.life, l.unsure = "", true
		m.due[l.source] = true
	}
}

// hold puts lines on hold by hand.
func (m *machine) hold() {
	can := func(l *machineLine) bool { return l.life == "" && l.minor != 0 && !l.byHand }
	keys := m.someLines(can)
	var out book.Outcome
	err := m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = book.Hold(ctx, tx, keys, "looks odd", m.by("ana"))
		return err
	})
	// Of a line on which nothing is posted the model does not know whether it is
	// expected and on hold for another reason.
	may := func(l *machineLine) bool { return l.life == "" && !l.byHand }
	for _, l := range m.outcome("hold", keys, out, err, may, can) {
		l.byHand = true
	}
}

// release ends holds by hand.
func (m *machine) release() {
	held := func(l *machineLine) bool { return l.byHand }
	m.releaseLines(m.someLines(held))
}

func (m *machine) releaseLines(keys []string) {
	held := func(l *machineLine) bool { return l.byHand }
	var out book.Outcome
	err := m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = book.Release(ctx, tx, keys, m.by("ana"))
		return err
	})
	for _, l := range m.outcome("release", keys, out, err, held, held) {
		l.byHand, l.unsure = false, true
		m.due[l.source] = true
	}
}

// noSuchLine is a command on a line that does not exist.
func (m *machine) noSuchLine() {
	key := "FG3877/space/006000000000000ZZZ/referral/" + m.today().Month().String()
	var out book.Outcome
	err := m.command(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		out, err = book.Approve(ctx, tx, book.Selection{Keys: []string{key}}, m.hands, m.by("ana"))
		return err
	})
	if err == nil && (len(out.Done) > 0 || len(out.Refused) != 1) {
		m.Fatalf("a line that does not exist was approved: %+v", out)
	}
	if err != nil {
		m.refusedWhole("approve nothing", err)
	}
	m.unchanged("approve nothing")
}
