package quota

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
)

// usedUp begins what stages say that the org has put off.
const usedUp = "Salesforce's request quota is used up"

const (
	// freshFor is for how long what the org said is believed without asking again. Others
	// use the org too; a request in ten minutes is not worth saving.
	freshFor = 10 * time.Minute
	// spreadOver is over what time the requests that are left in the band are spread.
	// As each makes the next ones rarer, the reserve is reached much later than that.
	spreadOver = time.Hour
	// slowest is the least rate of requests: below, a pass would hold its locks and its
	// place in the schedule for too little.
	slowest = 0.5 // a second
	// flushEvery is after how many requests what was spent is written down, and
	// flushWithin how long that may take: a process that is killed forgets no more.
	flushEvery  = 50
	flushWithin = 2 * time.Second
	// askWithin bounds the question for the limits.
	askWithin = 15 * time.Second
)

// Org is the org whose quota is spent; *salesforce.Client is one.
type Org interface {
	// Usage is what the org said last, in the header of any answer.
	Usage() salesforce.Usage
	// Limits asks it.
	Limits(ctx context.Context) (map[string]salesforce.Limit, error)
}

// Config is what a Governor needs. All but Whole, LastCalls and Log must be set.
type Config struct {
	DB     *sqlx.DB
	Org    Org
	Policy Policy
	Clock  clock.Clock
	Log    *zap.Logger
	// Whole are the stages that begin anew each time, so that half a pass is worth
	// nothing: they are begun only if as many requests are left as LastCalls says that
	// their last whole pass made.
	Whole     []string
	LastCalls func(ctx context.Context, stage string) (int64, error)

	// wait, if not nil, is instead of letting time pass.
	wait func(ctx context.Context, d time.Duration) error
}

// Governor puts itself before the requests of the stages that it guards. It is safe
// for concurrent use.
type Governor struct {
	Config
	pace *rate.Limiter

	mu      sync.Mutex
	reading Reading
	usage   salesforce.Usage // from which reading was made
}

// New gives a Governor. It asks nobody anything yet.
func New(c Config) *Governor {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.wait == nil {
		c.wait = sleep
	}
	return &Governor{Config: c, pace: rate.NewLimiter(rate.Inf, 1)}
}

// sleep lets time pass, or gives the cause of the context's end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hear takes over what the client has heard since, and gives how the quota stands.
func (g *Governor) hear() Reading {
	u := g.Org.Usage()
	g.mu.Lock()
	defer g.mu.Unlock()
	if u != g.usage && !u.At.IsZero() {
		g.usage = u
		g.reading = Reading{
			Used: int64(u.Daily.Used), Allowed: int64(u.Daily.Max), App: u.AppName,
			AppUsed: int64(u.App.Used), AppAllowed: int64(u.App.Max), HeardAt: g.Clock.Now(),
		}
	}
	return g.reading
}

