package book

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// StatusVoid is that of a line which was expected once and is no longer; its
// amount is zero, and what was posted for it is taken back (R8.5).
const (
	StatusVoid       = "void"
	ReasonNotDueNow  = "no_longer_due"
	sentenceOfVoid   = "What this line rested on has changed; nothing is due under it any more."
	statusOnHold     = string(commission.OnHold)
	statusAccrued    = string(commission.Accrued)
	entryKindAccrual = "accrue"
)

// Expectation is what is expected of one source.
type Expectation struct {
	SourceID string
	Lines    []commission.Line
	// Frozen: the source is on hold as a whole, so what was posted stays posted.
	Frozen bool
	// Reason of the hold, if Frozen, and Why as a sentence for a person.
	Reason, Why string
}

// Context of a settlement.
type Context struct {
	AsOf  clock.Date
	Actor string
	Now   time.Time
}

// Settled says what a settlement wrote.
type Settled struct {
	// Changed are the lines that are new or different now, sorted by key.
	Changed []Line
	// Entries is the number of entries posted.
	Entries int
	// Moved is what the entries add up to, by currency, in minor units.
	Moved map[string]int64
}

// Settle makes the lines of the sources what is expected, and posts expected −
// posted for each as an entry that names what it corrects (R8.1). A line on hold
// posts nothing, neither way. Lines that are no longer expected become void.
func Settle(ctx context.Context, tx *sqlx.Tx, expected []Expectation, c Context) (_ Settled, err error) {
	defer errs.Wrap(&err, "settle %d sources", len(expected))
	out, drafts, err := compare(ctx, tx, expected, c)
	if err != nil {
		return Settled{}, err
	}
	if err := saveLines(ctx, tx, out.Changed); err != nil {
		return Settled{}, err
	}
	return out, post(ctx, tx, drafts, c)
}

// Compare gives what Settle would write, and writes nothing.
func Compare(ctx context.Context, q sqlx.QueryerContext, expected []Expectation, c Context) (_ Settled, err error) {
	defer errs.Wrap(&err, "compare %d sources with the book", len(expected))
	out, _, err := compare(ctx, q, expected, c)
	return out, err
}

// compare works out what differs between what is expected and the book.
func compare(ctx context.Context, q sqlx.QueryerContext, expected []Expectation, c Context) (out Settled, drafts []draft, err error) {
	sources := make([]string, len(expected))
	for i, e := range expected {
		sources[i] = e.SourceID
	}
	before, err := linesOfSources(ctx, q, sources)
	if err != nil {
		return Settled{}, nil, err
	}
	posted, err := postedOfSources(ctx, q, sources)
	if err != nil {
		return Settled{}, nil, err
	}
	for _, e := range expected {
		lines, err := e.next(before[e.SourceID], c.Now)
		if err != nil {
			return Settled{}, nil, err
		}
		for _, l := range lines {
			if old, ok := before[e.SourceID][l.Key]; !ok || !old.same(l) {
				out.Changed = append(out.Changed, l)
			}
			drafts = append(drafts, differences(l, posted[l.Key])...)
		}
	}
	sort.Slice(out.Changed, func(i, j int) bool { return out.Changed[i].Key < out.Changed[j].Key })
	out.Entries, out.Moved = len(drafts), moved(drafts)
	return out, drafts, nil
}

// next gives the source's lines as they are to be, from those that it has.
func (e Expectation) next(before map[string]Line, now time.Time) ([]Line, error) {
	var out []Line
	is := make(map[string]bool, len(e.Lines))
	for _, l := range e.Lines {
		is[l.Key] = true
		row, err := asRow(l, now)
		if err != nil {
			return nil, err
		}
		if old, ok := before[l.Key]; ok && e.Frozen {
			row.AmountMinor, row.Currency, row.Base, row.Rate = old.AmountMinor, old.Currency, old.Base, old.Rate
		}
		out = append(out, row)
	}
	for key, old := range before {
		if is[key] {
			continue
		}
		switch {
		case e.Frozen && old.Status == statusAccrued:
			if err := old.hold(e.Reason, e.Why, now); err != nil {
				return nil, err
			}
		case e.Frozen:
		case old.Status != StatusVoid:
			if err := old.void(now); err != nil {
				return nil, err
			}
		}
		out = append(out, old)
	}
	return out, nil
}

