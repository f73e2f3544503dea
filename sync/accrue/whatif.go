package accrue

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/sync/stage"
)

// WhatIf is what other plan versions would have paid for history as it is, beside
// what was posted.
type WhatIf struct {
	// AsOf is the last day that counts, TermThrough the last one of term revenue.
	AsOf, TermThrough clock.Date
	// PostedThrough is how far the book goes; no date if nothing was ever posted.
	PostedThrough clock.Date
	// Sources is how many won opportunities were worked out, Frozen how many of them
	// are on hold as a whole or in one regime: what was posted for those stays as it is
	// under any plan.
	Sources, Frozen int64
	// Due is how many sources the next accrue will work out anew, so that what is
	// posted for them may change without another plan.
	Due int64
	// Changes is by what the other terms differ from those in force.
	Changes []apply.Change
	// Sums are in the order of currency, payee, regime, slice and plan version.
	Sums []WhatIfSum
}

// WhatIfSum is one payee's money under one rule in one currency, in its minor units.
// A plan version that the other terms add, or one that they leave nothing to govern,
// has sums on one side only.
type WhatIfSum struct {
	PayeeID string
	// PartnerKey and Partner are the key and the name of whoever is paid; "" if the
	// Partner ID was issued to nobody.
	PartnerKey, Partner string
	Regime, Slice, Plan string
	Currency            money.Currency
	// Posted is what the book has, Held what its lines on hold would add.
	Posted, Held int64
	// Would is what the book would have under the other terms, WouldHold what lines on
	// hold would add to that.
	Would, WouldHold int64
}

// WhatIf works out what the plan versions and exchange rates of a file, laid over
// those in force as apply would, would have paid for every won opportunity, and sums
// it beside the book. It writes nothing and needs no token. Without an as-of in o it
// goes as far as the book does, so that only the terms make a difference; of a book
// that goes further, the lines of later periods are left out. In memory are a batch
// of sources and the sums.
//
// A file that names partners, or nothing else, is errs.Invalid; Partner ID histories
// that are still to be worked out are errs.Conflict.
func (s *Stage) WhatIf(ctx context.Context, o stage.Options, f apply.File) (out WhatIf, err error) {
	defer errs.Wrap(&err, "work out what other terms would have paid")
	if len(f.Partners) > 0 {
		return WhatIf{}, errs.New(errs.Invalid, "the file names %d partners, and other terms are worked out for the partners as they are", len(f.Partners)).
			WithHint("Leave only plans and exchange_rates in the file.")
	}
	o.DryRun = true
	p, err := s.begin(ctx, o, &stage.Report{})
	if err != nil {
		return WhatIf{}, err
	}
	err = pg.InSnapshot(ctx, s.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		out = WhatIf{}
		return p.whatIf(ctx, tx, f, &out)
	})
	return out, err
}

func (p *pass) whatIf(ctx context.Context, tx *sqlx.Tx, f apply.File, out *WhatIf) error {
	if pending, err := attribution.IsPending(ctx, tx); err != nil || pending {
		return cmp.Or(err, error(errs.New(errs.Conflict, "%w", errPending).
			WithHint("`partnersync run reconcile` works them out; then ask again.")))
	}
	reached, err := book.ReadReached(ctx, tx)
	if err != nil {
		return err
	}
	if out.PostedThrough = reached.Posted; !p.explicit && !reached.Posted.IsZero() {
		p.days = facts.DaysOf(reached.Posted, false, reached)
	}
	out.AsOf, out.TermThrough = p.days.AsOf, p.days.TermThrough
	if out.Changes, err = apply.Diff(ctx, tx, f); err != nil {
		return err
	}
	if out.Due, err = book.CountDue(ctx, tx); err != nil {
		return err
	}
	engine, err := p.engineOver(ctx, tx, f)
	if err != nil {
		return err
	}
	w := &imagined{pass: p, tx: tx, engine: engine, sums: map[rule]*WhatIfSum{}, out: out}
	if err := w.workAll(ctx); err != nil {
		return err
	}
	through := clock.Month{}
	if p.days.AsOf.Before(reached.Posted) {
		through = p.days.AsOf.Month()
	}
	if err := w.addBook(ctx, through); err != nil {
		return err
	}
	out.Sums = w.sorted()
	return nil
}

// engineOver is the engine of a pass with a file's terms laid over those in force.
func (p *pass) engineOver(ctx context.Context, q sqlx.QueryerContext, f apply.File) (*commission.Engine, error) {
	engine, err := p.engine(ctx, q)
	if err != nil {
		return nil, err
	}
	if p.GoLive.Decided { // the next accrue would keep it
		engine.GoLive = p.GoLive.On
	}
	engine.Plans, engine.Rates, err = f.Over(engine.Plans, engine.Rates)
	return engine, err
}

// imagined is the working out of what other terms would have paid.
type imagined struct {
	*pass
	tx     *sqlx.Tx
	engine *commission.Engine
	sums   map[rule]*WhatIfSum
	out    *WhatIf
}

// rule is what money is summed by.
type rule struct {
	payeeID, regime, slice, plan string
	currency                     money.Currency
}

// workAll works out every won opportunity, batch by batch.
func (w *imagined) workAll(ctx context.Context) error {
	for after := ""; ; {
		ids, err := revenue.WonAfter(ctx, w.tx, after, sourcesInABatch)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		sources, err := facts.Sources(ctx, w.tx, ids, w.engine)
		if err != nil {
			return err
		}
		if err := w.batch(ctx, sources); err != nil {
			return err
		}
		w.out.Sources += int64(len(sources))
		w.tell.Tell("sources", w.out.Sources, 0)
	}
}

