package company

import (
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Options says what company Generate makes up.
type Options struct {
	// Customers is the number of Accounts; 0 is one for every 20 opportunities,
	// and at least 12. A few more were merged into them and lie in the recycle bin.
	Customers int
	// Opportunities is their number; 0 is 20 for each customer, or 1,000.
	Opportunities int
	// Leads is the number of people who asked, beside those who installed; 0 is one
	// for every two customers, below 0 none.
	Leads int
	// Partners are the Partner IDs that the company has issued; nil is
	// DemoPartners. They appear on profiles and Spaces only: Partner__c is left
	// to whoever writes partners into the org.
	Partners []string
	// Seed decides everything that is random: the same options give a fresh org
	// the same records, ids included.
	Seed int64
	// Years is how long the company has had customers. 0 begins in 2016 and has most
	// of what decides who is paid happen before 2021.
	Years int
	// Now is the instant before which everything happened; the zero instant is
	// the org's present. Nothing is stamped in the hour before it.
	Now time.Time
}

// DemoPartners gives the Partner IDs that Generate uses by itself. Besides them
// a few records hold UnknownPartner or something malformed.
func DemoPartners() []string {
	return []string{"FG3877", "AB1234", "KM5521", "TR0942", "QX7718", "LP2046", "BN6390", "HV8105", "ZE4467", "CW1589"}
}

// UnknownPartner is well formed and was never issued.
const UnknownPartner = "ZZ9999"

// PartnerIDs gives n Partner IDs (at most MaxPartners): those of DemoPartners first,
// always the same, and never UnknownPartner.
func PartnerIDs(n int) []string {
	ids := DemoPartners()
	known := map[string]bool{UnknownPartner: true}
	for _, id := range ids {
		known[id] = true
	}
	// A walk through all IDs in steps that share no factor with their number, so that
	// neighbours look nothing alike.
	const all, stride = 26 * 26 * 10_000, 2_654_435
	for at := 123_457; len(ids) < n; at = (at + stride) % all {
		b := [6]byte{byte('A' + at/10_000/26), byte('A' + at/10_000%26)}
		for i, rest := 5, at%10_000; i > 1; i, rest = i-1, rest/10 {
			b[i] = byte('0' + rest%10)
		}
		if id := string(b[:]); !known[id] {
			known[id] = true
			ids = append(ids, id)
		}
	}
	return ids[:min(n, len(ids))]
}

// The bounds on what Generate makes in one call.
const (
	MaxOpportunities = 5_000_000
	MaxCustomers     = 1_000_000
	MaxLeads         = 2_000_000
	MaxPartners      = 20_000
	MaxYears         = 25
)

// Validate refuses numbers that are out of bounds, as errs.Invalid.
func (g Options) Validate() error {
	for _, n := range []struct {
		what          string
		n, least, max int
	}{
		{"customers", g.Customers, 0, MaxCustomers}, {"opportunities", g.Opportunities, 0, MaxOpportunities}, {"leads", g.Leads, -1, MaxLeads},
		{"partners", len(g.Partners), 0, MaxPartners}, {"years", g.Years, 0, MaxYears},
	} {
		if n.n < n.least || n.n > n.max {
			return errs.New(errs.Invalid, "generate an org: %d %s are not within 0 to %d", n.n, n.what, n.max)
		}
	}
	return nil
}

func (g Options) withDefaults(s *store.Store) Options {
	if g.Opportunities == 0 {
		g.Opportunities = 1000
		if g.Customers > 0 {
			g.Opportunities = min(20*g.Customers, MaxOpportunities)
		}
	}
	if g.Customers == 0 {
		g.Customers = max(12, g.Opportunities/20)
	}
	if g.Leads == 0 {
		g.Leads = g.Customers / 2
	}
	if len(g.Partners) == 0 {
		g.Partners = DemoPartners()
	}
	if g.Now.IsZero() {
		g.Now = s.Now()
	}
	g.Now = g.Now.UTC().Truncate(time.Second)
	return g
}

// calendar says when things may begin.
type calendar struct {
	hired, released          time.Time // the staff, the package
	partnersFrom, partnersTo time.Time
	// Most customers come between from and middle, the others later.
	from, middle time.Time
}

func (g Options) calendar() calendar {
	if g.Years == 0 {
		return calendar{hired: time.Date(2015, 1, 5, 9, 0, 0, 0, time.UTC), released: time.Date(2015, 2, 2, 9, 0, 0, 0, time.UTC),
			partnersFrom: date(2015, 3, 1), partnersTo: date(2018, 9, 1), from: date(2016, 1, 1), middle: date(2021, 1, 1)}
	}
	begin := date(g.Now.Year()-g.Years, g.Now.Month(), g.Now.Day())
	days := 365 * g.Years
	return calendar{hired: begin.AddDate(-1, 0, 0).Add(9 * time.Hour), released: begin.AddDate(0, -11, 0).Add(9 * time.Hour),
		partnersFrom: begin.AddDate(0, -10, 0), partnersTo: begin.AddDate(0, 0, days/4), from: begin, middle: begin.AddDate(0, 0, days/2)}
}