// hold puts a line that was accrued on hold as it is. Its explanation says so
// before it says what was worked out (rulebook 10).
func (l *Line) hold(reason, why string, now time.Time) error {
	var ex commission.Explanation
	if err := json.Unmarshal(l.Explanation, &ex); err != nil {
		return errs.New(errs.Unknown, "explanation of %s: %w", l.Key, err)
	}
	ex.Sentence = "This is on hold. " + why + " Until then it stays as it was: " + ex.Sentence
	raw, err := json.Marshal(ex)
	l.Status, l.Reason, l.Explanation, l.ComputedAt = statusOnHold, reason, raw, now
	return err
}

// void takes the line back.
func (l *Line) void(now time.Time) error {
	ex := commission.Explanation{Sentence: sentenceOfVoid, Rules: []string{"R8.1", "R8.5"}, Facts: []commission.Fact{}}
	raw, err := json.Marshal(ex)
	l.AmountMinor, l.Status, l.Reason, l.Explanation, l.ComputedAt = 0, StatusVoid, ReasonNotDueNow, raw, now
	return err
}

// asRow gives an expected line as it is kept.
func asRow(l commission.Line, now time.Time) (Line, error) {
	minor, err := l.Currency.Minor(l.Amount)
	if err != nil {
		return Line{}, errs.New(errs.Invalid, "line %s: %w", l.Key, err)
	}
	raw, err := json.Marshal(l.Explanation)
	if err != nil {
		return Line{}, errs.New(errs.Unknown, "explanation of %s: %w", l.Key, err)
	}
	return Line{
		Key: l.Key, PayeeID: l.PayeeID, Regime: l.Regime, SourceID: l.SourceID, Slice: l.Slice, Period: l.Period,
		Currency: l.Currency, Base: l.Base, Rate: l.Rate, AmountMinor: minor, Status: string(l.Status),
		Reason: l.Reason, AccountID: l.AccountID, SpaceID: l.SpaceID, Plan: l.Plan, Explanation: raw, ComputedAt: now,
	}, nil
}

// same says whether two states of a line differ in nothing but when they were computed.
func (l Line) same(o Line) bool {
	return l.PayeeID == o.PayeeID && l.Currency == o.Currency && l.Base.Equal(o.Base) && l.Rate.Equal(o.Rate) &&
		l.AmountMinor == o.AmountMinor && l.Status == o.Status && l.Reason == o.Reason && l.AccountID == o.AccountID &&
		l.SpaceID == o.SpaceID && l.Plan == o.Plan && bytes.Equal(l.Explanation, o.Explanation)
}

// posted is what the book holds for a line.
type posted struct {
	minor map[money.Currency]int64
	n     int // entries
}

// draft is an entry before it has a place in its payee's chain.
type draft struct {
	line     Line
	currency money.Currency // of the entry; the line's own may be another by now
	delta    int64          // minor units, never 0
	nth      int
}

// differences gives the entries that bring the book to what is expected: one as a
// rule, none if they agree or the line is on hold. Where the source has changed
// its currency, what was posted in the former one is taken back in that one.
func differences(l Line, p posted) []draft {
	if l.Status == statusOnHold {
		return nil
	}
	var out []draft
	add := func(c money.Currency, delta int64) {
		if delta != 0 {
			out = append(out, draft{line: l, currency: c, delta: delta, nth: p.n + len(out) + 1})
		}
	}
	for _, c := range slices.Sorted(maps.Keys(p.minor)) {
		if c != l.Currency {
			add(c, -p.minor[c])
		}
	}
	add(l.Currency, l.AmountMinor-p.minor[l.Currency])
	return out
}

