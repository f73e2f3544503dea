package verify

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

// The kinds of discrepancies that verify opens.
const (
	// KindBook: the book does not agree with itself, or a line not with the facts.
	KindBook = "book_differs"
)

// Kinds lists the kinds of discrepancies that verify opens.
func Kinds() []string { return []string{KindBook, record.KindDrift, record.KindExtra} }

// rule is what all of them cite.
const rule = "R8.3"

// keep makes the open discrepancies of the kinds that were looked at those found, and
// gives how many of them are news.
func (s *Stage) keep(ctx context.Context, token stage.Token, r *Result) (opened int64, err error) {
	found := map[string]*columns{KindBook: {}}
	if r.Salesforce {
		found[record.KindDrift], found[record.KindExtra] = &columns{}, &columns{}
	}
	for _, c := range r.Checks {
		for _, d := range c.Kept {
			kind := c.kind
			if d.Field == fieldExtra {
				kind = record.KindExtra
			}
			found[kind].add(d.Subject, d.Object, fmt.Sprintf("%s: %s is %s and has to be %s. %s", d.Check, d.Field, shortened(d.Found), shortened(d.Expected), d.Sentence))
		}
		if c.Differences > int64(len(c.Kept)) {
			found[c.kind].add(cmp.Or(c.object, c.Name), record.AllRecords, fmt.Sprintf("There are %d differences in %s; those that are named are the first %d.", c.Differences, c.Name, len(c.Kept)))
		}
	}
	err = pg.InTx(ctx, s.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := token.Check(ctx, tx); err != nil {
			return err
		}
		opened = 0
		for _, kind := range Kinds() {
			f := found[kind]
			if f == nil {
				continue
			}
			n, err := ledger.SettleEach(ctx, tx, ledger.Discrepancy{Kind: kind, Rule: rule}, s.Clock.Now(),
				`select * from unnest($1::text[], $2::text[], $3::text[])`,
				pq.Array(f.subjects), pq.Array(f.objects), pq.Array(f.details))
			if err != nil {
				return err
			}
			opened += n
		}
		return nil
	})
	return opened, err
}

// columns are discrepancies of a kind, one of each subject.
type columns struct {
	subjects, objects, details []string
	seen                       map[string]bool
}

// add adds one; of several with a subject the first one stands.
func (c *columns) add(subject, object, detail string) {
	if c.seen[subject] {
		return
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[subject] = true
	c.subjects, c.objects, c.details = append(c.subjects, subject), append(c.objects, object), append(c.details, detail)
}
