package stage

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Statistics keeps Postgres' planner informed while a pass fills tables. A first
// load outruns autovacuum by a minute or more; until it has looked, the planner
// takes every key for one of a few hundred values, and reads a table as a whole
// for each batch.
type Statistics struct {
	db     *sqlx.DB
	tables []string
	rows   int64 // that the pass has worked on
	next   int64 // rows at which the tables are looked at again
}

// firstLook is after how many rows the tables are looked at for the first time;
// growth is by how much they have to grow before each further time.
const (
	firstLook = 2_000
	growth    = 4
)

// NewStatistics watches tables by name, schema and all.
func NewStatistics(db *sqlx.DB, tables ...string) *Statistics {
	return &Statistics{db: db, tables: tables, next: firstLook}
}

// Worked says that a batch of n rows was committed, and looks at the tables when
// that is due. It must not be called within a transaction.
func (s *Statistics) Worked(ctx context.Context, n int64) (err error) {
	s.rows += n
	if s.rows < s.next {
		return nil
	}
	for s.next <= s.rows {
		s.next *= growth
	}
	return s.Look(ctx)
}

// Look looks at the tables now.
func (s *Statistics) Look(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "take statistics of tables")
	for _, table := range s.tables {
		if _, err := s.db.ExecContext(ctx, "analyze "+table); err != nil {
			return err
		}
	}
	return nil
}
