package period

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"io"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
)

// sourcesInABatch bounds what is in memory.
const sourcesInABatch = 1000

// terms are all that sources share, as a close keeps them.
type terms struct {
	Partners    map[string]commission.Partner `json:"partners"`
	Plans       []commission.Plan             `json:"plans"`
	Rates       []commission.ExchangeRate     `json:"rates"`
	GoLive      clock.Date                    `json:"go_live"`
	AsOf        clock.Date                    `json:"as_of"`
	TermThrough clock.Date                    `json:"term_through"`
	Zone        string                        `json:"zone"`
}

func termsOf(e *commission.Engine) terms {
	return terms{
		Partners: e.Partners, Plans: e.Plans, Rates: e.Rates, GoLive: e.GoLive, AsOf: e.AsOf, TermThrough: e.TermThrough, Zone: e.Zone.String(),
	}
}

func (t terms) engine() (*commission.Engine, error) {
	zone, err := time.LoadLocation(t.Zone)
	if err != nil {
		return nil, err
	}
	return &commission.Engine{
		Partners: t.Partners, Plans: t.Plans, Rates: t.Rates, GoLive: t.GoLive, AsOf: t.AsOf, TermThrough: t.TermThrough, Zone: zone,
	}, nil
}

// kept is what a close keeps of facts.
type kept struct {
	engine  string
	terms   []byte
	sources int64
	digest  Hash
}

// keepFacts keeps the facts of every source that has a line of the months that close,
// with the terms, and hashes what the engine makes of them. It refuses to close on a
// book that is not what the facts say.
func (w *closing) keepFacts(ctx context.Context) (kept, error) {
	// The days are those that the book was posted through, whatever has passed since.
	engine, err := facts.Engine(ctx, w.tx, facts.DaysOf(w.reached.Posted, false, w.reached), w.Zone, w.GoLive)
	if err != nil {
		return kept{}, err
	}
	k := kept{engine: commission.Version}
	if k.terms, err = json.Marshal(termsOf(engine)); err != nil {
		return kept{}, errs.New(errs.Unknown, "write the terms: %w", err)
	}
	// A book may be unchanged from its first month on, so a close reads what the months
	// have lines of, once, and goes through it in pieces.
	if _, err := w.tx.ExecContext(ctx, `
		create temporary table covered (source_id text collate "C" primary key) on commit drop`); err != nil {
		return kept{}, err
	}
	if _, err := w.tx.ExecContext(ctx, `
		insert into covered select distinct source_id collate "C" from ledger.line
		where period > $1 and period <= $2 and regime <> 'opening'`, w.before.String(), w.month.String()); err != nil {
		return kept{}, err
	}
	out := newRendering(io.Discard, w.month)
	for after := ""; ; {
		var ids []string
		if err := w.tx.SelectContext(ctx, &ids,
			`select source_id from covered where source_id > $1 order by source_id limit $2`, after, sourcesInABatch); err != nil {
			return kept{}, err
		}
		if len(ids) == 0 {
			k.digest = out.digest()
			return k, nil
		}
		after = ids[len(ids)-1]
		n, err := w.keepBatch(ctx, engine, ids, out)
		if err != nil {
			return kept{}, err
		}
		k.sources += n
	}
}

func (w *closing) keepBatch(ctx context.Context, engine *commission.Engine, ids []string, out *rendering) (int64, error) {
	sources, err := facts.Sources(ctx, w.tx, ids, engine)
	if err != nil {
		return 0, err
	}
	expected := make([]book.Expectation, len(sources))
	for i := range sources {
		r := engine.Lines(&sources[i])
		expected[i] = book.Expect(sources[i].ID, r)
		if err := out.add(sources[i].ID, r.Lines); err != nil {
			return 0, err
		}
	}
	compared, err := book.Compare(ctx, w.tx, expected, book.Context{AsOf: engine.AsOf, Actor: w.Actor, Now: w.Now})
	if err != nil {
		return 0, err
	}
	if compared.Entries > 0 {
		return 0, errs.New(errs.Conflict, "the book differs from the facts, first at %s, and nobody has marked it", compared.Changed[0].Key).
			WithHint("`partnersync ledger verify` tells all that differs. A month is closed on a book that agrees.")
	}
	return pg.CopyIn(ctx, w.tx, "ledger.period_facts", []string{"period", "source_id", "facts"},
		func(yield func([]any, error) bool) {
			for i := range sources {
				raw, err := json.Marshal(&sources[i])
				if !yield([]any{w.month.String(), sources[i].ID, string(raw)}, err) {
					return
				}
			}
		})
}

