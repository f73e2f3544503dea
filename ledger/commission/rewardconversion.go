package commission

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Conversion is a qualifying action of a referral, with what decides what it earns
// (R6.4, R6.5).
type Conversion struct {
	// ID is our own, unique over all programs; lines have it as their source id (R7.1).
	ID      string
	PayeeID string
	// Program is the program's key, ProgramName what people call it.
	Program, ProgramName string
	// Tier is the partner tier that the payee has at the end of the conversion's day,
	// or "" (R6.6).
	Tier string
	// Action is the qualifying action: "purchase".
	Action string
	// Value is nil where the conversion states none, as a signup may.
	Value    *decimal.Decimal
	Currency money.Currency
	// At is the instant at which it takes effect; On instead, where only the day is
	// known, which counts as its start in the company zone. Exactly one is given.
	At time.Time
	On clock.Date
	// ReferralID is that of its referral. A conversion without one is taken for the
	// only one of a referral of its own.
	ReferralID string
	// OpportunityID and AccountID are Salesforce ids, where it came from there.
	OpportunityID, AccountID string
	// Refunds in any order; each takes away from Value, whenever it was (R7.3).
	Refunds []Refund
	// SupersededBy names, in words, the registration that stands before the program on
	// its opportunity (R4.1); "" if none does.
	SupersededBy string
	// Hold is what facts outside of this package hold it for, or nil (R6.3). It then
	// shows what it would earn, and carries nobody from band to band.
	Hold *ConversionHold
}

// Refund takes away from a conversion's value (R6.4).
type Refund struct {
	ID       string
	Amount   decimal.Decimal // above zero
	Currency money.Currency  // the conversion's
	At       time.Time
}

// ConversionHold says why a conversion waits for a person.
type ConversionHold struct {
	Reason string // self_referral
	Rule   string // R6.3
	Why    string // "the referred contact has the referrer's own e-mail address"
}

// rewardItem is a conversion with all that follows from it and its rule alone.
type rewardItem struct {
	*Conversion
	at   time.Time
	on   clock.Date
	rule *RewardRule // nil if none is in effect
	// earnsIn is the currency in which the reward is reckoned, paidIn that of the lines.
	earnsIn, paidIn money.Currency
	rate            ExchangeRate    // if paidIn differs from earnsIn
	factor          decimal.Decimal // what one unit of earnsIn is worth in paidIn
	lacksRate       bool
	refunded        decimal.Decimal
	// value is what is left of Value; where it cannot be meant nothing, where only the
	// refunds cannot all of it, and of what is refunded in full what it was.
	value      decimal.Decimal
	isRefunded bool // in full
	fault      *Finding
}

// items orders conversions by (effective instant, source id) and finds what governs
// each (R6.5).
func (e *RewardEngine) items(rules rewardRules, cs []Conversion) []*rewardItem {
	out := make([]*rewardItem, 0, len(cs))
	for i := range cs {
		c := &cs[i]
		it := &rewardItem{Conversion: c, at: c.At.UTC(), on: c.On}
		if c.On.IsZero() {
			it.on = clock.DateIn(c.At, e.zone())
		} else {
			it.at = c.On.Start(e.zone())
		}
		it.rule = rules.on(c, it.on)
		it.count()
		e.convert(it)
		out = append(out, it)
	}
	slices.SortFunc(out, func(a, b *rewardItem) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.ID, b.ID)) })
	return out
}

// count works out what of the conversion's value is left, and what is wrong with it.
func (it *rewardItem) count() {
	if it.Value != nil && isMeant(*it.Value) && it.Value.IsPositive() {
		it.value = *it.Value
	}
	wrong := it.refundFault()
	if wrong == "" {
		for _, r := range it.Refunds {
			it.refunded = it.refunded.Add(r.Amount)
		}
		it.isRefunded = it.refunded.IsPositive() && it.refunded.Equal(it.value)
		if !it.isRefunded {
			it.value = it.value.Sub(it.refunded)
		}
	}
	it.fault = it.findFault(wrong)
}

// refundFault says why the refunds cannot be meant, or "".
func (it *rewardItem) refundFault() string {
	sum := decimal.Zero
	for _, r := range it.sortedRefunds() {
		switch {
		case !isMeant(r.Amount) || !r.Amount.IsPositive():
			return fmt.Sprintf("its refund %s is not of an amount above zero", r.ID)
		case r.Currency != it.Currency:
			return fmt.Sprintf("its refund %s is in %s, and it is in %s itself", r.ID, orNoCurrency(r.Currency), orNoCurrency(it.Currency))
		}
		sum = sum.Add(r.Amount)
	}
	if sum.GreaterThan(it.value) {
		return fmt.Sprintf("%s of it is refunded, and it is worth %s", inCurrency(sum, it.Currency), inCurrency(it.value, it.Currency))
	}
	return ""
}

