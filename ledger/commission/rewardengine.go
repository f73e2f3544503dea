package commission

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// RewardEngine works out the lines of programs (rulebook 6 and 7). It is a value made
// of facts that all conversions share, and is safe for concurrent use as long as Rate is.
type RewardEngine struct {
	// Rules in any order.
	Rules []RewardRule
	// Payees by the IDs under which they are paid: Partner IDs and those of individuals.
	Payees map[string]Partner
	// Rate finds the exchange rate of a day (R7.5); nil knows none. RatesOn makes one.
	Rate RateOn
	// GoLive is the first day on which conversions accrue here; what is before it was
	// paid by another system (R4.5). No date: everything accrues.
	GoLive clock.Date
	// AsOf is the last day that counts (R7.3).
	AsOf clock.Date
	// Zone is the company zone; nil is UTC.
	Zone *time.Location
}

// RateOn finds the rate at which one currency is converted into another on a day, and
// says whether one is known. It must give the same for the same at any time.
type RateOn func(from, to money.Currency, on clock.Date) (ExchangeRate, bool)

// RatesOn looks rates up in a list, which is in any order: a rate holds from its day
// until the next of the same two currencies. Of two of one day, which a table should rule
// out, the larger counts, so that the order of the list never matters (R7.7).
func RatesOn(rates []ExchangeRate) RateOn {
	type pair struct{ from, to money.Currency }
	dated := map[pair][]ExchangeRate{}
	for _, r := range rates {
		dated[pair{r.From, r.To}] = append(dated[pair{r.From, r.To}], r)
	}
	for _, rs := range dated {
		slices.SortFunc(rs, func(a, b ExchangeRate) int { return cmp.Or(a.On.DaysSince(b.On), a.Rate.Cmp(b.Rate)) })
	}
	return func(from, to money.Currency, on clock.Date) (ExchangeRate, bool) {
		rs := dated[pair{from, to}]
		i := sort.Search(len(rs), func(i int) bool { return rs[i].On.After(on) })
		if i == 0 {
			return ExchangeRate{}, false
		}
		return rs[i-1], true
	}
}

// ConversionResult is all that is to say of one conversion.
type ConversionResult struct {
	ConversionID string
	Result
}

// Results works out conversions and gives a result for each, in the order of their ids.
//
// What a conversion earns depends on those before it, so all of a payee's conversions in
// a program, and all of the referrals concerned, have to be given together, from the
// first on. They may be in any order, and be those of many payees and programs. An
// errs.Invalid says that a rule fails its Check, that two rules could not be chosen
// between, or that a conversion has no id, payee, program or instant, or is there twice.
func (e *RewardEngine) Results(cs []Conversion) ([]ConversionResult, error) {
	rules, err := newRewardRules(e.Rules)
	if err != nil {
		return nil, err
	}
	if err := checkConversions(cs); err != nil {
		return nil, err
	}
	w := &rewardWork{
		e: e, groups: map[tierKey]*tierGroup{}, caps: map[capKey]capState{}, referrals: map[referralKey]referralState{},
	}
	out := make([]ConversionResult, 0, len(cs))
	for _, it := range e.items(rules, cs) {
		out = append(out, w.next(it))
	}
	slices.SortFunc(out, func(a, b ConversionResult) int { return cmp.Compare(a.ConversionID, b.ConversionID) })
	return out, nil
}

// RewardLines gives the lines of results, in the order of the results.
func RewardLines(results []ConversionResult) []Line {
	var out []Line
	for _, r := range results {
		out = append(out, r.Result.Lines...)
	}
	return out
}

func (e *RewardEngine) zone() *time.Location {
	if e.Zone == nil {
		return time.UTC
	}
	return e.Zone
}

// rewardWork is one pass over conversions in their order.
type rewardWork struct {
	e         *RewardEngine
	groups    map[tierKey]*tierGroup
	caps      map[capKey]capState
	referrals map[referralKey]referralState
}

// rewardVerdict says of an item, before its amounts are looked at, whether it is paid,
// held or zero.
type rewardVerdict struct {
	status Status
	reason string
	rule   string
	why    string // after "because"
	// counts: it carries its payee from band to band, fills caps and takes one of its
	// referral's paid conversions.
	counts bool
	frozen bool
	// finding is what a person should look at, or nil.
	finding *Finding
}

// rewardDraft is a line on its way.
type rewardDraft struct {
	Line
	step    *rewardStep // or
	ratings []rerating
	earned  decimal.Decimal // before the cap
	cap     *capUse         // if it left less
}

