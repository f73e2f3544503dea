package company

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Generate fills the store with a plausible company that sells through partners:
// customers, what they installed and where, the users of partners and of
// customers, Spaces and how they came to be, takeovers, opportunities with and
// without terms, renewals, the deals that partners registered with what they did
// for them, leads, merges, names in many scripts, and the small disorder that real
// orgs have. Most of what decides who is paid happened before 2021. It is about
// 36 records for each customer with 20 opportunities, and takes some 10 µs for
// each. currencies are the org's active
// ones, its own first; with one only, records have none of their own. The store
// is locked while it runs.
func Generate(s *store.Store, currencies []string, multi bool, opt Options) error {
	if err := opt.Validate(); err != nil {
		return err
	}
	opt = opt.withDefaults(s)
	s.Lock()
	defer s.Unlock()
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(uint64(opt.Seed), n)) }
	g := &generator{store: s, opt: opt, currencies: currencies, rnd: stream(0x9e3779b97f4a7c15), chosen: stream(0x5851f42d4c957f2d),
		who: stream(0xd1342543de82ef95), turn: stream(0xaf251af3b0f025b5), names: names{map[string]int{}},
		end: opt.Now.Add(-time.Hour), when: opt.calendar(), multi: multi}
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"staff", g.staff}, {"partners", g.partners}, {"customers", g.customers}, {"opportunities", g.opportunities},
		{"registrations", g.registrations},
		// What comes later in this list changes nothing of what is made before.
		{"installs", g.laterInstalls}, {"users", g.laterPeople}, {"takeovers", g.laterTakeovers},
		{"leads", g.leads}, {"contacts", g.contacts}, {"merges", g.merges}, {"expired registrations", g.expired},
	} {
		if err := step.run(); err != nil {
			s.Discard() // half a company is none
			return fmt.Errorf("generate %s: %w", step.name, err)
		}
	}
	return nil
}

// generator is one Generate at work.
type generator struct {
	store      *store.Store
	currencies []string
	opt        Options
	rnd        *rand.Rand
	end        time.Time // everything happened before
	when       calendar
	multi      bool
	orgs       uint64 // subscriber orgs so far

	// chosen decides which opportunities were registered. It draws for itself, so
	// that the opportunities of a seed do not depend on it.
	chosen           *rand.Rand
	candidates       []candidate
	book             []sold // of the customer in hand
	registrationKeys int
	// who and turn draw for themselves too: who customers are, and what becomes of
	// their renewals.
	who, turn *rand.Rand
	names     names

	owners  []string
	version string // the id of the package's version
	firms   []*partnerFirm
	// profiles are all that were made, in that order.
	profiles []*store.Record
	clients  []*client
}

// values are the fields of a made up record, as pairs of name and value. A field
// that the org does not have is left out.
type values []any

// put makes a record that was created and last changed at the instants given,
// with the history that creation leaves.
func (g *generator) put(object string, created, changed time.Time, v values) (*store.Record, error) {
	obj, ok := g.store.Schema.Object(object)
	if !ok {
		return nil, nil
	}
	t := g.store.Tables[obj.Name]
	owner := g.owners[g.rnd.IntN(len(g.owners))]
	changes := make([]store.Change, 0, len(v)/2+1)
	for i := 0; i < len(v); i += 2 {
		f, ok := obj.Field(v[i].(string))
		if !ok {
			continue
		}
		text, err := f.Canon(v[i+1])
		if err != nil {
			return nil, err
		}
		if text != "" {
			changes = append(changes, store.Change{Field: f, Text: text})
		}
	}
	created, changed = g.past(created), g.past(changed)
	if changed.Before(created) {
		changed = created
	}
	r, err := g.store.Prepare(t, nil, changes, store.Writer{UserID: owner, At: changed, Admin: true, TrustLookups: true})
	if err != nil {
		return nil, err
	}
	r.Created = created.Unix()
	t.Add(r)
	g.store.WriteCreated(t, r)
	return r, nil
}

// idOf gives a record's id, "" for one that the org has no object for.
func idOf(r *store.Record) string {
	if r == nil {
		return ""
	}
	return r.ID
}

// restate sets a tracked field of a record at an instant, and leaves the history
// row that this leaves.
func (g *generator) restate(object string, r *store.Record, fieldName, value string, at time.Time) {
	obj, ok := g.store.Schema.Object(object)
	if !ok || r == nil {
		return
	}
	f, ok := obj.Field(fieldName)
	if !ok {
		return
	}
	at = g.past(at)
	t := g.store.Tables[obj.Name]
	next := r.Clone()
	next.Set(f, value)
	next.Modstamp = max(r.Modstamp, at.Unix())
	next.Modified = next.Modstamp
	g.store.WriteChanges(t, r, next, store.Writer{UserID: g.owners[0], At: at})
	t.Replace(r, next)
}

// past keeps an instant before the end.
func (g *generator) past(t time.Time) time.Time {
	if t.After(g.end) {
		return g.end
	}
	return t
}

// chance is true in p of 1000 cases.
func (g *generator) chance(p int) bool { return g.rnd.IntN(1000) < p }

// between gives an instant of whole seconds in [from, to), or from.
func (g *generator) between(from, to time.Time) time.Time {
	span := int64(to.Sub(from) / time.Second)
	if span <= 0 {
		return from
	}
	return from.Add(time.Duration(g.rnd.Int64N(span)) * time.Second)
}

// touched gives the instant of a record's last change: often that of a nightly
// batch, which many records share.
func (g *generator) touched(after time.Time) time.Time {
	t := g.between(after, after.AddDate(0, 0, 60))
	if g.chance(400) {
		t = time.Date(t.Year(), t.Month(), t.Day()+1, 2, 0, 0, 0, time.UTC)
	}
	return g.past(t)
}

// subscriberOrg gives the 15-character id of an org that installed the package.
func (g *generator) subscriberOrg() string {
	g.orgs++
	return store.MakeID("00D", 1_000_000+uint64(g.opt.Seed&0xffff)<<24+g.orgs)[:15]
}

func pick[T any](g *generator, list []T) T { return list[g.rnd.IntN(len(list))] }

// day gives an instant as a date.
func day(t time.Time) string { return t.Format(time.DateOnly) }
