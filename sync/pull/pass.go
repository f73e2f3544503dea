package pull

import (
	"context"
	"fmt"
	"strings"
	"time"

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
	// began is Salesforce's clock when the pass began.
	began     time.Time
	describer *describer
	cursors   map[string]staging.Cursor
	windows   map[string][]staging.Window
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
	if err := p.remember(ctx); err != nil {
		return err
	}
	found, err := p.resolve(ctx)
	if err != nil {
		return err
	}
	p.report.Notices = append(p.report.Notices, found.Notices...)
	for _, s := range found.Stopped {
		p.stop(s)
	}
	for _, r := range found.Readings {
		err := p.object(ctx, r)
		if errs.KindOf(err) == errs.Invalid {
			err = p.again(ctx, r, err)
		}
		switch errs.KindOf(err) {
		case "":
		case errs.Invalid, errs.NotFound:
			// The object is at fault, not the org: the others go on (R9.4).
			p.stop(mapping.Stopped{Kind: r.Kind, Object: r.Object, Err: err})
		default:
			return err
		}
	}
	return nil
}

// remember reads what earlier passes left.
func (p *pass) remember(ctx context.Context) error {
	known, err := staging.Descriptions(ctx, p.DB)
	if err != nil {
		return err
	}
	p.describer = &describer{pass: p, known: known, asked: map[string]bool{}}
	cursors, err := staging.Cursors(ctx, p.DB)
	if err != nil {
		return err
	}
	p.cursors = map[string]staging.Cursor{}
	for _, c := range cursors {
		p.cursors[c.Object] = c
	}
	p.windows, err = staging.Windows(ctx, p.DB)
	return err
}

// resolve holds the mapping against the org. What is known of it will do, unless
// something is missing by it: that may have been mended meanwhile.
func (p *pass) resolve(ctx context.Context) (mapping.Resolution, error) {
	found, err := p.Mapping.Resolve(ctx, p.describer)
	if err == nil && len(found.Stopped) > 0 && !p.describer.isFresh {
		p.describer.isFresh = true
		found, err = p.Mapping.Resolve(ctx, p.describer)
	}
	if err != nil {
		return found, err
	}
	return found, p.describer.tell(ctx, found.Stopped)
}

// again reads an object once more after its query was refused: what is known of the
// org may be out of date. why is the refusal.
func (p *pass) again(ctx context.Context, r mapping.Reading, why error) error {
	p.describer.isFresh = true
	found, err := p.resolve(ctx)
	if err != nil {
		return err
	}
	for _, stopped := range found.Stopped {
		if stopped.Kind == r.Kind {
			return stopped.Err
		}
	}
	for _, now := range found.Readings {
		if now.Kind != r.Kind {
			continue
		}
		if now.Signature() == r.Signature() {
			return why
		}
		return p.object(ctx, now)
	}
	return why
}

// stop reports a mapping that a person has to look at. One that is stopped only because
// another is has no warning of its own: whoever mends that one mends both.
func (p *pass) stop(s mapping.Stopped) {
	notice := fmt.Sprintf("The mapping of %s is stopped: %s.", s.Kind, strings.TrimSuffix(s.Err.Error(), "."))
	if hint := errs.HintOf(s.Err); hint != "" {
		notice += " " + hint
	}
	p.problem(notice)
	if s.Behind == "" {
		p.report.Warn(stage.Stopped, string(s.Kind), notice)
	}
	p.Log.Warn("a mapping is stopped", zap.String("kind", string(s.Kind)), zap.Error(s.Err))
}

// problem reports what a person has to look at.
func (p *pass) problem(notice string) {
	p.report.Notices = append(p.report.Notices, notice)
	p.report.Problems++
}

// notice reports what a person may want to know.
func (p *pass) notice(format string, args ...any) {
	p.report.Notices = append(p.report.Notices, fmt.Sprintf(format, args...))
}
