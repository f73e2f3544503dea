package book

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ReasonHeldByHand is the reason of a line that a person has put on hold (R8.5).
const ReasonHeldByHand = "held_by_hand"

// heldOfSources gives the lines that persons have put on hold, with their reasons.
func heldOfSources(ctx context.Context, q sqlx.QueryerContext, sources []string) (map[string]string, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	var rows []struct {
		Key    string `db:"line_key"`
		Reason string `db:"reason"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select line_key, held_by || ': ' || reason as reason from ledger.line_hold
		where source_id = any((select $1::text[])::text[]) and released_at is null`, pq.Array(sources)); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.Key] = r.Reason
	}
	return out, nil
}

// holdBack puts a line on hold that a person holds, if it would accrue.
func (s *settlement) holdBack(l *Line) error {
	reason, held := s.held[l.Key]
	if !held || l.Status != statusAccrued {
		return nil
	}
	return l.hold(ReasonHeldByHand, "A person holds it: "+reason+".", s.now)
}
