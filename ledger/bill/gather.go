package bill

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// mostLines bounds the lines of one export, because a file is made of them in memory.
const mostLines = 200_000

// Why something is carried.
const (
	CarriedNegative  = "negative"      // more is taken back than is owed (R8.7)
	CarriedMinimum   = "below_minimum" // it is less than the minimum payout (R8.8)
	CarriedSuspended = "suspended"     // the partner is suspended (R2.11)
	WaitsForApproval = "not_approved"  // lines that take back are not approved yet
)

// Carried is what is owed to a payee in a currency, or what the payee owes, and is on no
// bill.
type Carried struct {
	PayeeID     string // as the bill would be named
	PartnerName string
	Currency    money.Currency
	Minor       int64
	Lines       int64
	Reason      string // one of those above
	Says        string // the same as a sentence
}

// owner is whom the lines of a payee id are paid to.
type owner struct {
	payeeID, key, name string
	suspended          bool
}

// owners knows who is paid for an id.
type owners map[string]owner

// readOwners finds, for every Partner ID that was issued, the partner that is paid for it
// (R1.1), with its primary ID.
func readOwners(ctx context.Context, q sqlx.QueryerContext) (owners, error) {
	ids, err := ledger.PartnersByID(ctx, q, nil)
	if err != nil {
		return nil, err
	}
	primary := map[string]string{} // by the key of the partner that it was issued to
	for _, p := range ids {
		if p.IsPrimary {
			primary[p.PartnerKey] = p.ID
		}
	}
	out := make(owners, len(ids))
	for _, p := range ids {
		if primary[p.SurvivorKey] == "" { // a survivor without an ID of its own goes by the first that it is paid for
			primary[p.SurvivorKey] = p.ID
		}
		out[p.ID] = owner{payeeID: primary[p.SurvivorKey], key: p.SurvivorKey, name: p.SurvivorName, suspended: p.IsSuspended}
	}
	return out, nil
}

// of gives who is paid for an id; one that was issued to nobody stands for itself.
func (o owners) of(payeeID string) owner {
	if is, known := o[payeeID]; known {
		return is
	}
	return owner{payeeID: payeeID}
}

// billTo is what has one bill in an export.
type billTo struct {
	owner
	currency money.Currency
}

func (b billTo) compare(o billTo) int {
	return cmp.Or(cmp.Compare(b.payeeID, o.payeeID), cmp.Compare(b.currency, o.currency), cmp.Compare(b.key, o.key))
}

// gather reads what is to be billed, and says of the rest why it is not.
func gather(ctx context.Context, q sqlx.QueryerContext, period clock.Month, today clock.Date) (out Result, sheets []sheet, err error) {
	own, err := readOwners(ctx, q)
	if err != nil {
		return out, nil, err
	}
	plans, err := book.Plans(ctx, q, book.DefaultPlan)
	if err != nil {
		return out, nil, err
	}
	plan, _ := commission.PlanOn(plans, today)
	payable, err := readPayable(ctx, q, period)
	if err != nil {
		return out, nil, err
	}
	all := map[billTo][]book.Part{}
	for _, p := range payable {
		to := billTo{own.of(p.PayeeID), p.Currency}
		all[to] = append(all[to], p)
	}
	deduct(all)
	for _, to := range sorted(all) {
		c, is := to.judge(all[to], plan.Payout)
		if is {
			sheets = append(sheets, sheet{parts: all[to], Bill: Bill{
				PayeeID: to.payeeID, PartnerKey: to.key, PartnerName: to.name, Currency: to.currency, AmountMinor: c.Minor,
			}})
			continue
		}
		out.Carried = append(out.Carried, c)
	}
	out.Waiting, err = waiting(ctx, q, period, own)
	return out, sheets, err
}

// deduct puts what a suspended partner owes back on the bill of the one that it merged
// into, which is not suspended: a suspension holds what is to be paid (R2.11), and keeps
// nobody from being taken back from (R8.7).
func deduct(all map[billTo][]book.Part) {
	for _, to := range sorted(all) {
		into := to
		into.suspended = false
		if to.suspended && len(all[into]) > 0 && sum(all[to]) < 0 {
			all[into] = append(all[into], all[to]...)
			delete(all, to)
		}
	}
}

func sum(parts []book.Part) (minor int64) {
	for _, p := range parts {
		minor += p.Minor
	}
	return minor
}

// readPayable reads all that is approved and on no bill.
func readPayable(ctx context.Context, q sqlx.QueryerContext, period clock.Month) ([]book.Part, error) {
	all, err := book.Payable(ctx, q, period, mostLines+1)
	if err == nil && len(all) > mostLines {
		err = errs.New(errs.Limit, "more than %d lines are approved through %s", mostLines, period).
			WithHint("Export an earlier month first.")
	}
	return all, err
}

func sorted[V any](m map[billTo]V) []billTo {
	out := make([]billTo, 0, len(m))
	for to := range m {
		out = append(out, to)
	}
	slices.SortFunc(out, billTo.compare)
	return out
}

// judge sums parts, and says whether they make a bill or why not.
func (b billTo) judge(parts []book.Part, terms commission.PayoutTerms) (c Carried, isBill bool) {
	c = b.carried(int64(len(parts)))
	c.Minor = sum(parts)
	minimum, stated := terms.Minimum[b.currency]
	amount := b.currency.FromMinor(c.Minor)
	switch {
	case b.suspended:
		c.Reason, c.Says = CarriedSuspended, "the partner is suspended (R2.11)"
	case c.Minor <= 0:
		c.Reason, c.Says = CarriedNegative, "no more is owed than is taken back; it comes off the next bills (R8.7)"
	case stated && amount.LessThan(minimum):
		c.Reason = CarriedMinimum
		c.Says = fmt.Sprintf("it is below the minimum payout of %s (R8.8)", b.currency.Format(minimum))
	default:
		return c, true
	}
	return c, false
}

func (b billTo) carried(lines int64) Carried {
	return Carried{PayeeID: b.payeeID, PartnerName: b.name, Currency: b.currency, Lines: lines}
}

// waiting gives what takes back and nobody has approved, by whom it will be taken from.
func waiting(ctx context.Context, q sqlx.QueryerContext, period clock.Month, own owners) ([]Carried, error) {
	negative, err := book.UnapprovedNegatives(ctx, q, period)
	if err != nil {
		return nil, err
	}
	all := map[billTo]*Carried{}
	for _, n := range negative {
		to := billTo{own.of(n.PayeeID), n.Currency}
		to.suspended = false // that does not matter here, and would tell one partner's IDs apart
		if all[to] == nil {
			c := to.carried(0)
			c.Reason, c.Says = WaitsForApproval, "it takes back what was earned, and comes off no bill until somebody approves it (R8.7)"
			all[to] = &c
		}
		all[to].Lines += n.Lines
		all[to].Minor += n.Minor
	}
	var out []Carried
	for _, to := range sorted(all) {
		out = append(out, *all[to])
	}
	return out, nil
}
