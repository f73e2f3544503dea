package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/migrations"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/rehearsal"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// rehearse is a dry run of stages that follow each other: they run on a private copy of
// the ledger, and what comes out is shown as a diff.
func (a *app) rehearse(ctx context.Context, cfg config.Config, d *database, log *zap.Logger, names []string, o stage.Options, f passFlags) error {
	if err := atLeastOne(f.limit); err != nil {
		return err
	}
	for _, name := range []string{stage.Recount, stage.Verify} {
		if slices.Contains(names, name) {
			return errs.New(errs.Invalid, "%s looks at everything, and a dry run of reconcile works on a part", name).
				WithHint("run its dry run alone: `partnersync run %s --dry-run`", name)
		}
	}
	return a.onCopy(ctx, cfg, log, func(scratch *database) (err error) {
		shown := a.progress("copy")
		_, err = rehearsal.Copy(ctx, d.DB, scratch.DB, pull.DefaultOverlap, shown.tell)
		shown.finish()
		if err == nil {
			err = rehearsal.Watch(ctx, scratch.DB)
		}
		if err != nil {
			return err
		}
		m, err := loadMapping(cfg.Mapping)
		if err != nil {
			return err
		}
		r := &rehearsed{app: a, copied: scratch.DB, limit: f.limit, hasPush: slices.Contains(names, stage.Push)}
		sink := &rehearsal.Sink{Copy: scratch.DB, Mapping: m, Each: func(c rehearsal.RecordChange) error { return r.each(c) }}
		p, err := newPlantTo(ends{
			transport: salesforce.ReadOnly(http.DefaultTransport.(*http.Transport).Clone()),
			sink:      func(c *salesforce.Client) push.Sink { sink.Client = c; return sink },
		}, cfg, scratch.DB, a.clock, log)
		if err != nil {
			return err
		}
		defer p.close()
		o.DryRun = false // there; nothing of it gets here
		r.run = func(names ...string) error {
			runs, err := a.runOnce(ctx, p.runner, names, o)
			for i := range runs {
				runs[i].ID = 0 // of the copy's history
			}
			r.runs = append(r.runs, runs...)
			return err
		}
		before := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == stage.Push })
		if err := r.run(before...); err != nil {
			return a.tellRuns(r.runs, before, f, err)
		}
		if err := r.show(ctx); err != nil {
			return err
		}
		return strictly(r.runs, f)
	})
}

// strictly is the failure of runs with problems, unless it was asked that there be none.
func strictly(runs []schedule.Run, f passFlags) error {
	var problems int64
	for _, r := range runs {
		problems += r.Report.Problems
	}
	if !f.lenient && problems > 0 {
		return problemsError{problems: problems}
	}
	return nil
}

// onCopy gives an empty database with this program's schema, of a private server that
// is there for this alone.
func (a *app) onCopy(ctx context.Context, cfg config.Config, log *zap.Logger, work func(*database) error) (err error) {
	dir, err := os.MkdirTemp("", "partnersync-dry-run-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := pg.Embedded{
		Dir: filepath.Join(dir, "postgres"), AllowFallback: true, BinDir: cfg.Database.PostgresBin, Volatile: true, Log: log,
	}.Start(ctx)
	if err != nil {
		return errs.New(errs.KindOf(err), "a dry run works on a private copy of the ledger: %w", err).WithHint(
			"%s", orHint(errs.HintOf(err), "It needs Postgres' binaries on this machine; database.postgres_bin says where they are."))
	}
	d := &database{cfg: cfg, dsn: server.DSN(pg.Database), server: server}
	defer func() {
		err = errors.Join(d.lost(ctx, err), d.close(context.WithoutCancel(ctx)), os.RemoveAll(server.Dir()))
	}()
	if err := d.connect(ctx, cfg.Database.MaxConns); err != nil {
		return err
	}
	if _, err := migrations.Apply(ctx, d.DB); err != nil {
		return err
	}
	return work(d)
}

func orHint(hint, other string) string {
	if hint != "" {
		return hint
	}
	return other
}
