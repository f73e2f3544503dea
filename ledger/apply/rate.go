package apply

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

type rateYAML struct {
	From string    `yaml:"from"`
	To   string    `yaml:"to"`
	On   string    `yaml:"on"`
	Rate asWritten `yaml:"rate"`
}

// asWritten is a number as it is written, quoted or not: YAML's own numbers are
// floating point, which loses digits.
type asWritten string

// UnmarshalYAML takes the text of a value.
func (w *asWritten) UnmarshalYAML(text []byte) error {
	*w = asWritten(strings.Trim(strings.TrimSpace(string(text)), `"'`))
	return nil
}

// noRate takes a rate back.
const noRate = "none"

// Bounds of an exchange rate: what is beyond them was not meant.
var (
	smallestRate = decimal.New(1, -12)
	largestRate  = decimal.New(1, 12)
)

// rate checks an exchange rate and gives all that is wrong with it (R7.5).
func (y rateYAML) rate() (r commission.ExchangeRate, wrong []string) {
	c := &checked{}
	var err error
	r.From, err = money.ParseCurrency(y.From)
	c.add("from", err)
	r.To, err = money.ParseCurrency(y.To)
	c.add("to", err)
	if y.From != "" && y.From == y.To {
		c.add("to", fmt.Errorf("%s is worth one %s", y.From, y.To))
	}
	r.On, err = clock.ParseDate(y.On)
	c.add("on", err)
	if y.Rate == noRate {
		return r, c.wrong
	}
	r.Rate, err = parseDecimal(string(y.Rate))
	switch {
	case err != nil:
		c.add("rate", fmt.Errorf("%q is not a number such as 0.92, nor %q", y.Rate, noRate))
	case !r.Rate.IsPositive():
		c.add("rate", fmt.Errorf("%s is not more than 0", y.Rate))
	case r.Rate.LessThan(smallestRate) || r.Rate.GreaterThan(largestRate):
		c.add("rate", fmt.Errorf("%s is not from %s to %s", y.Rate, smallestRate, largestRate))
	}
	return r, c.wrong
}

// rateName names a rate.
func rateName(r commission.ExchangeRate) string {
	return fmt.Sprintf("exchange rate %s to %s on %s", r.From, r.To, r.On)
}
