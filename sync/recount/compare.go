package recount

import (
	"context"
	"errors"
	"strconv"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/staging"
)

const (
	// maxRestarts bounds how often in a row a query that Salesforce lost is begun again
	// without a page in between.
	maxRestarts = 5
	// A query that is too large as a whole is asked for so many records at a time at
	// first, and never for fewer than the least.
	firstLimit, leastLimit = 200_000, 2_000
	// maxAbsent bounds the ids of what seems to have vanished; the rest is counted.
	maxAbsent = 100_000
	// againAtOnce is after how many records that differ they are read again.
	againAtOnce = 2_000
)

// comparison is that of one object.
type comparison struct {
	*pass
	reading mapping.Reading
	cursor  staging.Cursor

	staged *stream
	head   *staging.Newest // the staged record that comes next; nil behind the last
	last   string          // the id that Salesforce gave last

	there, here int64            // records that are not deleted
	again       []difference     // to be read again
	absent      []staging.Newest // not in Salesforce, as it seems
	more        int64            // how many more of these there are
}

// difference is a record that has to be read again.
type difference struct {
	id    string
	count string // the name of the count to which it belongs
	// staged is the newest version that is staged, or nil.
	staged *staging.Newest
}

func (c *comparison) run(ctx context.Context) error {
	for _, name := range []string{CountInSalesforce, CountStaged} {
		c.count(name, 0)
	}
	c.staged = newStream(ctx, c.DB, c.reading.Object)
	defer c.staged.close()
	if err := c.advance(); err != nil {
		return err
	}
	if err := c.read(ctx); err != nil {
		return err
	}
	for c.head != nil {
		c.onlyHere(*c.head)
		if err := c.advance(); err != nil {
			return err
		}
	}
	c.count(CountInSalesforce, c.there)
	c.count(CountStaged, c.here)
	if err := c.readAgain(ctx); err != nil {
		return err
	}
	return c.settleAbsent(ctx)
}

// advance takes the next staged record.
func (c *comparison) advance() (err error) {
	c.head, err = c.staged.next()
	if c.head != nil && !c.head.IsDeleted && !c.head.IsVanished {
		c.here++
	}
	return err
}

// read reads Salesforce's side in the order of ids. A query that was lost goes on
// behind the last record; one that is too large is asked for piece by piece. What is much
// is read by a job of Bulk API 2.0, unless Salesforce refuses that.
func (c *comparison) read(ctx context.Context) error {
	limit := 0
	byBulk, mayBulk := false, c.BulkAbove >= 0
	for restarts := 0; ; {
		before := c.last
		n, err := c.ask(ctx, limit, byBulk, mayBulk)
		if c.last != before {
			restarts = 0
		}
		switch class := salesforce.ClassOf(err); {
		case err == nil && (limit == 0 || n < limit):
			return nil
		case err == nil: // the next piece
		case errors.Is(err, errMany):
			byBulk, mayBulk = true, false
		case byBulk && (errs.KindOf(err) == errs.Invalid || class == salesforce.ClassNarrow):
			c.Log.Info("Bulk refuses the object, and it is read by REST", zap.String("object", c.reading.Object), zap.Error(err))
			byBulk = false
		case class == salesforce.ClassRestart && restarts < maxRestarts:
			restarts++
		case class == salesforce.ClassNarrow && limit == 0:
			limit = firstLimit
		case class == salesforce.ClassNarrow && limit > leastLimit:
			limit = max(limit/4, leastLimit)
		default:
			return err
		}
	}
}

// errMany leaves a query of which there is more than pages are good for.
var errMany = errors.New("there are many")

