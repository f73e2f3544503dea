package wholeway_test

import (
	"math/big"
	"slices"
	"sort"
	"strings"
)

// Readings: where the rulebook leaves room, the oracle reads it so. Each is a
// switch, so that a disagreement can be settled by turning it. Without a switch:
//
//   - The payee of a line is the Partner ID on the Space or on the registration,
//     not the partner's primary one (R7.1, R7.2).
//   - A malformed ID travels on by invitation and creation like any other (R2.8).
//   - The Account of a record is that of its earliest version (R7.7). A Space
//     without one has that of its QuickStart org's install.
//   - A Space that is created at the instant of a registration holds nothing yet for
//     it; a record's own changes of the instant it begins at come after its
//     beginning (R2.9).
//   - Open, lost and won sales link alike, deleted ones do not. A registration whose
//     explicit link fails is free to be inferred. The window is that of the plan
//     version on the day of submission (R5.5).
//   - A share group is those that state a share of the same opportunity; shares that
//     do not sum to 100 % are held. The rounded whole is what is allotted (R5.8).
//   - The Space of a sale, for what it renews, is the one that R3.3 finds; terms
//     without an Amount renew nothing, and the Amount of a shared one is allotted
//     before it is taken per day (R3.5).
//   - Of several reasons to hold, any may be named.
const (
	// readMergedSuspended: lines of a partner that was merged are held when either
	// it or the survivor is suspended (R1.1, R2.11). Its own joining day goes on to
	// count for R4.3, and from the day of the merge the survivor's kind for R5.6.
	readMergedSuspended = true
	// readZeroBeatsSuspended: what would be nothing anyway is a zero line, even of
	// a suspended partner (R7.6, R2.11).
	readZeroBeatsSuspended = true
	// readGoLiveTakesOff: the cumulative through the day before go-live is what the
	// other system paid, and is taken off, so that both systems together pay the
	// rounded whole; rather than those days being left out of days(D) (R4.5, R7.2).
	readGoLiveTakesOff = true
	// readHeldSourceKeepsLines: while a sale as a whole is held (no_plan, no_amount,
	// negative_amount, bad_term), or its registration cannot be read, what was posted for
	// it before stays, on hold (R8.1); what was only expected does not.
	readHeldSourceKeepsLines = true
	// readDeadClaimLinksNothing: a registration that was rejected, withdrawn or revoked
	// takes no sale from another, even where the sale names it (R5.5, R4.1).
	readDeadClaimLinksNothing = true
	// readGoLiveClaimStands: an approved registration of a sale that closed before
	// go-live stands before the Space regime, because the other system paid it (R4.5,
	// the narrower rule). By the words of R4.1 alone it is a zero claim that does not
	// stand, and Spaces would be paid for the days of a term from go-live on.
	readGoLiveClaimStands = true
	// readSharesAllotWholeGroups: largest remainder is for a slice in which the whole
	// share group is; of a slice that some of it earn, each part is rounded on its
	// own (R5.8).
	readSharesAllotWholeGroups = true
	// readZeroGoesWithAnyRegime: a partner whose Space lost to its own registration
	// needs no zero line for the slice that the registration pays (R7.6).
	readZeroGoesWithAnyRegime = true
	// readRowBeatsSight: of one instant, the history row counts and not what a pull
	// saw of the record's version of that instant (R2.6).
	readRowBeatsSight = true
)

// line is what the oracle expects of one line key.
type line struct {
	minor    int64
	currency string
}

// cell is what the oracle expects of lines that pay nothing. Blank parts are
// those that the rulebook does not name.
type cell struct{ payee, regime, source, slice, period, reason string }

// expectation is everything that the oracle expects of one world.
type expectation struct {
	accrued map[string]line // by line key
	onHold  map[string]line // by line key: what held lines would be, where that is plain
	held    map[cell]bool
	zero    map[cell]bool
	// may are held or zero lines that the rulebook allows and does not ask for.
	may map[cell]bool
	// skip are sources of which nothing is compared.
	skip map[string]bool
	// loose are sources that are held: lines of theirs that something is posted on stay
	// held as they were.
	loose map[string]bool
}

// simulation is the oracle at work on one world.
type simulation struct {
	*world
	spaces map[string]*subject
	out    *expectation
	sales  []*sold
	claims []*claim
}

// sold is an opportunity as it stands in the end.
type sold struct {
	version
	first      version
	close      civil
	currency   string
	amount     *big.Rat // nil: none
	start, end civil
	plan       *planFact
	spaces     []*subject
	customer   string
	isRevenue  bool
	claims     []*claim // the registration that it is linked to, or its share group
}

// simulate works a world out from the rulebook.
func simulate(of *world) *expectation {
	w := &world{of.no, of.terms, of.partners, of.versions, map[string][]facts{}}
	s := &simulation{world: w, spaces: w.travel(), out: &expectation{
		accrued: map[string]line{}, onHold: map[string]line{}, held: map[cell]bool{}, zero: map[cell]bool{}, may: map[cell]bool{}, skip: map[string]bool{}, loose: map[string]bool{}}}
	for _, f := range w.records("Opportunity") {
		s.sales = append(s.sales, s.sale(f))
	}
	s.link()
	for _, o := range s.sales {
		if o.isRevenue {
			s.pay(o)
		}
		if s.isTorn(o) {
			s.out.skip[o.id] = true
		}
	}
	for _, o := range s.sales { // one that lost its link may say so
		s.out.may[cell{regime: "registration", source: o.id, reason: "registration_not_linked|registration_rejected|registration_withdrawn|registration_revoked"}] = true
	}
	for c := range s.out.zero { // R7.6: it goes when a non-zero line appears
		if s.paysSomething(c) {
			delete(s.out.zero, c)
			s.out.may[c] = true
		}
	}
	return s.out
}

