package pull

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// pass is one run of the stage.
type pass struct {
	*Stage
	options stage.Options
	report  *stage.Report
	token   stage.Token
	// began is Salesforce's clock when the pass began.
	began time.Time
}

func (p *pass) run(ctx context.Context) (err error) {
	if !p.options.DryRun {
		if p.token, err = stage.Take(ctx, p.DB, stage.Pull); err != nil {
			return err
		}
	}
	if p.began, err = p.Source.ServerTime(ctx); err != nil {
		return fmt.Errorf("ask Salesforce for its clock: %w", err)
	}
	found, err := p.Mapping.Resolve(ctx, p.Source)
	if err != nil {
		return err
	}
	p.report.Notices = append(p.report.Notices, found.Notices...)
	for _, stopped := range found.Stopped {
		p.stop(stopped.Kind, stopped.Err)
	}
	for _, r := range found.Readings {
		err := p.object(ctx, r)
		switch errs.KindOf(err) {
		case "":
		case errs.Invalid, errs.NotFound:
			// The object is at fault, not the org: the others go on (R9.4).
			p.stop(r.Kind, err)
		default:
			return err
		}
	}
	return nil
}

// stop reports a mapping that a person has to look at.
func (p *pass) stop(kind mapping.Kind, err error) {
	notice := fmt.Sprintf("The mapping of %s is stopped: %s.", kind, strings.TrimSuffix(err.Error(), "."))
	if hint := errs.HintOf(err); hint != "" {
		notice += " " + hint
	}
	p.report.Notices = append(p.report.Notices, notice)
	p.report.Problems++
	p.Log.Warn("a mapping is stopped", zap.String("kind", string(kind)), zap.Error(err))
}

// object reads one object to its end.
func (p *pass) object(ctx context.Context, r mapping.Reading) (err error) {
	defer errs.Wrap(&err, "read %s", r.Object)
	cursor, err := staging.ReadCursor(ctx, p.DB, r.Object)
	if err != nil {
		return err
	}
	if err := checkAbsent(r, cursor); err != nil {
		return err
	}
	if signature := r.Signature(); cursor.Fields != signature {
		if cursor.Fields != "" {
			p.report.Notices = append(p.report.Notices, fmt.Sprintf(
				"%s is read again from the start, because the list of its fields has changed.", r.Object))
		}
		cursor = staging.Cursor{Object: r.Object, Fields: signature, AskedAt: cursor.AskedAt, Oldest: cursor.Oldest}
	}
	if p.options.DryRun {
		return p.count(ctx, r, p.start(cursor))
	}
	if r.Kind.IsHistory() && cursor.AskedAt.IsZero() {
		if cursor.AskedAt, cursor.Oldest, err = p.askOldest(ctx, r); err != nil {
			return err
		}
	}
	isFresh, err := staging.IsEmpty(ctx, p.DB, r.Object)
	if err != nil {
		return err
	}
	reader := &reader{pass: p, reading: r, cursor: cursor, from: p.start(cursor), isFresh: isFresh}
	return reader.run(ctx)
}

// checkAbsent stops a mapping whose optional field was there and has gone: it
// has more likely been hidden than removed, and everything that was known of it
// would be read as blank (R9.4).
func checkAbsent(r mapping.Reading, cursor staging.Cursor) error {
	fields, _, _ := strings.Cut(cursor.Fields, " where ")
	for _, path := range r.Absent {
		if slices.Contains(strings.Split(fields, ","), path) {
			return errs.New(errs.Invalid, "%s had the field %s, which is gone or hidden from the integration user", r.Object, path).
				WithHint("Give the integration user read access to %s, or take it out of the mapping.", path)
		}
	}
	return nil
}

// start is where the next reading begins.
func (p *pass) start(c staging.Cursor) position {
	if c.At.IsZero() {
		return position{}
	}
	if settled := c.UpdatedAt.Add(-p.Overlap); settled.Before(c.At) {
		return position{at: settled}
	}
	return position{at: c.At, id: c.ID}
}

// count says how many records a reading would receive.
func (p *pass) count(ctx context.Context, r mapping.Reading, from position) error {
	var n int64
	err := p.Source.Query(ctx, countSOQL(r, from), salesforce.QueryOptions{All: true},
		func(_ context.Context, page salesforce.Page) error {
			n = int64(page.TotalSize)
			return nil
		})
	p.report.Add(r.Object+" to receive", n)
	return err
}
