package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// SaveConnections keeps what records state of orgs connected to Spaces, and marks
// the Spaces that have another customer because of it.
func SaveConnections(ctx context.Context, tx *sqlx.Tx, cs []Connection, now time.Time) (err error) {
	defer errs.Wrap(&err, "save connections")
	spaces, err := OfConnections(ctx, tx, cs)
	if err != nil {
		return err
	}
	c := newColumns(len(cs), 3)
	from, to := make([]*time.Time, len(cs)), make([]*time.Time, len(cs))
	deleted, modstamp := make([]bool, len(cs)), make([]time.Time, len(cs))
	for i, v := range cs {
		c.row(i, v.ID, v.SpaceID, v.OrgID)
		from[i], to[i] = pg.OrNull(v.ConnectedAt), pg.OrNull(v.DisconnectedAt)
		deleted[i], modstamp[i] = v.IsDeleted, v.Modstamp
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.connection as n (id, space_id, org_id, connected_at, disconnected_at, is_deleted, modstamp)
		select id, space, org, connected, disconnected, deleted, modstamp
		from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bool[], $7::timestamptz[])
			as r (id, space, org, connected, disconnected, deleted, modstamp)
		on conflict (id) do update set
			space_id = excluded.space_id, org_id = excluded.org_id, connected_at = excluded.connected_at,
			disconnected_at = excluded.disconnected_at, is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
		where excluded.modstamp >= n.modstamp`,
		c.array(0), c.array(1), c.array(2), pq.Array(from), pq.Array(to), pq.Array(deleted), pq.Array(modstamp)); err != nil {
		return err
	}
	changed, err := resolve(ctx, tx, spaces)
	if err != nil {
		return err
	}
	return MarkSpaces(ctx, tx, changed, now)
}

// OfConnections gives the ids of the Spaces that the connections name, and that
// they named until now.
func OfConnections(ctx context.Context, q sqlx.QueryerContext, cs []Connection) (ids []string, err error) {
	defer errs.Wrap(&err, "find Spaces of connections")
	spaces, connections := make([]string, len(cs)), make([]string, len(cs))
	for i, c := range cs {
		spaces[i], connections[i] = c.SpaceID, c.ID
	}
	err = sqlx.SelectContext(ctx, q, &ids, `
		select unnest($1::text[]) union select n.space_id from ledger.connection n where n.id = any($2)`,
		pq.Array(spaces), pq.Array(connections))
	return ids, err
}
