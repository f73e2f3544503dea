// Package period closes months (R8.4). A close keeps the ends of all chains under one
// hash (R8.3), and all that the engine worked from, so that what was closed can be
// worked out again, to the byte, for as long as anybody asks.
package period

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
)

// Options say who closes, when, and in which zone months are meant.
type Options struct {
	Zone   *time.Location
	GoLive book.GoLive // what the settings say of it
	Actor  string
	Now    time.Time
}

// Close is a closed month.
type Close struct {
	Period   clock.Month `json:"period" db:"period"`
	ClosedBy string      `json:"closed_by" db:"closed_by"`
	ClosedAt time.Time   `json:"closed_at" db:"closed_at"`
	AsOf     clock.Date  `json:"as_of" db:"as_of"` // through which day everything had accrued
	Engine   string      `json:"engine" db:"engine"`
	Sources  int64       `json:"sources" db:"sources"` // of which the facts are kept
	Chains   int64       `json:"chains" db:"chains"`
	Anchor   Hash        `json:"anchor" db:"anchor"`
	Digest   Hash        `json:"digest" db:"digest"` // of what Reproduce writes
}

// Hash is a SHA-256, written in hexadecimal.
type Hash []byte

// String gives it in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h) }

// MarshalText gives it in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

const closeColumns = `period, closed_by, closed_at, as_of, engine, sources, anchor, digest,
	(select count(*) from ledger.period_head h where h.period = c.period) as chains`

// Closes gives the closed months, the latest first.
func Closes(ctx context.Context, q sqlx.QueryerContext) (_ []Close, err error) {
	defer errs.Wrap(&err, "list closed months")
	var out []Close
	err = sqlx.SelectContext(ctx, q, &out, `select `+closeColumns+` from ledger.period_close c order by period desc`)
	return out, err
}

// Month closes a month. Whatever is earlier and was never closed closes with it. It is
// refused while the month is not over, while anything that belongs to it is still to be
// worked out, and when it is closed already.
func Month(ctx context.Context, db *sqlx.DB, m clock.Month, o Options) (c Close, err error) {
	defer errs.Wrap(&err, "close %s", m)
	err = pg.InTx(pg.Unhurried(ctx), db, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := book.HoldTerms(ctx, tx); err != nil {
			return err
		}
		w := &closing{tx: tx, Options: o, month: m}
		if err := w.check(ctx); err != nil {
			return err
		}
		c, err = w.close(ctx)
		return err
	})
	return c, err
}

// closing is a close at work.
type closing struct {
	Options
	tx      *sqlx.Tx
	month   clock.Month
	before  clock.Month // the month closed before; none if it is no month
	reached book.Reached
}

func (w *closing) check(ctx context.Context) (err error) {
	if w.before, err = book.Closed(ctx, w.tx); err != nil {
		return err
	}
	if !w.before.Before(w.month) {
		return errs.New(errs.Conflict, "%s is closed; the book is closed through %s", w.month, w.before).
			WithHint("A closed month stays closed. What changes comes as an adjustment in an open month (R8.4).")
	}
	if !w.before.IsZero() && w.before.Next() != w.month {
		return errs.New(errs.Conflict, "%s comes first: months are closed one after the other", w.before.Next())
	}
	if today := clock.DateIn(w.Now, w.Zone); !w.month.Last().Before(today) {
		return errs.New(errs.Invalid, "it is not over yet in the company zone %s", w.Zone).
			WithHint("Close it on %s or later.", w.month.Last().AddDays(1))
	}
	return w.checkWorkedOut(ctx)
}

// checkWorkedOut refuses while the month may still change by what is known already.
func (w *closing) checkWorkedOut(ctx context.Context) (err error) {
	if w.reached, err = book.ReadReached(ctx, w.tx); err != nil {
		return err
	}
	if w.reached.Posted.Before(w.month.Last()) {
		through := "nothing is posted yet"
		if !w.reached.Posted.IsZero() {
			through = "the book is posted through " + w.reached.Posted.String()
		}
		return errs.New(errs.Conflict, "%s, and the month ends on %s", through, w.month.Last()).
			WithHint("`partnersync run accrue` posts the rest of it; then close it.")
	}
	pending, err := attribution.IsPending(ctx, w.tx)
	if err != nil {
		return err
	}
	var due int64
	if err := w.tx.GetContext(ctx, &due, `
		select (select count(*) from ledger.due_source) +
			(select count(*) from ledger.source_schedule where next_on <= $1)`, w.month.Last()); err != nil {
		return err
	}
	if pending || due > 0 {
		return errs.New(errs.Conflict, "%s still to be worked out", sources(due)).
			WithHint("`partnersync run reconcile accrue` works them out; then close it.")
	}
	return nil
}

func sources(n int64) string {
	switch n {
	case 0:
		return "histories of Partner IDs are"
	case 1:
		return "1 source is"
	}
	return fmt.Sprintf("%d sources are", n)
}

