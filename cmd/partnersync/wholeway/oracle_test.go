package wholeway_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The oracle's tests read these from the environment:
//
//	ORACLE_WORLDS  how many random histories (10000 by make oracle)
//	ORACLE_SEED    the seed, which a failure prints; make oracle takes a new one
//	               each time, and a plain test always the same, so that no change
//	               fails for what it did not do
//	ORACLE_ROUND   only this round of it
//	ORACLE_WORLD   only this world of it
//	ORACLE_SHRINK  "no" leaves a failing world as it is
const (
	worldsARound  = 500
	worldsDefault = 1000
	seedDefault   = 2026
)

func environ(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	must(t, err)
	return n
}

// generateTerms makes what the worlds of a round share.
func generateTerms(seed uint64, round int) *terms {
	r := chance(seed, 0, round)
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	zone, err := time.LoadLocation(pick("UTC", "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland",
		"America/Sao_Paulo", "Asia/Kathmandu", "Africa/Cairo", "Pacific/Apia"))
	if err != nil {
		panic(err)
	}
	t := &terms{zone: zone, explicit: never, goLive: never}
	yesterday := civilOf(2026, 9, 20) + civil(r.IntN(200))
	if r.IntN(4) == 0 {
		yesterday = yesterday.monthEnd()
	}
	y, m, d := (yesterday + 1).time().Date()
	t.now = time.Date(y, m, d, r.IntN(23), 59, 0, 0, zone).UTC()
	t.asOf = yesterday
	switch r.IntN(4) {
	case 0:
		t.explicit = yesterday - civil(r.IntN(40))
		t.asOf = t.explicit
	case 1:
		t.explicit = yesterday - civil(r.IntN(40))
	}
	if r.IntN(4) == 0 {
		t.goLive = civilOf(2020, 1, 1) + civil(r.IntN(2300))
	}
	from := civilOf(2010, 1, 1)
	if r.IntN(3) == 0 {
		from = civilOf(2020, 1, 1)
	}
	for range 1 + r.IntN(3) {
		p := planFact{
			from: from, rate: pick("10%", "10%", "7.5%", "12.345%", "100%"), cutoff: civilOf(2021, 1, 1),
			deal:     dealTerms{"10%", "25%", "10%", 90, 60},
			renewal:  90,
			beside:   r.IntN(6) == 0,
			payoutIn: pick("", "", "", "USD", "KWD", "JPY"),
		}
		if r.IntN(3) == 0 {
			p.deal = dealTerms{pick("10%", "8.25%"), pick("25%", "33.3%"), pick("10%", "5%"), 30 + r.IntN(90), 20 + r.IntN(60)}
			p.renewal = 30 + r.IntN(90)
		}
		if r.IntN(4) == 0 {
			p.cutoff = []civil{never, civilOf(2020, 1, 1)}[r.IntN(2)]
		}
		t.plans = append(t.plans, p)
		from = max(from, civilOf(2019, 6, 1)) + civil(1+r.IntN(900))
	}
	for _, from := range []string{"USD", "JPY", "KWD"} {
		for _, to := range []string{"USD", "JPY", "KWD"} {
			on := civilOf(2019, 3, 1)
			for range r.IntN(4) {
				on += civil(1 + r.IntN(700))
				if from != to {
					rate := fmt.Sprintf("%d.%04d", r.IntN(3), 1+r.IntN(9999))
					t.rates = append(t.rates, rateFact{on, from, to, rate, r.IntN(batches)})
				}
			}
		}
	}
	return t
}

// round feeds the worlds of a round and gives what the oracle says against each.
func runRound(t testing.TB, terms *terms, worlds []*world, order *rand.Rand) ([][]string, answer) {
	t.Helper()
	p := newStages(t, terms)
	p.feed(worlds, order)
	a := p.answer()
	out := make([][]string, len(worlds))
	for i, w := range worlds {
		out[i] = simulate(w).difference(w, a)
	}
	return out, a
}

func TestOracle_R1toR7_AgreesToTheMinorUnit(t *testing.T) {
	t.Parallel()
	seed := environ(t, "ORACLE_SEED", seedDefault)
	total := int(environ(t, "ORACLE_WORLDS", worldsDefault))
	onlyRound, onlyWorld := environ(t, "ORACLE_ROUND", 1<<62), environ(t, "ORACLE_WORLD", 1<<62)
	if onlyRound != 1<<62 {
		total = (int(onlyRound) + 1) * worldsARound
	}
	t.Logf("seed %d, %d histories", seed, total)
	for round := 0; round*worldsARound < total; round++ {
		if onlyRound != 1<<62 && uint64(round) != onlyRound {
			continue
		}
		terms := generateTerms(seed, round)
		var worlds []*world
		for no := range min(worldsARound, total-round*worldsARound) {
			if onlyWorld == 1<<62 || uint64(no) == onlyWorld {
				worlds = append(worlds, generate(seed, round, no, terms))
			}
		}
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			t.Parallel()
			said, _ := runRound(t, terms, worlds, chance(seed, 1<<20, round))
			report(t, seed, round, worlds, said)
		})
	}
}

// report fails the test with the first worlds that disagree.
func report(t testing.TB, seed uint64, round int, worlds []*world, said [][]string) {
	t.Helper()
	n := 0
	for i, s := range said {
		if len(s) == 0 {
			continue
		}
		if n++; n == 1 {
			w := worlds[i]
			if os.Getenv("ORACLE_SHRINK") != "no" {
				w = shrink(t, w)
			}
			now, a := judge(t, w)
			t.Errorf("ORACLE_SEED=%d ORACLE_ROUND=%d ORACLE_WORLD=%d, shrunk:\n%s\n%s\nat first:\n%s", seed, round, worlds[i].no,
				w.script()+a.got(w), strings.Join(now, "\n"), strings.Join(s, "\n"))
		} else if n < 6 {
			t.Errorf("ORACLE_ROUND=%d ORACLE_WORLD=%d: %s", round, worlds[i].no, strings.Join(s[:min(4, len(s))], "\n    "))
		}
	}
	if n > 0 {
		t.Errorf("%d of %d worlds of round %d disagree", n, len(worlds), round)
	}
}
