package emulator

import (
	"fmt"
	"sync"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
)

// Store holds the records of an org. It is safe for concurrent use: methods
// that say so want the caller to hold the lock, the others take it.
type Store struct {
	schema *schema
	clock  clock.Clock

	// mu guards the records. Whoever reads them in order of an index calls
	// rlockTidy, so that the index is in order before the lock is shared.
	mu     sync.RWMutex
	tables map[string]*table // by object name
	// counters hold the last number given to an id, by key prefix.
	counters map[string]uint64
	// orgID and userID are the organization's id and that of the user as whom
	// integrations act.
	orgID, userID string
}

// newStore makes a store without records for the objects of a schema. It gives
// the organization and its user their ids, not their records.
func newStore(sc *schema, c clock.Clock) *Store {
	s := &Store{schema: sc, clock: c, tables: map[string]*table{}, counters: map[string]uint64{}}
	for _, obj := range sc.objects {
		s.tables[obj.name] = newTable(obj)
	}
	s.orgID, s.userID = s.newID("00D"), s.newID("005")
	return s
}

// now is the org's present instant in whole seconds, as the platform stores it.
func (s *Store) now() time.Time { return s.clock.Now().UTC().Truncate(time.Second) }

// ID is the organization's id, 18 characters.
func (s *Store) ID() string { return s.orgID }

// rlockTidy takes the read lock with the table's indexes in order.
func (s *Store) rlockTidy(t *table) {
	for {
		s.mu.RLock()
		if !t.isUntidy() {
			return
		}
		s.mu.RUnlock()
		s.mu.Lock()
		t.tidy()
		s.mu.Unlock()
	}
}

// seed makes the records without which no org is: the organization and the
// user as whom integrations act.
func (s *Store) seed(username, currency string) {
	must := func(object string, fields map[string]any) {
		if _, err := s.Insert(object, fields); err != nil {
			panic(fmt.Sprintf("the emulator's own %s record is refused: %v", object, err))
		}
	}
	if _, ok := s.schema.object("User"); ok {
		must("User", map[string]any{"Id": s.userID, "Username": username, "FirstName": "Integration", "LastName": "User",
			"Email": username, "Alias": "integ", "TimeZoneSidKey": "GMT", "UserType": "Standard"})
	}
	if _, ok := s.schema.object("Organization"); ok {
		must("Organization", map[string]any{"Id": s.orgID, "Name": "Acme", "OrganizationType": "Developer Edition",
			"InstanceName": "EMU1", "DefaultCurrencyIsoCode": currency, "LanguageLocaleKey": "en_US", "TimeZoneSidKey": "GMT"})
	}
}

// lock takes the lock for writing.
func (s *Store) lock() { s.mu.Lock() }

// unlock gives the lock for writing back.
func (s *Store) unlock() { s.mu.Unlock() }

// rlock takes the lock for reading; see rlockTidy.
func (s *Store) rlock() { s.mu.RLock() }

// runlock gives the lock for reading back.
func (s *Store) runlock() { s.mu.RUnlock() }
