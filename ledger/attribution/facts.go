package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
)

// Space is what a Space's record states.
type Space struct {
	ID              string
	Key             string // Space_Key__c
	Name            string
	AccountID       string
	CreatedVia      string // QuickStart or Manual
	CreatorEmail    string // e-mail key
	CreatedAt       time.Time
	RecordedAt      time.Time // when the record was made in Salesforce; zero if not known
	QuickStartOrgID string    // 18 characters
	IsDeleted       bool
	Modstamp        time.Time
}

// QuickStart is the value of CreatedVia of a Space that a QuickStart created (R2.3).
const QuickStart = "QuickStart"

// UserRecord is what a user's record states. Its profile is found by e-mail key.
type UserRecord struct {
	ID           string
	Email        string // as received
	EmailKey     string
	RegisteredAt time.Time
	RecordedAt   time.Time // when the record was made in Salesforce; zero if not known
	IsDeleted    bool
	Modstamp     time.Time
}

// Invitation is what an invitation's record states.
type Invitation struct {
	ID        string
	SpaceID   string
	EmailKey  string
	InvitedAt time.Time
	IsDeleted bool
	Modstamp  time.Time
}

// Install is what a licence record states of an org that has the package.
type Install struct {
	ID          string
	OrgID       string // 18 characters (R1.3)
	Status      string
	InstalledOn clock.Date
	ExpiresOn   clock.Date
	IsSandbox   bool
	AccountID   string
	LeadEmail   string // e-mail key
	IsDeleted   bool
	Modstamp    time.Time
}

// Connection is what a record states of an org that is connected to a Space.
type Connection struct {
	ID             string
	SpaceID        string
	OrgID          string // 18 characters
	ConnectedAt    time.Time
	DisconnectedAt time.Time // zero while it is connected
	IsDeleted      bool
	Modstamp       time.Time
}

