package ledger

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
)

// TestR1_1_KindsOfAMergedPartnerAreThoseOfItsSurvivor compares what is worked out of
// chains of merges with asking, day by day, who the partner is on that day.
func TestR1_1_KindsOfAMergedPartnerAreThoseOfItsSurvivor(t *testing.T) {
	const days = 30
	first := clock.NewDate(2024, 1, 1)
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Custom(func(t *rapid.T) clock.Date { return first.AddDays(rapid.IntRange(0, days-1).Draw(t, "day")) })
		keys := []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(t, "partners")]
		f := firms{}
		for i, key := range keys {
			v := firm{Key: key, Status: rapid.SampledFrom([]string{StatusActive, StatusSuspended}).Draw(t, "status")}
			if i+1 < len(keys) { // each merges into the next one, whenever that did itself
				v.Into, v.On = keys[i+1], day.Draw(t, "merged on")
			}
			from := rapid.SliceOfNDistinct(day, 1, 4, rapid.ID[clock.Date]).Draw(t, "kinds")
			slices.SortFunc(from, func(a, b clock.Date) int { return a.DaysSince(b) })
			for _, d := range from {
				v.own = append(v.own, KindSince{From: d, Kind: rapid.SampledFrom([]string{KindRegistered, KindConsulting}).Draw(t, "kind")})
			}
			f[key] = v
		}
		var on func(key string, d clock.Date) string
		on = func(key string, d clock.Date) string {
			if v := f[key]; v.Into != "" && !d.Before(v.On) {
				return on(v.Into, d)
			}
			return KindOn(f[key].own, d)
		}
		kinds := f.kinds("a")
		for i := -1; i <= days; i++ {
			if d := first.AddDays(i); KindOn(kinds, d) != on("a", d) {
				t.Fatalf("on %s it is %s of %v, want %s", d, KindOn(kinds, d), kinds, on("a", d))
			}
		}
		for i := 1; i < len(kinds); i++ {
			if !kinds[i-1].From.Before(kinds[i].From) || len(keys) > 1 && kinds[i-1].Kind == kinds[i].Kind {
				t.Fatalf("%v are not in order, or repeat themselves", kinds)
			}
		}
		suspended := slices.ContainsFunc(keys, func(k string) bool { return f[k].Status == StatusSuspended })
		if f.isSuspended("a") != suspended || f.survivor("a").Key != keys[len(keys)-1] {
			t.Fatalf("suspended %v, survivor %s", f.isSuspended("a"), f.survivor("a").Key)
		}
	})
}