// close keeps the facts, the terms and the ends of the chains.
func (w *closing) close(ctx context.Context) (Close, error) {
	heads, err := readHeads(ctx, w.tx)
	if err != nil {
		return Close{}, err
	}
	var prev []byte
	if err := w.tx.GetContext(ctx, &prev,
		`select coalesce((select anchor from ledger.period_close order by period desc limit 1), '')`); err != nil {
		return Close{}, err
	}
	kept, err := w.keepFacts(ctx)
	if err != nil {
		return Close{}, err
	}
	c := Close{
		Period: w.month, ClosedBy: w.Actor, ClosedAt: w.Now.UTC().Truncate(time.Microsecond), AsOf: w.reached.Posted, Engine: kept.engine,
		Sources: kept.sources, Chains: int64(len(heads)), Digest: kept.digest,
	}
	c.Anchor = anchor(prev, c, heads)
	if _, err := w.tx.ExecContext(ctx, `
		insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.Period, c.ClosedBy, c.ClosedAt, c.AsOf, prev, []byte(c.Anchor), c.Engine, string(kept.terms), c.Sources, []byte(c.Digest)); err != nil {
		return Close{}, err
	}
	if err := w.keepHeads(ctx, heads); err != nil {
		return Close{}, err
	}
	if err := w.keepPayees(ctx); err != nil {
		return Close{}, err
	}
	return c, w.markHeld(ctx)
}

// markHeld marks the sources of lines that persons hold: what is held back of a month
// that is closed now comes in the next one, when it comes.
func (w *closing) markHeld(ctx context.Context) error {
	var held []string
	if err := w.tx.SelectContext(ctx, &held,
		`select distinct source_id from ledger.line_hold where released_at is null order by source_id`); err != nil {
		return err
	}
	return book.MarkDue(ctx, w.tx, held, w.Now)
}

// head is the end of a payee's chain.
type head struct {
	PayeeID string `db:"payee_id"`
	Seq     int64  `db:"seq"`
	Hash    []byte `db:"hash"`
}

func readHeads(ctx context.Context, q sqlx.QueryerContext) (out []head, err error) {
	err = sqlx.SelectContext(ctx, q, &out, `select payee_id, seq, hash from ledger.chain where seq > 0 order by payee_id collate "C"`)
	return out, err
}

// anchor binds the ends of all chains, in the order of payees, and all that the close
// says of itself to the close before: the SHA-256 of a line for the close and one for
// each chain (R8.3).
func anchor(prev []byte, c Close, heads []head) Hash {
	h := sha256.New()
	// A hash takes whatever it is given.
	_, _ = fmt.Fprintf(h, "close %s after %x by %q at %s as of %s, engine %q, %d sources come to %x\n",
		c.Period, prev, c.ClosedBy, c.ClosedAt.UTC().Format(time.RFC3339Nano), c.AsOf, c.Engine, c.Sources, []byte(c.Digest))
	for _, e := range heads {
		_, _ = fmt.Fprintf(h, "%q %d %x\n", e.PayeeID, e.Seq, e.Hash)
	}
	return h.Sum(nil)
}

// AnchorOf works the anchor of a closed month out again, from what its close kept and
// the anchor before it.
func AnchorOf(ctx context.Context, q sqlx.QueryerContext, m clock.Month) (kept, is Hash, err error) {
	defer errs.Wrap(&err, "work out the anchor of %s", m)
	var c struct {
		Close
		Prev []byte `db:"prev_anchor"`
	}
	if err := sqlx.GetContext(ctx, q, &c, `select prev_anchor, `+closeColumns+` from ledger.period_close c where period = $1`, m); err != nil {
		return nil, nil, err
	}
	var heads []head
	if err := sqlx.SelectContext(ctx, q, &heads, `
		select payee_id, seq, hash from ledger.period_head where period = $1 order by payee_id collate "C"`, m); err != nil {
		return nil, nil, err
	}
	return c.Anchor, anchor(c.Prev, c.Close, heads), nil
}

func (w *closing) keepHeads(ctx context.Context, heads []head) error {
	_, err := pg.CopyIn(ctx, w.tx, "ledger.period_head", []string{"period", "payee_id", "seq", "hash"},
		func(yield func([]any, error) bool) {
			for _, h := range heads {
				if !yield([]any{w.month.String(), h.PayeeID, h.Seq, h.Hash}, nil) {
					return
				}
			}
		})
	return err
}

// keepPayees keeps whose each payee's balance is now: partners that merge later change
// no statement of this month (R1.1).
func (w *closing) keepPayees(ctx context.Context) error {
	partners, err := book.Partners(ctx, w.tx)
	if err != nil {
		return err
	}
	var payees []string
	if err := w.tx.SelectContext(ctx, &payees, `select distinct payee_id from ledger.balance order by payee_id`); err != nil {
		return err
	}
	_, err = pg.CopyIn(ctx, w.tx, "ledger.period_payee", []string{"period", "payee_id", "partner_key"},
		func(yield func([]any, error) bool) {
			for _, id := range payees {
				if !yield([]any{w.month.String(), id, partners[id].Key}, nil) {
					return
				}
			}
		})
	return err
}
