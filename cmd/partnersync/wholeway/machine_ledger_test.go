package wholeway_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/sync/stage"
)

// machineLine is a line on which something was posted, or that a person holds.
type machineLine struct {
	key, payee, source, currency string
	machineFamilyPlace
	minor  int64  // what is posted on it
	life   string // "" while it may change; approved, exported, paid
	byHand bool   // a person holds it
	// wasApproved: somebody approved it, and may have taken that back. A line that began
	// to adjust meanwhile keeps its number.
	wasApproved bool
	// brought: another system worked it out (R8.9).
	brought bool
	// waits: what it earns was on hold when accrue ran.
	waits bool
	// unsure: accrue has to run before its status means something.
	unsure bool
}

func (l *machineLine) GoString() string { return l.String() }

func (l *machineLine) String() string {
	return fmt.Sprintf("%s (%d, life %q, held by hand %t, waits %t, unsure %t)", l.key, l.minor, l.life, l.byHand, l.waits, l.unsure)
}

// machineFamilyPlace says where in its family a line stands.
type machineFamilyPlace struct {
	of clock.Month // the month that it is of or adjusts
	// opening: it is a balance that was brought in, and of no sale.
	opening bool
	nth     int         // the how manieth adjustment; 0 is the line itself
	period  clock.Month // in which it stands
}

func (l *machineLine) family() machineFamily {
	return machineFamily{payee: l.payee, source: l.source, month: l.of}
}

// fixed: the line takes no difference any more (R8.4).
func (l *machineLine) fixed(closed clock.Month) bool {
	return l.life != "" || !closed.Before(l.period)
}

// placeOf reads a line's key (R7.1, R8.4).
func placeOf(key string) (payee, source string, p machineFamilyPlace, err error) {
	parts := strings.Split(key, "/")
	if len(parts) == 5 && parts[1] == "opening" && parts[3] == "balance" {
		p.opening = true
		p.period, err = clock.ParseMonth(parts[4])
		return parts[0], parts[2], p, err
	}
	if len(parts) != 5 || parts[1] != "space" {
		return "", "", p, fmt.Errorf("%s is no line of the Space regime", key)
	}
	if p.period, err = clock.ParseMonth(parts[4]); err != nil {
		return "", "", p, err
	}
	p.of = p.period
	slice, adjusts, is := strings.Cut(parts[3], "~adj")
	if slice != "referral" {
		return "", "", p, fmt.Errorf("%s has another slice", key)
	}
	if is {
		n, of, _ := strings.Cut(adjusts, ":")
		p.nth = 1
		if n != "" {
			if _, err := fmt.Sscan(n, &p.nth); err != nil || p.nth < 2 {
				return "", "", p, fmt.Errorf("%s adjusts for the %s time", key, n)
			}
		}
		if p.of, err = clock.ParseMonth(of); err != nil {
			return "", "", p, err
		}
	}
	return parts[0], parts[2], p, nil
}

// termThrough is the last day of a term that counts on an as-of (R7.3).
func (m *machine) termThrough(asOf clock.Date) clock.Date {
	through := asOf.Month().Last()
	if asOf.Before(through) {
		through = asOf.Month().First().AddDays(-1)
	}
	return clock.MaxDate(through, m.explicit)
}

// expected is what is expected of all sales, or of some.
func (m *machine) expected(which func(*machineSale) bool) map[machineFamily]machineDue {
	out := map[machineFamily]machineDue{}
	for _, s := range m.facts.sales {
		if which(s) {
			maps.Copy(out, m.facts.expect(s, m.reached, m.termThrough(m.reached)))
		}
	}
	return out
}

func anySale(*machineSale) bool { return true }

// accrueRuns runs accrue through yesterday, and takes over what it posted once that was
// found to be what the rules ask for.
func (m *machine) accrueRuns(explicit bool) {
	m.Helper()
	o := stage.Options{Actor: "accrue"}
	yesterday := m.today().AddDays(-1)
	if explicit {
		o.AsOf = yesterday
		m.explicit = clock.MaxDate(m.explicit, yesterday)
	}
	r, err := m.accrueStage().Run(m.background(), o)
	m.ok(err)
	if r.Deferred != "" {
		m.Fatalf("accrue did nothing: %s", r.Deferred)
	}
	m.reached = yesterday
	m.due, m.perhapsDue = map[string]bool{}, map[string]bool{}
	m.settled(m.readBook())
}

