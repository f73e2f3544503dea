package deal

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Any says whether there is any registration.
func Any(ctx context.Context, q sqlx.QueryerContext) (there bool, err error) {
	defer errs.Wrap(&err, "look for registrations")
	err = sqlx.GetContext(ctx, q, &there, `select exists (select from ledger.registration)`)
	return there, err
}

// WithoutEchoes gives the registrations of Salesforce that are facts: not those
// whose key is that of a registration that was made here, because Salesforce only
// shows what we wrote of it (R9.3).
func WithoutEchoes(ctx context.Context, q sqlx.QueryerContext, rs []Registration) (_ []Registration, err error) {
	defer errs.Wrap(&err, "tell registrations that were made here")
	keys := make([]string, 0, len(rs))
	for _, r := range rs {
		if r.Key != "" {
			keys = append(keys, r.Key)
		}
	}
	if len(keys) == 0 {
		return rs, nil
	}
	var ours []string
	if err := sqlx.SelectContext(ctx, q, &ours,
		`select id from ledger.registration where id = any($1) and origin = 'portal'`, pq.Array(keys)); err != nil {
		return nil, err
	}
	isOurs := make(map[string]bool, len(ours))
	for _, id := range ours {
		isOurs[id] = true
	}
	out := make([]Registration, 0, len(rs))
	for _, r := range rs {
		if !isOurs[r.Key] {
			out = append(out, r)
		}
	}
	return out, nil
}
