package quota

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/time/rate"

	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
)

// pass is the gate of one pass of a stage.
type pass struct {
	*Governor
	stage string
	isDry bool

	flushing sync.Mutex
	asking   sync.Mutex // held while the org is asked for its limits

	mu         sync.Mutex
	begun      bool
	before     int64 // what the stage had spent in the 24 hours before it began
	charged    int64 // what it has spent since
	calls      map[string]int64
	unwritten  map[string]int64
	unwrittenN int
	held       string // why requests are held back; ""
	slowed     string // that they were spread
}

func (g *Governor) newPass(name string, isDry bool) *pass {
	return &pass{Governor: g, stage: name, isDry: isDry, calls: map[string]int64{}, unwritten: map[string]int64{}}
}

// Pass counts a request, and waits or refuses as the quota stands.
func (p *pass) Pass(ctx context.Context, kind string) error {
	if !salesforce.IsCharged(kind) || kind == salesforce.KindLimits {
		p.count(ctx, kind)
		return nil
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	if err := p.allow(ctx); err != nil {
		return err
	}
	p.count(ctx, kind)
	return nil
}

// begin finds out how things stand before the first request that counts.
func (p *pass) begin(ctx context.Context) error {
	p.asking.Lock()
	defer p.asking.Unlock()
	if p.begun {
		return nil
	}
	if _, err := p.ask(ctx); err != nil {
		return err
	}
	before, err := spentBy(ctx, p.DB, p.stage, p.Clock.Now())
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.begun = before, true
	return nil
}

// left gives how many requests the job may still make, and of what; known is false if
// nothing bounds it.
func (p *pass) left(r Reading) (n int64, of string, known bool) {
	p.mu.Lock()
	spent := p.before + p.charged
	p.mu.Unlock()
	if r.IsKnown(p.Clock.Now()) {
		n, known = p.Policy.headroom(r), true
		of = fmt.Sprintf("above the reserve of %d (the org has used %d of %d)", p.Policy.Reserve.Of(r.Allowed), r.Used, r.Allowed)
	}
	if budget := p.Policy.budget(p.stage, r); budget != nil && (!known || *budget-spent < n) {
		n, known = *budget-spent, true
		of = fmt.Sprintf("of the job's %d in 24 hours", *budget)
	}
	return n, of, known
}

// allow waits while requests are spread, and refuses where none is left.
func (p *pass) allow(ctx context.Context) error {
	r := p.hear()
	left, of, known := p.left(r)
	if known && left <= 0 {
		return p.hold(fmt.Sprintf("no request is left %s", of))
	}
	headroom := p.Policy.headroom(r)
	if p.Policy.state(r, p.Clock.Now()) != Slow {
		p.pace.SetLimit(rate.Inf)
		return nil
	}
	p.mu.Lock()
	if p.slowed == "" {
		p.slowed = fmt.Sprintf("Requests to Salesforce are spread, because %d are left above the reserve of %d (the org has used %d of %d).",
			headroom, p.Policy.Reserve.Of(r.Allowed), r.Used, r.Allowed)
		p.Log.Info(p.slowed)
	}
	p.mu.Unlock()
	// The machine's clock, as the limiter keeps it; it is told nothing else.
	p.pace.SetLimit(rate.Limit(max(float64(headroom)/spreadOver.Seconds(), slowest)))
	if delay := p.pace.Reserve().Delay(); delay > 0 {
		return p.wait(ctx, delay)
	}
	return nil
}

// count notes a request.
func (p *pass) count(ctx context.Context, kind string) {
	p.mu.Lock()
	p.calls[kind]++
	p.unwritten[kind]++
	p.unwrittenN++
	if salesforce.IsCharged(kind) {
		p.charged++
	}
	isDue := p.unwrittenN >= flushEvery
	p.mu.Unlock()
	if isDue {
		p.flush(context.WithoutCancel(ctx), false)
	}
}

// addTo adds calls by kind to those that parts of the pass have made.
func addTo(counts []stage.Count, calls map[string]int64) []stage.Count {
	all := maps.Clone(calls)
	for _, c := range counts {
		all[c.Name] += c.N
	}
	var out []stage.Count
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		out = append(out, stage.Count{Name: kind, N: all[kind]})
	}
	return out
}