func (it *rewardItem) sortedRefunds() []Refund {
	return slices.SortedFunc(slices.Values(it.Refunds), func(a, b Refund) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
}

// findFault gives what keeps the conversion from being worked out, or nil.
func (it *rewardItem) findFault(refunds string) *Finding {
	hold := func(kind, rule, format string, args ...any) *Finding {
		return &Finding{Kind: kind, Rule: rule, IsHold: true, Detail: fmt.Sprintf(format, args...)}
	}
	_, err := money.ParseCurrency(string(it.Currency))
	switch {
	case it.rule == nil:
		return hold(ReasonNoPlan, "R4.4", "No rule of the program %s is in effect on %s, when %s converted. Apply one whose effective date is not later.",
			it.programLabel(), it.on, it.label())
	case it.Value != nil && !isMeant(*it.Value), it.value.Shift(it.Currency.Digits()).GreaterThan(largest):
		return hold(ReasonTooLarge, "R3.1", "The conversion %s has a value that is larger, or finer, than the book can hold. Correct its value.", it.label())
	case it.Value != nil && it.Value.IsNegative():
		return hold(ReasonNegativeAmount, "R3.1", "The conversion %s has a negative value, %s. Correct its value.", it.label(), it.Value)
	case it.rule.Reward.needsValue() && it.Value == nil:
		return hold(ReasonNoAmount, "R3.1", "The conversion %s states no value, of which the rule %s pays a part. Fill in its value.", it.label(), it.rule)
	case it.rule.Reward.needsValue() && err != nil:
		return hold(ReasonBadCurrency, "R7.4", "The conversion %s is in %q, which is not a currency that ISO 4217 lists. Correct its currency.", it.label(), it.Currency)
	case refunds != "":
		return hold(ReasonBadRefund, "R6.4", "The refunds of the conversion %s cannot be meant: %s. Correct the refunds.", it.label(), refunds)
	}
	return nil
}

// convert finds the currency in which the conversion is paid, and the rate of its day
// (R7.5).
func (e *RewardEngine) convert(it *rewardItem) {
	it.earnsIn, it.factor = it.Currency, decimal.NewFromInt(1)
	if it.rule == nil {
		it.paidIn = it.earnsIn
		return
	}
	if it.rule.Reward.paysAmounts() {
		it.earnsIn = it.rule.Reward.Currency
	}
	it.paidIn = it.earnsIn
	if wanted := it.rule.PayoutCurrency; wanted != "" && wanted != it.earnsIn {
		it.paidIn, it.lacksRate = wanted, true
		if e.Rate == nil {
			return
		}
		if r, ok := e.Rate(it.earnsIn, wanted, it.on); ok {
			it.rate, it.factor, it.lacksRate = r, r.Rate, false
		}
	}
}

// converts says whether the lines are in another currency than the reward.
func (it *rewardItem) converts() bool { return it.paidIn != it.earnsIn && !it.lacksRate }

// countedValue is what the conversion adds to its currency's total by value.
func (it *rewardItem) countedValue() decimal.Decimal {
	if it.Currency != it.earnsIn {
		return decimal.Zero
	}
	return it.value
}

// checkConversions refuses what the caller's own tables must rule out.
func checkConversions(cs []Conversion) error {
	var faults []string
	seen := make(map[string]bool, len(cs))
	for _, c := range cs {
		switch {
		case c.ID == "" || c.PayeeID == "" || c.Program == "":
			faults = append(faults, fmt.Sprintf("conversion %q has no id, payee or program", c.ID))
		case seen[c.ID]:
			faults = append(faults, fmt.Sprintf("conversion %q is there twice", c.ID))
		case c.At.IsZero() == c.On.IsZero():
			faults = append(faults, fmt.Sprintf("conversion %q has not exactly one of an instant and a day", c.ID))
		}
		seen[c.ID] = true
	}
	if len(faults) == 0 {
		return nil
	}
	slices.Sort(faults)
	return errs.New(errs.Invalid, "conversions cannot be worked out: %s", strings.Join(faults[:min(len(faults), 10)], "; "))
}

// label is how a sentence names the conversion.
func (it *rewardItem) label() string {
	if it.Action == "" {
		return it.ID
	}
	return it.Action + " " + it.ID
}

func (it *rewardItem) programLabel() string {
	if it.ProgramName == "" {
		return it.Program
	}
	return "“" + it.ProgramName + "”"
}

// inCurrency writes an amount with at least the currency's decimals. What has too many
// digits to be meant is not written out: it might fill the memory.
func inCurrency(d decimal.Decimal, c money.Currency) string {
	if !hasFewDigits(d) {
		return "a number with too many digits"
	}
	return strings.TrimSpace((&Source{Currency: c}).money(d))
}

func orNoCurrency(c money.Currency) string {
	if c == "" {
		return "no currency"
	}
	return string(c)
}