// SaveSpaces keeps what Spaces state, ignoring versions older than those kept,
// and marks what their Partner IDs depend on.
func SaveSpaces(ctx context.Context, tx *sqlx.Tx, ss []Space, now time.Time) (err error) {
	defer errs.Wrap(&err, "save Spaces")
	c := newColumns(len(ss), 8)
	created, modstamp := make([]time.Time, len(ss)), make([]time.Time, len(ss))
	recorded, deleted := make([]*time.Time, len(ss)), make([]bool, len(ss))
	for i, s := range ss {
		c.row(i, s.ID, s.Key, s.Name, s.AccountID, s.CreatedVia, s.CreatorEmail, s.QuickStartOrgID)
		created[i], modstamp[i], deleted[i] = s.CreatedAt, s.Modstamp, s.IsDeleted
		recorded[i] = pg.OrNull(s.RecordedAt)
	}
	// Before the write: the creator whom a Space had until now may no longer have
	// run this QuickStart.
	if err := markCreators(ctx, tx, c[0], now); err != nil {
		return err
	}
	if err := markTies(ctx, tx, c[0], c[1], now); err != nil {
		return err
	}
	// Which of them came late makes no difference: all of these are resolved anew.
	if _, err := ledger.KeepNamedAccounts(ctx, tx, ledger.SpaceNamesAccount, c[0], c[3], modstamp); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.space as s (id, space_key, name, account_id, first_account_id, first_account_at, customer_id,
			created_via, creator_email, created_at, quickstart_org_id, is_deleted, modstamp, recorded_at, deleted_at)
		select id, key, name, account, account, case when account <> '' then modstamp end, account,
			via, creator, created, org, deleted, modstamp, recorded, case when deleted then modstamp end
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
			$8::timestamptz[], $9::bool[], $10::timestamptz[], $11::timestamptz[])
			as r (id, key, name, account, via, creator, org, created, deleted, modstamp, recorded)
		on conflict (id) do update set
			space_key = excluded.space_key, name = excluded.name, account_id = excluded.account_id,
			first_account_id = case s.first_account_id when '' then excluded.account_id else s.first_account_id end,
			first_account_at = case s.first_account_id when '' then excluded.first_account_at else s.first_account_at end,
			created_via = excluded.created_via, creator_email = excluded.creator_email,
			created_at = excluded.created_at, quickstart_org_id = excluded.quickstart_org_id,
			is_deleted = excluded.is_deleted, modstamp = excluded.modstamp, recorded_at = excluded.recorded_at,
			deleted_at = case when excluded.is_deleted and not s.is_deleted then excluded.modstamp else s.deleted_at end,
			restored_at = case when excluded.is_deleted then null when s.is_deleted then excluded.modstamp else s.restored_at end
		where excluded.modstamp >= s.modstamp`,
		c.array(0), c.array(1), c.array(2), c.array(3), c.array(4), c.array(5), c.array(6),
		pq.Array(created), pq.Array(deleted), pq.Array(modstamp), pq.Array(recorded)); err != nil {
		return err
	}
	return resolveAndMark(ctx, tx, c[0], now)
}

// SaveUserRecords keeps what users' records state, and marks the profiles that
// their addresses stood for before and stand for now. The e-mail key under which a
// record is first seen stays its profile; every later one is an alias (R2.10).
func SaveUserRecords(ctx context.Context, tx *sqlx.Tx, us []UserRecord, now time.Time) (err error) {
	defer errs.Wrap(&err, "save user records")
	c := newColumns(len(us), 3)
	registered, modstamp := make([]time.Time, len(us)), make([]time.Time, len(us))
	recorded, deleted := make([]*time.Time, len(us)), make([]bool, len(us))
	for i, u := range us {
		c.row(i, u.ID, u.Email, u.EmailKey)
		registered[i], modstamp[i], deleted[i] = u.RegisteredAt, u.Modstamp, u.IsDeleted
		recorded[i] = pg.OrNull(u.RecordedAt)
	}
	if err := markAddresses(ctx, tx, c[2], now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.profile_record as p (id, email, profile, email_key, registered_at, is_deleted, modstamp, recorded_at)
		select id, email, key, key, registered, deleted, modstamp, recorded
		from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bool[], $6::timestamptz[], $7::timestamptz[])
			as r (id, email, key, registered, deleted, modstamp, recorded)
		on conflict (id) do update set
			email = excluded.email, email_key = excluded.email_key, registered_at = excluded.registered_at,
			is_deleted = excluded.is_deleted, modstamp = excluded.modstamp, recorded_at = excluded.recorded_at
		where excluded.modstamp >= p.modstamp`,
		c.array(0), c.array(1), c.array(2), pq.Array(registered), pq.Array(deleted), pq.Array(modstamp),
		pq.Array(recorded)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.profile_alias (email_key, profile, record_id)
		select r.key, p.profile, p.id from unnest($1::text[], $2::text[]) as r (id, key)
		join ledger.profile_record p on p.id = r.id
		on conflict do nothing`, c.array(0), c.array(2)); err != nil {
		return err
	}
	if err := markRecords(ctx, tx, c[0], now); err != nil {
		return err
	}
	if err := markAddresses(ctx, tx, c[2], now); err != nil {
		return err
	}
	// A new address may be that of a creator whom nobody knew so far.
	return markSpacesOfCreators(ctx, tx, c[2], now)
}

// SaveInvitations keeps what invitations state, and marks the profiles invited.
func SaveInvitations(ctx context.Context, tx *sqlx.Tx, vs []Invitation, now time.Time) (err error) {
	defer errs.Wrap(&err, "save invitations")
	c := newColumns(len(vs), 3)
	invited, modstamp := make([]time.Time, len(vs)), make([]time.Time, len(vs))
	deleted := make([]bool, len(vs))
	for i, v := range vs {
		c.row(i, v.ID, v.SpaceID, v.EmailKey)
		invited[i], modstamp[i], deleted[i] = v.InvitedAt, v.Modstamp, v.IsDeleted
	}
	if err := markInvited(ctx, tx, c[0], now); err != nil { // whom it invited until now
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.invitation as v (id, space_id, email_key, invited_at, is_deleted, modstamp)
		select id, space, key, invited, deleted, modstamp
		from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bool[], $6::timestamptz[])
			as r (id, space, key, invited, deleted, modstamp)
		on conflict (id) do update set
			space_id = excluded.space_id, email_key = excluded.email_key, invited_at = excluded.invited_at,
			is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
		where excluded.modstamp >= v.modstamp`,
		c.array(0), c.array(1), c.array(2), pq.Array(invited), pq.Array(deleted), pq.Array(modstamp)); err != nil {
		return err
	}
	return markInvited(ctx, tx, c[0], now)
}