// settled compares what accrue made of the book with what is expected, family by
// family, and takes it over.
func (m *machine) settled(now machineBook) {
	m.Helper()
	due := m.expected(anySale)
	families := map[machineFamily][]*machineLine{}
	for f := range due {
		families[f] = nil
	}
	for key, amounts := range now.lines {
		l := m.lines[key]
		if l == nil {
			if amounts.posted() == 0 {
				continue // it came and went
			}
			l = m.newLine(key, amounts.currency)
		}
		if l.opening {
			if amounts.posted() != l.minor {
				m.Fatalf("%s was %d and is %d", key, l.minor, amounts.posted())
			}
			continue
		}
		families[l.family()] = append(families[l.family()], l)
	}
	for _, l := range m.lines {
		if _, has := now.lines[l.key]; !has && !l.opening {
			families[l.family()] = append(families[l.family()], l)
		}
	}
	for _, f := range slices.SortedFunc(maps.Keys(families), func(a, b machineFamily) int { return strings.Compare(a.String(), b.String()) }) {
		d := due[f]
		d.held = d.held || m.facts.frozen(m.facts.sales[f.source], m.reached)
		m.settledFamily(f, d, families[f], now)
	}
}

func (m *machine) newLine(key, currency string) *machineLine {
	m.Helper()
	payee, source, place, err := placeOf(key)
	m.ok(err)
	if _, has := m.facts.sales[source]; !has && !place.opening {
		m.Fatalf("%s is of no sale", key)
	}
	l := &machineLine{key: key, payee: payee, source: source, currency: currency, machineFamilyPlace: place}
	m.lines[key] = l
	return l
}

// settledFamily holds the lines of a family against R8.1 and R8.4, and takes over what
// is posted on them.
func (m *machine) settledFamily(f machineFamily, due machineDue, lines []*machineLine, now machineBook) {
	m.Helper()
	var before, sum int64
	byHand := false
	for _, l := range lines {
		posted := now.lines[l.key].posted()
		before, sum = before+l.minor, sum+posted
		byHand = byHand || l.byHand && l.life == ""
		if l.fixed(m.closed) && posted != l.minor {
			m.Fatalf("%s is approved or closed, was %d and is %d", l.key, l.minor, posted)
		}
		if due.held && posted != l.minor {
			m.Fatalf("%s is on hold, was %d and is %d", l.key, l.minor, posted)
		}
		if l.currency != m.facts.sales[l.source].currency {
			m.Fatalf("%s is in %s", l.key, l.currency)
		}
	}
	switch {
	case due.held:
	case byHand:
		m.board.count("families under a hold by hand")
		if sum != before {
			m.Fatalf("%s is held by hand, was %d and is %d, expected are %d%s", f, before, sum, due.minor, m.familyText(lines, now))
		}
	case sum != due.minor:
		m.Fatalf("%s: expected are %d, posted %d (before %d)%s", f, due.minor, sum, before, m.familyText(lines, now))
	default:
		m.wantOnePlace(f, lines, now)
	}
	for _, l := range lines {
		l.minor, l.waits, l.unsure = now.lines[l.key].posted(), due.held, byHand
	}
}

// wantOnePlace asks that a family's difference is on one line, and on the right one.
func (m *machine) wantOnePlace(f machineFamily, lines []*machineLine, now machineBook) {
	m.Helper()
	var open []*machineLine
	approved, base := 0, !m.closed.Before(f.month)
	for _, l := range lines {
		if l.life != "" || l.wasApproved {
			approved = max(approved, l.nth)
		}
		base = base || l.nth == 0 && l.fixed(m.closed)
		if !l.fixed(m.closed) && now.lines[l.key].posted() != 0 {
			open = append(open, l)
		}
	}
	if len(open) > 1 {
		m.Fatalf("%s: %d lines of it may still change%s", f, len(open), m.familyText(lines, now))
	}
	for _, l := range open {
		period := f.month
		if next := m.closed; base && !next.IsZero() && !next.Before(period) {
			period = next.Next()
		}
		if base != (l.nth > 0) || l.period != period || l.minor == 0 && l.nth > approved+1 {
			m.Fatalf("%s does not stand where the difference of %s belongs (in %s, %d adjustments are approved)%s", l.key, f, period, approved, m.familyText(lines, now))
		}
	}
}

func (m *machine) familyText(lines []*machineLine, now machineBook) string {
	out := fmt.Sprintf("\nclosed %s, reached %s:", m.closed, m.reached)
	for _, l := range lines {
		out += fmt.Sprintf("\n  %s %s was %d is %d, held by hand %t", l.key, l.life, l.minor, now.lines[l.key].posted(), l.byHand)
	}
	return out
}
