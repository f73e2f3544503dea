package commission

import (
	"sort"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// Plan is a version of the commission plan. It governs the sources whose
// CloseDate is on or after EffectiveFrom and before the next version's (R4.4).
// All rates are fractions: 0.1 is ten per cent.
type Plan struct {
	Name          string
	EffectiveFrom clock.Date
	// SpaceRate is the referral rate of the Space regime (R4.2).
	SpaceRate decimal.Decimal
	// JoinedBefore is the cutoff of the Space regime (R4.3); no date means that
	// everybody is paid under it.
	JoinedBefore clock.Date
	// SpaceBeside lets the Space regime pay beside the others (R4.1).
	SpaceBeside bool
	// Registration has the terms of the registration regime (rulebook 5).
	Registration RegistrationTerms
	// RenewalDays is within how many days before a renewal starts a term must have
	// ended for the renewal to renew it (R3.5).
	RenewalDays int
	// SaleTypes says what kind of sale an opportunity's Type is (R3.5); keys are as
	// FoldType gives them.
	SaleTypes map[string]SaleType
	// PayoutCurrency is that in which lines are paid; "" is the source's own (R7.5).
	PayoutCurrency money.Currency
	// Payout says when what was earned may be approved and paid (R6.7, R8.8).
	Payout PayoutTerms
}

// PayoutTerms are a plan version's terms of paying out. They change no amount.
type PayoutTerms struct {
	// HoldingDays is how many whole days have to pass after the month of a line before
	// it may be approved (R6.7). The version that the line was worked out by governs it.
	HoldingDays int
	// Minimum is, by currency, the least amount that is put on a bill (R8.8); 0 where
	// none is stated. The version in effect on the day of the export governs it.
	Minimum map[money.Currency]decimal.Decimal
}

// RegistrationTerms are the terms of the registration regime.
type RegistrationTerms struct {
	ReferralRate  decimal.Decimal // R5.6
	NetNewRate    decimal.Decimal // R5.6
	RemainderRate decimal.Decimal // R5.6
	// EngagementDays is how many days before CloseDate an engagement may lie (R5.7).
	EngagementDays int
	// WindowDays is how many days after its approval a registration goes on being
	// exclusive and may find its opportunity (R5.3, R5.5). The plan version in effect
	// on the day of submission governs it.
	WindowDays int
}

// SaleType is what an opportunity's Type means for net-new (R3.5).
type SaleType string

// The types of sale.
const (
	NewBusiness SaleType = "new_business"
	Expansion   SaleType = "expansion"
	Renewal     SaleType = "renewal"
)

// Partner is what the engine needs to know of whoever a Partner ID was issued to.
type Partner struct {
	// Key and Name are those of the partner that is paid: where partners merged, the
	// survivor (R1.1).
	Key, Name string
	// JoinedOn is when the partner to whom the ID was issued joined (R4.3).
	JoinedOn clock.Date
	// Suspended partners' lines are held (R2.11).
	Suspended bool
	// Kinds are what the partner is, each from a day on, in the order of days; the
	// first holds before its day as well (R5.6).
	Kinds []KindSince
}

// KindSince says that a partner is of a kind from a day on.
type KindSince struct {
	From clock.Date
	Kind string // registered or consulting
}

// The kinds of partners.
const (
	KindRegistered = "registered"
	KindConsulting = "consulting"
)

// KindOn is the partner's kind at the end of a day.
func (p Partner) KindOn(d clock.Date) string {
	i := sort.Search(len(p.Kinds), func(i int) bool { return p.Kinds[i].From.After(d) })
	switch {
	case len(p.Kinds) == 0:
		return ""
	case i == 0:
		return p.Kinds[0].Kind
	}
	return p.Kinds[i-1].Kind
}

// ExchangeRate says what one unit of a currency is worth in another from a day on
// until the next rate of the same two (R7.5).
type ExchangeRate struct {
	From, To money.Currency
	On       clock.Date
	Rate     decimal.Decimal
}

// PlanOn gives the version that governs a day, of versions in the order of their
// effective dates (R4.4).
func PlanOn(plans []Plan, d clock.Date) (Plan, bool) {
	i := sort.Search(len(plans), func(i int) bool { return plans[i].EffectiveFrom.After(d) })
	if i == 0 {
		return Plan{}, false
	}
	return plans[i-1], true
}

// FoldType gives the form in which an opportunity's Type is looked up: trimmed, in
// lower case.
func FoldType(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