// SaveInstalls keeps what licence records state, and marks the Spaces that were
// created by a QuickStart in their orgs.
func SaveInstalls(ctx context.Context, tx *sqlx.Tx, is []Install, now time.Time) (err error) {
	defer errs.Wrap(&err, "save installs")
	c := newColumns(len(is), 5)
	spaces, err := OfInstalls(ctx, tx, is)
	if err != nil {
		return err
	}
	// Before the write, as for Spaces: the Lead may have been another.
	if err := markCreators(ctx, tx, spaces, now); err != nil {
		return err
	}
	installed, expires := make([]clock.Date, len(is)), make([]clock.Date, len(is))
	sandbox, deleted := make([]bool, len(is)), make([]bool, len(is))
	modstamp := make([]time.Time, len(is))
	for i, v := range is {
		c.row(i, v.ID, v.OrgID, v.Status, v.AccountID, v.LeadEmail)
		installed[i], expires[i] = v.InstalledOn, v.ExpiresOn
		sandbox[i], deleted[i], modstamp[i] = v.IsSandbox, v.IsDeleted, v.Modstamp
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.install as n (id, org_id, status, installed_on, expires_on, is_sandbox, account_id,
			lead_email, is_deleted, modstamp)
		select id, org, status, installed, expires, sandbox, account, lead, deleted, modstamp
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::date[],
			$8::bool[], $9::bool[], $10::timestamptz[])
			as r (id, org, status, account, lead, installed, expires, sandbox, deleted, modstamp)
		on conflict (id) do update set
			org_id = excluded.org_id, status = excluded.status, installed_on = excluded.installed_on,
			expires_on = excluded.expires_on, is_sandbox = excluded.is_sandbox, account_id = excluded.account_id,
			lead_email = excluded.lead_email, is_deleted = excluded.is_deleted, modstamp = excluded.modstamp
		where excluded.modstamp >= n.modstamp`,
		c.array(0), c.array(1), c.array(2), c.array(3), c.array(4), pq.Array(installed), pq.Array(expires),
		pq.Array(sandbox), pq.Array(deleted), pq.Array(modstamp)); err != nil {
		return err
	}
	return resolveAndMark(ctx, tx, spaces, now)
}

// resolveAndMark resolves Spaces and marks them and those who ran their QuickStarts.
func resolveAndMark(ctx context.Context, tx *sqlx.Tx, spaces []string, now time.Time) error {
	if err := Resolve(ctx, tx, spaces); err != nil {
		return err
	}
	if err := markCreators(ctx, tx, spaces, now); err != nil {
		return err
	}
	return MarkSpaces(ctx, tx, spaces, now)
}

// OfAccounts gives the ids of the Spaces that name any of the Accounts, or one
// that merges have made one customer with them, now or when first seen.
func OfAccounts(ctx context.Context, q sqlx.QueryerContext, accounts []string) (ids []string, err error) {
	defer errs.Wrap(&err, "find Spaces of accounts")
	err = sqlx.SelectContext(ctx, q, &ids, `
		with kin (id) as (select ledger.kin($1))
		select s.id from kin join ledger.space s on s.account_id = kin.id and s.account_id <> ''
		union select s.id from kin join ledger.space s on s.first_account_id = kin.id and s.first_account_id <> ''
		union select s.id from kin join ledger.space s on s.customer_id = kin.id and s.customer_id <> ''`, pq.Array(accounts))
	return ids, err
}

// OfInstalls gives the ids of the Spaces that a QuickStart created in the orgs of
// the installs, or to which these are connected: the orgs that they state, and
// those that they stated until now.
func OfInstalls(ctx context.Context, q sqlx.QueryerContext, is []Install) (ids []string, err error) {
	defer errs.Wrap(&err, "find Spaces of installs")
	orgs, installs := make([]string, len(is)), make([]string, len(is))
	for i, v := range is {
		orgs[i], installs[i] = v.OrgID, v.ID
	}
	err = sqlx.SelectContext(ctx, q, &ids, `
		with org (id) as (select unnest($1::text[]) union select n.org_id from ledger.install n where n.id = any($2))
		select s.id from org join ledger.space s on s.quickstart_org_id = org.id and s.quickstart_org_id <> ''
		union select c.space_id from org join ledger.connection c on c.org_id = org.id`,
		pq.Array(orgs), pq.Array(installs))
	return ids, err
}

// HeldBy gives the ids of the Spaces on which any of the Partner IDs sits or sat,
// as far as is believed now.
func HeldBy(ctx context.Context, q sqlx.QueryerContext, partnerIDs []string) (spaces []string, err error) {
	defer errs.Wrap(&err, "find Spaces held by %v", partnerIDs)
	err = sqlx.SelectContext(ctx, q, &spaces, `
		select distinct subject from ledger.holding
		where partner_id = any($1) and subject_kind = 'space' and superseded_at is null`, pq.Array(partnerIDs))
	return spaces, err
}

// columns are the text columns of rows that are saved together.
type columns [][]string

func newColumns(rows, n int) columns {
	c := make(columns, n)
	for i := range c {
		c[i] = make([]string, rows)
	}
	return c
}

func (c columns) row(i int, values ...string) {
	for j, v := range values {
		c[j][i] = v
	}
}

func (c columns) array(j int) any { return pq.Array(c[j]) }
