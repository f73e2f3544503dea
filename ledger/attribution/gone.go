package attribution

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// InvitedTo gives, of invitations by id, the Space that each named when it last named
// one, if Salesforce does not have that Space any more: it clears what leads there.
func InvitedTo(ctx context.Context, q sqlx.QueryerContext, invitations []string) (map[string]string, error) {
	return namedOfGone(ctx, q, "ledger.invitation", invitations)
}

// ConnectedTo gives, of connections by id, what InvitedTo gives of invitations.
func ConnectedTo(ctx context.Context, q sqlx.QueryerContext, connections []string) (map[string]string, error) {
	return namedOfGone(ctx, q, "ledger.connection", connections)
}

func namedOfGone(ctx context.Context, q sqlx.QueryerContext, table string, ids []string) (_ map[string]string, err error) {
	defer errs.Wrap(&err, "find the Spaces that rows of %s named", table)
	var rows []struct {
		ID      string `db:"id"`
		SpaceID string `db:"space_id"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select n.id, n.space_id from `+table+` n join ledger.space s on s.id = n.space_id
		where n.id = any($1) and (s.is_deleted or exists (
			select from ledger.vanished v where v.record_id = s.id and v.returned_at is null))`, pq.Array(ids)); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.ID] = r.SpaceID
	}
	return out, nil
}

// Naming gives the ids of the invitations and of the connections that name any of the
// Spaces, or did when they last named one.
func Naming(ctx context.Context, q sqlx.QueryerContext, spaces []string) (invitations, connections []string, err error) {
	defer errs.Wrap(&err, "find what names Spaces")
	if err := sqlx.SelectContext(ctx, q, &invitations, `select id from ledger.invitation where space_id = any($1)`, pq.Array(spaces)); err != nil {
		return nil, nil, err
	}
	err = sqlx.SelectContext(ctx, q, &connections, `select id from ledger.connection where space_id = any($1)`, pq.Array(spaces))
	return invitations, connections, err
}

// GoneSpaces gives those of Spaces that Salesforce does not have any more.
func GoneSpaces(ctx context.Context, q sqlx.QueryerContext, ids []string) (gone []string, err error) {
	defer errs.Wrap(&err, "find which of %d Spaces are gone", len(ids))
	if len(ids) == 0 {
		return nil, nil
	}
	err = sqlx.SelectContext(ctx, q, &gone, `
		select id from ledger.space where is_deleted and id = any((select $1::text[])::text[])
		union
		select record_id from ledger.vanished where returned_at is null and record_id = any((select $1::text[])::text[])`, pq.Array(ids))
	return gone, err
}