func moved(drafts []draft) map[string]int64 {
	out := map[string]int64{}
	for _, d := range drafts {
		out[string(d.currency)] += d.delta
	}
	return out
}

func linesOfSources(ctx context.Context, q sqlx.QueryerContext, sources []string) (map[string]map[string]Line, error) {
	var rows []Line
	if err := sqlx.SelectContext(ctx, q, &rows,
		`select `+lineColumns+` from ledger.line where source_id = any($1)`, pq.Array(sources)); err != nil {
		return nil, err
	}
	out := map[string]map[string]Line{}
	for _, l := range rows {
		if out[l.SourceID] == nil {
			out[l.SourceID] = map[string]Line{}
		}
		out[l.SourceID][l.Key] = l
	}
	return out, nil
}

func postedOfSources(ctx context.Context, q sqlx.QueryerContext, sources []string) (map[string]posted, error) {
	var rows []struct {
		Key      string         `db:"line_key"`
		Currency money.Currency `db:"currency"`
		Minor    int64          `db:"minor"`
		N        int            `db:"n"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select line_key, currency, count(*) as n,
			sum(case credit when '`+accountAccrued+`' then amount_minor else -amount_minor end)::bigint as minor
		from ledger.entry where source_id = any($1) group by line_key, currency`, pq.Array(sources)); err != nil {
		return nil, err
	}
	out := make(map[string]posted, len(rows))
	for _, r := range rows {
		p := out[r.Key]
		if p.minor == nil {
			p.minor = map[money.Currency]int64{}
		}
		p.minor[r.Currency] = r.Minor
		p.n += r.N
		out[r.Key] = p
	}
	return out, nil
}

// rowsAtOnce bounds the rows of one statement, whose arguments are in memory
// several times over while they are sent.
const rowsAtOnce = 400

func saveLines(ctx context.Context, tx *sqlx.Tx, lines []Line) (err error) {
	defer errs.Wrap(&err, "save lines")
	for some := range slices.Chunk(lines, rowsAtOnce) {
		if err := saveSomeLines(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}

func saveSomeLines(ctx context.Context, tx *sqlx.Tx, lines []Line) error {
	const textColumns = 14
	text := make([][]string, textColumns)
	minor := make([]int64, len(lines))
	at := make([]time.Time, len(lines))
	for i, l := range lines {
		for j, v := range [textColumns]string{
			l.Key, l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period.String(), string(l.Currency), l.Base.String(),
			l.Rate.String(), l.Status, l.Reason, l.AccountID, l.SpaceID, l.Plan,
		} {
			text[j] = append(text[j], v)
		}
		minor[i], at[i] = l.AmountMinor, l.ComputedAt
	}
	args := make([]any, 0, textColumns+3)
	for _, col := range text {
		args = append(args, pq.Array(col))
	}
	explanations := make([]string, len(lines))
	for i, l := range lines {
		explanations[i] = string(l.Explanation)
	}
	args = append(args, pq.Array(minor), pq.Array(explanations), pq.Array(at))
	_, err := tx.ExecContext(ctx, `
		insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, status, reason,
			account_id, space_id, plan, amount_minor, explanation, computed_at)
		select key, payee, regime, source, slice, period, currency, base, rate, status, reason, account, space, plan,
			minor, explanation::json, at
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[],
			$9::numeric[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[],
			$17::timestamptz[])
			as r (key, payee, regime, source, slice, period, currency, base, rate, status, reason, account, space, plan,
				minor, explanation, at)
		on conflict (key) do update set
			currency = excluded.currency, base = excluded.base, rate = excluded.rate, status = excluded.status,
			reason = excluded.reason, account_id = excluded.account_id, space_id = excluded.space_id,
			plan = excluded.plan, amount_minor = excluded.amount_minor, explanation = excluded.explanation,
			computed_at = excluded.computed_at`, args...)
	return err
}
