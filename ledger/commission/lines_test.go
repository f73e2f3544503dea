package commission_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/ledger/commission"
)

func TestR4_2_TheSpacePaysWhateverThePartnerIs(t *testing.T) {
	e := dealEngine("2031-01-31")
	for _, id := range []string{"FG3877", "CN0001"} { // registered, and consulting
		for _, closes := range []string{"2026-03-15", "2030-12-31"} { // as long as the customer pays
			got := e.Lines(source("5000", closes, held("2020-01-01", id)))
			differ(t, map[string]string{id + " " + closes[:7]: "500.00 USD"}, spaceLines(got.Lines))
		}
	}
}

func TestR7_1_KeysSayWhatTheyAreOf(t *testing.T) {
	s := renewal()
	want := map[string]bool{
		"CN0001/registration/006000000000001AAA/net_new/2026-03":   true,
		"CN0001/registration/006000000000001AAA/remainder/2026-03": true,
		"FG3877/space/006000000000001AAA/referral/2026-04":         true,
	}
	last := ""
	for _, l := range dealEngine("2027-01-31").Lines(s).Lines {
		if !want[l.Key] {
			t.Errorf("the key %s is not expected", l.Key)
		}
		if l.Key != strings.Join([]string{l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period.String()}, "/") || l.Key <= last {
			t.Errorf("the key %s is not its parts, or comes behind %s", l.Key, last)
		}
		delete(want, l.Key)
		last = l.Key
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// A zero line stands in the first period in which something would have accrued, stays
// as it is while time passes, and goes when a line that pays appears.
func TestR7_6_ZeroLinesComeAndGo(t *testing.T) {
	s := term(source("0.40", "2026-01-10", held("2020-01-01", "FG3877")), "2026-02-01", "2027-01-31")
	for asOf, want := range map[string]map[string]string{
		"2026-01-31": {}, // nothing could have accrued yet
		"2026-02-28": {"FG3877 2026-02": "0.00 USD amounts_to_nothing"},
		"2026-05-31": {"FG3877 2026-03": "0.01 USD"}, // 0.04 × 59 ÷ 365 = 0.0064…, a cent by the end of March
	} {
		differ(t, want, spaceLines(dealEngine(asOf).Lines(s).Lines))
	}
	// The one of March says the same in May.
	late := term(source("5000", "2026-03-15", held("2020-01-01", "LT2022")), "2026-03-20", "2027-03-19")
	march, may := dealEngine("2026-03-31").Lines(late), dealEngine("2026-05-31").Lines(late)
	if len(march.Lines) != 1 || march.Lines[0].Status != commission.Zero || march.Lines[0].Explanation.Text() != may.Lines[0].Explanation.Text() {
		t.Errorf("the zero line of March changed by May:\n%+v\n%+v", march.Lines, may.Lines)
	}
}
