package quota

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// window is what the platform counts: the last 24 hours.
const window = 24 * time.Hour

// Policy is how the requests are divided.
type Policy struct {
	// Reserve is for the org's other users: no job touches it.
	Reserve Share
	// Band lies above the reserve: in it, requests are spread.
	Band Share
	// Jobs are the shares of stages, by name. A stage without one is bounded by the
	// reserve alone.
	Jobs map[string]Share
}

// DefaultPolicy reserves a fifth, and slows in the tenth above it.
func DefaultPolicy() Policy {
	return Policy{Reserve: Share{percent: 20, stated: true}, Band: Share{percent: 10, stated: true}}
}

// State is how the quota stands.
type State string

// The states.
const (
	Unknown State = "unknown" // the org has not said, or not for a day
	Open    State = "open"
	Slow    State = "slow" // in the band above the reserve
	Held    State = "held" // at the reserve
)

// Reading is how the org's quota stood at an instant.
type Reading struct {
	Used    int64  `db:"used" json:"used"`
	Allowed int64  `db:"allowed" json:"allowed"`
	App     string `db:"app" json:"app,omitempty"`
	// AppUsed and AppAllowed are of our own app, where the org gives it a quota;
	// else AppAllowed is 0.
	AppUsed    int64 `db:"app_used" json:"app_used,omitempty"`
	AppAllowed int64 `db:"app_allowed" json:"app_allowed,omitempty"`
	// HeardAt is when, by our clock; zero if never.
	HeardAt time.Time `db:"heard_at" json:"heard_at"`
}

// IsKnown says whether the org has said anything that still counts.
func (r Reading) IsKnown(now time.Time) bool {
	return r.Allowed > 0 && now.Sub(r.HeardAt) < window
}

// Remaining is how many requests the org still takes.
func (r Reading) Remaining() int64 { return max(r.Allowed-r.Used, 0) }

// headroom is how many requests are left for us above the reserve; what the org gives
// our app bounds it too.
func (p Policy) headroom(r Reading) int64 {
	h := r.Remaining() - p.Reserve.Of(r.Allowed)
	if r.AppAllowed > 0 {
		h = min(h, r.AppAllowed-r.AppUsed)
	}
	return h
}

// state says how the quota stands.
func (p Policy) state(r Reading, now time.Time) State {
	switch h := p.headroom(r); {
	case !r.IsKnown(now):
		return Unknown
	case h <= 0:
		return Held
	case h <= p.Band.Of(r.Allowed):
		return Slow
	}
	return Open
}

// Spent is what a job has spent in the last 24 hours, and may.
type Spent struct {
	Stage string           `json:"stage"`
	Calls int64            `json:"calls"`
	Kinds map[string]int64 `json:"kinds"`
	// Budget is the job's share; nil if it has none.
	Budget *int64 `json:"budget,omitempty"`
}

// Standing is how the quota stands, for a person.
type Standing struct {
	Reading
	State   State   `json:"state"`
	Left    int64   `json:"remaining"`
	Reserve int64   `json:"reserve"`
	Jobs    []Spent `json:"jobs"`
	// AskedFrom is from when on a run asks the org again, while jobs are put off without
	// asking; else nil.
	AskedFrom *time.Time `json:"asked_from,omitempty"`
}

