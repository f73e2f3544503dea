package pull

import (
	"context"
	"time"

	"github.com/goccy/go-json"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/staging"
)

// The platform's first records are of 1999; where an object's first record is not
// known, its time begins there.
var firstStamp = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	// narrowest is the window that is not cut any more: records of one instant stay
	// together.
	narrowest = time.Second
	// mostCounts bounds how many counts a plan costs.
	mostCounts = 64
	// fewestInAWindow is how many records a window has at least, if there are so many.
	fewestInAWindow = 10_000
)

// windowOf is how many records a window of n should have: a share for each worker, but no
// more than o.Window, and not so few that a window is not worth its requests.
func (o *object) windowOf(n int64) int64 {
	most := int64(o.Window)
	if n == unknown {
		return most
	}
	share := (n + int64(o.Workers) - 1) / int64(o.Workers)
	return min(most, max(share, fewestInAWindow))
}

// plan cuts what lies behind a place and before until into windows of not many more
// records than windowOf says. large says how many there are, and where they begin.
func (o *object) plan(ctx context.Context, from position, until time.Time, large *tooMany) (_ []*window, err error) {
	defer errs.Wrap(&err, "plan")
	isWhole := from.at.IsZero()
	if isWhole {
		from.at = large.first
	}
	if from.at.IsZero() {
		if from.at, err = o.first(ctx, until); err != nil {
			return nil, err
		}
	}
	c := cutter{object: o, window: o.windowOf(large.n), counts: mostCounts}
	if err := c.cut(ctx, from.at, until, large.n); err != nil {
		return nil, err
	}
	var out []*window
	for i, s := range c.merged() {
		w := &window{isStored: true, from: position{at: s.since}, Window: staging.Window{
			Object: o.reading.Object, Since: s.since, Until: s.until, Fields: o.cursor.Fields, PlannedAt: o.settled, IsWhole: isWhole}}
		if i == 0 {
			w.from = from
			w.At, w.ID = from.at, from.id
		}
		out = append(out, w)
	}
	return out, nil
}

// first gives the earliest stamp, or the beginning of time where that can't be asked.
func (o *object) first(ctx context.Context, until time.Time) (at time.Time, err error) {
	at = firstStamp
	err = o.Source.Query(ctx, firstSOQL(o.reading, until), salesforce.QueryOptions{All: true},
		func(_ context.Context, page salesforce.Page) error {
			for _, raw := range page.Records {
				var row map[string]any
				if err := json.Unmarshal(raw, &row); err != nil {
					return errs.New(errs.Transient, "the earliest stamp cannot be read: %w", err)
				}
				text, _ := row[o.reading.Stamp].(string)
				if t, err := salesforce.ParseTime(text); err == nil && t.Before(until) {
					at = t
				}
			}
			return nil
		})
	if class := salesforce.ClassOf(err); class == salesforce.ClassNarrow || errs.KindOf(err) == errs.Invalid {
		err = nil
	}
	return at, err
}

// stretch is a part of time and the number of its records, or unknown.
type stretch struct {
	since, until time.Time
	n            int64
}

// cutter halves stretches of time until they are small enough.
type cutter struct {
	*object
	window int64 // records that a stretch may have
	counts int   // that are left
	out    []stretch
}

func (c *cutter) cut(ctx context.Context, since, until time.Time, n int64) (err error) {
	if n == unknown {
		if n, err = c.tryCount(ctx, since, until); err != nil {
			return err
		}
	}
	middle := since.Add(until.Sub(since) / 2).Truncate(tick)
	if n != unknown && n <= c.window || until.Sub(since) <= narrowest || c.counts <= 0 || !middle.After(since) {
		c.out = append(c.out, stretch{since, until, n})
		return nil
	}
	left, err := c.tryCount(ctx, since, middle)
	if err != nil {
		return err
	}
	right := int64(unknown)
	if n != unknown && left != unknown {
		right = max(0, n-left)
	}
	if err := c.cut(ctx, since, middle, left); err != nil {
		return err
	}
	return c.cut(ctx, middle, until, right)
}

// tryCount counts records; unknown are too many to be counted.
func (c *cutter) tryCount(ctx context.Context, since, until time.Time) (int64, error) {
	if c.counts--; c.counts < 0 {
		return unknown, nil
	}
	n, err := c.count(ctx, position{at: since}, until)
	if salesforce.ClassOf(err) == salesforce.ClassNarrow {
		return unknown, nil
	}
	return n, err
}

// merged joins neighbours that are small enough together.
func (c *cutter) merged() (out []stretch) {
	for _, s := range c.out {
		if len(out) > 0 {
			last := &out[len(out)-1]
			if last.n != unknown && s.n != unknown && last.n+s.n <= c.window {
				last.until, last.n = s.until, last.n+s.n
				continue
			}
		}
		out = append(out, s)
	}
	return out
}
