package commission

import (
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
)

// RewardKind says how a program rewards a conversion (R6.5).
type RewardKind string

// The kinds of rewards.
const (
	RewardFlat    RewardKind = "flat"    // an amount for each conversion
	RewardPercent RewardKind = "percent" // a percentage of each conversion's value
	RewardTiered  RewardKind = "tiered"  // bands, by what a period has brought so far
)

// TierMeasure says what of a period's conversions carries a payee from band to band.
type TierMeasure string

// The measures of tiers.
const (
	TierByCount TierMeasure = "count" // how many they are
	TierByValue TierMeasure = "value" // what they are worth, less refunds
)

// TierMode says what becomes of a period's earlier conversions when a band is crossed.
type TierMode string

// The modes of tiers. Marginal is what "" means.
const (
	TierMarginal    TierMode = "marginal"    // each band's rate applies inside its band
	TierRetroactive TierMode = "retroactive" // the band reached applies to the whole period
)

// RewardPeriod is the calendar period, in the company zone, over which a tier or a
// cap counts.
type RewardPeriod string

// The periods of tiers and caps.
const (
	PerMonth   RewardPeriod = "month"
	PerQuarter RewardPeriod = "quarter"
	PerYear    RewardPeriod = "year"
)

// Reward is what a program pays for conversions (R6.5), with its limits (R6.7). All
// rates are fractions: 0.1 is ten per cent. Check says whether it can be used.
//
// Limits that are not arithmetic over conversions, which are the holding days before
// approval and the minimum payout, belong to the book.
type Reward struct {
	Kind RewardKind
	// Rate is that of a percent reward.
	Rate *decimal.Decimal
	// Amount is that of a flat reward, in Currency. Currency is also that of bands
	// that pay an amount.
	Amount   *decimal.Decimal
	Currency money.Currency

	// Measure, Period, Mode and Bands are those of a tiered reward.
	Measure TierMeasure
	Period  RewardPeriod
	Mode    TierMode
	Bands   []Band

	// Caps limit what a payee is paid in one CapPeriod under the program, in each
	// currency. None: no cap. With caps, what is paid in a currency that has none is held.
	Caps      []Cap
	CapPeriod RewardPeriod
	// PaidConversions is how many conversions of one referral are paid; 0: all of them.
	PaidConversions int
	// Months is how many months, from the first conversion of a referral on, its
	// conversions are rewarded; 0: for ever.
	Months int
}

// Band is one band of a tiered reward. A band ends at its limit: what brings the
// period to exactly To belongs to it, and From to the band before (R6.5).
type Band struct {
	From decimal.Decimal
	// To is nil for the last band, which is open.
	To *decimal.Decimal
	// Rate is a percentage of the value; Amount, only where the measure is count, is
	// paid for each conversion. All bands of a reward have the same one of the two.
	Rate, Amount *decimal.Decimal
}

// Cap is the most that a payee is paid in a period in a currency, that of the line (R6.7).
type Cap struct {
	Amount   decimal.Decimal
	Currency money.Currency
}

// mode is the reward's tier mode with its default.
func (r *Reward) mode() TierMode {
	if r.Mode == "" {
		return TierMarginal
	}
	return r.Mode
}

// paysAmounts says whether a conversion earns an amount, whatever its value.
func (r *Reward) paysAmounts() bool {
	return r.Kind == RewardFlat || r.Kind == RewardTiered && len(r.Bands) > 0 && r.Bands[0].Amount != nil
}

// needsValue says whether a conversion without a value cannot be worked out.
func (r *Reward) needsValue() bool {
	return !r.paysAmounts() || r.Kind == RewardTiered && r.Measure == TierByValue
}

// capIn gives the cap of a currency.
func (r *Reward) capIn(c money.Currency) (Cap, bool) {
	for _, k := range r.Caps {
		if k.Currency == c {
			return k, true
		}
	}
	return Cap{}, false
}

// bandAt gives the band to which a position belongs; a limit belongs to the band that
// it ends, and zero to the first.
func (r *Reward) bandAt(position decimal.Decimal) int {
	for i, b := range r.Bands {
		if b.To == nil || !position.GreaterThan(*b.To) {
			return i
		}
	}
	return len(r.Bands) - 1
}

// factor is what one unit of a band's base earns: its rate, or its amount.
func (b Band) factor() decimal.Decimal {
	if b.Amount != nil {
		return *b.Amount
	}
	return *b.Rate
}
