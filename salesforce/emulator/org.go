package emulator

import (
	"crypto/rsa"
	"sync/atomic"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/company"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Org is a Salesforce org in memory. It is safe for concurrent use.
type Org struct {
	opt Options
	*store.Store

	// generated says that Generate has filled the org.
	generated atomic.Bool
	about     about // of an org in a file

	access  access
	cursors cursors
	traffic traffic
	faults  faults
	router  *router
	recent  recents
	work    work
	log     requestLog
	uses    uses
}

// New makes an org with its organization record and its integration user, and
// nothing else. It panics if Options.Without names something that the schema
// does not have: a mistake of whoever wrote it.
func New(opt Options) *Org {
	opt = opt.withDefaults()
	s, err := newStore(opt)
	if err != nil {
		panic(err)
	}
	o := newOrg(opt, s)
	o.Store.Seed(opt.Username, opt.Currencies[0])
	return o
}

// newStore makes the store of an org, without records.
func newStore(opt Options) (*store.Store, error) {
	src, err := schema.Default()
	if err != nil {
		return nil, err
	}
	s, err := schema.Build(src, schema.Options{Without: opt.Without, MultiCurrency: opt.MultiCurrency, Currencies: opt.Currencies, SandboxField: opt.SandboxField})
	if err != nil {
		return nil, err
	}
	return store.New(s, opt.Clock), nil
}

// newOrg puts an org around its store.
func newOrg(opt Options, s *store.Store) *Org {
	o := &Org{opt: opt, Store: s}
	o.access = access{sessions: map[string]*session{}, refresh: map[string]bool{opt.RefreshToken: true}, keys: map[string]*rsa.PublicKey{}}
	o.router = newRouter(restRoutes(), doors())
	o.cursors = cursors{byID: map[string]*cursor{}, now: opt.Clock.Now, ttl: opt.CursorTTL}
	o.log.size = opt.RequestLog
	return o
}

// Generate fills the org with a plausible company, as generate describes. It
// adds to what is there, once: an org that it filled before is refused with
// errs.Conflict.
func (o *Org) Generate(opt company.Options) error {
	if err := opt.Validate(); err != nil {
		return err
	}
	if !o.generated.CompareAndSwap(false, true) {
		return errs.New(errs.Conflict, "generate an org: this one is filled already").WithHint("Make a new org, or leave this one as it is.")
	}
	return o.fill(func() error { return company.Generate(o.Store, o.opt.Currencies, o.opt.MultiCurrency, opt) })
}

// GenerateOptions says what company Generate makes up.
type GenerateOptions = company.Options

// UnknownPartner is a Partner ID that Generate uses here and there: well formed,
// and never issued.
const UnknownPartner = company.UnknownPartner

// DemoPartners gives the Partner IDs that Generate uses by itself.
func DemoPartners() []string { return company.DemoPartners() }
