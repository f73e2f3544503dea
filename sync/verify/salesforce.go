package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

const (
	// keysAtOnce bounds the keys that one query of Salesforce names: a query may have
	// 15,000 characters, and a key has some 60.
	keysAtOnce = 100
	// maxRestarts bounds how often in a row a query that Salesforce lost is begun again
	// without a page in between.
	maxRestarts = 5
	// idleAtMost bounds how long the database waits for a page of Salesforce.
	idleAtMost = 15 * time.Minute
)

// withSalesforce compares every target.
func (s *Stage) withSalesforce(ctx context.Context, out *Result, progress stage.Progress) error {
	if err := pg.InTx(ctx, s.DB, s.markStatements); err != nil {
		return err
	}
	for _, t := range mapping.Targets() {
		object := record.ObjectOf(t)
		c := out.add(Checked{
			Name: "Salesforce " + object, Unit: "records", LeftOutUnit: "records", Why: "they are still on their way to Salesforce, or somebody has dropped them",
			Compares: "every " + s.Mapping.Target(t).Object + " in Salesforce with the book, by its key", kind: record.KindDrift, object: object,
		})
		if err := s.target(ctx, t, c, progress); err != nil {
			return fmt.Errorf("%s in Salesforce: %w", s.Mapping.Target(t).Object, err)
		}
	}
	out.Salesforce = true
	return nil
}

// markStatements marks what push would mark by itself before it looks what to send, so
// that the outbox says of everything whether it is on its way.
func (s *Stage) markStatements(ctx context.Context, tx *sqlx.Tx) error {
	now := s.Clock.Now()
	_, err := outbox.MarkStatements(ctx, tx, clock.DateIn(now, s.Zone).Month(), now)
	return err
}

// target compares the records of a target. The keys that Salesforce has are gathered in
// the database, which then says which are missing there.
func (s *Stage) target(ctx context.Context, t mapping.Target, c *Checked, progress stage.Progress) error {
	to, err := s.Mapping.ResolveTarget(ctx, s.Source, t)
	if err != nil {
		return err
	}
	described, err := s.Source.Describe(ctx, to.Object)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`
			set local statement_timeout = 0; set local idle_in_transaction_session_timeout = %d;
			create temporary table seen_in_salesforce (key text collate "C" primary key) on commit drop`, idleAtMost.Milliseconds())); err != nil {
			return err
		}
		c.Looked, c.LeftOut, c.Differences, c.Kept = 0, 0, 0, []book.Difference{} // of an attempt before
		d := &comparison{stage: s, tx: tx, to: to, object: described, checked: c, progress: progress}
		if err := d.read(ctx); err != nil {
			return err
		}
		if err := d.missing(ctx); err != nil {
			return err
		}
		return d.believe(ctx)
	})
}

// comparison is that of one target.
type comparison struct {
	stage    *Stage
	tx       *sqlx.Tx
	to       mapping.Destination
	object   *salesforce.Object
	checked  *Checked
	progress stage.Progress

	last     string   // the last key that was read
	suspects []string // keys that seem to differ, the first maxKept
	more     int64    // how many more there are
}

// read reads all records in the order of their keys. A query that Salesforce lost goes
// on behind the last page.
func (c *comparison) read(ctx context.Context) error {
	for restarts := 0; ; {
		before := c.last
		where := ""
		if c.last != "" {
			where = " where " + c.to.Key + " > " + salesforce.Quote(c.last)
		}
		err := c.stage.Source.Query(ctx, c.soql(where)+" order by "+c.to.Key, salesforce.QueryOptions{}, c.page)
		switch {
		case err == nil:
			return nil
		case salesforce.ClassOf(err) != salesforce.ClassRestart || restarts >= maxRestarts:
			return err
		case c.last == before:
			restarts++
		default:
			restarts = 0
		}
	}
}

func (c *comparison) soql(where string) string { return record.Select(c.to) + where }

