package money_test

import (
	"testing"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestR7_4_HalfAwayFromZeroOnceToTheMinorUnit(t *testing.T) {
	for _, c := range []struct {
		currency         money.Currency
		amount, num, den string
		want             string
	}{
		{"USD", "1200", "31", "365", "101.92"},
		{"USD", "0.005", "1", "1", "0.01"},
		{"USD", "-0.005", "1", "1", "-0.01"},
		{"USD", "0.0049999999999999999999", "1", "1", "0"},
		{"USD", "1", "1", "3", "0.33"},
		{"USD", "2", "1", "3", "0.67"},
		{"JPY", "0.5", "1", "1", "1"},
		{"JPY", "1000", "1", "3", "333"},
		{"KWD", "1", "1", "16", "0.063"}, // 0.0625
		{"USD", "9999999999999999.99", "1", "2", "5000000000000000"},
	} {
		got := c.currency.Ratio(dec(c.amount), dec(c.num), dec(c.den))
		if !got.Equal(dec(c.want)) {
			t.Errorf("%s × %s ÷ %s %s = %s, want %s", c.amount, c.num, c.den, c.currency, got, c.want)
		}
	}
}

func TestCurrenciesAreThoseOfISO4217(t *testing.T) {
	for code, digits := range map[string]int32{"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3, "ISK": 0, "CLF": 4, "IQD": 3, "HUF": 2} {
		c, err := money.ParseCurrency(code)
		if err != nil || c.Digits() != digits {
			t.Errorf("%s: %d decimals (%v), want %d", code, c.Digits(), err, digits)
		}
	}
	for _, code := range []string{"", "usd", "US", "USDX", "ZZZ", "$$$", " USD"} {
		if c, err := money.ParseCurrency(code); err == nil {
			t.Errorf("%q is taken for the currency %s", code, c)
		}
	}
}

func TestMinorUnits(t *testing.T) {
	for _, c := range []struct {
		currency money.Currency
		amount   string
		minor    int64
	}{{"USD", "101.92", 10192}, {"USD", "-0.01", -1}, {"JPY", "500", 500}, {"KWD", "0.125", 125}, {"USD", "0", 0}} {
		n, err := c.currency.Minor(dec(c.amount))
		if err != nil || n != c.minor || !c.currency.FromMinor(n).Equal(dec(c.amount)) {
			t.Errorf("%s %s is %d (%v), want %d", c.amount, c.currency, n, err, c.minor)
		}
	}
	for _, c := range []struct {
		currency money.Currency
		amount   string
	}{{"USD", "0.001"}, {"JPY", "0.5"}, {"USD", "92233720368547758.08"}, {"USD", "-92233720368547758.08"}} {
		if n, err := c.currency.Minor(dec(c.amount)); err == nil {
			t.Errorf("%s %s is taken for %d", c.amount, c.currency, n)
		}
	}
	if got := money.Currency("KWD").FormatMinor(1500); got != "1.500 KWD" {
		t.Errorf("1500 fils are written %q", got)
	}
}
