package pgtest

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Planned answers questions as what it wraps does, and keeps how Postgres means to answer
// each: for tests of what is read, which hold however fast the machine is.
type Planned struct {
	sqlx.QueryerContext
	Plans []string // as EXPLAIN gives them
}

// QueryxContext asks for the plan, and then for the rows.
func (p *Planned) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	var lines []string
	if err := sqlx.SelectContext(ctx, p.QueryerContext, &lines, `explain `+query, args...); err != nil {
		return nil, err
	}
	p.Plans = append(p.Plans, strings.Join(lines, "\n"))
	return p.QueryerContext.QueryxContext(ctx, query, args...)
}
