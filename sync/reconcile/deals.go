package reconcile

import (
	"context"
	"slices"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/mapping"
)

// registrations keeps what partners registered (R5.1). What Salesforce says of a
// registration that was made here is an echo, and no fact (R9.3).
func (b *batch) registrations(ctx context.Context) error {
	facts := make([]deal.Registration, 0, len(b.records))
	var ids, unreadable []string
	for _, r := range b.records {
		ids = append(ids, r.ID)
		f, ok := b.read(r)
		if !ok {
			unreadable = append(unreadable, r.ID)
			continue
		}
		facts = append(facts, registration(f, r.ID, r.IsDeleted))
		facts[len(facts)-1].Modstamp = r.Modstamp
	}
	facts, err := deal.WithoutEchoes(ctx, b.tx, facts)
	if err != nil {
		return err
	}
	return b.relinking(ctx, deal.Reached{Registrations: ids}, func() error {
		changed, err := deal.SaveRegistrations(ctx, b.tx, facts, b.now)
		if err != nil {
			return err
		}
		frozen, err := deal.MarkUnreadable(ctx, b.tx, unreadable)
		if err != nil {
			return err
		}
		if err := b.settleEngagements(ctx); err != nil {
			return err
		}
		return deal.FindCustomers(ctx, b.tx, append(changed, frozen...))
	})
}

// registration reads a fact; the words in it are as received.
func registration(f mapping.Record, id string, isDeleted bool) deal.Registration {
	submitted, _ := f.Time("submitted_at")
	decided, _ := f.Time("decided_at")
	r := deal.Registration{
		ID: id, Origin: deal.OriginSalesforce, Key: f.Text("registration_key"), PartnerID: f.Text("partner_id"),
		CustomerName: f.Text("customer_name"), EmailDomain: f.Text("email_domain"), AccountID: f.ID("account_id"),
		OpportunityID: f.ID("opportunity_id"), SpaceID: f.ID("space_id"), Involvement: f.Text("involvement"),
		Status: f.Text("status"), SubmittedAt: submitted, DecidedAt: decided, DecisionReason: f.Text("decision_reason"),
		Project: f.Text("project"), KeyPeople: f.Text("key_people"), UseCase: f.Text("use_case"),
		BusinessOutcome: f.Text("business_outcome"), Timeframe: f.Text("timeframe"), Priority: f.Text("priority"),
		Speculative: f.Bool("is_speculative"), IsDeleted: isDeleted,
	}
	if share, ok := f.Fraction("share"); ok {
		r.Share = &share
	}
	return r
}

// engagements keeps the evidence that partners took part, which Salesforce has
// recorded and which therefore counts at once (R5.7). It may come before its
// registration does.
func (b *batch) engagements(ctx context.Context) error {
	facts := make([]deal.Engagement, 0, len(b.records))
	for _, r := range b.records {
		f, ok := b.read(r, "engaged_on")
		if !ok {
			continue
		}
		on, _ := f.Date("engaged_on")
		facts = append(facts, deal.Engagement{
			ID: r.ID, RegistrationID: f.ID("registration_id"), On: on, Kind: f.Text("kind"), Notes: f.Text("notes"),
			RecordedBy: deal.BySalesforce, IsDeleted: r.IsDeleted, Modstamp: r.Modstamp,
		})
	}
	facts, err := keepLinks(ctx, b, "registration_id", facts, deal.EngagedFor,
		func(e *deal.Engagement) (string, *string) { return e.ID, &e.RegistrationID })
	if err != nil {
		return err
	}
	registrations, err := deal.SaveEngagements(ctx, b.tx, facts, b.now)
	if err != nil {
		return err
	}
	n, err := b.near(ctx, deal.Reached{Registrations: registrations})
	if err != nil {
		return err
	}
	return b.settleDeals(ctx, n)
}

// relinking saves facts that may change which registration covers which opportunity
// (R5.5). What a change cuts off is near only before it, and what it connects only
// after it, so both are asked for.
func (b *batch) relinking(ctx context.Context, changing deal.Reached, save func() error) error {
	before, err := b.near(ctx, changing)
	if err != nil {
		return err
	}
	if err := save(); err != nil {
		return err
	}
	after, err := b.near(ctx, changing)
	if err != nil {
		return err
	}
	return b.settleDeals(ctx, before.and(after))
}

// near is what registrations connect with a change: opportunities whose lines may
// become others, and registrations of which there may be something else to say.
type near struct{ opportunities, registrations []string }

func (n near) and(m near) near {
	return near{union(n.opportunities, m.opportunities), union(n.registrations, m.registrations)}
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// near asks what registrations connect with a change. Where there are none it costs
// one statement.
func (b *batch) near(ctx context.Context, r deal.Reached) (n near, err error) {
	if len(r.Opportunities)+len(r.Registrations)+len(r.Accounts) == 0 {
		return near{}, nil
	}
	if there, err := deal.Any(ctx, b.tx); err != nil || !there {
		return near{}, err
	}
	// What a renewal renews is another opportunity of its customer, which no
	// registration needs to know of (R3.5).
	if len(r.Opportunities) > 0 {
		others, err := revenue.OfSameCustomers(ctx, b.tx, r.Opportunities)
		if err != nil {
			return near{}, err
		}
		r.Opportunities = union(r.Opportunities, others)
	}
	n.opportunities, n.registrations, err = deal.Around(ctx, b.tx, r)
	return n, err
}

// settleDeals marks what is near a change, and says anew what there is to say of
// the registrations.
func (b *batch) settleDeals(ctx context.Context, n near) error {
	if err := book.MarkDue(ctx, b.tx, n.opportunities, b.now); err != nil {
		return err
	}
	if len(n.registrations) == 0 {
		return nil
	}
	plans, err := book.Plans(ctx, b.tx, book.DefaultPlan)
	if err != nil {
		return err
	}
	opened, err := deal.SettleFindings(ctx, b.tx, n.registrations, b.Zone, plans, b.now)
	b.opened += opened
	return err
}