// Look reads how the quota stands. It asks the database, not the org.
func Look(ctx context.Context, q sqlx.QueryerContext, p Policy, now time.Time) (_ Standing, err error) {
	defer errs.Wrap(&err, "read how the quota stands")
	r, err := read(ctx, q)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Reading: r, State: p.state(r, now), Left: r.Remaining(), Reserve: p.Reserve.Of(r.Allowed), Jobs: []Spent{}}
	if s.State == Held {
		from := r.HeardAt.Add(freshFor)
		s.AskedFrom = &from
	}
	var rows []struct {
		Stage string `db:"stage"`
		Kind  string `db:"kind"`
		Calls int64  `db:"calls"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select stage, kind, sum(calls)::bigint as calls from job.spent
		where hour > $1 group by stage, kind order by stage, kind`, now.Add(-window)); err != nil {
		return Standing{}, err
	}
	for _, row := range rows {
		if n := len(s.Jobs); n == 0 || s.Jobs[n-1].Stage != row.Stage {
			s.Jobs = append(s.Jobs, Spent{Stage: row.Stage, Kinds: map[string]int64{}, Budget: p.budget(row.Stage, r)})
		}
		job := &s.Jobs[len(s.Jobs)-1]
		job.Calls, job.Kinds[row.Kind] = job.Calls+row.Calls, row.Calls
	}
	return s, nil
}

// budget is how many requests a stage may make in 24 hours; nil if it has no share, or
// nobody knows of what.
func (p Policy) budget(stage string, r Reading) *int64 {
	share, ok := p.Jobs[stage]
	if !ok || !share.IsStated() {
		return nil
	}
	n := share.calls
	if share.percent > 0 {
		if r.Allowed == 0 {
			return nil
		}
		n = share.Of(r.Allowed)
	}
	return &n
}

// read gives what the org said last, to whichever process.
func read(ctx context.Context, q sqlx.QueryerContext) (r Reading, err error) {
	err = sqlx.GetContext(ctx, q, &r, `select used, allowed, app, app_used, app_allowed, heard_at from job.quota`)
	if errors.Is(err, sql.ErrNoRows) {
		return Reading{}, nil
	}
	r.HeardAt = r.HeardAt.UTC()
	return r, err
}

// keep stores what the org said, unless something newer is stored.
func keep(ctx context.Context, db *sqlx.DB, r Reading) error {
	_, err := db.NamedExecContext(ctx, `
		insert into job.quota as q (used, allowed, app, app_used, app_allowed, heard_at)
		values (:used, :allowed, :app, :app_used, :app_allowed, :heard_at)
		on conflict (one) do update set used = excluded.used, allowed = excluded.allowed, app = excluded.app,
			app_used = excluded.app_used, app_allowed = excluded.app_allowed, heard_at = excluded.heard_at
		where q.heard_at <= excluded.heard_at`, r)
	return err
}

// spentBy is what a stage has spent in the last 24 hours.
func spentBy(ctx context.Context, q sqlx.QueryerContext, stage string, now time.Time) (n int64, err error) {
	err = sqlx.GetContext(ctx, q, &n, `
		select coalesce(sum(calls), 0)::bigint from job.spent
		where stage = $1 and hour > $2 and kind not in ('login', 'versions')`, stage, now.Add(-window))
	return n, err
}

// spend adds to what a stage has spent: all of it, or nothing.
func spend(ctx context.Context, db *sqlx.DB, stage string, calls map[string]int64, now time.Time) error {
	kinds, numbers := make([]string, 0, len(calls)), make([]int64, 0, len(calls))
	for _, kind := range slices.Sorted(maps.Keys(calls)) {
		kinds, numbers = append(kinds, kind), append(numbers, calls[kind])
	}
	_, err := db.ExecContext(ctx, `
		insert into job.spent as s (stage, kind, hour, calls)
		select $1, kind, date_trunc('hour', $2::timestamptz, 'UTC'), calls from unnest($3::text[], $4::bigint[]) as u (kind, calls)
		on conflict (stage, hour, kind) do update set calls = s.calls + excluded.calls`, stage, now, pq.Array(kinds), pq.Array(numbers))
	return err
}

// Prune deletes what was spent long ago.
func Prune(ctx context.Context, db *sqlx.DB, now time.Time) (err error) {
	defer errs.Wrap(&err, "forget what was spent of the quota long ago")
	_, err = db.ExecContext(ctx, `delete from job.spent where hour < $1`, now.Add(-keepFor))
	return err
}

// keepFor is how long it is kept what was spent.
const keepFor = 30 * 24 * time.Hour
