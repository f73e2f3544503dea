package commission_test

import (
	"fmt"
	"testing"

	"github.com/partnersync/partnersync/ledger/commission"
)

// BenchmarkRewards works out 10,000 conversions of one payee under retroactive tiers.
func BenchmarkRewards(b *testing.B) {
	e := rewards(rewardRule(example10(commission.TierRetroactive)))
	var cs []commission.Conversion
	for i := range 10_000 {
		cs = append(cs, conversion(fmt.Sprintf("c%05d", i), day("2020-01-01").AddDays(i/4).String(), "123.45"))
	}
	for b.Loop() {
		if _, err := e.Results(cs); err != nil {
			b.Fatal(err)
		}
	}
}
