package emulator

import (
	"context"
	"crypto/rsa"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/bulk"
	"github.com/partnersync/partnersync/salesforce/emulator/company"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Org is a Salesforce org in memory. It is safe for concurrent use.
type Org struct {
	*state
	*store.Store
}

// state is what an org keeps beside its records.
type state struct {
	opt Options

	// generated says that Generate has filled the org.
	generated atomic.Bool
	about     about // of an org in a file

	access  access
	cursors cursors
	traffic traffic
	faults  faults
	router  *router
	pace    *rate.Limiter // of rows that are written
	recent  recents
	// described is when the org's objects were last made or changed, in Unix seconds.
	described atomic.Int64
	work      work
	log       requestLog
	uses      uses
	bulk      *bulk.Jobs

	customization customization
}

// New makes an org with its organization record and its integration user, and
// nothing else. It panics if Options.Without names something that the schema
// does not have: a mistake of whoever wrote it.
func New(opt Options) *Org {
	opt = opt.withDefaults()
	o, err := newOrg(opt)
	if err != nil {
		panic(err)
	}
	o.Store.Seed(opt.Username, opt.Currencies[0])
	return o
}

// newPace bounds rows a second; 0 is no bound. Rows come by 200 at most.
func newPace(perSecond int) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, maxRows)
	}
	return rate.NewLimiter(rate.Limit(perSecond), maxRows)
}

// begin gives the org in which the calls of a transaction run, until its End.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
func (o *Org) begin() *Org { return &Org{state: o.state, Store: o.Begin()} }

// newOrg makes an org without records.
func newOrg(opt Options) (*Org, error) {
	catalog, err := newCatalog(opt)
	if err != nil {
		return nil, err
	}
	s, err := opt.buildSchema(catalog)
	if err != nil {
		return nil, err
	}
	o := &Org{state: &state{opt: opt}, Store: store.New(s, opt.Clock)}
	o.customization.catalog = catalog
	o.access = access{sessions: map[string]*session{}, refresh: map[string]bool{opt.RefreshToken: true}, keys: map[string]*rsa.PublicKey{}}
	o.router = newRouter(restRoutes(), doors())
	o.cursors = cursors{byID: map[string]*cursor{}, now: opt.Clock.Now, ttl: opt.CursorTTL}
	o.described.Store(o.Now().Unix())
	o.log.size = opt.RequestLog
	o.pace = newPace(opt.WritesPerSecond)
	o.bulk = bulk.New(bulk.Options{Store: o.Store, Clock: opt.Clock, NoHardDelete: opt.NoHardDelete, Spend: o.Spend, Visible: visible,
		Hidden: func(ctx context.Context, query string) *soql.Error { return o.hiddenInQuery(decisionOf(ctx), query) },
		Pace:   o.pace.WaitN, Fate: fateOf, Writer: o.faultyWriter, Row: o.bulkRowFault})
	o.AdjustWrites(o.directWriter)
	return o, nil
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
