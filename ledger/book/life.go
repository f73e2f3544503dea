package book

import (
	"cmp"
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// A line's life (R8.5):
//
//	           hold                approve              export           pay
//	on_hold ◀────────▶ accrued ◀───────────▶ approved ◀────────▶ exported ◀──▶ paid
//	          release            unapprove             failed          returned
//
// Every step is taken in one transaction that holds the terms, so that nothing accrues
// to a line meanwhile, and of two persons who take the same step the second is told.

// linesAtOnce bounds the lines that are in memory with their explanations.
const linesAtOnce = 500

// Selection names lines: by their keys or, if there are none, by what they have in
// common.
type Selection struct {
	Keys   []string
	Filter Filter
}

// Filter is what lines have in common. What is empty asks nothing.
type Filter struct {
	// Payees are payee ids; nil is everybody.
	Payees []string
	// Through is the last month of the lines' own.
	Through  clock.Month
	Currency money.Currency
	Regime   string
	SourceID string
	// MostMinor is the largest amount, in the minor units of Currency; that of a line
	// that takes back counts without its sign. 0 asks nothing.
	MostMinor int64
}

// Amount is an amount in the minor units of its currency.
type Amount struct {
	Currency money.Currency `json:"currency"`
	Minor    int64          `json:"minor"`
}

// Taken is a line that went a step of its life.
type Taken struct {
	Key     string   `json:"line"`
	PayeeID string   `json:"payee_id"`
	Status  string   `json:"status"`  // that it has now
	Amounts []Amount `json:"amounts"` // what moved, by currency; none if nothing did
}

// Refusal says why a line did not go a step.
type Refusal struct {
	Key    string `json:"line"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`

	kind errs.Kind
}

// Err gives the refusal as an error: errs.NotFound if there is no such line, else
// errs.Conflict.
func (r Refusal) Err() error {
	return errs.New(r.kind, "%s: %s", r.Key, r.Reason).WithHint("%s", r.Hint)
}

// Outcome is what became of a selection.
type Outcome struct {
	Done    []Taken   `json:"done"`
	Refused []Refusal `json:"refused"`
}

func (o *Outcome) refuse(key, hint, reason string) {
	o.Refused = append(o.Refused, Refusal{Key: key, Reason: reason, Hint: hint, kind: errs.Conflict})
}

// each gives the selected lines, locked and batch by batch, in the order of their keys.
// Of a filter only those in one of the statuses are given; keys that no line has are
// refused.
func (s Selection) each(ctx context.Context, tx *sqlx.Tx, statuses []string, out *Outcome, f func(lines []*Line) error) error {
	keys := slices.Clone(s.Keys)
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for some := range slices.Chunk(keys, linesAtOnce) {
		lines, err := LockLines(ctx, tx, some)
		if err != nil {
			return err
		}
		for _, key := range some {
			if !slices.ContainsFunc(lines, func(l Line) bool { return l.Key == key }) {
				out.Refused = append(out.Refused, Refusal{Key: key, Reason: "there is no such line", kind: errs.NotFound,
					Hint: "A line's key is PAYEE/regime/source/slice/month; `partnersync explain` lists those of a source."})
			}
		}
		if err := f(pointers(lines)); err != nil {
			return err
		}
	}
	if len(s.Keys) > 0 {
		return nil
	}
	for after := ""; ; {
		some, err := s.Filter.keysAfter(ctx, tx, statuses, after)
		if err != nil || len(some) == 0 {
			return err
		}
		lines, err := LockLines(ctx, tx, some)
		if err != nil {
			return err
		}
		if err := f(pointers(lines)); err != nil {
			return err
		}
		after = some[len(some)-1]
	}
}

// keysAfter gives the keys of the next lines of a filter behind a key.
func (f Filter) keysAfter(ctx context.Context, q sqlx.QueryerContext, statuses []string, after string) (keys []string, err error) {
	matching := `
		select l.key from ledger.line l
		where l.key > $1 and l.status = any($2) and ($3 = '' or l.period <= $3) and ($4 = '' or l.currency = $4)
		and ($5 = '' or l.regime = $5) and ($6 = '' or l.source_id = $6) and ($7 = 0 or abs(l.amount_minor) <= $7)`
	args := []any{after, pq.Array(statuses), f.Through.String(), string(f.Currency), f.Regime, f.SourceID, f.MostMinor, linesAtOnce}
	query := matching + ` order by l.key limit $8`
	if f.Payees != nil { // a line's key begins with its payee, so those of others are not gone through
		query = `
			select m.key from unnest($9::text[]) as p (payee_id), lateral (` + matching + `
				and l.key > p.payee_id || '/' and l.key < p.payee_id || '0' order by l.key limit $8) as m
			order by m.key limit $8`
		args = append(args, pq.Array(f.Payees))
	}
	err = sqlx.SelectContext(ctx, q, &keys, query, args...)
	return keys, err
}

func pointers(lines []Line) []*Line {
	out := make([]*Line, len(lines))
	for i := range lines {
		out[i] = &lines[i]
	}
	return out
}

func keysOf(lines []*Line) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l.Key
	}
	return out
}

func sourcesOf(lines []*Line) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l.SourceID
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// amounts gives what an account holds for a line, by currency.
func (s Stands) amounts(account string) []Amount {
	out := make([]Amount, 0, 1)
	for c, minor := range s.Minor[account] {
		out = append(out, Amount{c, minor})
	}
	slices.SortFunc(out, func(a, b Amount) int { return cmp.Compare(a.Currency, b.Currency) })
	return out
}

// steps gives what an account holds for a line as steps; back turns them round.
func (s Stands) steps(l *Line, account string, back bool) []Step {
	var out []Step
	for _, a := range s.amounts(account) {
		if back {
			a.Minor = -a.Minor
		}
		out = append(out, Step{Line: l, Currency: a.Currency, Minor: a.Minor})
	}
	return out
}
