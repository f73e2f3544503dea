package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

const (
	// replicaEvery is how often a replica says that it lives.
	replicaEvery = 20 * time.Second
	// leaveWithin bounds what a replica that stops does so that nobody looks for it.
	leaveWithin = 2 * time.Second
	// forgetReplicas is after how long one of which nothing is heard is forgotten: until
	// then somebody may ask what became of it.
	forgetReplicas = 24 * time.Hour
)

// Replica is a process that runs a daemon over this database.
type Replica struct {
	// Name is as in Run.Worker: its machine, and its number there.
	Name      string    `db:"name" json:"name"`
	Version   string    `db:"version" json:"version"`
	StartedAt time.Time `db:"started_at" json:"started_at"`
	SeenAt    time.Time `db:"seen_at" json:"seen_at"`
	// Leads are the stages whose passes it leads now, Parts is how many parts of passes
	// it works on.
	Leads []string `json:"leads,omitempty"`
	Parts int64    `json:"parts,omitempty"`
	// Silent is for how long nothing was heard of it, in whole seconds.
	Silent int64 `db:"silent" json:"silent_seconds"`
}

// IsGone says whether nothing was heard of a replica for longer than one that lives is
// silent: it was killed, is frozen, or has no database. One that was stopped is not listed.
func (r Replica) IsGone() bool { return time.Duration(r.Silent)*time.Second > silentAfter }

// AtWork says what it is at; "" if it rests.
func (r Replica) AtWork() string {
	var out []string
	if len(r.Leads) > 0 {
		out = append(out, "leads "+strings.Join(r.Leads, ", "))
	}
	switch r.Parts {
	case 0:
	case 1:
		out = append(out, "1 part")
	default:
		out = append(out, fmt.Sprintf("%d parts", r.Parts))
	}
	return strings.Join(out, "; ")
}

// DifferInVersion says whether those that live are not all of one version.
func DifferInVersion(all []Replica) bool {
	var versions []string
	for _, r := range all {
		if !r.IsGone() && !slices.Contains(versions, r.Version) {
			versions = append(versions, r.Version)
		}
	}
	return len(versions) > 1
}

// Replicas lists those that live, and those that went away within a day without a word, by
// when they were started.
func Replicas(ctx context.Context, q sqlx.QueryerContext) (_ []Replica, err error) {
	defer errs.Wrap(&err, "list the replicas")
	var out []Replica
	if err := sqlx.SelectContext(ctx, q, &out, `
		select name, version, started_at, seen_at, greatest(extract(epoch from now() - seen_at), 0)::bigint as silent
		from job.replica where seen_at > now() - $1 * interval '1 second'
		order by started_at, name`, int64(forgetReplicas/time.Second)); err != nil {
		return nil, err
	}
	parts, err := stage.PartsInHand(ctx, q)
	if err != nil {
		return nil, err
	}
	var runs []struct {
		Worker string `db:"worker"`
		Stage  string `db:"stage"`
	}
	if err := sqlx.SelectContext(ctx, q, &runs, `
		select worker, stage from job.run
		where finished_at is null and worker <> '' and `+seenAt+` >= now() - $1 * interval '1 second' order by id`, int64(lease/time.Second)); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].StartedAt, out[i].SeenAt, out[i].Parts = out[i].StartedAt.UTC(), out[i].SeenAt.UTC(), parts[out[i].Name]
		for _, r := range runs {
			if r.Worker == out[i].Name {
				out[i].Leads = append(out[i].Leads, r.Stage)
			}
		}
	}
	return out, nil
}

// show says that this replica lives; while the database is known to be away, it waits.
func (d *Daemon) show(ctx context.Context) (err error) {
	if d.pulse.isAway() {
		return nil
	}
	defer errs.Wrap(&err, "write down that this replica lives")
	_, err = d.runner.DB.ExecContext(ctx, `
		insert into job.replica as r (name, version, started_at, seen_at) values ($1, $2, now(), now())
		on conflict (name) do update set version = excluded.version, seen_at = excluded.seen_at`, d.name, d.version)
	return err
}

// arrive says that this replica is there, whatever had its name before.
func (d *Daemon) arrive(ctx context.Context) error {
	if err := d.leave(ctx); err != nil {
		return err
	}
	return d.show(ctx)
}

// leave says that this replica is stopped, so that nobody looks for it.
func (d *Daemon) leave(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "write down that this replica is not there")
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	_, err = d.runner.DB.ExecContext(ctx, `delete from job.replica where name = $1`, d.name)
	return err
}
