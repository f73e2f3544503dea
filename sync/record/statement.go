package record

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/statement"
	"github.com/partnersync/partnersync/sync/outbox"
)

func statements(ctx context.Context, q sqlx.QueryerContext, keys []string) (map[string]State, error) {
	found, err := statement.ByKey(ctx, q, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[string]State, len(found))
	for key, s := range found {
		out[key] = statementState(s)
	}
	return out, nil
}

// statementState gives the values of a statement. Salesforce has one field for all that
// is neither an accrual nor a payment, so that its figures add up there too.
func statementState(s statement.Statement) State {
	exact := func(minor int64) decimal.Decimal { return s.Currency.FromMinor(minor) }
	values := map[string]any{
		"period": s.Period.String(), "currency": string(s.Currency), "record_currency": string(s.Currency),
		"opening": exact(s.Opening.Minor), "accrued": exact(s.Accrued.Minor),
		"adjusted": exact(s.Transferred.Minor + s.Adjusted.Minor + s.ClawedBack.Minor + s.BroughtIn.Minor),
		"paid":     exact(s.Paid.Minor), "closing": exact(s.Closing.Minor), "status": "Open",
	}
	if s.IsClosed {
		values["status"] = "Closed"
	}
	if s.Partner != "" && s.PrimaryID != "" { // what no partner is has no partner record
		values["partner"] = s.PrimaryID
	}
	return State{Values: values}
}

// blankStatement are the values of a statement that Salesforce holds and that has
// nothing to state any more.
func blankStatement() map[string]any {
	return map[string]any{
		"opening": decimal.Zero, "accrued": decimal.Zero, "adjusted": decimal.Zero, "paid": decimal.Zero, "closing": decimal.Zero,
	}
}

// statementLinks gives the keys of the lines' statements, by the lines' keys, of those
// that Salesforce has: it refuses a link to what it doesn't know.
func statementLinks(ctx context.Context, q sqlx.QueryerContext, lines []book.Line) (map[string]string, error) {
	links, err := statement.KeysOfLines(ctx, q, lines)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	seen := map[string]bool{}
	var keys []string
	for _, k := range links {
		if !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	written, err := outbox.Known(ctx, q, outbox.Statement, keys)
	if err != nil {
		return nil, err
	}
	for line, k := range links {
		if !written[k] {
			delete(links, line)
		}
	}
	return links, nil
}
