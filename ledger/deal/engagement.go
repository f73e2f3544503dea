package deal

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// SaveEngagements keeps the engagements that Salesforce states (R5.7): they count at
// once. A version older than the one that is kept is ignored. It gives the ids of
// the registrations whose evidence may have changed.
func SaveEngagements(ctx context.Context, tx *sqlx.Tx, es []Engagement, now time.Time) (registrations []string, err error) {
	defer errs.Wrap(&err, "save engagements")
	n := len(es)
	id, registration, on, kind := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	notes, actor, confirmed := make([]string, n), make([]string, n), make([]string, n)
	confirmedAt, deleted, modstamp := make([]*time.Time, n), make([]bool, n), make([]time.Time, n)
	for i, e := range es {
		id[i], registration[i], on[i], kind[i] = e.ID, e.RegistrationID, e.On.String(), e.Kind
		notes[i], actor[i], deleted[i], modstamp[i] = e.Notes, e.Actor, e.IsDeleted, e.Modstamp
		if confirmed[i] = e.ConfirmedBy; e.ConfirmedBy != "" {
			at := e.ConfirmedAt
			if at.IsZero() {
				at = now
			}
			confirmedAt[i] = &at
		}
	}
	// The registration that an engagement belonged to before has lost it.
	err = tx.SelectContext(ctx, &registrations, `
		with r as (
			select * from unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[],
				$8::timestamptz[], $9::bool[], $10::timestamptz[])
				as r (id, registration, engaged_on, kind, notes, actor, confirmed_by, confirmed_at, deleted, modstamp)),
		former as (
			select e.id, e.registration_id from r join ledger.engagement e on e.id = r.id),
		saved as (
			insert into ledger.engagement as e
				(id, registration_id, engaged_on, kind, notes, recorded_by, actor, confirmed_by, confirmed_at, is_deleted, modstamp)
			select id, registration, engaged_on, kind, notes, 'salesforce', actor, confirmed_by, confirmed_at, deleted, modstamp
			from r
			on conflict (id) do update set
				registration_id = excluded.registration_id, engaged_on = excluded.engaged_on, kind = excluded.kind,
				notes = excluded.notes, actor = excluded.actor, confirmed_by = excluded.confirmed_by,
				confirmed_at = excluded.confirmed_at, is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
			where excluded.modstamp >= e.modstamp and e.recorded_by = 'salesforce'
			returning e.id, e.registration_id)
		select registration_id from saved where registration_id <> ''
		union
		select f.registration_id from former f join saved s on s.id = f.id where f.registration_id <> ''
		order by 1`,
		pq.Array(id), pq.Array(registration), pq.Array(on), pq.Array(kind), pq.Array(notes), pq.Array(actor),
		pq.Array(confirmed), pq.Array(confirmedAt), pq.Array(deleted), pq.Array(modstamp))
	return registrations, err
}

// readEngagements gives the engagements of registrations, those that were deleted
// apart, in the order of days, then of ids.
func readEngagements(ctx context.Context, q sqlx.QueryerContext, registrations []string) (_ map[string][]Engagement, err error) {
	defer errs.Wrap(&err, "read engagements")
	out := map[string][]Engagement{}
	if len(registrations) == 0 {
		return out, nil
	}
	var rows []struct {
		ID             string     `db:"id"`
		RegistrationID string     `db:"registration_id"`
		On             clock.Date `db:"engaged_on"`
		Kind           string     `db:"kind"`
		Notes          string     `db:"notes"`
		RecordedBy     string     `db:"recorded_by"`
		Actor          string     `db:"actor"`
		ConfirmedBy    string     `db:"confirmed_by"`
		ConfirmedAt    *time.Time `db:"confirmed_at"`
		Modstamp       time.Time  `db:"modstamp"`
	}
	err = sqlx.SelectContext(ctx, q, &rows, `
		select id, registration_id, engaged_on, kind, notes, recorded_by, actor, confirmed_by, confirmed_at, modstamp
		from ledger.engagement where registration_id = any($1) and not is_deleted
		order by engaged_on, id collate "C"`, pq.Array(registrations))
	for _, r := range rows {
		out[r.RegistrationID] = append(out[r.RegistrationID], Engagement{
			ID: r.ID, RegistrationID: r.RegistrationID, On: r.On, Kind: r.Kind, Notes: r.Notes, RecordedBy: r.RecordedBy,
			Actor: r.Actor, ConfirmedBy: r.ConfirmedBy, ConfirmedAt: orZero(r.ConfirmedAt), Modstamp: r.Modstamp.UTC(),
		})
	}
	return out, err
}

// EngagedFor gives, of engagements by id, the registration that each named when it last
// named one, if Salesforce does not have that registration any more: it clears what
// leads there.
func EngagedFor(ctx context.Context, q sqlx.QueryerContext, engagements []string) (_ map[string]string, err error) {
	defer errs.Wrap(&err, "find the registrations that engagements named")
	var rows []struct {
		ID             string `db:"id"`
		RegistrationID string `db:"registration_id"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select e.id, e.registration_id from ledger.engagement e join ledger.registration r on r.id = e.registration_id
		where e.id = any($1) and (r.is_deleted or exists (
			select from ledger.vanished v where v.record_id = r.id and v.returned_at is null))`, pq.Array(engagements)); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.ID] = r.RegistrationID
	}
	return out, nil
}

// EngagementsOf gives the ids of the engagements that name any of the registrations, or
// did when they last named one.
func EngagementsOf(ctx context.Context, q sqlx.QueryerContext, registrations []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find engagements of registrations")
	err = sqlx.SelectContext(ctx, q, &ids, `select id from ledger.engagement where registration_id = any($1)`, pq.Array(registrations))
	return ids, err
}
