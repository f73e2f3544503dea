package push

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
)

// state is what the ledger says of a key: values by the names of the target's
// fields, or what keeps them from being sent.
type state struct {
	values map[string]any
	fault  string
}

// statesOf reads what the ledger says of the rows' keys. Keys that it does not
// know are left out.
func statesOf(ctx context.Context, q sqlx.QueryerContext, t mapping.Target, rows []outbox.Row) (map[string]state, error) {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	if t == mapping.PartnerTarget {
		return partners(ctx, q, keys)
	}
	return commissions(ctx, q, keys)
}

func partners(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]state, error) {
	list, err := ledger.PartnersByID(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]state, len(list))
	for _, p := range list {
		out[p.ID] = state{values: map[string]any{
			"name": p.Name, "kind": label(p.Kind), "tier": p.Tier, "joined_on": p.JoinedOn, "status": label(p.Status),
		}}
	}
	return out, nil
}

func commissions(ctx context.Context, q sqlx.QueryerContext, keys []string) (map[string]state, error) {
	lines, err := book.LinesByKey(ctx, q, keys)
	if err != nil {
		return nil, err
	}
	var payees []string
	for _, l := range lines {
		payees = append(payees, l.PayeeID)
	}
	// Individuals who refer are payees too, and have no partner record (R6.2).
	issued := map[string]bool{}
	if len(payees) > 0 {
		list, err := ledger.PartnersByID(ctx, q, payees)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			issued[p.ID] = true
		}
	}
	out := make(map[string]state, len(lines))
	for _, l := range lines {
		out[l.Key] = commissionState(l, issued[l.PayeeID])
	}
	return out, nil
}

// commissionState gives the values of a line.
func commissionState(l book.Line, isPartner bool) state {
	var e commission.Explanation
	if err := json.Unmarshal(l.Explanation, &e); err != nil {
		return state{fault: fmt.Sprintf("the explanation of the line can't be read: %v; work the line out again", err)}
	}
	values := map[string]any{
		"partner_id": l.PayeeID, "opportunity_id": nil, "space_id": recordID(l.SpaceID),
		"account_id": recordID(l.AccountID), "regime": label(l.Regime), "slice": l.Slice,
		"period": l.Period.String(), "base": l.Base, "rate": l.Rate.Shift(2), "amount": l.Amount(),
		"currency": string(l.Currency), "record_currency": string(l.Currency), "status": label(l.Status),
		"reason": l.Reason, "explanation": tell(e), "computed_at": l.ComputedAt,
	}
	if isPartner {
		values["partner"] = l.PayeeID
	}
	// The sources of the other regime, programs, have ids of their own.
	if l.Regime != "program" {
		values["opportunity_id"] = recordID(l.SourceID)
	}
	return state{values: values}
}

// withdrawn are the values of a line that Salesforce holds and that is no longer
// expected: the rest of the record stays, as what it was.
func withdrawn() map[string]any {
	return map[string]any{
		"amount": decimal.Zero, "status": label("zero"), "reason": "withdrawn",
		"explanation": "This line is no longer expected: by the facts as they are now, it comes to nothing.",
	}
}

// tell gives an explanation as text: the sentence, and the arithmetic below it.
func tell(e commission.Explanation) string {
	return strings.Join(append([]string{e.Sentence}, e.Arithmetic...), "\n")
}

// recordID gives a Salesforce id of 18 characters as a value, and anything else
// as none: an id of our own is not linked to.
func recordID(id string) any {
	if full, err := sfid.Parse(id); err != nil || full != id {
		return nil
	}
	return id
}

// label gives a word of the ledger as a person reads it: "on_hold" is "On Hold".
func label(word string) string {
	parts := strings.Split(word, "_")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, " ")
}
