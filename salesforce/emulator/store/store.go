package store

import (
	"fmt"
	"slices"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Store holds the records of an org. It is safe for concurrent use: methods
// that say so want the caller to hold the lock, the others take it.
type Store struct {
	Schema *schema.Schema
	clock  clock.Clock

	// mu guards the records. Whoever reads them in order of an index calls
	// RLockTidy, so that the index is in order before the lock is shared.
	mu     *guard
	trail  *trail            // of the open savepoints, or nil
	Tables map[string]*Table // by object name
	// counters hold the last number given to an id, by key prefix.
	counters map[string]uint64
	late     *lateness
	adjust   func(object string, w Writer) Writer
	// absent says what the deletion of the records in the recycle bin did to others,
	// by their ids.
	absent map[string]*absence
	// related has the lookups to an object, once somebody asked; see relations.
	related map[string][]relation
	// OrgID and UserID are the organization's id and that of the user as whom
	// integrations act.
	OrgID, UserID string
	// file is where the records survive a restart; nil where they do not.
	file *file
}

// New makes a store without records for the objects of a schema. It gives
// the organization and its user their ids, not their records.
func New(sc *schema.Schema, c clock.Clock) *Store {
	s := &Store{Schema: sc, mu: &guard{}, clock: c, Tables: map[string]*Table{}, counters: map[string]uint64{},
		absent: map[string]*absence{}, related: map[string][]relation{}, late: &lateness{now: c.Now}}
	for _, obj := range sc.Objects {
		s.Tables[obj.Name] = newTable(obj, s.late)
	}
	s.OrgID, s.UserID = s.newID("00D"), s.newID("005")
	return s
}

// AdjustWrites lets f have a say in when the writes of Insert, Update, Delete and
// their like are stamped and seen. It is called with the lock held, so it must not
// call the store; it is set before the store is used.
func (s *Store) AdjustWrites(f func(object string, w Writer) Writer) { s.adjust = f }

// direct gives the writer of a write behind the API's back.
func (s *Store) direct(object string, at time.Time) Writer {
	w := Writer{UserID: s.UserID, At: at, Admin: true}
	if s.adjust != nil {
		w = s.adjust(object, w)
	}
	return w
}

// Now is the org's present instant in whole seconds, as the platform stores it.
func (s *Store) Now() time.Time { return s.clock.Now().UTC().Truncate(time.Second) }

// ID is the organization's id, 18 characters.
func (s *Store) ID() string { return s.OrgID }

// RLockTidy takes the read lock with the tables' indexes in order.
func (s *Store) RLockTidy(tables ...*Table) {
	for {
		s.mu.RLock()
		if !slices.ContainsFunc(tables, (*Table).isUntidy) {
			return
		}
		s.mu.RUnlock()
		s.mu.Lock()
		for _, t := range tables {
			t.tidy()
		}
		s.mu.release() // nothing was written
	}
}

// Seed makes the records without which no org is: the organization and the
// user as whom integrations act.
func (s *Store) Seed(username, currency string) {
	must := func(object string, fields map[string]any) {
		if _, err := s.Insert(object, fields); err != nil {
			panic(fmt.Sprintf("the emulator's own %s record is refused: %v", object, err))
		}
	}
	if _, ok := s.Schema.Object("User"); ok {
		must("User", map[string]any{"Id": s.UserID, "Username": username, "FirstName": "Integration", "LastName": "User",
			"Email": username, "Alias": "integ", "TimeZoneSidKey": "GMT", "UserType": "Standard"})
	}
	if _, ok := s.Schema.Object("Organization"); ok {
		must("Organization", map[string]any{"Id": s.OrgID, "Name": "Acme", "OrganizationType": "Developer Edition",
			"InstanceName": "EMU1", "DefaultCurrencyIsoCode": currency, "LanguageLocaleKey": "en_US", "TimeZoneSidKey": "GMT"})
	}
}

// Lock takes the lock for writing.
func (s *Store) Lock() { s.mu.Lock() }

// Unlock gives the lock for writing back.
func (s *Store) Unlock() { s.mu.Unlock() }

// RLock takes the lock for reading; see RLockTidy.
func (s *Store) RLock() { s.mu.RLock() }

// RUnlock gives the lock for reading back.
func (s *Store) RUnlock() { s.mu.RUnlock() }
