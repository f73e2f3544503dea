package attribution

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// SpaceHistories gives the Partner ID histories of Spaces by Salesforce id, as
// they are believed now.
func SpaceHistories(ctx context.Context, q sqlx.QueryerContext, spaces []string) (map[string][]Point, error) {
	return histories(ctx, q, KindSpace, spaces)
}

// ProfileHistories gives the Partner ID histories of profiles by e-mail key, as
// they are believed now.
func ProfileHistories(ctx context.Context, q sqlx.QueryerContext, profiles []string) (map[string][]Point, error) {
	return histories(ctx, q, KindProfile, profiles)
}

func histories(ctx context.Context, q sqlx.QueryerContext, kind string, subjects []string) (_ map[string][]Point, err error) {
	defer errs.Wrap(&err, "read histories of %d %ss", len(subjects), kind)
	return points(ctx, q, `
		select `+pointColumns+` from ledger.holding
		where subject_kind = $1 and subject = any($2) and superseded_at is null
		order by subject, at`, kind, pq.Array(subjects))
}

// rewrite makes the believed histories of subjects what they came to be, and
// gives those that changed with the earliest instant from which they differ. What
// was believed before stays, superseded.
func rewrite(ctx context.Context, tx *sqlx.Tx, kind string, was, is map[string][]Point, now time.Time,
) (changed []string, since []time.Time, err error) {
	defer errs.Wrap(&err, "rewrite histories of %ss", kind)
	var (
		goneSubject, newSubject, newID, newCause []string
		goneAt, newAt                            []time.Time
		newMalformed                             []bool
	)
	for subject, points := range is {
		before := was[subject]
		keep := commonPrefix(before, points)
		if keep == len(before) && keep == len(points) {
			continue
		}
		for _, p := range before[keep:] {
			goneSubject, goneAt = append(goneSubject, subject), append(goneAt, p.At)
		}
		for _, p := range points[keep:] {
			cause, err := json.Marshal(p.Cause)
			if err != nil {
				return nil, nil, err
			}
			newSubject, newAt, newID = append(newSubject, subject), append(newAt, p.At), append(newID, p.PartnerID)
			newMalformed, newCause = append(newMalformed, p.Malformed), append(newCause, string(cause))
		}
		changed, since = append(changed, subject), append(since, earliest(before[keep:], points[keep:]))
	}
	if len(changed) == 0 {
		return nil, nil, nil
	}
	// A belief that lasted no time is no belief: what this same pass learned before
	// is replaced outright. (Not "=", or all that the pass has learned so far would be
	// searched, by another index.)
	if _, err := tx.ExecContext(ctx, `
		delete from ledger.holding h using unnest($2::text[], $3::timestamptz[]) as g (subject, at)
		where h.subject_kind = $1 and h.subject = g.subject and h.at = g.at and h.superseded_at is null
			and h.learned_at is not distinct from $4`, kind, pq.Array(goneSubject), pq.Array(goneAt), now); err != nil {
		return nil, nil, err
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.holding h set superseded_at = greatest($4, h.learned_at + interval '1 microsecond')
		from unnest($2::text[], $3::timestamptz[]) as g (subject, at)
		where h.subject_kind = $1 and h.subject = g.subject and h.at = g.at and h.superseded_at is null`,
		kind, pq.Array(goneSubject), pq.Array(goneAt), now); err != nil {
		return nil, nil, err
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.holding (subject_kind, subject, at, partner_id, is_malformed, cause, learned_at)
		select $1, n.subject, n.at, n.partner_id, n.malformed, n.cause::json, $7
		from unnest($2::text[], $3::timestamptz[], $4::text[], $5::bool[], $6::text[])
			as n (subject, at, partner_id, malformed, cause)
		on conflict (subject_kind, subject, at, learned_at) do update set
			partner_id = excluded.partner_id, is_malformed = excluded.is_malformed, cause = excluded.cause,
			superseded_at = null`,
		kind, pq.Array(newSubject), pq.Array(newAt), pq.Array(newID), pq.Array(newMalformed), pq.Array(newCause), now)
	return changed, since, err
}

// commonPrefix counts the points with which two histories begin alike.
func commonPrefix(a, b []Point) int {
	n := 0
	for n < len(a) && n < len(b) && a[n].At.Equal(b[n].At) && a[n].Value == b[n].Value && a[n].Cause.equal(b[n].Cause) {
		n++
	}
	return n
}

func (c Cause) equal(d Cause) bool {
	if c.Kind != d.Kind || c.ID != d.ID || c.From != d.From || !sameInstants(c.At, d.At) || !sameInstants(c.FromAt, d.FromAt) {
		return false
	}
	if c.Via == nil || d.Via == nil {
		return c.Via == d.Via
	}
	return c.Via.equal(*d.Via)
}

func sameInstants(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

func earliest(a, b []Point) time.Time {
	switch {
	case len(a) == 0:
		return b[0].At
	case len(b) == 0 || a[0].At.Before(b[0].At):
		return a[0].At
	}
	return b[0].At
}
