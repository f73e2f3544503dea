package wholeway_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// world is one random history: its partners and everything that Salesforce ever
// showed of it. Worlds share nothing but the terms, so many of them go through
// the program in one database.
type world struct {
	no       int
	terms    *terms
	partners []partnerFact
	versions []version
	grouped  map[string][]facts // by object; during a simulation
}

// terms is what all worlds of one round share.
type terms struct {
	zone     *time.Location
	now      time.Time // of the last passes
	asOf     civil     // what the last pass goes through; yesterday if it is not explicit
	explicit civil     // the latest as-of that a person gives, or never
	goLive   civil     // or never
	plans    []planFact
	rates    []rateFact
}

// planFact is a plan version.
type planFact struct {
	from     civil
	rate     string // of the Space regime, "10%"
	cutoff   civil  // joined before it, or never: everybody is paid
	beside   bool   // the Space regime pays beside a registration
	deal     dealTerms
	renewal  int    // days within which a renewed term ended
	payoutIn string // or blank: in the source's currency
}

// dealTerms is the registration section of a plan version.
type dealTerms struct {
	referral, netNew, remainder string // rates
	window, engaged             int    // days
}

// saleTypes are the opportunity types of every plan version, in lower case; any
// other is mapped to nothing.
var saleTypes = map[string]string{"new business": "new_business", "upsell": "expansion", "renewal": "renewal"}

// rateFact is a dated exchange rate: one from is that many to.
type rateFact struct {
	on       civil
	from, to string
	rate     string
	batch    int // in which it is applied
}

// partnerFact is a partner as it is stated in the end, and how it may have been
// stated before.
type partnerFact struct {
	key        string
	joined     civil
	status     string
	kinds      []kindFact // dated, the first from ever on
	ids        []string
	domains    []string
	mergedInto string
	mergedOn   civil
	batches    []int  // in which the final statement is applied; the first is when it becomes known
	first      string // status in the first of several batches
}

type kindFact struct {
	from civil // never: from ever on
	kind string
}

// version is one version of one Salesforce record, as pulled.
type version struct {
	object string
	id     string
	at     time.Time
	fields map[string]any
	// batches are those in which it is received: usually one, more for duplicates.
	batches []int
}

// payload is the version as Salesforce sends it.
func (v version) payload() []byte {
	b, err := json.Marshal(v.fields)
	if err != nil {
		panic(err)
	}
	return b
}

// stampField names the field that orders the versions of an object.
func stampField(object string) string {
	if strings.HasSuffix(object, "__History") {
		return "CreatedDate"
	}
	return "SystemModstamp"
}

// salesforceTime writes an instant as Salesforce does.
func salesforceTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000+0000") }

// facts are the versions of one record, the oldest first.
type facts []version

// now is the newest version.
func (f facts) now() version { return f[len(f)-1] }

// first is the oldest version.
func (f facts) first() version { return f[0] }

// records groups an object's versions by record, in the order of the ids.
func (w *world) records(object string) []facts {
	if list, ok := w.grouped[object]; ok {
		return list
	}
	by := map[string]facts{}
	for _, v := range w.versions {
		if v.object != object {
			continue
		}
		if !slices.ContainsFunc(by[v.id], func(o version) bool { return o.at.Equal(v.at) }) {
			by[v.id] = append(by[v.id], v)
		}
	}
	out := []facts{}
	for _, f := range by {
		sort.Slice(f, func(i, j int) bool { return f[i].at.Before(f[j].at) })
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool { return out[i][0].id < out[j][0].id })
	if w.grouped != nil {
		w.grouped[object] = out
	}
	return out
}

// str, flag, date and instant read a field; what is absent or null is zero.
func (v version) str(field string) string {
	s, _ := v.fields[field].(string)
	return s
}

func (v version) flag(field string) bool {
	b, _ := v.fields[field].(bool)
	return b
}

func (v version) date(field string) civil { return civilFrom(v.str(field)) }

func (v version) instant(field string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05.000-0700", v.str(field))
	if err != nil {
		panic(err)
	}
	return t
}

// number reads a number; "" if it is null.
func (v version) number(field string) string {
	n, _ := v.fields[field].(json.Number)
	return n.String()
}

// longID completes a Salesforce id to its 18 characters (R1.3).
func longID(id string) string {
	if len(id) != 15 {
		return id
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	for part := range 3 {
		bits := 0
		for i := range 5 {
			if c := id[part*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		id += string(alphabet[bits])
	}
	return id
}

// script is the world in words that a person can read and play again.
func (w *world) script() string {
	var b strings.Builder
	t := w.terms
	fmt.Fprintf(&b, "zone %v, now %s, as-of %v, explicit %v, go-live %v\n%s", t.zone, t.now.Format(time.RFC3339), t.asOf, t.explicit, t.goLive, t.yaml())
	for _, p := range w.partners {
		fmt.Fprintf(&b, "partner %s batches %v first %q:\n%s", p.key, p.batches, p.first, p.yaml(p.status))
	}
	list := slices.Clone(w.versions)
	sort.SliceStable(list, func(i, j int) bool {
		if !list[i].at.Equal(list[j].at) {
			return list[i].at.Before(list[j].at)
		}
		return list[i].object < list[j].object
	})
	for _, v := range list {
		f := map[string]any{}
		for k, x := range v.fields {
			if x != nil && x != "" && x != false && k != "Id" && k != "SystemModstamp" {
				f[k] = x
			}
		}
		j, err := json.Marshal(f)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "batch %v %s %s at %s %s\n", v.batches, v.object, v.id, v.at.Format(time.RFC3339), j)
	}
	return b.String()
}
