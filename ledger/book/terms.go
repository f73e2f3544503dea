package book

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// planTerms are a plan version's terms as they are kept. All of them are written
// when a version is applied, so that a later default never touches it (R4.4).
type planTerms struct {
	Space struct {
		ReferralRate decimal.Decimal `json:"referral_rate"`
		JoinedBefore clock.Date      `json:"joined_before"`
		Beside       bool            `json:"beside"`
	} `json:"space"`
	Registration struct {
		ReferralRate   decimal.Decimal `json:"referral_rate"`
		NetNewRate     decimal.Decimal `json:"net_new_rate"`
		RemainderRate  decimal.Decimal `json:"remainder_rate"`
		EngagementDays int             `json:"engagement_days"`
		WindowDays     int             `json:"window_days"`
	} `json:"registration"`
	NetNew struct {
		RenewalDays int `json:"renewal_days"`
		// Types are opportunity types, folded, by the kind of sale that they mean.
		Types map[commission.SaleType][]string `json:"types"`
	} `json:"net_new"`
	PayoutCurrency money.Currency `json:"payout_currency"`
	Payout         struct {
		HoldingDays int                                `json:"holding_days"`
		Minimum     map[money.Currency]decimal.Decimal `json:"minimum"`
	} `json:"payout"`
}

// DefaultTerms gives the terms of a plan that states none: the rulebook's defaults
// (R3.5, R4.2, R5.3, R5.6, R5.7), without a cutoff, paid in each source's currency.
// The types of sale are those of Salesforce's own picklist and the ones that
// companies usually make of it.
func DefaultTerms() commission.Plan {
	types := map[string]commission.SaleType{}
	for kind, names := range map[commission.SaleType][]string{
		commission.NewBusiness: {"New Business", "New Customer", "New"},
		commission.Expansion:   {"Existing Business", "Expansion", "Upsell", "Existing Customer - Upgrade"},
		commission.Renewal:     {"Renewal", "Existing Customer - Renewal"},
	} {
		for _, name := range names {
			types[commission.FoldType(name)] = kind
		}
	}
	return commission.Plan{
		Name:         DefaultPlan,
		SpaceRate:    decimal.New(10, -2),
		JoinedBefore: clock.NewDate(2021, time.January, 1), // R4.3
		Registration: commission.RegistrationTerms{
			ReferralRate: decimal.New(10, -2), NetNewRate: decimal.New(25, -2), RemainderRate: decimal.New(10, -2),
			EngagementDays: 60, WindowDays: 90,
		},
		RenewalDays: 90,
		SaleTypes:   types,
	}
}

// writeTerms gives a plan's terms as they are kept; the same terms give the same text.
func writeTerms(p commission.Plan) ([]byte, error) {
	var t planTerms
	t.Space.ReferralRate, t.Space.JoinedBefore, t.Space.Beside = p.SpaceRate, p.JoinedBefore, p.SpaceBeside
	r := p.Registration
	t.Registration.ReferralRate, t.Registration.NetNewRate, t.Registration.RemainderRate = r.ReferralRate, r.NetNewRate, r.RemainderRate
	t.Registration.EngagementDays, t.Registration.WindowDays = r.EngagementDays, r.WindowDays
	t.NetNew.RenewalDays = p.RenewalDays
	t.NetNew.Types = map[commission.SaleType][]string{commission.NewBusiness: {}, commission.Expansion: {}, commission.Renewal: {}}
	for name, kind := range p.SaleTypes {
		t.NetNew.Types[kind] = append(t.NetNew.Types[kind], name)
	}
	for _, names := range t.NetNew.Types {
		slices.Sort(names)
	}
	t.PayoutCurrency = p.PayoutCurrency
	t.Payout.HoldingDays, t.Payout.Minimum = p.Payout.HoldingDays, p.Payout.Minimum
	return json.Marshal(t)
}

// readTerms reads what writeTerms gives. Terms that were kept when plans had only
// those of the Space regime mean the defaults for the rest.
func readTerms(raw []byte) (commission.Plan, error) {
	d := DefaultTerms()
	var t planTerms
	t.Registration.ReferralRate, t.Registration.NetNewRate = d.Registration.ReferralRate, d.Registration.NetNewRate
	t.Registration.RemainderRate = d.Registration.RemainderRate
	t.Registration.EngagementDays, t.Registration.WindowDays = d.Registration.EngagementDays, d.Registration.WindowDays
	t.NetNew.RenewalDays = d.RenewalDays
	if err := json.Unmarshal(raw, &t); err != nil {
		return commission.Plan{}, err
	}
	p := commission.Plan{
		SpaceRate: t.Space.ReferralRate, JoinedBefore: t.Space.JoinedBefore, SpaceBeside: t.Space.Beside,
		Registration: commission.RegistrationTerms(t.Registration), RenewalDays: t.NetNew.RenewalDays,
		SaleTypes: d.SaleTypes, PayoutCurrency: t.PayoutCurrency, Payout: commission.PayoutTerms(t.Payout),
	}
	if t.NetNew.Types != nil {
		p.SaleTypes = map[string]commission.SaleType{}
		for kind, names := range t.NetNew.Types {
			for _, name := range names {
				p.SaleTypes[name] = kind
			}
		}
	}
	return p, nil
}
