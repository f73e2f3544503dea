package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

// kindUnreadable is the discrepancy of a record that states no fact.
const kindUnreadable = "unreadable_record"

// batch is some staged records of one kind, each of them once.
type batch struct {
	*pass
	tx      *sqlx.Tx
	kind    mapping.Kind
	object  string
	records []staging.Record
	found   []ledger.Discrepancy
	opened  int64 // discrepancies of registrations that were opened
}

// reconcile keeps the batch's facts and settles which of its records are
// unreadable. It gives how many discrepancies were opened.
func (b *batch) reconcile(ctx context.Context) (opened int64, err error) {
	defer errs.Wrap(&err, "reconcile %s", b.object)
	save := map[mapping.Kind]func(context.Context) error{
		mapping.Customer:       b.customers,
		mapping.Install:        b.installs,
		mapping.Connection:     b.connections,
		mapping.Space:          b.spaces,
		mapping.Profile:        b.profiles,
		mapping.Invitation:     b.invitations,
		mapping.SpaceHistory:   b.history(attribution.KindSpace),
		mapping.ProfileHistory: b.history(attribution.KindProfile),
		mapping.Opportunity:    b.opportunities,
		mapping.Registration:   b.registrations,
		mapping.Engagement:     b.engagements,
	}[b.kind]
	if save == nil {
		return 0, errs.New(errs.Unknown, "nothing keeps facts of the kind %s", b.kind)
	}
	back, err := b.thereAgain(ctx)
	if err != nil {
		return 0, err
	}
	if err := b.holdVanished(ctx); err != nil {
		return 0, err
	}
	if err := save(ctx); err != nil {
		return 0, err
	}
	if err := b.relink(ctx, back); err != nil {
		return 0, err
	}
	ids := make([]string, len(b.records))
	for i, r := range b.records {
		ids[i] = r.ID
	}
	opened, err = ledger.SettleDiscrepancies(ctx, b.tx, []string{kindUnreadable, ledger.KindVanished}, ids, b.found, b.now)
	return opened + b.opened, err
}

// read decodes a record. When a value cannot be read, or one that the fact cannot
// do without is not there, the record becomes a discrepancy and ok is false: the
// fact stays what it was before.
func (b *batch) read(r staging.Record, needed ...string) (f mapping.Record, ok bool) {
	f, problems := b.Mapping.Decode(b.kind, r.Payload)
	var wrong []string
	for _, p := range problems {
		wrong = append(wrong, p.Error())
	}
	if len(problems) == 0 {
		for _, field := range needed {
			if !f.Has(field) {
				wrong = append(wrong, b.path(field)+" is blank")
			}
		}
	}
	if len(wrong) > 0 {
		b.unreadable(r, strings.Join(wrong, "; "))
	}
	return f, len(wrong) == 0
}

// rulesOf says which rule names what a kind of fact has to state.
var rulesOf = map[mapping.Kind]string{
	mapping.Opportunity: "R3.1", mapping.Registration: "R5.1", mapping.Engagement: "R5.7",
}

func (b *batch) unreadable(r staging.Record, why string) {
	rule := rulesOf[b.kind]
	if rule == "" {
		rule = "R2.6"
	}
	b.found = append(b.found, ledger.Discrepancy{
		Kind: kindUnreadable, Subject: r.ID, Object: b.object, Rule: rule, IsHold: b.kind == mapping.Opportunity,
		Detail: fmt.Sprintf("This record cannot be used: %s. Correct it in Salesforce; the next pull reads it again.", why),
	})
}

// path is the Salesforce name of a fact's field, for people.
func (b *batch) path(field string) string {
	if f, ok := b.Mapping.Fact(b.kind); ok {
		for _, m := range f.Fields {
			if m.Name == field {
				return strings.Join(m.Paths, " or ")
			}
		}
	}
	return field
}

// email gives the e-mail key of a text as received; one that is none makes the
// record's discrepancy, and "".
func (b *batch) email(r staging.Record, raw string) string {
	key, err := ledger.EmailKey(raw)
	if err != nil {
		b.unreadable(r, "its e-mail address is not one")
		return ""
	}
	return key
}

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

func (b *batch) opportunities(ctx context.Context) error {
	facts := make([]revenue.Opportunity, 0, len(b.records))
	ids := make([]string, 0, len(b.records))
	var unreadable []string
	for _, r := range b.records {
		ids = append(ids, r.ID)
		o, ok := b.opportunity(r)
		if !ok {
			unreadable = append(unreadable, r.ID)
			continue
		}
		facts = append(facts, o)
	}
	return b.relinking(ctx, deal.Reached{Opportunities: ids}, func() error {
		changed, err := revenue.SaveOpportunities(ctx, b.tx, facts)
		if err != nil {
			return err
		}
		frozen, err := revenue.MarkUnreadable(ctx, b.tx, unreadable)
		if err != nil {
			return err
		}
		changed = append(changed, frozen...)
		if err := revenue.FindCustomers(ctx, b.tx, changed); err != nil {
			return err
		}
		if _, err := revenue.FindSpaces(ctx, b.tx, changed); err != nil {
			return err
		}
		return book.MarkDue(ctx, b.tx, changed, b.now)
	})
}

// opportunity reads a record; one that cannot be read is a discrepancy.
func (b *batch) opportunity(r staging.Record) (_ revenue.Opportunity, ok bool) {
	f, ok := b.read(r, "close_date")
	if !ok {
		return revenue.Opportunity{}, false
	}
	currency := b.Currency
	if f.Has("currency") {
		var err error
		if currency, err = money.ParseCurrency(f.Text("currency")); err != nil {
			b.unreadable(r, err.Error())
			return revenue.Opportunity{}, false
		}
	}
	closes, _ := f.Date("close_date")
	created, _ := f.Time("created_at")
	return revenue.Opportunity{
		ID: r.ID, Name: f.Text("name"), AccountID: f.ID("account_id"), SpaceID: f.ID("space_id"),
		Amount: amount(f, "amount"), Currency: currency, CloseDate: closes, Stage: f.Text("stage"),
		IsClosed: f.Bool("is_closed"), IsWon: f.Bool("is_won"), Type: f.Text("type"), CreatedAt: created,
		ServiceStart: date(f, "service_start"), ServiceEnd: date(f, "service_end"),
		NetNewAmount: amount(f, "net_new_amount"), RegistrationID: f.ID("registration_id"),
		IsDeleted: r.IsDeleted, Modstamp: r.Modstamp, SeenAt: r.PulledAt,
	}, true
}

func amount(f mapping.Record, field string) *decimal.Decimal {
	d, ok := f.Decimal(field)
	if !ok {
		return nil
	}
	return &d
}

func date(f mapping.Record, field string) clock.Date {
	d, ok := f.Date(field)
	if !ok {
		return clock.Date{}
	}
	return d
}
