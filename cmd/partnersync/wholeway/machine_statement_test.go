package wholeway_test

import (
	"fmt"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/statement"
)

// machineStatement is a statement as the entries have it.
type machineStatement struct {
	opening, transferred, closing int64

	accrued, adjusted, clawedBack, broughtIn, imported, approved, exported, paid int64

	entries int
}

// holderIn is the key of the partner whose ID it was in a month: of a closed month when
// it was closed, and the first close takes all before it along (R1.1, R8.4).
func (m *machine) holderIn(month clock.Month, id string) string {
	m.Helper()
	if !m.closed.Before(month) && !m.closed.IsZero() {
		at := month
		if at.Before(m.firstClosed) {
			at = m.firstClosed
		}
		return m.kept[at].holders[id]
	}
	p := m.facts.partnerOf(id)
	if p == nil {
		m.Fatalf("%s was issued to nobody and has entries", id)
	}
	return p.survivor().key
}

// holders are the keys of the partners that IDs belong to now.
func (m *machine) holders() map[string]string {
	out := map[string]string{}
	for _, p := range m.facts.partners {
		for _, id := range p.ids {
			out[id] = p.survivor().key
		}
	}
	return out
}

// statements compares all statements of a month with the entries (R8.2).
func (m *machine) statements(month clock.Month, now machineBook) {
	m.Helper()
	want := map[string]*machineStatement{}
	of := func(partner, currency string) *machineStatement {
		key := fmt.Sprintf("%s/%s/%s", partner, month, currency)
		if want[key] == nil {
			want[key] = &machineStatement{}
		}
		return want[key]
	}
	before := month.First().AddDays(-1).Month()
	for i := range now.entries {
		e := &now.entries[i]
		switch s := of(m.holderIn(month, e.PayeeID), e.Currency); {
		case e.Period == month:
			s.add(e)
			s.closing += e.owed()
		case e.Period.Before(month):
			s.transferred += e.owed()
			s.closing += e.owed()
			then := of(m.holderIn(before, e.PayeeID), e.Currency)
			then.opening += e.owed()
			then.transferred -= e.owed()
		}
	}
	list, err := statement.List(m.background(), m.db, month)
	m.ok(err)
	for i := range list {
		s := &list[i]
		w := want[s.Key]
		if w == nil {
			m.Fatalf("statement %s is of nothing: %+v", s.Key, s)
		}
		if is := figuresOf(s); is != *w {
			m.Fatalf("statement %s is %+v, want %+v", s.Key, is, *w)
		}
		if w.opening+w.transferred+w.accrued+w.adjusted+w.clawedBack+w.broughtIn-w.paid != w.closing {
			m.Fatalf("statement %s does not add up: %+v", s.Key, w)
		}
		if s.ClosingAccrued.Minor+s.ClosingPayable.Minor+s.ClosingInPayment.Minor != w.closing {
			m.Fatalf("the closing balance of %s is not its parts: %+v", s.Key, s)
		}
		delete(want, s.Key)
	}
	for key, w := range want {
		if *w != (machineStatement{}) {
			m.Fatalf("there is no statement %s: %+v", key, w)
		}
	}
}

func figuresOf(s *statement.Statement) machineStatement {
	return machineStatement{
		opening: s.Opening.Minor, transferred: s.Transferred.Minor, closing: s.Closing.Minor, accrued: s.Accrued.Minor, adjusted: s.Adjusted.Minor,
		clawedBack: s.ClawedBack.Minor, broughtIn: s.BroughtIn.Minor, imported: s.Imported.Minor, approved: s.Approved.Minor,
		exported: s.Exported.Minor, paid: s.Paid.Minor, entries: s.Entries,
	}
}

// add adds an entry of the month.
func (s *machineStatement) add(e *machineEntry) {
	s.entries++
	switch e.Kind {
	case book.KindAccrue:
		_, _, place, _ := placeOf(e.LineKey)
		switch {
		case e.owed() < 0:
			s.clawedBack += e.owed()
		case place.nth > 0:
			s.adjusted += e.owed()
		default:
			s.accrued += e.owed()
		}
	case book.KindOpening:
		s.broughtIn += e.owed()
	case book.KindImport:
		s.imported += e.in("settled")
	case book.KindApprove:
		s.approved += e.in("payable")
	case book.KindExport:
		s.exported += e.in("in_payment")
	case book.KindPay:
		s.paid += e.in("settled")
	}
}
