package apply

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

type planYAML struct {
	Plan             string `yaml:"plan"`
	EffectiveFrom    string `yaml:"effective_from"`
	EffectiveThrough string `yaml:"effective_through"`
	Space            struct {
		ReferralRate string `yaml:"referral_rate"`
		JoinedBefore string `yaml:"joined_before"`
		Beside       bool   `yaml:"beside"`
	} `yaml:"space"`
	Registration struct {
		ReferralRate   string `yaml:"referral_rate"`
		NetNewRate     string `yaml:"net_new_rate"`
		RemainderRate  string `yaml:"remainder_rate"`
		EngagementDays *int   `yaml:"engagement_days"`
		WindowDays     *int   `yaml:"window_days"`
	} `yaml:"registration"`
	NetNew struct {
		RenewalDays *int `yaml:"renewal_days"`
		// Types, once stated, are all that there are.
		Types *typesYAML `yaml:"types"`
	} `yaml:"net_new"`
	PayoutCurrency string `yaml:"payout_currency"`
	Payout         struct {
		HoldingDays *int              `yaml:"holding_days"`
		Minimum     map[string]string `yaml:"minimum"`
	} `yaml:"payout"`
}

type typesYAML struct {
	NewBusiness []string `yaml:"new_business"`
	Expansion   []string `yaml:"expansion"`
	Renewal     []string `yaml:"renewal"`
}

// mostDays bounds terms that are counted in days: ten years.
const mostDays = 3650

// version checks a plan version and gives all that is wrong with it. Terms that it
// leaves out are the defaults of today, and are kept with it.
func (y planYAML) version() (v Version, wrong []string) {
	c := &checked{}
	v.Plan = book.DefaultTerms()
	if y.Plan != "" && y.Plan != book.DefaultPlan {
		c.add("plan", fmt.Errorf("plan %q is unknown: there is one plan, %s", y.Plan, book.DefaultPlan))
	}
	var err error
	v.EffectiveFrom, err = clock.ParseDate(y.EffectiveFrom)
	c.add("effective_from", err)
	c.date("effective_through", y.EffectiveThrough, &v.Through)
	if !v.Through.IsZero() && v.Through.Before(v.EffectiveFrom) {
		c.add("effective_through", fmt.Errorf("it would end on %s, before it starts on %s", v.Through, v.EffectiveFrom))
	}
	v.SpaceRate, err = parseRate(y.Space.ReferralRate)
	c.add("space.referral_rate", err)
	c.cutoff(y.Space.JoinedBefore, &v.JoinedBefore)
	v.SpaceBeside = y.Space.Beside
	c.rate("registration.referral_rate", y.Registration.ReferralRate, &v.Registration.ReferralRate)
	c.rate("registration.net_new_rate", y.Registration.NetNewRate, &v.Registration.NetNewRate)
	c.rate("registration.remainder_rate", y.Registration.RemainderRate, &v.Registration.RemainderRate)
	c.days("registration.engagement_days", y.Registration.EngagementDays, 0, &v.Registration.EngagementDays)
	c.days("registration.window_days", y.Registration.WindowDays, 1, &v.Registration.WindowDays)
	c.days("net_new.renewal_days", y.NetNew.RenewalDays, 0, &v.RenewalDays)
	if y.NetNew.Types != nil {
		v.SaleTypes = c.types(*y.NetNew.Types)
	}
	if y.PayoutCurrency != "" {
		v.PayoutCurrency, err = money.ParseCurrency(y.PayoutCurrency)
		c.add("payout_currency", err)
	}
	c.days("payout.holding_days", y.Payout.HoldingDays, 0, &v.Payout.HoldingDays)
	v.Payout.Minimum = c.minimum(y.Payout.Minimum)
	return v, c.wrong
}

// checked gathers what is wrong with a version's terms.
type checked struct{ wrong []string }

func (c *checked) add(term string, err error) {
	if err != nil {
		c.wrong = append(c.wrong, term+": "+err.Error())
	}
}

// date reads a date that may be left out.
func (c *checked) date(term, text string, into *clock.Date) {
	if text == "" {
		return
	}
	var err error
	*into, err = clock.ParseDate(text)
	c.add(term, err)
}

// noCutoff is what a plan says that pays everybody by their Spaces, whenever they
// joined.
const noCutoff = "none"

// cutoff reads the cutoff of the Space regime (R4.3). Left out it is the default;
// no date is no cutoff.
func (c *checked) cutoff(text string, into *clock.Date) {
	if text == noCutoff {
		*into = clock.Date{}
		return
	}
	c.date("space.joined_before", text, into)
}

// rate reads a rate that may be left out.
func (c *checked) rate(term, text string, into *decimal.Decimal) {
	if text == "" {
		return
	}
	var err error
	*into, err = parseRate(text)
	c.add(term, err)
}

// days reads a number of days that may be left out.
func (c *checked) days(term string, n *int, least int, into *int) {
	if n == nil {
		return
	}
	if *n < least || *n > mostDays {
		c.add(term, fmt.Errorf("%d is not from %d to %d days", *n, least, mostDays))
	}
	*into = *n
}

