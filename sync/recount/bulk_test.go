package recount_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/recount"
)

// asked is an org that notes how it is asked for Spaces.
type asked struct {
	recount.Source
	jobs, pages int
	refuses     error // what a job is answered with, if it is not nil
	breaksAfter int   // of the first job's lines, if it is not 0
}

func (a *asked) Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error {
	return a.Source.Query(ctx, soql, o, func(ctx context.Context, p salesforce.Page) error {
		if strings.Contains(soql, "FROM Space__c") && strings.Contains(soql, "ORDER BY") {
			a.pages++
		}
		return page(ctx, p)
	})
}

func (a *asked) BulkQuery(ctx context.Context, soql string, o salesforce.BulkOptions, to salesforce.BulkSink) error {
	if a.jobs++; a.refuses != nil {
		return a.refuses
	}
	if a.breaksAfter > 0 && a.jobs == 1 {
		to = &breaking{to, a.breaksAfter}
	}
	return a.Source.BulkQuery(ctx, soql, o, to)
}

// breaking is a result that is lost after some lines.
type breaking struct {
	salesforce.BulkSink
	left int
}

func (b *breaking) Line(cells [][]byte) error {
	if b.left--; b.left < 0 {
		return &salesforce.Error{Status: 400, Details: []salesforce.Detail{{Code: "INVALID_QUERY_LOCATOR"}}}
	}
	return b.BulkSink.Line(cells)
}

// TestMuchIsCountedByAJob, with what pages would have found; and by pages where Salesforce
// refuses the job.
func TestMuchIsCountedByAJob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		above       int
		source      asked
		jobs, pages int
	}{
		{"by a job", 1000, asked{}, 1, 1},
		{"it is refused", 1000, asked{refuses: errs.New(errs.Invalid, "the object is none of Bulk's")}, 1, 3},
		{"it breaks", 1000, asked{breaksAfter: 700}, 2, 1},
		{"there are fewer", 10_000, asked{}, 0, 2},
		{"never", -1, asked{}, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			ids := b.spaces(2100)
			b.settled()
			b.later()
			b.settled()
			must(t, b.org.Update("Space__c", ids[0], map[string]any{"Name": "Changed"}, noon.Add(2*time.Minute)))
			b.purge("Space__c", ids[1000])
			if _, err := b.db.Exec(`delete from staging.record where id = $1`, ids[2000]); err != nil {
				t.Fatal(err)
			}
			source := c.source
			source.Source, b.config.Source, b.config.BulkAbove = b.client, &source, c.above
			r := b.recount()
			b.want(r, "Space__c", counts{recount.CountVanished: 1, recount.CountChanged: 1, recount.CountMissed: 1})
			if source.jobs != c.jobs || source.pages != c.pages {
				t.Errorf("%d jobs and %d pages, want %d and %d", source.jobs, source.pages, c.jobs, c.pages)
			}
			if r.Get("Space__c in Salesforce") != 2099 || r.In != 2099 || r.Out != 2 {
				t.Errorf("%+v", r)
			}
		})
	}
}
