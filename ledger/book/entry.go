package book

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// Entry is a posting: an amount moved from one account of a payee to another.
type Entry struct {
	PayeeID     string    `db:"payee_id"`
	Seq         int64     `db:"seq"` // place in the payee's chain, from 1
	LineKey     string    `db:"line_key"`
	Nth         int       `db:"nth"` // place on its line, from 1
	Kind        string    `db:"kind"`
	Debit       string    `db:"debit"`
	Credit      string    `db:"credit"`
	AmountMinor int64     `db:"amount_minor"`
	Currency    string    `db:"currency"`
	SourceID    string    `db:"source_id"`
	Period      string    `db:"period"`
	AsOf        time.Time `db:"as_of"`
	Corrects    string    `db:"corrects"`
	InputHash   []byte    `db:"input_hash"`
	PrevHash    []byte    `db:"prev_hash"`
	Hash        []byte    `db:"hash"`
	PostedBy    string    `db:"posted_by"`
	PostedAt    time.Time `db:"posted_at"`
}

// ID is the entry's id: its line's key and its place on it.
func (e Entry) ID() string { return entryID(e.LineKey, e.Nth) }

func entryID(lineKey string, nth int) string { return lineKey + "#" + strconv.Itoa(nth) }

// Signed is what the entry adds to what was worked out for its line, in minor units:
// what it accrues, or what it brings in. What happens to that afterwards adds nothing.
func (e Entry) Signed() int64 {
	switch {
	case e.Debit == AccountExpense, e.Debit == AccountBroughtIn:
		return e.AmountMinor
	case e.Credit == AccountExpense, e.Credit == AccountBroughtIn:
		return -e.AmountMinor
	}
	return 0
}

// In is what the entry adds to an account, in minor units: credits count, debits count
// against it.
func (e Entry) In(account string) int64 {
	switch account {
	case e.Credit:
		return e.AmountMinor
	case e.Debit:
		return -e.AmountMinor
	}
	return 0
}

// chainHead is the end of a payee's chain.
type chainHead struct {
	PayeeID string `db:"payee_id"`
	Seq     int64  `db:"seq"`
	Hash    []byte `db:"hash"`
}

// post gives drafts their places in their payees' chains and writes them. Payees
// are locked in the order of their ids, so two posters cannot wait for each other.
func post(ctx context.Context, tx *sqlx.Tx, drafts []draft, c Context) (err error) {
	defer errs.Wrap(&err, "post %d entries", len(drafts))
	if len(drafts) == 0 {
		return nil
	}
	slices.SortFunc(drafts, func(a, b draft) int {
		return cmp.Or(cmp.Compare(a.line.Key, b.line.Key), cmp.Compare(a.nth, b.nth))
	})
	heads, err := lockChains(ctx, tx, drafts)
	if err != nil {
		return err
	}
	moved := balances{}
	if _, err := pg.CopyIn(ctx, tx, "ledger.entry", entryColumns, chained(drafts, heads, moved, c)); err != nil {
		return err
	}
	if err := moved.save(ctx, tx); err != nil {
		return err
	}
	return saveChains(ctx, tx, heads)
}

// chained gives drafts as rows, each behind its payee's last entry, and moves the
// heads and the balances along.
func chained(drafts []draft, heads map[string]*chainHead, moved balances, c Context) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		var row []any
		var m message
		for _, d := range drafts {
			head := heads[d.line.PayeeID]
			e := d.entry(c, &m)
			e.Seq, e.PrevHash = head.Seq+1, head.Hash
			e.Hash = e.chainHash(&m)
			head.Seq, head.Hash = e.Seq, e.Hash
			moved.add(&e)
			row = entryRow(row, &e)
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (d draft) entry(c Context, m *message) Entry {
	l := d.line
	e := Entry{
		PayeeID: l.PayeeID, LineKey: l.Key, Nth: d.nth, Kind: d.kind,
		Debit: moves[d.kind].debit, Credit: moves[d.kind].credit, AmountMinor: d.delta, Currency: string(d.currency),
		SourceID: l.SourceID, Period: d.period.String(), AsOf: c.AsOf.Start(time.UTC), Corrects: d.corrects,
		PostedBy: c.Actor, PostedAt: c.Now.UTC().Truncate(time.Microsecond),
	}
	if d.delta < 0 {
		e.Debit, e.Credit, e.AmountMinor = e.Credit, e.Debit, -d.delta
	}
	e.InputHash = l.inputHash(l.Status, m)
	return e
}

// inputHash is of what an amount rests on, which is all that its line says but when it
// was computed; status is the one that the line had. What accrued has no reason.
func (l *Line) inputHash(status string, m *message) []byte {
	for _, s := range [...]string{
		l.Key, status, string(l.Currency), l.Base.String(), l.Rate.String(), l.AccountID, l.SpaceID, l.Plan,
		l.TermStart.String(), l.TermEnd.String(), l.Sale,
	} {
		m.text(s)
	}
	m.number(l.AmountMinor)
	m.bytes(l.Explanation)
	return m.hash()
}

// chainHash binds everything an entry says to the entry before it.
func (e *Entry) chainHash(m *message) []byte {
	m.bytes(e.PrevHash)
	m.text(e.PayeeID)
	m.number(e.Seq)
	m.text(e.ID())
	m.text(e.Kind)
	m.text(e.Debit)
	m.text(e.Credit)
	m.number(e.AmountMinor)
	m.text(e.Currency)
	m.text(e.SourceID)
	m.text(e.Period)
	m.text(e.AsOf.UTC().Format(time.DateOnly))
	m.text(e.Corrects)
	m.bytes(e.InputHash)
	m.text(e.PostedBy)
	m.text(e.PostedAt.UTC().Format(time.RFC3339Nano))
	return m.hash()
}

// message gathers parts that are to be hashed, each behind its length, so that no
// two lists of parts can run into the same bytes. Its memory is used again.
type message []byte

func (m *message) bytes(p []byte) {
	*m = append(binary.BigEndian.AppendUint32(*m, uint32(len(p))), p...)
}

func (m *message) text(p string) {
	*m = append(binary.BigEndian.AppendUint32(*m, uint32(len(p))), p...)
}

func (m *message) number(n int64) {
	*m = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(*m, 8), uint64(n))
}