// page compares one page, and notes its keys.
func (c *comparison) page(ctx context.Context, p salesforce.Page) error {
	found, keys, err := record.Decode(p, c.to)
	if err != nil || len(keys) == 0 {
		return err
	}
	c.last = keys[len(keys)-1]
	if _, err := c.tx.ExecContext(ctx, `insert into seen_in_salesforce select unnest($1::text[]) on conflict do nothing`, pq.Array(keys)); err != nil {
		return err
	}
	differ, leftOut, err := c.judge(ctx, keys, found)
	if err != nil {
		return err
	}
	c.checked.Looked += int64(len(keys))
	c.checked.LeftOut += leftOut
	c.progress.Tell(c.to.Object, c.checked.Looked, max(int64(p.TotalSize), c.checked.Looked))
	for _, d := range differ {
		c.suspect(d.Subject)
	}
	return nil
}

func (c *comparison) suspect(key string) {
	switch {
	case len(c.suspects) > 0 && c.suspects[len(c.suspects)-1] == key: // another field of it
	case len(c.suspects) < maxKept:
		c.suspects = append(c.suspects, key)
	default:
		c.more++
	}
}

// missing suspects what the ledger has and Salesforce did not show.
func (c *comparison) missing(ctx context.Context) error {
	for after := ""; ; {
		keys, err := c.stage.Shape.KeysAfter(ctx, c.tx, c.to.Target, after, maxKept)
		if err != nil || len(keys) == 0 {
			return err
		}
		after = keys[len(keys)-1]
		var absent []string
		if err := c.tx.SelectContext(ctx, &absent, `
			select key from unnest($1::text[]) as k (key) where not exists (select from seen_in_salesforce s where s.key = k.key)
			order by key collate "C"`, pq.Array(keys)); err != nil {
			return err
		}
		differ, leftOut, err := c.judge(ctx, absent, nil)
		if err != nil {
			return err
		}
		c.checked.LeftOut += leftOut
		for _, d := range differ {
			c.suspect(d.Subject)
		}
	}
}

// believe looks at the suspects a second time: the ledger may have changed between the
// page that showed them and our look at it, and Salesforce since. What still differs is
// reported, in the order of the keys.
func (c *comparison) believe(ctx context.Context) error {
	slices.Sort(c.suspects)
	if len(c.suspects) > 0 {
		if err := c.stage.markStatements(ctx, c.tx); err != nil {
			return err
		}
	}
	for keys := range slices.Chunk(slices.Compact(c.suspects), keysAtOnce) {
		quoted := make([]string, len(keys))
		for i, k := range keys {
			quoted[i] = salesforce.Quote(k)
		}
		found := map[string]record.Remote{}
		if err := c.stage.Source.Query(ctx, c.soql(" where "+c.to.Key+" in ("+strings.Join(quoted, ",")+")"), salesforce.QueryOptions{},
			func(_ context.Context, p salesforce.Page) error {
				some, _, err := record.Decode(p, c.to)
				maps.Copy(found, some)
				return err
			}); err != nil {
			return err
		}
		differ, _, err := c.judge(ctx, keys, found)
		if err != nil {
			return err
		}
		for _, d := range differ {
			if err := c.checked.report(d); err != nil {
				return err
			}
		}
	}
	c.checked.Differences += c.more
	return nil
}

// judge compares what the ledger says of keys now with what was found of them, and says
// how many it had to leave out.
func (c *comparison) judge(ctx context.Context, keys []string, found map[string]record.Remote) (out []book.Difference, leftOut int64, err error) {
	if len(keys) == 0 {
		return nil, 0, nil
	}
	rows, err := outbox.Find(ctx, c.tx, c.checked.object, keys)
	if err != nil {
		return nil, 0, err
	}
	states, err := c.stage.Shape.States(ctx, c.tx, c.to.Target, keys)
	if err != nil {
		return nil, 0, err
	}
	for _, key := range keys {
		row, marked := rows[key]
		state, known := states[key]
		is, there := found[key]
		switch {
		case marked && (row.IsOnItsWay() || row.IsDropped()), known && state.Fault != "":
			leftOut++
			continue
		case !there && (!known || state.IsUnwanted):
			continue // it came and went, here as there, or is not to be there
		case !marked && (!known || state.IsUnwanted):
			out = append(out, c.extra(key, is))
			continue
		case !known:
			state.Values = record.Withdrawn(c.to.Target)
		}
		if !there {
			out = append(out, c.absent(key))
			continue
		}
		out = append(out, c.compare(key, state, is)...)
	}
	return out, leftOut, nil
}
