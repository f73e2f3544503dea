package schedule

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
)

const (
	// pulseEvery is how often a replica looks whether its database is there.
	pulseEvery = 5 * time.Second
	// pulseWithin is how long that may take.
	pulseWithin = 4 * time.Second
)

// pulse says once in the log that the database is gone, and once that it is back. Whoever
// wants it meanwhile has errors of his own; River has dozens, of which none says so.
type pulse struct {
	db    *sqlx.DB
	clock clock.Clock
	log   *zap.Logger
	// within is how long an answer may take, if not pulseWithin.
	within time.Duration

	mu sync.Mutex
	// since is when the database was found to be gone; zero while it is there.
	since time.Time
}

// isAway says whether the database is known to be gone.
func (p *pulse) isAway() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.since.IsZero()
}

// feel looks whether the database is there. The error is always nil: it has been told.
func (p *pulse) feel(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, cmp.Or(p.within, pulseWithin))
	defer cancel()
	err := p.db.PingContext(bounded)
	if s := p.db.Stats(); ctx.Err() != nil || err != nil && s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
		return nil // stopped, or all connections are at work, which is no outage
	}
	p.hear(err)
	return nil
}

// hear takes how the database answered.
func (p *pulse) hear(err error) {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil && p.since.IsZero():
		p.since = now
		p.log.Error("the database does not answer: nothing is begun until it does", zap.Error(err))
	case err == nil && !p.since.IsZero():
		p.log.Info("the database answers again: what was missed is made up for", zap.Duration("after", now.Sub(p.since).Round(time.Second)))
		p.since = time.Time{}
	}
}