// refused takes over that the org has just refused a request because none is left, and
// gives how the quota stands. At the login it says so without numbers: then those that it
// said last are out of date, but for how many it allows.
func (g *Governor) refused(ctx context.Context) (Reading, error) {
	r, err := g.recall(ctx)
	if err != nil || r.Allowed == 0 {
		return r, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reading.Used, g.reading.HeardAt = r.Allowed, g.Clock.Now()
	return g.reading, nil
}

// recall gives how the quota stands, as this or another process heard it.
func (g *Governor) recall(ctx context.Context) (Reading, error) {
	kept, err := read(ctx, g.DB)
	if err != nil {
		return Reading{}, err
	}
	heard := g.hear()
	g.mu.Lock()
	defer g.mu.Unlock()
	if kept.HeardAt.After(heard.HeardAt) {
		g.reading = kept
	}
	return g.reading, nil
}

// ask has the org say how its quota stands, unless that is known well enough. An org that
// refuses, for lack of a permission say, has said it in the header all the same; one
// that cannot be reached is left to the stage to find out.
func (g *Governor) ask(ctx context.Context) (Reading, error) {
	r, err := g.recall(ctx)
	now := g.Clock.Now()
	if err != nil || r.IsKnown(now) && now.Sub(r.HeardAt) < freshFor && !now.Before(r.HeardAt) {
		return r, err
	}
	bounded, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	limits, err := g.Org.Limits(bounded)
	switch {
	case ctx.Err() != nil:
		return Reading{}, context.Cause(ctx)
	case salesforce.IsQuotaUsedUp(err):
		return g.refused(ctx)
	case err != nil:
		g.Log.Debug("the org did not say its limits", zap.Error(err))
	}
	heard := g.hear()
	if daily, ok := limits["DailyApiRequests"]; ok && err == nil && !heard.HeardAt.After(r.HeardAt) {
		// Something in between takes the header away.
		g.mu.Lock()
		g.reading = Reading{Used: int64(max(daily.Max-daily.Remaining, 0)), Allowed: int64(daily.Max), HeardAt: g.Clock.Now()}
		heard = g.reading
		g.mu.Unlock()
	}
	return heard, nil
}

// Guard puts the Governor before a stage's requests.
func (g *Governor) Guard(s stage.Stage) stage.Stage {
	if parted, ok := s.(stage.Parted); ok {
		return guardedParts{guarded{Stage: s, governor: g}, parted}
	}
	return guarded{Stage: s, governor: g}
}

type guarded struct {
	stage.Stage
	governor *Governor
}

// Run makes the pass. Its report says how many requests it made; if the quota held some
// back, it is deferred and says why.
func (s guarded) Run(ctx context.Context, o stage.Options) (stage.Report, error) {
	p := s.governor.newPass(s.Name(), o.DryRun)
	gated := salesforce.WithGate(ctx, p)
	if err := p.mayBegin(gated); err != nil {
		if !salesforce.IsQuotaUsedUp(err) {
			return stage.Report{Stage: p.stage}, err
		}
		r := stage.Report{Stage: p.stage}
		p.tell(ctx, &r)
		return r, nil
	}
	r, err := s.Stage.Run(gated, o)
	if r.Stage == "" {
		r.Stage = p.stage
	}
	if salesforce.IsQuotaUsedUp(err) {
		if r.Deferred == "" {
			r.Deferred = usedUp + ": " + err.Error()
		}
		err = nil
	}
	p.tell(ctx, &r)
	return r, err
}

// mayBegin asks, for a stage of which half a pass is worth nothing, whether what is left
// is enough for a whole one.
func (p *pass) mayBegin(ctx context.Context) error {
	if !slices.Contains(p.Whole, p.stage) {
		return nil
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	var need int64
	if p.LastCalls != nil {
		var err error
		if need, err = p.LastCalls(ctx, p.stage); err != nil {
			return err
		}
	}
	left, of, known := p.left(p.hear())
	switch {
	case known && left <= 0:
		return p.hold("no request is left " + of)
	case known && left < need:
		return p.hold(fmt.Sprintf("%s would make some %d requests to Salesforce, and %d are left %s", p.stage, need, left, of))
	}
	return nil
}

// hold notes why the pass is held back, and gives the error that says so.
func (p *pass) hold(why string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == "" {
		p.held = why
	}
	return salesforce.Withhold("%s", p.held)
}

// tell writes into a report what the pass has asked of the org, and what came of it, and
// writes that down.
func (p *pass) tell(ctx context.Context, r *stage.Report) {
	p.report(context.WithoutCancel(ctx), r)
	p.flush(context.WithoutCancel(ctx), true)
}

// report writes into a report what the pass has asked of the org, and what came of it.
func (p *pass) report(ctx context.Context, r *stage.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Calls = addTo(r.Calls, p.calls)
	if p.slowed != "" {
		r.Notices = append(r.Notices, p.slowed)
	}
	reading := p.hear()
	if p.held == "" && strings.HasPrefix(r.Deferred, usedUp) {
		p.noteRefusal(ctx)
	}
	switch {
	case p.held != "":
		r.Deferred = p.held + "; a later run does the rest"
	case r.Deferred != "" && reading.Allowed > 0 && reading.Remaining() == 0:
		r.Deferred = fmt.Sprintf("all %d requests that Salesforce allows in 24 hours are used up; a later run does the rest", reading.Allowed)
	case strings.HasPrefix(r.Deferred, usedUp):
		// The org says so without numbers, at the login for one.
		r.Deferred = strings.TrimSuffix(r.Deferred, ".") + "; a later run does the rest"
	default:
		return
	}
	r.Warn(stage.OutOfQuota, p.stage, "The job "+p.stage+" is put off: "+r.Deferred+".")
	p.Log.Warn("a job is put off", zap.String("stage", p.stage), zap.String("why", r.Deferred))
}

// noteRefusal takes over that the org has refused a request of the pass.
func (p *pass) noteRefusal(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	if _, err := p.refused(ctx); err != nil {
		p.Log.Warn("how the quota stood could not be read", zap.String("stage", p.stage), zap.Error(err))
	}
}

// flush writes down what was spent and how the quota stands; a failure is logged, and
// what was spent is written the next time. A dry run writes nothing.
func (p *pass) flush(ctx context.Context, isEnd bool) {
	switch {
	case p.isDry:
		return
	case isEnd:
		p.flushing.Lock()
	case !p.flushing.TryLock(): // somebody is at it
		return
	}
	defer p.flushing.Unlock()
	p.mu.Lock()
	calls := p.unwritten
	p.unwritten, p.unwrittenN = map[string]int64{}, 0
	p.mu.Unlock()
	if len(calls) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	err := spend(ctx, p.DB, p.stage, calls, p.Clock.Now())
	if err != nil {
		p.mu.Lock()
		for kind, n := range calls {
			p.unwritten[kind] += n
		}
		p.mu.Unlock()
	}
	if r := p.hear(); isEnd && r.Allowed > 0 {
		err = errors.Join(err, keep(ctx, p.DB, r))
	}
	if err != nil {
		p.Log.Warn("what was spent of Salesforce's quota was not written down", zap.String("stage", p.stage), zap.Error(err))
	}
}