// types reads which opportunity types are which kind of sale (R3.5).
func (c *checked) types(y typesYAML) map[string]commission.SaleType {
	out := map[string]commission.SaleType{}
	for _, list := range []struct {
		kind  commission.SaleType
		names []string
	}{{commission.NewBusiness, y.NewBusiness}, {commission.Expansion, y.Expansion}, {commission.Renewal, y.Renewal}} {
		for _, name := range list.names {
			folded := commission.FoldType(name)
			switch other, taken := out[folded]; {
			case folded == "":
				c.add("net_new.types."+string(list.kind), fmt.Errorf("one of them is blank"))
			case taken && other == list.kind:
				c.add("net_new.types", fmt.Errorf("%q stands under %s twice", name, other))
			case taken:
				c.add("net_new.types", fmt.Errorf("%q stands under %s and under %s", name, other, list.kind))
			}
			out[folded] = list.kind
		}
	}
	return out
}

// minimum reads the least amounts that are paid out, by currency (R8.8). Zero is none,
// so that a currency without one and one with zero are the same terms.
func (c *checked) minimum(stated map[string]string) map[money.Currency]decimal.Decimal {
	var out map[money.Currency]decimal.Decimal
	for _, code := range slices.Sorted(maps.Keys(stated)) {
		currency, err := money.ParseCurrency(code)
		if err != nil {
			c.add("payout.minimum", err)
			continue
		}
		amount, err := parseDecimal(strings.TrimSpace(stated[code]))
		switch {
		case err != nil:
			c.add("payout.minimum."+code, fmt.Errorf("%q is not an amount such as 50", stated[code]))
		case amount.IsNegative():
			c.add("payout.minimum."+code, fmt.Errorf("%s is below zero", amount))
		case !amount.Equal(amount.Truncate(currency.Digits())):
			c.add("payout.minimum."+code, fmt.Errorf("%s is finer than the %d decimals of %s", amount, currency.Digits(), code))
		case !amount.IsZero():
			if out == nil {
				out = map[money.Currency]decimal.Decimal{}
			}
			out[currency] = amount
		}
	}
	return out
}

// parseRate reads "10%" or "12.5 %". It refuses a bare number, which might mean
// either, and what is not between 0 and 100 %.
func parseRate(s string) (decimal.Decimal, error) {
	digits, hasSign := strings.CutSuffix(strings.TrimSpace(s), "%")
	d, err := parseDecimal(strings.TrimSpace(digits))
	if err != nil || !hasSign {
		return decimal.Zero, fmt.Errorf("%q is not a rate such as 10%%", s)
	}
	if d.IsNegative() || d.GreaterThan(decimal.NewFromInt(100)) {
		return decimal.Zero, fmt.Errorf("%s is not between 0%% and 100%%", s)
	}
	return d.Shift(-2), nil
}

// parseDecimal reads a number as people write it, without an exponent, which could
// stand for more digits than memory holds.
func parseDecimal(s string) (decimal.Decimal, error) {
	if len(s) > 40 || strings.ContainsAny(s, "eE") {
		return decimal.Zero, fmt.Errorf("%q is not a number such as 12.5", s)
	}
	return decimal.NewFromString(s)
}

// starts gives the first days of versions, in order.
func starts(versions []Version) []clock.Date {
	out := make([]clock.Date, len(versions))
	for i, v := range versions {
		out[i] = v.EffectiveFrom
	}
	return out
}

// follower gives the first of some days after a version's own first; no date if none.
func (v Version) follower(days []clock.Date) (next clock.Date) {
	for _, d := range days {
		if d.After(v.EffectiveFrom) && (next.IsZero() || d.Before(next)) {
			next = d
		}
	}
	return next
}

// meet refuses versions that would overlap, or leave a gap to, each other or those
// in force; errs.Invalid.
func meet(stated []Version, inForce []commission.Plan) error {
	days := starts(stated)
	for _, p := range inForce {
		days = append(days, p.EffectiveFrom)
	}
	wrong := append(overlaps(stated, days), gaps(stated, days)...)
	if len(wrong) == 0 {
		return nil
	}
	return errs.New(errs.Invalid, "%s", strings.Join(wrong, "\n  ")).
		WithHint("A version governs until the next one begins, so effective_through can be left out; the last version has none (R4.4).")
}

// overlaps finds versions that are said to govern beyond the first day of the next,
// of versions that begin on the days given.
func overlaps(versions []Version, days []clock.Date) (wrong []string) {
	for _, v := range versions {
		if next := v.follower(days); !v.Through.IsZero() && !next.IsZero() && !next.After(v.Through) {
			wrong = append(wrong, fmt.Sprintf("plan %s is to end on %s, and overlaps the version from %s", v, v.Through, next))
		}
	}
	return wrong
}

// gaps finds versions that are said to end before another begins.
func gaps(versions []Version, days []clock.Date) (wrong []string) {
	for _, v := range versions {
		switch next := v.follower(days); {
		case v.Through.IsZero():
		case next.IsZero():
			wrong = append(wrong, fmt.Sprintf("plan %s is to end on %s, and no version follows", v, v.Through))
		case v.Through.AddDays(1).Before(next):
			wrong = append(wrong, fmt.Sprintf("plan %s is to end on %s, and the next version begins on %s: none governs the days between",
				v, v.Through, next))
		}
	}
	return wrong
}

// typesOf lists the types of a kind of sale, in order.
func typesOf(p commission.Plan, kind commission.SaleType) string {
	var names []string
	for name, k := range p.SaleTypes {
		if k == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// minimumOf writes "USD 50, EUR 40.5", in the order of the currencies.
func minimumOf(t commission.PayoutTerms) string {
	var out []string
	for _, c := range slices.Sorted(maps.Keys(t.Minimum)) {
		out = append(out, string(c)+" "+t.Minimum[c].String())
	}
	return strings.Join(out, ", ")
}
