package schedule

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// A database that is gone is told once, and once when it is back; what River has to say of
// it meanwhile is left out.
func TestADatabaseThatIsGoneIsToldOnce(t *testing.T) {
	core, seen := observer.New(zap.InfoLevel)
	c := clock.NewManual(instant(t, "2026-11-20T10:00:00Z"))
	p := &pulse{db: pgtest.New(t), clock: c, log: zap.New(core)}
	river := slog.New(slogOf(zap.New(core), p.isAway).Handler())
	gone := errors.New("connection refused")

	if err := p.feel(t.Context()); err != nil || p.isAway() {
		t.Errorf("a database that is there: %v", err)
	}
	p.hear(gone)
	river.Error("producer: Error fetching jobs")
	c.Advance(time.Minute)
	p.hear(gone)
	if err := p.feel(t.Context()); err != nil {
		t.Error(err)
	}
	river.Error("another thing")

	var got []string
	for _, e := range seen.All() {
		got = append(got, e.Message)
	}
	want := []string{"the database does not answer: nothing is begun until it does", "the database answers again: what was missed is made up for", "another thing"}
	if !slices.Equal(got, want) {
		t.Fatalf("logged %q", got)
	}
	if after := seen.All()[1].ContextMap()["after"]; after != time.Minute {
		t.Errorf("it was away for %v", after)
	}
}

// Work that has all connections is no outage.
func TestADatabaseThatIsBusyIsThere(t *testing.T) {
	core, seen := observer.New(zap.InfoLevel)
	db := pgtest.New(t)
	db.SetMaxOpenConns(1)
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &pulse{db: db, clock: clock.NewManual(instant(t, "2026-11-20T10:00:00Z")), log: zap.New(core), within: time.Millisecond}
	if err := p.feel(t.Context()); err != nil || p.isAway() || seen.Len() > 0 {
		t.Errorf("%v, %v", err, seen.All())
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
}