// rendering writes what the engine makes of sources, in the order in which they are
// added: a line of JSON for each line through a month, each with its explanation.
type rendering struct {
	month  clock.Month
	hash   hash.Hash
	encode *json.Encoder
}

func newRendering(w io.Writer, m clock.Month) *rendering {
	h := sha256.New()
	r := &rendering{month: m, hash: h, encode: json.NewEncoder(io.MultiWriter(h, w))}
	r.encode.SetEscapeHTML(false)
	return r
}

// rendered is a line as a rendering has it. Amounts are in the units of the currency.
type rendered struct {
	Key         string                  `json:"key"`
	Status      commission.Status       `json:"status"`
	Reason      string                  `json:"reason,omitempty"`
	Currency    string                  `json:"currency"`
	Base        string                  `json:"base"`
	Rate        string                  `json:"rate"`
	Amount      string                  `json:"amount"`
	Plan        string                  `json:"plan,omitempty"`
	AccountID   string                  `json:"account_id,omitempty"`
	SpaceID     string                  `json:"space_id,omitempty"`
	Explanation *commission.Explanation `json:"explanation"`
}

func (r *rendering) add(source string, lines []commission.Line) error {
	for i := range lines {
		l := &lines[i]
		if r.month.Before(l.Period) {
			continue
		}
		if err := r.encode.Encode(rendered{
			Key: l.Key, Status: l.Status, Reason: l.Reason, Currency: string(l.Currency), Base: l.Base.String(), Rate: l.Rate.String(),
			Amount: l.Amount.StringFixed(l.Currency.Digits()), Plan: l.Plan, AccountID: l.AccountID, SpaceID: l.SpaceID,
			Explanation: &l.Explanation,
		}); err != nil {
			return errs.New(errs.Unknown, "write the lines of %s: %w", source, err)
		}
	}
	return nil
}

func (r *rendering) digest() Hash { return r.hash.Sum(nil) }

// Reproduced says what came of working a closed month out again.
type Reproduced struct {
	Close
	// Is is the digest of what was written now. It differs from Close.Digest if the facts
	// or terms that were kept, or the engine, are no longer what they were.
	Is Hash `json:"is"`
	// EngineNow is the version of the engine that worked it out now.
	EngineNow string `json:"engine_now"`
}

// Agrees says whether it came to the same bytes.
func (r Reproduced) Agrees() bool { return string(r.Is) == string(r.Digest) }

// Reproduce works a closed month out again from the facts and terms that its close
// kept, and writes the lines of its sources through that month, as JSON, one on a line.
func Reproduce(ctx context.Context, q sqlx.QueryerContext, m clock.Month, to io.Writer) (r Reproduced, err error) {
	defer errs.Wrap(&err, "reproduce %s", m)
	var closes []Close
	if err := sqlx.SelectContext(ctx, q, &closes, `select `+closeColumns+` from ledger.period_close c where period = $1`, m); err != nil {
		return r, err
	}
	if len(closes) == 0 {
		return r, errs.New(errs.NotFound, "%s is not closed", m).WithHint("`partnersync ledger close` without a month lists those that are.")
	}
	r.Close, r.EngineNow = closes[0], commission.Version
	engine, err := keptEngine(ctx, q, m)
	if err != nil {
		return r, err
	}
	out := newRendering(to, m)
	for after := ""; ; {
		var rows []struct {
			ID    string          `db:"source_id"`
			Facts json.RawMessage `db:"facts"`
		}
		if err := sqlx.SelectContext(ctx, q, &rows, `
			select source_id, facts from ledger.period_facts
			where period = $1 and source_id > $2 order by source_id limit $3`, m, after, sourcesInABatch); err != nil {
			return r, err
		}
		if len(rows) == 0 {
			r.Is = out.digest()
			return r, nil
		}
		for _, row := range rows {
			after = row.ID
			var s commission.Source
			if err := json.Unmarshal(row.Facts, &s); err != nil {
				return r, errs.New(errs.Unknown, "read the facts of %s: %w", row.ID, err)
			}
			if err := out.add(row.ID, engine.Lines(&s).Lines); err != nil {
				return r, err
			}
		}
	}
}

func keptEngine(ctx context.Context, q sqlx.QueryerContext, m clock.Month) (*commission.Engine, error) {
	var raw json.RawMessage
	if err := sqlx.GetContext(ctx, q, &raw, `select terms from ledger.period_close where period = $1`, m); err != nil {
		return nil, err
	}
	var t terms
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, errs.New(errs.Unknown, "read the terms: %w", err)
	}
	return t.engine()
}
