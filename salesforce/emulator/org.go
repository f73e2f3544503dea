package emulator

import (
	"crypto/rsa"
	"fmt"
	"sync"
	"time"
)

// Org is a Salesforce org in memory. It is safe for concurrent use.
type Org struct {
	opt    Options
	schema *schema

	// mu guards the records. Whoever reads them in order of an index calls
	// rlockTidy, so that the index is in order before the lock is shared.
	mu     sync.RWMutex
	tables map[string]*table // by object name
	// counters hold the last number given to an id, by key prefix.
	counters map[string]uint64
	orgID    string
	userID   string
	// generated says that Generate has filled the org.
	generated bool

	access  access
	cursors cursors
	traffic traffic
	faults  faults
}

// New makes an org with its organization record and its integration user, and
// nothing else. It panics if Options.Without names something that the schema
// does not have: a mistake of whoever wrote it.
func New(opt Options) *Org {
	opt = opt.withDefaults()
	src, err := defaultSource()
	if err != nil {
		panic(err)
	}
	s, err := buildSchema(src, opt)
	if err != nil {
		panic(err)
	}
	o := &Org{opt: opt, schema: s, tables: map[string]*table{}, counters: map[string]uint64{}}
	for _, obj := range s.objects {
		o.tables[obj.name] = newTable(obj)
	}
	o.access = access{sessions: map[string]*session{}, refresh: map[string]bool{opt.RefreshToken: true}, keys: map[string]*rsa.PublicKey{}}
	o.cursors = cursors{byID: map[string]*cursor{}}
	o.seed()
	return o
}

// seed makes the records without which no org is: the organization and the
// user as whom integrations act.
func (o *Org) seed() {
	o.orgID, o.userID = o.newID("00D"), o.newID("005")
	must := func(object string, fields map[string]any) {
		if _, err := o.Insert(object, fields); err != nil {
			panic(fmt.Sprintf("the emulator's own %s record is refused: %v", object, err))
		}
	}
	if _, ok := o.schema.object("User"); ok {
		must("User", map[string]any{"Id": o.userID, "Username": o.opt.Username, "FirstName": "Integration", "LastName": "User",
			"Email": o.opt.Username, "Alias": "integ", "TimeZoneSidKey": "GMT", "UserType": "Standard"})
	}
	if _, ok := o.schema.object("Organization"); ok {
		must("Organization", map[string]any{"Id": o.orgID, "Name": "Acme", "OrganizationType": "Developer Edition",
			"InstanceName": "EMU1", "DefaultCurrencyIsoCode": o.opt.Currencies[0], "LanguageLocaleKey": "en_US", "TimeZoneSidKey": "GMT"})
	}
}

// now is the org's present instant in whole seconds, as the platform stores it.
func (o *Org) now() time.Time { return o.opt.Clock.Now().UTC().Truncate(time.Second) }

// ID is the organization's id, 18 characters.
func (o *Org) ID() string { return o.orgID }

// rlockTidy takes the read lock with the table's indexes in order.
func (o *Org) rlockTidy(t *table) {
	for {
		o.mu.RLock()
		if !t.isUntidy() {
			return
		}
		o.mu.RUnlock()
		o.mu.Lock()
		t.tidy()
		o.mu.Unlock()
	}
}
