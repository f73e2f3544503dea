package pull

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// askOldest asks how far back a history object goes (R2.6). It gives Salesforce's
// clock at the question and the instant of the oldest row, zero if there is none.
// An org that refuses the question still has its history read: a notice says so,
// asked is zero, and the next pull asks again.
func (p *pass) askOldest(ctx context.Context, r mapping.Reading) (asked, oldest time.Time, err error) {
	oldest, err = p.oldest(ctx, r)
	switch kind := errs.KindOf(err); {
	case err == nil:
		return p.began, oldest, nil
	case salesforce.ClassOf(err) == salesforce.ClassNarrow, kind == errs.Invalid, kind == errs.NotFound:
		p.report.Notices = append(p.report.Notices, fmt.Sprintf(
			"How far back %s goes could not be asked: %s. Until it can, records older than its oldest row about the Partner ID are noted history_incomplete.",
			r.Object, strings.TrimSuffix(err.Error(), ".")))
		p.Log.Warn("the oldest history is not known", zap.String("object", r.Object), zap.Error(err))
		return time.Time{}, time.Time{}, nil
	}
	return time.Time{}, time.Time{}, err
}

// oldest gives the instant of the oldest row of a history object, or zero. Rows in
// the recycle bin count: they are read too.
func (p *pass) oldest(ctx context.Context, r mapping.Reading) (at time.Time, err error) {
	defer errs.Wrap(&err, "ask for the oldest row")
	err = p.Source.Query(ctx, oldestSOQL(r), salesforce.QueryOptions{All: true},
		func(_ context.Context, page salesforce.Page) error {
			for _, raw := range page.Records {
				// Of the fields of a row only this one was asked for, so only what is
				// wrong with it matters.
				row, problems := p.Mapping.Decode(r.Kind, raw)
				for _, problem := range problems {
					if problem.Field == "at" {
						return errs.New(errs.Invalid, "%w", problem)
					}
				}
				at, _ = row.Time("at")
			}
			return nil
		})
	return at, err
}
