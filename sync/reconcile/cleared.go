package reconcile

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

// keepLinks gives the facts that have a link without which they are none. Salesforce
// clears the lookups to what is deleted, and a deletion ends nothing (R2.11): of a blank
// one whose fact led to what is gone, what it said is kept. Any other is unreadable.
func keepLinks[F any](ctx context.Context, b *batch, field string, facts []F,
	toGone func(context.Context, sqlx.QueryerContext, []string) (map[string]string, error), link func(*F) (id string, to *string),
) ([]F, error) {
	var blank []string
	for i := range facts {
		if id, to := link(&facts[i]); *to == "" {
			blank = append(blank, id)
		}
	}
	if len(blank) == 0 {
		return facts, nil
	}
	kept, err := toGone(ctx, b.tx, blank)
	if err != nil {
		return nil, err
	}
	out := facts[:0]
	for _, f := range facts {
		id, to := link(&f)
		if *to == "" {
			*to = kept[id]
		}
		if *to == "" {
			b.unreadable(staging.Record{ID: id}, b.path(field)+" is blank")
			continue
		}
		out = append(out, f)
	}
	return out, nil
}

// settleNaming works out anew what named the batch's Spaces before Salesforce cleared
// that: opportunities, and invitations and connections that seemed to be unreadable.
func (b *batch) settleNaming(ctx context.Context, spaces []string) error {
	cleared, err := revenue.ClearedOf(ctx, b.tx, spaces)
	if err != nil {
		return err
	}
	if len(cleared) > 0 {
		// What renews them is near them before and after (R3.5).
		if err := b.relinking(ctx, deal.Reached{Opportunities: cleared}, func() error {
			changed, err := revenue.FindSpaces(ctx, b.tx, cleared)
			if err != nil {
				return err
			}
			return book.MarkDue(ctx, b.tx, changed, b.now)
		}); err != nil {
			return err
		}
	}
	gone := b.gone()
	if len(gone) == 0 {
		return nil
	}
	invitations, connections, err := attribution.Naming(ctx, b.tx, gone)
	if err != nil {
		return err
	}
	if err := b.readAgain(ctx, mapping.Invitation, invitations); err != nil {
		return err
	}
	return b.readAgain(ctx, mapping.Connection, connections)
}

// settleEngagements lets engagements that seemed to be unreadable, since Salesforce has
// cleared what names the batch's registrations, be read again.
func (b *batch) settleEngagements(ctx context.Context) error {
	gone := b.gone()
	if len(gone) == 0 {
		return nil
	}
	engagements, err := deal.EngagementsOf(ctx, b.tx, gone)
	if err != nil {
		return err
	}
	return b.readAgain(ctx, mapping.Engagement, engagements)
}

// gone gives the ids of the batch's records that Salesforce does not have any more.
func (b *batch) gone() (ids []string) {
	for _, r := range b.records {
		if r.IsDeleted || r.VanishedAt != nil {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// readAgain lets those of records that are unreadable be reconciled again by this pass.
func (b *batch) readAgain(ctx context.Context, kind mapping.Kind, ids []string) error {
	object := b.Mapping.Object(kind)
	if len(ids) == 0 || object == "" {
		return nil
	}
	unreadable, err := ledger.OpenOf(ctx, b.tx, kindUnreadable, ids)
	if err != nil || len(unreadable) == 0 {
		return err
	}
	b.again[kind] = true
	return staging.Again(ctx, b.tx, object, unreadable)
}

// thereAgain gives those of the batch's records to which commissions in Salesforce lead
// and that the ledger takes to be gone from there.
func (b *batch) thereAgain(ctx context.Context) (ids []string, err error) {
	for _, r := range b.records {
		if !r.IsDeleted && r.VanishedAt == nil {
			ids = append(ids, r.ID)
		}
	}
	switch b.kind {
	case mapping.Opportunity:
		return revenue.Gone(ctx, b.tx, ids)
	case mapping.Space:
		return attribution.GoneSpaces(ctx, b.tx, ids)
	case mapping.Customer:
		all, err := ledger.LinksToAccounts(ctx, b.tx, ids)
		ids = ids[:0]
		for id, link := range all {
			if link.To != id {
				ids = append(ids, id)
			}
		}
		return ids, err
	}
	return nil, nil
}

// relink lets the links to records be written that are there again. Salesforce puts back
// those that it has cleared itself, and no others: a commission may have been written
// while there was nothing to lead to.
func (b *batch) relink(ctx context.Context, back []string) error {
	if len(back) == 0 {
		return nil
	}
	by := book.LinkToOpportunity
	switch b.kind {
	case mapping.Space:
		by = book.LinkToSpace
	case mapping.Customer:
		by = book.LinkToAccount
	}
	return book.Relink(ctx, b.tx, by, back)
}
