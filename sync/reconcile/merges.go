package reconcile

import (
	"context"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// saveCustomers keeps Accounts, and lets what names those whose merge has changed
// find its customer anew (R9.2). A merge brings customers together and one that is
// undone, or that leads elsewhere from now on, takes them apart: what belonged
// together is found only before the change, and what does only after it.
func (b *batch) saveCustomers(ctx context.Context, facts []ledger.Customer) error {
	merging, err := ledger.Merging(ctx, b.tx, facts)
	if err != nil {
		return err
	}
	before, err := b.naming(ctx, merging)
	if err != nil {
		return err
	}
	if err := b.markSources(ctx, b.tx, before.spaces); err != nil {
		return err
	}
	if _, err := ledger.SaveCustomers(ctx, b.tx, facts); err != nil {
		return err
	}
	if len(merging) == 0 {
		return nil
	}
	after, err := b.naming(ctx, merging)
	if err != nil {
		return err
	}
	return b.follow(ctx, before.and(after))
}

// naming is what names Accounts, or others that merges have made one customer with
// them: ids of Spaces, opportunities and registrations.
type naming struct{ spaces, opportunities, registrations []string }

func (n naming) and(m naming) naming {
	return naming{union(n.spaces, m.spaces), union(n.opportunities, m.opportunities), union(n.registrations, m.registrations)}
}

func (b *batch) naming(ctx context.Context, accounts []string) (n naming, err error) {
	if len(accounts) == 0 {
		return naming{}, nil
	}
	if n.spaces, err = attribution.OfAccounts(ctx, b.tx, accounts); err != nil {
		return naming{}, err
	}
	if n.opportunities, err = revenue.OfAccounts(ctx, b.tx, accounts); err != nil {
		return naming{}, err
	}
	n.registrations, err = deal.OfAccounts(ctx, b.tx, accounts)
	return n, err
}

// follow lets what names Accounts find its customer anew, and marks what may earn
// otherwise by it.
func (b *batch) follow(ctx context.Context, n naming) error {
	if err := attribution.Resolve(ctx, b.tx, n.spaces); err != nil {
		return err
	}
	if err := revenue.FindCustomers(ctx, b.tx, n.opportunities); err != nil {
		return err
	}
	if err := book.MarkDue(ctx, b.tx, n.opportunities, b.now); err != nil {
		return err
	}
	if err := deal.FindCustomers(ctx, b.tx, n.registrations); err != nil {
		return err
	}
	return b.markSources(ctx, b.tx, n.spaces)
}