// batch adds what some sources would have paid. What was posted is read only for
// those of which something is on hold, because a hold keeps it.
func (w *imagined) batch(ctx context.Context, sources []commission.Source) error {
	results := make([]commission.Result, len(sources))
	var holding []string
	for i := range sources {
		r := w.engine.Lines(&sources[i])
		results[i] = r
		if r.Frozen {
			w.out.Frozen++
		}
		if r.Frozen || slices.ContainsFunc(r.Lines, func(l commission.Line) bool { return l.Status == commission.OnHold }) {
			holding = append(holding, sources[i].ID)
		}
	}
	posted := map[string]map[string]map[money.Currency]int64{} // by source and line key
	if len(holding) > 0 {
		byLine, err := book.PostedByLine(ctx, w.tx, holding)
		if err != nil {
			return err
		}
		for key, amounts := range byLine {
			source := parseKey(key).source
			if posted[source] == nil {
				posted[source] = map[string]map[money.Currency]int64{}
			}
			posted[source][key] = amounts
		}
	}
	for i := range sources {
		if err := w.add(&sources[i], results[i], posted[sources[i].ID]); err != nil {
			return err
		}
	}
	return nil
}

// add adds a source's lines as they would stand in the book: what is on hold, by
// itself or with its source, keeps what was posted for it (R8.1).
func (w *imagined) add(s *commission.Source, r commission.Result, posted map[string]map[money.Currency]int64) error {
	for _, l := range r.Lines {
		if freezes(r, l.Regime) {
			continue
		}
		minor, err := l.Currency.Minor(l.Amount)
		if err != nil {
			return errs.New(errs.Invalid, "line %s: %w", l.Key, err)
		}
		to := rule{l.PayeeID, l.Regime, l.Slice, l.Plan, l.Currency}
		if l.Status != commission.OnHold {
			w.sum(to).Would += minor
			continue
		}
		w.sum(to).WouldHold += minor - posted[l.Key][l.Currency]
		w.keep(to, posted[l.Key])
	}
	if !r.Frozen {
		return nil
	}
	plan := ""
	if p, ok := commission.PlanOn(w.engine.Plans, s.CloseDate); ok {
		plan = p.String()
	}
	for key, amounts := range posted {
		if k := parseKey(key); freezes(r, k.regime) && !k.period.After(w.days.AsOf) {
			w.keep(rule{payeeID: k.payeeID, regime: k.regime, slice: k.slice, plan: plan}, amounts)
		}
	}
	return nil
}

// freezes says whether what was posted under a regime stays as it is.
func freezes(r commission.Result, regime string) bool {
	return r.Frozen && (r.FrozenRegime == "" || r.FrozenRegime == regime)
}

// keep adds what was posted for a line, in whatever currencies, as it is.
func (w *imagined) keep(to rule, amounts map[money.Currency]int64) {
	for currency, minor := range amounts {
		to.currency = currency
		w.sum(to).Would += minor
	}
}

func (w *imagined) sum(of rule) *WhatIfSum {
	s := w.sums[of]
	if s == nil {
		partner := w.engine.Partners[of.payeeID]
		s = &WhatIfSum{
			PayeeID: of.payeeID, PartnerKey: partner.Key, Partner: partner.Name,
			Regime: of.regime, Slice: of.slice, Plan: of.plan, Currency: of.currency,
		}
		w.sums[of] = s
	}
	return s
}

// addBook adds what the book has by the regimes that a plan rules. Referral programs
// pay by rules of their own, which no plan version touches (R6.5).
func (w *imagined) addBook(ctx context.Context, through clock.Month) error {
	sums, err := book.SumsByRule(ctx, w.tx, through)
	if err != nil {
		return err
	}
	for _, b := range sums {
		if b.Regime != commission.RegimeSpace && b.Regime != commission.RegimeRegistration {
			continue
		}
		s := w.sum(rule{b.PayeeID, b.Regime, b.Slice, b.Plan, b.Currency})
		s.Posted, s.Held = s.Posted+b.Posted, s.Held+b.Held
	}
	return nil
}

// sorted gives the sums that are something, in order.
func (w *imagined) sorted() []WhatIfSum {
	out := make([]WhatIfSum, 0, len(w.sums))
	for s := range maps.Values(w.sums) {
		if s.Posted != 0 || s.Held != 0 || s.Would != 0 || s.WouldHold != 0 {
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b WhatIfSum) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.PayeeID, b.PayeeID),
			cmp.Compare(a.Regime, b.Regime), cmp.Compare(a.Slice, b.Slice), cmp.Compare(a.Plan, b.Plan))
	})
	return out
}

// keyParts are the parts of a line's key (R7.1); an adjustment has the slice and the
// period that it adjusts (R8.4).
type keyParts struct {
	payeeID, regime, source, slice string
	period                         clock.Date // first day; no date if the key names none
}

func parseKey(key string) keyParts {
	parts := strings.SplitN(key+"////", "/", 5)
	k := keyParts{payeeID: parts[0], regime: parts[1], source: parts[2], slice: parts[3]}
	period := strings.TrimRight(parts[4], "/")
	slice, adjusts, isAdjustment := strings.Cut(k.slice, "~")
	if k.slice = slice; isAdjustment {
		_, period, _ = strings.Cut(adjusts, ":")
	}
	if m, err := clock.ParseMonth(period); err == nil {
		k.period = m.First()
	}
	return k
}
