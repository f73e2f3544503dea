package wholeway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"
)

// batches is in how many batches the facts of a round arrive.
const batches = 4

// generator makes one world from one source of chance.
type generator struct {
	*rand.Rand
	w      *world
	base   civil
	hot    []time.Time // instants that things like to happen at, so that they coincide
	emails []string    // keys
	ids    []string    // issued Partner IDs, in the end
	serial int

	accounts, spaces, opportunities []string
	spaceBorn                       map[string]time.Time
}

// chance is the source of chance of one part of a run.
func chance(seed uint64, part, no int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(part)<<32|uint64(no)))
}

// generate makes world no of a round.
func generate(seed uint64, round, no int, t *terms) *world {
	g := &generator{Rand: chance(seed, round+1, no), w: &world{no: no, terms: t}, spaceBorn: map[string]time.Time{}}
	g.base = civilOf(2019, 6, 1) + civil(g.IntN(civilInt(2019, 6, 1, 2026, 3, 1)))
	for range 10 {
		g.hot = append(g.hot, g.someInstant())
	}
	sort.Slice(g.hot, func(i, j int) bool { return g.hot[i].Before(g.hot[j]) })
	for _, name := range []string{"ana", "bo+x", "bo"}[:1+g.IntN(3)] {
		domain := fmt.Sprintf("c%d.example", no)
		if g.p(15) {
			domain = fmt.Sprintf("c%d.bücher.example", no)
		}
		g.emails = append(g.emails, emailKey(name+"@"+domain))
	}
	g.partnersOfWorld()
	g.accountsOfWorld()
	g.spacesOfWorld()
	g.profilesOfWorld()
	g.invitationsOfWorld()
	g.opportunitiesOfWorld()
	g.renewalsOfWorld()
	g.dealsOfWorld()
	return g.w
}

func civilInt(y int, m time.Month, d, y2 int, m2 time.Month, d2 int) int {
	return int(civilOf(y2, m2, d2) - civilOf(y, m, d))
}

// p says yes n times of a hundred.
func (g *generator) p(n int) bool { return g.IntN(100) < n }

