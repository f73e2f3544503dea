package reconcile

import (
	"context"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/deal"
)

func (b *batch) customers(ctx context.Context) error {
	facts := make([]ledger.Customer, 0, len(b.records))
	ids := make([]string, 0, len(b.records))
	for _, r := range b.records {
		ids = append(ids, r.ID)
		f, ok := b.read(r)
		if !ok {
			continue
		}
		c := ledger.Customer{
			AccountID: r.ID, Name: f.Text("name"), Domain: ledger.RegistrableDomain(f.Text("website")), IsDeleted: r.IsDeleted, Modstamp: r.Modstamp,
		}
		if r.IsDeleted { // by the merge; what is undeleted is merged no more
			c.MasterAccountID = f.ID("master_account_id")
		}
		facts = append(facts, c)
	}
	return b.relinking(ctx, deal.Reached{Accounts: ids}, func() error { return b.saveCustomers(ctx, facts) })
}

func (b *batch) installs(ctx context.Context) error {
	facts := make([]attribution.Install, 0, len(b.records))
	for _, r := range b.records {
		f, ok := b.read(r, "org_id")
		if !ok {
			continue
		}
		installed, _ := f.Date("installed_on")
		expires, _ := f.Date("expires_on")
		facts = append(facts, attribution.Install{
			ID: r.ID, OrgID: f.ID("org_id"), Status: f.Text("status"), InstalledOn: installed, ExpiresOn: expires,
			IsSandbox: f.Bool("is_sandbox"), AccountID: f.ID("account_id"), LeadEmail: b.email(r, f.Text("lead_email")),
			IsDeleted: r.IsDeleted, Modstamp: r.Modstamp,
		})
	}
	// What earned by the Spaces of these installs until now may belong to another
	// customer from now on.
	spaces, err := attribution.OfInstalls(ctx, b.tx, facts)
	if err != nil {
		return err
	}
	if err := b.markSources(ctx, b.tx, spaces); err != nil {
		return err
	}
	return attribution.SaveInstalls(ctx, b.tx, facts, b.now)
}

func (b *batch) connections(ctx context.Context) error {
	facts := make([]attribution.Connection, 0, len(b.records))
	for _, r := range b.records {
		f, ok := b.read(r, "org_id")
		if !ok {
			continue
		}
		from, _ := f.Time("connected_at")
		to, _ := f.Time("disconnected_at")
		facts = append(facts, attribution.Connection{
			ID: r.ID, SpaceID: f.ID("space_id"), OrgID: f.ID("org_id"), ConnectedAt: from, DisconnectedAt: to,
			IsDeleted: r.IsDeleted, Modstamp: r.Modstamp,
		})
	}
	facts, err := keepLinks(ctx, b, "space_id", facts, attribution.ConnectedTo,
		func(c *attribution.Connection) (string, *string) { return c.ID, &c.SpaceID })
	if err != nil {
		return err
	}
	// As for installs: they may have given these Spaces another customer.
	spaces, err := attribution.OfConnections(ctx, b.tx, facts)
	if err != nil {
		return err
	}
	if err := b.markSources(ctx, b.tx, spaces); err != nil {
		return err
	}
	return attribution.SaveConnections(ctx, b.tx, facts, b.now)
}

func (b *batch) spaces(ctx context.Context) error {
	facts := make([]attribution.Space, 0, len(b.records))
	seen := make([]attribution.Observation, 0, len(b.records))
	ids := make([]string, 0, len(b.records))
	for _, r := range b.records {
		f, ok := b.read(r, "created_at")
		if !ok {
			continue
		}
		created, _ := f.Time("created_at")
		recorded, _ := f.Time("recorded_at")
		facts = append(facts, attribution.Space{
			ID: r.ID, Key: f.Text("space_key"), Name: f.Text("name"), AccountID: f.ID("account_id"),
			CreatedVia: f.Text("created_via"), CreatorEmail: b.email(r, f.Text("creator_email")), CreatedAt: created,
			RecordedAt: recorded, QuickStartOrgID: f.ID("quickstart_org_id"), IsDeleted: r.IsDeleted, Modstamp: r.Modstamp,
		})
		seen = append(seen, attribution.Observation{RecordID: r.ID, Raw: f.Text("partner_id"), Modstamp: r.Modstamp})
		ids = append(ids, r.ID)
	}
	// What earned by these Spaces until now may find others from now on; what will
	// earn by them is marked when their histories have been worked out.
	if err := b.markSources(ctx, b.tx, ids); err != nil {
		return err
	}
	if err := attribution.SaveSpaces(ctx, b.tx, facts, b.now); err != nil {
		return err
	}
	if err := attribution.SaveObservations(ctx, b.tx, attribution.KindSpace, seen, b.now); err != nil {
		return err
	}
	return b.settleNaming(ctx, ids)
}

func (b *batch) profiles(ctx context.Context) error {
	facts := make([]attribution.UserRecord, 0, len(b.records))
	seen := make([]attribution.Observation, 0, len(b.records))
	for _, r := range b.records {
		f, ok := b.read(r, "email", "registered_at")
		if !ok {
			continue
		}
		registered, _ := f.Time("registered_at")
		recorded, _ := f.Time("recorded_at")
		key := b.email(r, f.Text("email"))
		if key == "" {
			continue
		}
		facts = append(facts, attribution.UserRecord{
			ID: r.ID, Email: f.Text("email"), EmailKey: key, RegisteredAt: registered, RecordedAt: recorded,
			IsDeleted: r.IsDeleted, Modstamp: r.Modstamp,
		})
		seen = append(seen, attribution.Observation{RecordID: r.ID, Raw: f.Text("partner_id"), Modstamp: r.Modstamp})
	}
	if err := attribution.SaveUserRecords(ctx, b.tx, facts, b.now); err != nil {
		return err
	}
	return attribution.SaveObservations(ctx, b.tx, attribution.KindProfile, seen, b.now)
}

func (b *batch) invitations(ctx context.Context) error {
	facts := make([]attribution.Invitation, 0, len(b.records))
	for _, r := range b.records {
		f, ok := b.read(r, "email", "invited_at")
		if !ok {
			continue
		}
		invited, _ := f.Time("invited_at")
		key := b.email(r, f.Text("email"))
		if key == "" {
			continue
		}
		facts = append(facts, attribution.Invitation{
			ID: r.ID, SpaceID: f.ID("space_id"), EmailKey: key, InvitedAt: invited,
			IsDeleted: r.IsDeleted, Modstamp: r.Modstamp,
		})
	}
	facts, err := keepLinks(ctx, b, "space_id", facts, attribution.InvitedTo,
		func(v *attribution.Invitation) (string, *string) { return v.ID, &v.SpaceID })
	if err != nil {
		return err
	}
	return attribution.SaveInvitations(ctx, b.tx, facts, b.now)
}

func (b *batch) history(subject string) func(context.Context) error {
	return func(ctx context.Context) error {
		facts := make([]attribution.HistoryRow, 0, len(b.records))
		for _, r := range b.records {
			f, ok := b.read(r, "record_id", "at")
			if !ok {
				continue
			}
			at, _ := f.Time("at")
			facts = append(facts, attribution.HistoryRow{
				ID: r.ID, RecordID: f.ID("record_id"), Old: f.Text("old_value"), New: f.Text("new_value"), At: at,
			})
		}
		return attribution.SaveHistory(ctx, b.tx, subject, facts, b.now)
	}
}