// hash gives the hash of the parts, and forgets them.
func (m *message) hash() []byte {
	h := sha256.Sum256(*m)
	*m = (*m)[:0]
	return h[:]
}

func lockChains(ctx context.Context, tx *sqlx.Tx, drafts []draft) (map[string]*chainHead, error) {
	payees := make([]string, len(drafts))
	for i, d := range drafts {
		payees[i] = d.line.PayeeID
	}
	slices.Sort(payees)
	payees = slices.Compact(payees)
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.chain (payee_id, seq, hash) select p, 0, '' from unnest($1::text[]) as p order by p
		on conflict (payee_id) do nothing`, pq.Array(payees)); err != nil {
		return nil, err
	}
	var rows []chainHead
	if err := tx.SelectContext(ctx, &rows, `
		select payee_id, seq, hash from ledger.chain where payee_id = any($1) order by payee_id for update`,
		pq.Array(payees)); err != nil {
		return nil, err
	}
	out := make(map[string]*chainHead, len(rows))
	for i := range rows {
		out[rows[i].PayeeID] = &rows[i]
	}
	return out, nil
}

func saveChains(ctx context.Context, tx *sqlx.Tx, heads map[string]*chainHead) error {
	var payees []string
	var seqs []int64
	var hashes [][]byte
	for _, h := range heads {
		payees, seqs, hashes = append(payees, h.PayeeID), append(seqs, h.Seq), append(hashes, h.Hash)
	}
	_, err := tx.ExecContext(ctx, `
		update ledger.chain c set seq = n.seq, hash = n.hash
		from unnest($1::text[], $2::bigint[], $3::bytea[]) as n (payee_id, seq, hash) where c.payee_id = n.payee_id`,
		pq.Array(payees), pq.Array(seqs), pq.Array(hashes))
	return err
}

// entryColumns are those of an entry, in the order in which entryRow gives them.
var entryColumns = []string{
	"payee_id", "seq", "line_key", "nth", "kind", "debit", "credit", "amount_minor", "currency", "source_id", "period",
	"as_of", "corrects", "input_hash", "prev_hash", "hash", "posted_by", "posted_at",
}

// entryRow writes an entry into a row for COPY.
func entryRow(row []any, e *Entry) []any {
	return append(row[:0], e.PayeeID, e.Seq, e.LineKey, int64(e.Nth), e.Kind, e.Debit, e.Credit, e.AmountMinor, e.Currency,
		e.SourceID, e.Period, e.AsOf, e.Corrects, e.InputHash, e.PrevHash, e.Hash, e.PostedBy, e.PostedAt)
}

// EntriesOfLine gives the entries of a line in the order in which they were posted.
func EntriesOfLine(ctx context.Context, q sqlx.QueryerContext, key string) (_ []Entry, err error) {
	defer errs.Wrap(&err, "read entries of %s", key)
	var out []Entry
	err = sqlx.SelectContext(ctx, q, &out, `
		select payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, as_of,
			corrects, input_hash, prev_hash, hash, posted_by, posted_at
		from ledger.entry where source_id = split_part($1, '/', 3) and payee_id = split_part($1, '/', 1) and line_key = $1 order by nth`, key)
	return out, err
}
