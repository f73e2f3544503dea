package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// readSpaceFacts gathers what decides about Spaces, in bulk.
func readSpaceFacts(ctx context.Context, tx *sqlx.Tx, ids []string) (_ []spaceFacts, err error) {
	defer errs.Wrap(&err, "read facts of Spaces")
	var rows []struct {
		ID         string    `db:"id"`
		CreatedAt  time.Time `db:"created_at"`
		RecordedAt time.Time `db:"recorded_at"`
		CreatedVia string    `db:"created_via"`
		Creator    string    `db:"creator_email"`
		Lead       string    `db:"lead_email"`
		Profile    string    `db:"profile"`
	}
	if err := tx.SelectContext(ctx, &rows, `
		select s.id, s.created_at, coalesce(s.recorded_at, s.created_at) as recorded_at, s.created_via, s.creator_email,
			coalesce(i.lead_email, '') as lead_email,
			case s.creator_key when '' then '' else `+profileOf(`s.creator_key`)+` end as profile
		from ledger.space s
		left join lateral (
			select n.lead_email from ledger.install n
			where n.org_id = s.quickstart_org_id and s.quickstart_org_id <> '' and n.lead_email <> ''
			order by n.installed_on, n.id limit 1) as i on true
		where s.id = any($1) order by s.created_at, s.id`, pq.Array(ids)); err != nil {
		return nil, err
	}
	statements, err := readAllStatements(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	profiles := make([]string, len(rows))
	for i, r := range rows {
		profiles[i] = r.Profile
	}
	upstream, err := ProfileHistories(ctx, tx, profiles)
	if err != nil {
		return nil, err
	}
	horizon, err := horizons(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := make([]spaceFacts, len(rows))
	for i, r := range rows {
		out[i] = spaceFacts{
			id: r.ID, createdAt: r.CreatedAt.UTC(), recordedAt: r.RecordedAt.UTC(), isQuickStart: r.CreatedVia == QuickStart,
			creator: r.Creator, installLead: r.Lead, profile: r.Profile,
			profilePoints: upstream[r.Profile], statements: statements[r.ID], horizon: horizon[KindSpace],
		}
	}
	return out, nil
}

// readProfileFacts gathers what decides about profiles, in bulk. A key for which
// there is nothing gives facts from which no profile follows.
func readProfileFacts(ctx context.Context, tx *sqlx.Tx, keys []string) (_ []profileFacts, err error) {
	defer errs.Wrap(&err, "read facts of profiles")
	horizon, err := horizons(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := make([]profileFacts, len(keys))
	at := make(map[string]*profileFacts, len(keys))
	for i, k := range keys {
		out[i].key, out[i].horizon = k, horizon[KindProfile]
		at[k] = &out[i]
	}
	if err := addRecords(ctx, tx, keys, at); err != nil {
		return nil, err
	}
	// The addresses of a profile: its own, and all that its records ever had.
	var addresses []struct {
		Address string `db:"address"`
		Profile string `db:"profile"`
	}
	if err := tx.SelectContext(ctx, &addresses, `
		select a.address, `+profileOf(`a.address`)+` as profile from (
			select k as address from unnest($1::text[]) as k
			union select l.email_key from ledger.profile_alias l where l.profile = any($1)) as a`,
		pq.Array(keys)); err != nil {
		return nil, err
	}
	owner := make(map[string]*profileFacts, len(addresses))
	all := make([]string, 0, len(addresses))
	for _, a := range addresses {
		if f := at[a.Profile]; f != nil {
			owner[a.Address] = f
			all = append(all, a.Address)
		}
	}
	if err := addQuickStarts(ctx, tx, all, owner); err != nil {
		return nil, err
	}
	return out, addInvitations(ctx, tx, all, owner)
}

func addRecords(ctx context.Context, tx *sqlx.Tx, keys []string, at map[string]*profileFacts) error {
	var records []profileRecord
	if err := tx.SelectContext(ctx, &records, `
		select id, profile, registered_at, coalesce(recorded_at, registered_at) as recorded_at, is_deleted
		from ledger.profile_record where profile = any($1)`,
		pq.Array(keys)); err != nil {
		return err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	statements, err := readAllStatements(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, r := range records {
		r.RegisteredAt, r.RecordedAt = r.RegisteredAt.UTC(), r.RecordedAt.UTC()
		r.statements = statements[r.ID]
		at[r.Profile].records = append(at[r.Profile].records, r)
	}
	return nil
}

func addQuickStarts(ctx context.Context, tx *sqlx.Tx, addresses []string, owner map[string]*profileFacts) error {
	var rows []struct {
		Creator   string    `db:"creator_key"`
		CreatedAt time.Time `db:"created_at"`
	}
	if err := tx.SelectContext(ctx, &rows, `
		select creator_key, min(created_at) as created_at from ledger.space
		where creator_key = any($1) and creator_key <> '' and created_via = $2
		group by creator_key`, pq.Array(addresses), QuickStart); err != nil {
		return err
	}
	for _, r := range rows {
		owner[r.Creator].quickStarts = append(owner[r.Creator].quickStarts, r.CreatedAt.UTC())
	}
	return nil
}

func addInvitations(ctx context.Context, tx *sqlx.Tx, addresses []string, owner map[string]*profileFacts) error {
	var rows []struct {
		ID        string     `db:"id"`
		Email     string     `db:"email_key"`
		SpaceID   string     `db:"space_id"`
		InvitedAt time.Time  `db:"invited_at"`
		SpaceKey  string     `db:"space_key"`
		CreatedAt *time.Time `db:"created_at"` // null while the Space is unknown
	}
	if err := tx.SelectContext(ctx, &rows, `
		select v.id, v.email_key, v.space_id, v.invited_at, coalesce(s.space_key, '') as space_key, s.created_at
		from ledger.invitation v left join ledger.space s on s.id = v.space_id
		where v.email_key = any($1)`, pq.Array(addresses)); err != nil {
		return err
	}
	spaces := make([]string, len(rows))
	for i, r := range rows {
		spaces[i] = r.SpaceID
	}
	upstream, err := SpaceHistories(ctx, tx, spaces)
	if err != nil {
		return err
	}
	for _, r := range rows {
		v := invitation{
			id: r.ID, spaceID: r.SpaceID, spaceKey: r.SpaceKey, at: r.InvitedAt.UTC(), spaceHistory: upstream[r.SpaceID],
		}
		if r.CreatedAt != nil {
			v.spaceCreatedAt = r.CreatedAt.UTC()
		}
		owner[r.Email].invitations = append(owner[r.Email].invitations, v)
	}
	return nil
}

func readAllStatements(ctx context.Context, tx *sqlx.Tx, records []string) (map[string][]Statement, error) {
	var rows []struct {
		RecordID string `db:"record_id"`
		Statement
	}
	if err := tx.SelectContext(ctx, &rows, `
		select record_id, source, source_id, at, old_value, new_value, learned_at
		from ledger.statement_of_id where record_id = any($1)`, pq.Array(records)); err != nil {
		return nil, err
	}
	out := make(map[string][]Statement, len(records))
	for _, r := range rows {
		r.At = r.At.UTC()
		out[r.RecordID] = append(out[r.RecordID], r.Statement)
	}
	return out, nil
}
