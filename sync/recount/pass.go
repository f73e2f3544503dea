package recount

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// pass is one run of the stage.
type pass struct {
	*Stage
	options stage.Options
	report  *stage.Report
	token   stage.Token
	doubts  []error // objects of which more would have vanished than is plausible
}

func (p *pass) run(ctx context.Context) (err error) {
	if !p.options.DryRun {
		if p.token, err = stage.Take(ctx, p.DB, stage.Recount); err != nil {
			return err
		}
	}
	found, err := p.Mapping.Resolve(ctx, p.Source)
	if err != nil {
		return err
	}
	for _, stopped := range found.Stopped {
		p.stop(stopped.Kind, stopped.Err)
	}
	for _, r := range found.Readings {
		err := p.object(ctx, r)
		var d *doubt
		switch {
		case err == nil:
		case errors.As(err, &d):
			p.doubts = append(p.doubts, err)
			p.Log.Error("more would have vanished than is plausible", zap.String("object", r.Object), zap.Error(err))
		case errs.KindOf(err) == errs.Invalid, errs.KindOf(err) == errs.NotFound:
			// The object is at fault, not the org: the others go on (R9.4).
			p.stop(r.Kind, err)
		default:
			return err
		}
	}
	if len(p.doubts) > 0 {
		return errs.New(errs.Conflict, "%w", errors.Join(p.doubts...)).WithHint(
			"Check what the integration user may see. If the records are really gone: partnersync run recount --believe")
	}
	return nil
}

// stop reports a mapping that a person has to look at.
func (p *pass) stop(kind mapping.Kind, err error) {
	notice := fmt.Sprintf("The mapping of %s is stopped, and not recounted: %s.", kind, strings.TrimSuffix(err.Error(), "."))
	if hint := errs.HintOf(err); hint != "" {
		notice += " " + hint
	}
	p.notice("%s", notice)
	p.report.Problems++
	p.Log.Warn("a mapping is stopped", zap.String("kind", string(kind)), zap.Error(err))
}

func (p *pass) notice(format string, args ...any) {
	p.report.Notices = append(p.report.Notices, fmt.Sprintf(format, args...))
}

// object compares one object. The cursor is read before everything else: whatever lies
// behind it was staged by then, or was missed.
func (p *pass) object(ctx context.Context, r mapping.Reading) (err error) {
	defer errs.Wrap(&err, "recount %s", r.Object)
	cursor, err := staging.ReadCursor(ctx, p.DB, r.Object)
	if err != nil {
		return err
	}
	switch {
	case cursor.Fields == "":
		p.notice("%s is not recounted, because no pull has read it yet.", r.Object)
		return nil
	case cursor.Fields != r.Signature():
		p.notice("%s is not recounted, because the list of its fields has changed and the next pull reads it as a whole.", r.Object)
		return nil
	}
	c := &comparison{pass: p, reading: r, cursor: cursor}
	began := p.Clock.Now()
	if err := c.run(ctx); err != nil {
		return err
	}
	if !p.options.DryRun {
		if err := p.inTx(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
			return staging.MarkRecounted(ctx, tx, r.Object, began)
		}); err != nil {
			return err
		}
	}
	p.Log.Info("recounted", zap.String("object", r.Object), zap.Int64("in_salesforce", c.there), zap.Int64("staged", c.here))
	return nil
}

// count adds to a count of the object.
func (c *comparison) count(name string, n int64) { c.report.Add(c.reading.Object+name, n) }
