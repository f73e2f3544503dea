package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// The kinds of subject that have a Partner ID history.
const (
	KindSpace   = "space"
	KindProfile = "profile"
)

// profileOf is the SQL for the profile that an e-mail key stands for (R2.10), as
// ledger.profile_of gives it. Postgres starts every call of that function anew,
// which takes longer than all the rest of a row.
func profileOf(key string) string {
	return `coalesce(
		(select r_.profile from ledger.profile_record r_ where r_.profile = ` + key + ` limit 1),
		(select min(a_.profile) from ledger.profile_alias a_ where a_.email_key = ` + key + `), ` + key + `)`
}

// MarkSpaces asks for the Spaces' histories to be worked out anew.
func MarkSpaces(ctx context.Context, tx *sqlx.Tx, ids []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark Spaces")
	return mark(ctx, tx, now, `
		select 'space', s.id, s.created_at from ledger.space s where s.id = any($2)`, pq.Array(ids))
}

// markSpacesOfCreators marks the Spaces that name any of the e-mail keys as creator.
func markSpacesOfCreators(ctx context.Context, tx *sqlx.Tx, keys []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark Spaces of creators")
	return mark(ctx, tx, now, `
		select 'space', s.id, s.created_at from ledger.space s where s.creator_key = any($2) and s.creator_key <> ''`,
		pq.Array(keys))
}

// markCreators marks the profiles that QuickStarts of the Spaces register (R2.3).
func markCreators(ctx context.Context, tx *sqlx.Tx, spaces []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark profiles of creators")
	return mark(ctx, tx, now, `
		select 'profile', k, min(created_at)
		from (select `+profileOf(`s.creator_key`)+` as k, s.created_at from ledger.space s
			where s.id = any($2) and s.created_via = $3 and s.creator_key <> '') as m
		group by k`, pq.Array(spaces), QuickStart)
}

// markAddresses marks the profiles of e-mail keys: the one that each stands for,
// and the one that would be its own.
func markAddresses(ctx context.Context, tx *sqlx.Tx, keys []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark profiles of addresses")
	return mark(ctx, tx, now, `
		select distinct 'profile', m.k, coalesce(p.registered_at, 'infinity')
		from unnest($2::text[]) as a (key) cross join lateral (values (a.key), (`+profileOf(`a.key`)+`)) as m (k)
		left join ledger.profile p on p.email_key = m.k`,
		pq.Array(keys))
}

// markTies marks the profiles invited to Spaces whose key changes: the smaller key
// decides between invitations of one instant (R2.1).
func markTies(ctx context.Context, tx *sqlx.Tx, spaces, keys []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark profiles invited to Spaces with a new key")
	return mark(ctx, tx, now, `
		select 'profile', m.k, min(m.invited_at)
		from (
			select `+profileOf(`v.email_key`)+` as k, v.invited_at
			from unnest($2::text[], $3::text[]) as r (id, key)
			join ledger.space s on s.id = r.id and s.space_key <> r.key
			join ledger.invitation v on v.space_id = s.id) as m
		group by m.k`, pq.Array(spaces), pq.Array(keys))
}

// markRecords marks the profiles of user records.
func markRecords(ctx context.Context, tx *sqlx.Tx, records []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark profiles of user records")
	return mark(ctx, tx, now, `
		select 'profile', r.profile, min(r.registered_at)
		from ledger.profile_record r where r.id = any($2) group by r.profile`, pq.Array(records))
}

// markInvited marks the profiles that invitations went to.
func markInvited(ctx context.Context, tx *sqlx.Tx, invitations []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark profiles of invitations")
	return mark(ctx, tx, now, `
		select 'profile', k, min(invited_at)
		from (select `+profileOf(`v.email_key`)+` as k, v.invited_at from ledger.invitation v where v.id = any($2)) as m
		group by k`, pq.Array(invitations))
}

// markDownstream marks what follows from changed subjects: of a profile, the
// Spaces that its user created at or after its change; of a Space, the profiles
// that were invited to it and registered after its change (R2.9).
func markDownstream(ctx context.Context, tx *sqlx.Tx, kind string, subjects []string, since []time.Time, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark what lies downstream")
	if kind == KindProfile {
		return mark(ctx, tx, now, `
			select 'space', s.id, s.created_at
			from unnest($2::text[], $3::timestamptz[]) as c (key, since)
			join ledger.space s on s.creator_key = c.key and s.creator_key <> '' and s.created_at >= c.since
			union
			select 'space', s.id, s.created_at
			from unnest($2::text[], $3::timestamptz[]) as c (key, since)
			join ledger.profile_alias l on l.profile = c.key
			join ledger.space s on s.creator_key = l.email_key and s.creator_key <> '' and s.created_at >= c.since`,
			pq.Array(subjects), pq.Array(since))
	}
	return mark(ctx, tx, now, `
		select 'profile', m.k, min(p.registered_at)
		from (
			select `+profileOf(`v.email_key`)+` as k, v.invited_at, c.since
			from unnest($2::text[], $3::timestamptz[]) as c (id, since)
			join ledger.invitation v on v.space_id = c.id) as m
		join ledger.profile p on p.email_key = m.k and p.registered_at >= m.since and p.registered_at >= m.invited_at
		group by m.k`, pq.Array(subjects), pq.Array(since))
}

// mark inserts what a SELECT of (kind, subject, origin) gives. $1 is now. A mark
// that is there already is written again, because its lock makes whoever takes it
// wait until the fact behind it is committed.
func mark(ctx context.Context, tx *sqlx.Tx, now time.Time, selection string, args ...any) error {
	_, err := tx.ExecContext(ctx, `
		insert into ledger.replay (subject_kind, subject, origin, marked_at)
		select m.kind, m.subject, m.origin, $1 from (`+selection+`) as m (kind, subject, origin)
		order by m.kind, m.subject
		on conflict (subject_kind, subject) do update set
			marked_at = excluded.marked_at, origin = least(replay.origin, excluded.origin)`, append([]any{now}, args...)...)
	return err
}
