package record

import (
	"context"
	"maps"
	"strings"

	"github.com/goccy/go-json"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
)

// State is what the ledger says of a key: Values by the names of the target's
// fields, or the Fault that keeps them from being sent.
type State struct {
	Values map[string]any
	Fault  string
	// IsUnwanted says that Salesforce is not to hold the record, by the Shape. If it does,
	// it is to hold Values.
	IsUnwanted bool
	// left is, by field, where Salesforce may have left a link that leads elsewhere now.
	left map[string][]string
}

// ObjectOf gives the outbox's name of a target.
func ObjectOf(t mapping.Target) string {
	switch t {
	case mapping.PartnerTarget:
		return outbox.Partner
	case mapping.StatementTarget:
		return outbox.Statement
	}
	return outbox.Commission
}

// States reads what the ledger says of keys of a target. Keys that it does not know
// are left out.
func (s Shape) States(ctx context.Context, q sqlx.QueryerContext, t mapping.Target, keys []string) (map[string]State, error) {
	switch t {
	case mapping.PartnerTarget:
		return partners(ctx, q, keys)
	case mapping.StatementTarget:
		return statements(ctx, q, keys)
	}
	return s.commissions(ctx, q, keys)
}

func partners(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]State, error) {
	list, err := ledger.PartnersByID(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]State, len(list))
	for _, p := range list {
		out[p.ID] = State{Values: map[string]any{
			"name": p.Name, "kind": label(p.Kind), "tier": p.Tier, "joined_on": p.JoinedOn, "status": label(p.Status),
		}}
	}
	return out, nil
}

// commissions gives the states of keys of either grain.
func (s Shape) commissions(ctx context.Context, q sqlx.QueryerContext, keys []string) (map[string]State, error) {
	var ofLines, ofSources []string
	out := make(map[string]State, len(keys))
	for _, k := range keys {
		switch {
		case isSourceKey(k) != s.IsBySource():
			out[k] = s.unwantedGrain()
		case s.IsBySource():
			ofSources = append(ofSources, k)
		default:
			ofLines = append(ofLines, k)
		}
	}
	sums, err := s.sources(ctx, q, ofSources)
	if err != nil {
		return nil, err
	}
	maps.Copy(out, sums)
	if err := s.lines(ctx, q, ofLines, out); err != nil {
		return nil, err
	}
	return out, follow(ctx, q, out)
}

// lines puts the states of lines' keys into out.
func (s Shape) lines(ctx context.Context, q sqlx.QueryerContext, keys []string, out map[string]State) error {
	if len(keys) == 0 {
		return nil
	}
	lines, err := book.LinesByKey(ctx, q, keys)
	if err != nil {
		return err
	}
	issued, err := issuedTo(ctx, q, lines)
	if err != nil {
		return err
	}
	links, err := statementLinks(ctx, q, lines)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if !s.holds(l.Period) {
			out[l.Key] = s.unwantedBefore()
			continue
		}
		state := commissionState(l, issued[l.PayeeID])
		if link, there := links[l.Key]; there && state.Fault == "" {
			state.Values["statement"] = link
		}
		out[l.Key] = state
	}
	return nil
}

// issuedTo says which payees of lines are partners: individuals who refer are payees too,
// and have no partner record (R6.2).
func issuedTo(ctx context.Context, q sqlx.QueryerContext, lines []book.Line) (map[string]bool, error) {
	issued := map[string]bool{}
	var payees []string
	for _, l := range lines {
		if _, seen := issued[l.PayeeID]; !seen {
			issued[l.PayeeID] = false
			payees = append(payees, l.PayeeID)
		}
	}
	if len(payees) == 0 {
		return issued, nil
	}
	list, err := ledger.PartnersByID(ctx, q, payees)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		issued[p.ID] = true
	}
	return issued, nil
}

// commissionState gives the values of a line.
func commissionState(l book.Line, isPartner bool) State {
	var e told
	if err := json.Unmarshal(l.Explanation, &e); err != nil {
		return State{Fault: unreadable(err)}
	}
	values := lineValues(l, isPartner)
	values["explanation"] = tell(e)
	return State{Values: values}
}

// lineValues gives the values of a line but for its explanation.
func lineValues(l book.Line, isPartner bool) map[string]any {
	values := map[string]any{
		"partner_id": l.PayeeID, "opportunity_id": nil, "space_id": recordID(l.SpaceID),
		"account_id": recordID(l.AccountID), "regime": label(l.Regime), "slice": l.Slice,
		"period": l.Period.String(), "base": l.Base, "rate": l.Rate.Shift(2), "amount": l.Amount(),
		"currency": string(l.Currency), "record_currency": string(l.Currency), "status": label(l.Status),
		"reason": l.Reason, "computed_at": l.ComputedAt,
	}
	if isPartner {
		values["partner"] = l.PayeeID
	}
	// The sources of the other regime, programs, have ids of their own.
	if l.Regime != "program" {
		values["opportunity_id"] = recordID(l.SourceID)
	}
	return values
}

// Withdrawn are the values of what Salesforce holds and the ledger no longer says: a
// line that is no longer expected, a statement with nothing to state. The rest of the
// record stays, as what it was.
func Withdrawn(t mapping.Target) map[string]any {
	if t == mapping.StatementTarget {
		return blankStatement()
	}
	return map[string]any{
		"amount": decimal.Zero, "status": label("zero"), "reason": "withdrawn",
		"explanation": "This line is no longer expected: by the facts as they are now, it comes to nothing.",
	}
}

// told is what Salesforce is told of a commission.Explanation.
type told struct {
	Sentence   string   `json:"sentence"`
	Arithmetic []string `json:"arithmetic"`
}

// tell gives an explanation as text: the sentence, and the arithmetic below it.
func tell(e told) string {
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