// ask asks for the records behind the last one, at most limit if that is not 0, and gives
// how many came. Where it mayBulk, it leaves what is much with errMany before it takes
// anything of it.
func (c *comparison) ask(ctx context.Context, limit int, byBulk, mayBulk bool) (n int, err error) {
	if byBulk {
		return 0, c.Source.BulkQuery(ctx, c.soql(0), salesforce.BulkOptions{All: true}, &sink{comparison: c, ctx: ctx})
	}
	err = c.Source.Query(ctx, c.soql(limit), salesforce.QueryOptions{All: true}, func(ctx context.Context, p salesforce.Page) error {
		if mayBulk && n == 0 && limit == 0 && p.TotalSize > c.BulkAbove && !p.Last {
			return errMany
		}
		n += len(p.Records)
		return c.page(ctx, p)
	})
	return n, err
}

// soql asks for ids in their order, which walks along the platform's own index.
func (c *comparison) soql(limit int) string {
	s := "SELECT Id, " + c.reading.Stamp + ", IsDeleted FROM " + c.reading.Object + c.where(c.last, "Id > ")
	s += " ORDER BY Id"
	if limit > 0 {
		s += " LIMIT " + strconv.Itoa(limit)
	}
	return s
}

// where is the reading's own condition and, if there is an id, that one.
func (c *comparison) where(id, condition string) string {
	switch s := " WHERE " + c.reading.Filter; {
	case id == "" && c.reading.Filter == "":
		return ""
	case id == "":
		return s
	case c.reading.Filter == "":
		return " WHERE " + condition + salesforce.Quote(id)
	default:
		return s + " AND " + condition + salesforce.Quote(id)
	}
}

// page walks along the staged records as far as a page of Salesforce's reaches.
func (c *comparison) page(ctx context.Context, p salesforce.Page) error {
	for _, raw := range p.Records {
		r, err := staging.Receive(c.reading.Object, c.reading.Stamp, raw)
		if err != nil {
			return err
		}
		if err := c.take(ctx, r); err != nil {
			return err
		}
	}
	c.options.Progress.Tell(c.reading.Object, c.there, max(int64(p.TotalSize), c.there))
	return nil
}

// take takes Salesforce's next record.
func (c *comparison) take(ctx context.Context, r staging.Record) error {
	if r.ID <= c.last {
		return errs.New(errs.Unknown, "Salesforce gave the id %s after %s, which is not the order that was asked for", r.ID, c.last)
	}
	c.last = r.ID
	c.report.In++
	if err := c.meet(r); err != nil || len(c.again) < againAtOnce {
		return err
	}
	return c.readAgain(ctx)
}

// meet compares one record of Salesforce with what is staged of it.
func (c *comparison) meet(r staging.Record) error {
	if !r.IsDeleted {
		c.there++
	}
	for c.head != nil && c.head.ID < r.ID {
		c.onlyHere(*c.head)
		if err := c.advance(); err != nil {
			return err
		}
	}
	if c.head == nil || c.head.ID != r.ID {
		c.differs(r, CountMissed, nil)
		return nil
	}
	switch staged := *c.head; {
	case staged.IsVanished:
		c.again = append(c.again, difference{r.ID, CountReturned, &staged})
	case !staged.Modstamp.Equal(r.Modstamp), staged.IsDeleted != r.IsDeleted:
		c.differs(r, CountChanged, &staged)
	}
	return c.advance()
}

// differs takes a record that has to be read again, unless a pull still will.
func (c *comparison) differs(r staging.Record, count string, staged *staging.Newest) {
	if !c.cursor.IsSettled(r.Modstamp, r.ID, c.Late) {
		c.count(CountPending, 1)
		return
	}
	c.again = append(c.again, difference{r.ID, count, staged})
}

// onlyHere takes a record that Salesforce did not show. One whose deletion was seen
// has been purged since; rows of a history are kept for ever.
func (c *comparison) onlyHere(n staging.Newest) {
	switch {
	case n.IsDeleted, n.IsVanished, c.reading.Kind.IsHistory():
	case len(c.absent) < maxAbsent:
		c.absent = append(c.absent, n)
	default:
		c.more++
	}
}