// next works out the item that comes next.
func (w *rewardWork) next(it *rewardItem) ConversionResult {
	r := ConversionResult{ConversionID: it.ID}
	if it.on.After(w.e.AsOf) {
		r.NextOn = it.on
		return r
	}
	g := w.group(it)
	g.enter(it)
	v := w.decide(it)
	steps := g.steps(it)
	drafts := w.drafts(it, steps, g.reratings(it))
	w.limit(it, drafts, v.counts)
	if v.counts { // before statuses take amounts away: what another system paid is paid
		w.commitReferral(it, drafts)
	}
	for _, d := range drafts {
		w.settle(it, d, v, &r.Result)
		r.Result.Lines = append(r.Result.Lines, d.Line)
	}
	slices.SortFunc(r.Result.Lines, byKey)
	if v.finding != nil {
		r.Findings = append([]Finding{*v.finding}, r.Findings...)
	}
	if v.frozen {
		r.Frozen, r.Reason, r.Why = true, v.reason, v.finding.Detail
	}
	if v.counts {
		g.commit(it, steps)
	}
	return r
}

func (w *rewardWork) group(it *rewardItem) *tierGroup {
	k := tierKey{it.Program, it.PayeeID, it.earnsIn, it.paidIn}
	if w.groups[k] == nil {
		w.groups[k] = &tierGroup{totals: map[RewardPeriod]tierTotal{}}
	}
	return w.groups[k]
}

// drafts makes a line of each step, and one of all re-ratings together.
func (w *rewardWork) drafts(it *rewardItem, steps []rewardStep, ratings []rerating) []*rewardDraft {
	var out []*rewardDraft
	for i := range steps {
		s := &steps[i]
		d := &rewardDraft{Line: w.line(it, s.slice, it.currency()), step: s, earned: s.cum.Sub(s.before)}
		d.Base, d.Rate, d.Amount = s.base, s.rate, d.earned
		out = append(out, d)
	}
	if len(ratings) == 0 {
		return out
	}
	d := &rewardDraft{Line: w.line(it, SliceTrueUp, it.paidIn), ratings: ratings}
	for _, t := range ratings {
		d.earned = d.earned.Add(t.cum).Sub(t.before)
	}
	d.Amount = d.earned
	if len(ratings) == 1 {
		t := ratings[0]
		bands := t.stream.rule.Reward.Bands
		d.Base, d.Rate = t.sum.base, bands[t.to].factor().Sub(bands[t.from].factor())
	}
	return append(out, d)
}

// line starts a line of an item with what all its lines share.
func (w *rewardWork) line(it *rewardItem, slice string, c money.Currency) Line {
	l := Line{
		Key:     Key(it.PayeeID, RegimeProgram, it.ID, slice, it.on.Month()),
		PayeeID: it.PayeeID, Regime: RegimeProgram, SourceID: it.ID, Slice: slice, Period: it.on.Month(),
		Currency: c, AccountID: it.AccountID,
	}
	if it.rule != nil {
		l.Plan = it.rule.String()
	}
	return l
}

// settle gives a draft its status, its reason and its explanation.
func (w *rewardWork) settle(it *rewardItem, d *rewardDraft, v rewardVerdict, r *Result) {
	canBeZero := v.status == Accrued || v.reason == ReasonSuspended
	switch {
	case canBeZero && d.lacksRate():
		v = rewardVerdict{status: OnHold, reason: ReasonMissingRate, rule: "R7.5", why: "an exchange rate is missing for a conversion that it re-rates"}
		if !hasKind(r.Findings, ReasonMissingRate) {
			r.Findings = append(r.Findings, Finding{Kind: ReasonMissingRate, Rule: "R7.5", IsHold: true, Detail: fmt.Sprintf(
				"The true-up that the conversion %s brings waits for the exchange rate of an earlier conversion. Add the rate.", it.label())})
		}
	case canBeZero && d.Amount.IsZero() && !d.earned.IsZero():
		v = rewardVerdict{status: Zero, reason: ReasonCapReached, rule: "R6.7", why: d.cap.reached()}
	case canBeZero && d.Amount.IsZero():
		v = rewardVerdict{status: Zero, reason: ReasonNoMoney, rule: "R7.6", why: w.nothing(it, d)}
	}
	d.Status, d.Reason = v.status, v.reason
	if d.Status == Zero {
		d.Amount = decimal.Zero
	}
	w.explain(it, d, v)
}

// lacksRate says whether the draft re-rates what waits for an exchange rate.
func (d *rewardDraft) lacksRate() bool {
	for _, t := range d.ratings {
		if t.stream.lacksRate {
			return true
		}
	}
	return false
}
