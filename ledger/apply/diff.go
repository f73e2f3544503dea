package apply

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Change is one difference between a file and the ledger.
type Change struct {
	What   string   `json:"what"`   // "partner northwind", "plan default from 2010-01-01"
	IsNew  bool     `json:"is_new"` // it is not there yet
	Fields []string `json:"fields"` // "status: active → suspended"; of what is new, its values
	// Version and State are of a plan version that was applied: its number, and whether
	// it is proposed or in force (R8.5); 0 and "" of anything else.
	Version int64          `json:"version,omitempty"`
	State   book.PlanState `json:"state,omitempty"`
}

// kept is what the ledger has of what a file may state.
type kept struct {
	partners []ledger.Partner
	merges   map[string]ledger.Merge
	plans    []commission.Plan
	proposed []commission.Plan // that wait for a second person (R8.5)
	rates    []commission.ExchangeRate
}

func readKept(ctx context.Context, q sqlx.QueryerContext) (k kept, err error) {
	if k.partners, err = ledger.Partners(ctx, q); err != nil {
		return k, err
	}
	if k.merges, err = ledger.Merges(ctx, q); err != nil {
		return k, err
	}
	if k.plans, err = book.Plans(ctx, q, book.DefaultPlan); err != nil {
		return k, err
	}
	if k.proposed, err = book.ProposedPlans(ctx, q, book.DefaultPlan); err != nil {
		return k, err
	}
	k.rates, err = book.ExchangeRates(ctx, q)
	return k, err
}

func (k kept) partner(key string) (p ledger.Partner, known bool) {
	i := slices.IndexFunc(k.partners, func(o ledger.Partner) bool { return o.Key == key })
	if i < 0 {
		return ledger.Partner{}, false
	}
	return k.partners[i], true
}

// windowDays gives how long the windows are of registrations that were submitted on
// a day (R5.3).
func (k kept) windowDays(d clock.Date) int {
	if p, ok := commission.PlanOn(k.plans, d); ok {
		return p.Registration.WindowDays
	}
	return book.DefaultTerms().Registration.WindowDays
}

// Diff gives what a file changes of what is in force, in the order of the file. What
// Apply would refuse is in it all the same, and so are plan versions that wait for
// approval already.
func Diff(ctx context.Context, q sqlx.QueryerContext, f File) (_ []Change, err error) {
	defer errs.Wrap(&err, "compare the file with the ledger")
	k, err := readKept(ctx, q)
	if err != nil {
		return nil, err
	}
	return f.changes(k), nil
}

func (f File) changes(k kept) []Change {
	var out []Change
	add := func(what string, isNew bool, was, is described) {
		if fs := fields(was, is, isNew); isNew || len(fs) > 0 {
			out = append(out, Change{What: what, IsNew: isNew, Fields: fs})
		}
	}
	for i, p := range f.Partners {
		was, known := k.partner(p.Key)
		add(partnerName(p), !known, describePartner(was, k.merges[p.Key]), describePartner(kinded(p, was), f.Merges[i]))
	}
	for _, v := range f.Plans {
		var was commission.Plan
		i := slices.IndexFunc(k.plans, func(o commission.Plan) bool { return o.EffectiveFrom == v.EffectiveFrom })
		if i >= 0 {
			was = k.plans[i]
		}
		add(planName(v), i < 0, describePlan(was), describePlan(v.Plan))
	}
	for _, r := range f.Rates {
		i := slices.IndexFunc(k.rates, func(o commission.ExchangeRate) bool { return rateName(o) == rateName(r) })
		switch {
		case i >= 0:
			add(rateName(r), false, describeRate(k.rates[i]), describeRate(r))
		case !r.Rate.IsZero():
			add(rateName(r), true, nil, describeRate(r))
		}
	}
	return out
}

// kinded gives a partner with the kinds that it would have: those that the file
// states, those that are kept where it states the present one, and otherwise one
// kind for always.
func kinded(p, was ledger.Partner) ledger.Partner {
	switch {
	case len(p.Kinds) > 0:
	case was.Kind == p.Kind:
		p.Kinds = was.Kinds
	default:
		p.Kinds = []ledger.KindSince{{Kind: p.Kind}}
	}
	return p
}

func partnerName(p ledger.Partner) string { return "partner " + p.Key }

func planName(v Version) string { return "plan " + v.String() }

// described is a thing as named values, in the order in which people read them.
type described [][2]string

func describePartner(p ledger.Partner, m ledger.Merge) described {
	return described{
		{"name", p.Name},
		{"kind", describeKinds(p.Kinds)},
		{"tier", p.Tier},
		{"joined_on", p.JoinedOn.String()},
		{"status", p.Status},
		{"partner_ids", strings.Join(p.IDs, ", ")},
		{"domains", strings.Join(p.Domains, ", ")},
		{"merged_into", m.Into},
		{"merged_on", m.On.String()},
	}
}

// describeKinds writes "registered, consulting from 2024-03-01".
func describeKinds(kinds []ledger.KindSince) string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.Kind
		if !k.From.IsZero() {
			out[i] += " from " + k.From.String()
		}
	}
	return strings.Join(out, ", ")
}

func cutoffOf(d clock.Date) string {
	if d.IsZero() {
		return noCutoff
	}
	return d.String()
}

func describePlan(p commission.Plan) described {
	percent := func(d decimal.Decimal) string { return d.Shift(2).String() + "%" }
	r := p.Registration
	return described{
		{"space.referral_rate", percent(p.SpaceRate)},
		{"space.joined_before", cutoffOf(p.JoinedBefore)},
		{"space.beside", strconv.FormatBool(p.SpaceBeside)},
		{"registration.referral_rate", percent(r.ReferralRate)},
		{"registration.net_new_rate", percent(r.NetNewRate)},
		{"registration.remainder_rate", percent(r.RemainderRate)},
		{"registration.engagement_days", strconv.Itoa(r.EngagementDays)},
		{"registration.window_days", strconv.Itoa(r.WindowDays)},
		{"net_new.renewal_days", strconv.Itoa(p.RenewalDays)},
		{"net_new.types.new_business", typesOf(p, commission.NewBusiness)},
		{"net_new.types.expansion", typesOf(p, commission.Expansion)},
		{"net_new.types.renewal", typesOf(p, commission.Renewal)},
		{"payout_currency", string(p.PayoutCurrency)},
		{"payout.holding_days", daysOf(p.Payout.HoldingDays)},
		{"payout.minimum", minimumOf(p.Payout)},
	}
}

// daysOf writes a number of days; none is nothing to speak of.
func daysOf(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func describeRate(r commission.ExchangeRate) described {
	if r.Rate.IsZero() {
		return described{{"rate", ""}}
	}
	return described{{"rate", r.Rate.String()}}
}

func fields(was, is described, isNew bool) []string {
	var out []string
	for i := range is {
		switch name, now := is[i][0], is[i][1]; {
		case isNew && now != "":
			out = append(out, name+": "+now)
		case !isNew && was[i][1] != now:
			out = append(out, fmt.Sprintf("%s: %s → %s", name, orNothing(was[i][1]), orNothing(now)))
		}
	}
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}