// one picks one of several.
func oneOf[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// someDate is near the world's middle.
func (g *generator) someDate() civil { return g.base + civil(g.IntN(260)-130) }

// someInstant is near the world's middle; often it is close to a midnight of the
// company zone.
func (g *generator) someInstant() time.Time {
	y, m, d := g.someDate().time().Date()
	zone := g.w.terms.zone
	switch g.IntN(6) {
	case 0:
		return time.Date(y, m, d, 0, 0, 0, 0, zone).UTC()
	case 1:
		return time.Date(y, m, d, 0, 0, -1, 0, zone).UTC()
	case 2:
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case 3:
		return time.Date(y, m, d, 18, 0, 0, 0, zone).UTC()
	default:
		return time.Date(y, m, d, g.IntN(24), g.IntN(60), g.IntN(60), 0, time.UTC)
	}
}

// instant is one of the hot ones.
func (g *generator) instant() time.Time { return g.hot[g.IntN(len(g.hot))] }

// instantFrom is a hot one not before t, or shortly after it.
func (g *generator) instantFrom(t time.Time) time.Time {
	var later []time.Time
	for _, h := range g.hot {
		if !h.Before(t) {
			later = append(later, h)
		}
	}
	if len(later) == 0 || g.p(10) {
		return t.Add(time.Duration(g.IntN(40*86400)) * time.Second)
	}
	return later[g.IntN(len(later))]
}

// dateNear is a date like those of the hot instants, or any.
func (g *generator) dateNear() civil {
	if g.p(65) {
		return civilIn(g.instant(), g.w.terms.zone) + civil(g.IntN(3)-1)
	}
	return g.someDate()
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// id makes a Salesforce id; its order has nothing to do with the order of making.
func (g *generator) id(prefix string) string {
	g.serial++
	id := []byte(prefix)
	for range 5 {
		id = append(id, base62[g.IntN(62)])
	}
	for n, i := g.w.no, 0; i < 4; i++ {
		id = append(id, base62[n%62])
		n /= 62
	}
	for n, i := g.serial, 0; i < 3; i++ {
		id = append(id, base62[n%62])
		n /= 62
	}
	return longID(string(id))
}

// put adds a version of a record; it is received in one batch, or in several.
func (g *generator) put(object, id string, at time.Time, fields map[string]any) {
	f := map[string]any{"Id": id}
	maps.Copy(f, fields)
	f[stampField(object)] = salesforceTime(at)
	if _, ok := f["IsDeleted"]; !ok && !strings.HasSuffix(object, "__History") {
		f["IsDeleted"] = false
	}
	g.w.versions = append(g.w.versions, version{object, id, at, f, g.someBatches()})
}

func (g *generator) someBatches() []int {
	out := []int{g.IntN(batches)}
	for g.p(12) {
		out = append(out, g.IntN(batches))
	}
	slices.Sort(out)
	return out
}

// written is an e-mail key as somebody may have typed it.
func (g *generator) written(key string) string {
	if key == "" {
		return oneOf(g, "", "  ")
	}
	if g.p(20) {
		key = strings.ReplaceAll(key, "xn--bcher-kva", "bücher")
	}
	if g.p(20) {
		key = strings.ToUpper(key)
	}
	if g.p(15) {
		key = " " + key + " "
	}
	return key
}

// partnerIDOf gives the k-th Partner ID of a world.
func partnerIDOf(no, k int) string {
	n := no*10 + k
	return fmt.Sprintf("%c%c%04d", 'A'+n/10000/26, 'A'+n/10000%26, n%10000)
}

// partnerID is one as it may stand in a field: issued, unknown or malformed.
func (g *generator) partnerID() string {
	var id string
	switch n := g.IntN(100); {
	case n < 84:
		id = oneOf(g, g.ids...)
	case n < 93:
		id = partnerIDOf(g.w.no, 9) // never issued
	default:
		return oneOf(g, "N/A", "FG38770", "F-3877", "ab12c4", "1234")
	}
	if g.p(10) {
		id = " " + strings.ToLower(id) + " "
	}
	return id
}

// partnersOfWorld makes two or three partners, one of them with two IDs.
func (g *generator) partnersOfWorld() {
	next := 0
	for i := range 2 + g.IntN(2) {
		p := partnerFact{
			key: fmt.Sprintf("p%dx%d", g.w.no, i), joined: civilOf(2016, 3, 1) + civil(g.IntN(400)),
			status: "active", kinds: []kindFact{{never, oneOf(g, "registered", "consulting", "consulting")}},
			batches: []int{g.IntN(batches)},
		}
		if g.p(30) {
			p.kinds = append(p.kinds, kindFact{g.someDate(), oneOf(g, "registered", "consulting")})
		}
		if i == 0 {
			p.domains = []string{fmt.Sprintf("p%d.example", g.w.no)}
		}
		if g.p(20) {
			p.joined = oneOf(g, civilOf(2020, 12, 31), civilOf(2021, 1, 1), civilOf(2022, 2, 1), civilOf(2019, 7, 1))
		}
		if g.p(12) {
			p.status = oneOf(g, "suspended", "exited")
		}
		for range 1 + g.IntN(5)/4 {
			p.ids = append(p.ids, partnerIDOf(g.w.no, next))
			next++
		}
		if g.p(10) {
			p.first = oneOf(g, "active", "suspended")
			p.batches = []int{0, batches - 1}
		}
		g.ids = append(g.ids, p.ids...)
		g.w.partners = append(g.w.partners, p)
	}
	if g.p(8) { // the second merged into the first, which is known by then
		a, b := &g.w.partners[0], &g.w.partners[1]
		b.mergedInto, b.mergedOn = a.key, max(g.someDate(), a.joined, b.joined)
		a.batches, b.batches, a.first, b.first = []int{0}, []int{0}, "", ""
	}
}

// accountsOfWorld makes customers.
func (g *generator) accountsOfWorld() {
	for i := range 1 + g.IntN(2) {
		id := g.id("001")
		g.accounts = append(g.accounts, id)
		g.put("Account", id, g.instant(), map[string]any{
			"Name": fmt.Sprintf("Customer %d.%d", g.w.no, i), "MasterRecordId": nil,
			"Website": oneOf[any](g, fmt.Sprintf("https://www.c%d-%d.example/", g.w.no, i), fmt.Sprintf("C%d-%d.example", g.w.no, i),
				fmt.Sprintf("http://shop.c%d-%d.co.uk", g.w.no, i), "https://gmail.com", fmt.Sprintf("p%d.example", g.w.no), nil),
		})
	}
}

// money is an amount in a currency.
func (g *generator) money(currency string) json.Number {
	switch g.IntN(10) {
	case 0:
		return json.Number(oneOf(g, "1000.10", "0.05", "1", "0.5", "99999999.99", "333.335"))
	case 1, 2:
		return json.Number(fmt.Sprintf("%d.%04d", g.IntN(5000), g.IntN(10000)))
	case 3:
		return json.Number(fmt.Sprintf("%d", 12000))
	}
	if currency == "JPY" {
		return json.Number(fmt.Sprintf("%d", 1+g.IntN(900000)))
	}
	return json.Number(fmt.Sprintf("%d.%02d", g.IntN(90000), g.IntN(100)))
}