// sale reads an opportunity.
func (s *simulation) sale(f facts) *sold {
	v := f.now()
	o := &sold{
		version: v, first: f.first(), close: v.date("CloseDate"), currency: v.str("CurrencyIsoCode"),
		start: v.date("Service_Start__c"), end: v.date("Service_End__c"),
	}
	if n := v.number("Amount"); n != "" {
		o.amount = exact(n)
	}
	for i := range s.terms.plans { // R4.4
		if p := &s.terms.plans[i]; p.from <= o.close && (o.plan == nil || p.from > o.plan.from) {
			o.plan = p
		}
	}
	o.isRevenue = v.flag("IsWon") && !v.flag("IsDeleted") && o.close <= s.terms.asOf // R3.1
	o.customer = s.survivor(o.first.str("AccountId"))
	o.spaces = s.spacesOf(o)
	return o
}

// survivor follows the merges of an account (R9.2).
func (s *simulation) survivor(account string) string {
	for _, f := range s.records("Account") {
		if v := f.now(); v.id == account && v.str("MasterRecordId") != "" {
			return s.survivor(v.str("MasterRecordId"))
		}
	}
	return account
}

// customerOf is the customer of a Space: by its Account, or by its org's.
func (s *simulation) customerOf(space facts) string {
	if account := space.first().str("Account__c"); account != "" {
		return s.survivor(account)
	}
	org := longID(space.first().str("QuickStart_Org_ID__c"))
	for _, f := range s.records("sfLma__License__c") {
		if v := f.now(); org != "" && longID(v.str("sfLma__Subscriber_Org_ID__c")) == org {
			return s.survivor(v.str("sfLma__Account__c"))
		}
	}
	return ""
}

// spacesOf is R3.3: the Spaces that decide whose a sale is.
func (s *simulation) spacesOf(o *sold) []*subject {
	if named := o.str("Space__c"); named != "" {
		if space := s.spaces[named]; space != nil {
			return []*subject{space}
		}
		return nil
	}
	var byThen, later []*subject
	for _, f := range s.records("Space__c") {
		space := s.spaces[f.now().id]
		if o.customer == "" || s.customerOf(f) != o.customer {
			continue
		}
		if civilIn(space.starts, s.terms.zone) <= o.close {
			byThen = append(byThen, space)
		} else {
			later = append(later, space)
		}
	}
	if len(byThen) > 0 || len(later) == 0 {
		return byThen
	}
	sort.SliceStable(later, func(i, j int) bool { return later[i].starts.Before(later[j].starts) })
	return later[:1]
}

// differs stands for a day on which the Spaces of a customer differ.
const differs = "?"

// holder is whose a day is, by R3.3 and R3.4.
func (s *simulation) holder(o *sold, d civil) string {
	holder := ""
	for i, space := range o.spaces {
		id := space.on(d, s.terms.zone)
		if i > 0 && id != holder {
			return differs
		}
		holder = id
	}
	return holder
}

// horizon is the last day through which term revenue is expected (R7.3).
func (t *terms) horizon() civil { return max(t.asOf.lastCompleted(), t.explicit) }

// partnerOf gives the partner that has an ID, and the one that stands for it.
func (w *world) partnerOf(id string) *partnerFact {
	for i := range w.partners {
		p := &w.partners[i]
		if slices.Contains(p.ids, id) {
			return p
		}
	}
	return nil
}

// isSuspended says whether a partner's lines are held.
func (w *world) isSuspended(p *partnerFact) bool {
	if p.status == "suspended" {
		return true
	}
	return readMergedSuspended && p.mergedInto != "" && w.isSuspended(w.partnerByKey(p.mergedInto))
}

// kindOn is a partner's kind at the end of a day; that of the survivor once it
// was merged.
func (w *world) kindOn(p *partnerFact, d civil) string {
	if p.mergedInto != "" && p.mergedOn <= d {
		return w.kindOn(w.partnerByKey(p.mergedInto), d)
	}
	kind := p.kinds[0].kind
	for _, k := range p.kinds {
		if k.from <= d {
			kind = k.kind
		}
	}
	return kind
}

func (w *world) partnerByKey(key string) *partnerFact {
	for i := range w.partners {
		if w.partners[i].key == key {
			return &w.partners[i]
		}
	}
	return nil
}

// key is R7.1.
func key(parts ...string) string { return strings.Join(parts, "/") }

// paysSomething says whether the slice of a zero line comes to something in any
// regime.
func (s *simulation) paysSomething(c cell) bool {
	for _, lines := range []map[string]line{s.out.accrued, s.out.onHold} {
		for k := range lines {
			p := strings.Split(k, "/")
			if p[0] == c.payee && p[2] == c.source && p[3] == c.slice && (p[1] == c.regime || readZeroGoesWithAnyRegime) {
				return true
			}
		}
	}
	return false
}

// hold expects held lines.
func (s *simulation) hold(payee, regime string, o *sold, slice, reason string) {
	s.out.held[cell{payee: payee, regime: regime, source: o.id, slice: slice, reason: reason}] = true
}
