package book

import (
	"bytes"
	"context"
	"encoding/hex"
	"strconv"

	"github.com/jmoiron/sqlx"
)

// entriesAtOnce bounds how many entries are in memory at a time.
const entriesAtOnce = 5000

// verifyChains recomputes the chains of all payees, entry by entry (R8.3).
func verifyChains(ctx context.Context, tx *sqlx.Tx, report Report) (looked int64, err error) {
	w := chainWalk{report: report}
	var some []Entry
	for {
		some = some[:0]
		if err := tx.SelectContext(ctx, &some, `
			select payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, as_of,
				corrects, input_hash, prev_hash, hash, posted_by, posted_at
			from ledger.entry where (payee_id, seq) > ($1, $2) order by payee_id, seq limit $3`,
			w.head.PayeeID, w.head.Seq, entriesAtOnce); err != nil {
			return looked, err
		}
		for i := range some {
			if err := w.step(&some[i]); err != nil {
				return looked, err
			}
		}
		looked += int64(len(some))
		if len(some) < entriesAtOnce {
			return looked, verifyHeads(ctx, tx, report)
		}
	}
}

// chainWalk is the end of the chain that is being walked.
type chainWalk struct {
	report Report
	head   chainHead
	m      message
}

func (w *chainWalk) step(e *Entry) error {
	if e.PayeeID != w.head.PayeeID {
		w.head = chainHead{PayeeID: e.PayeeID}
	}
	is := Difference{Check: "chains", Object: "entry", Subject: e.ID()}
	if e.Seq != w.head.Seq+1 {
		is.Field, is.Expected, is.Found = "seq", strconv.FormatInt(w.head.Seq+1, 10), strconv.FormatInt(e.Seq, 10)
		is.Sentence = "Between this entry of " + e.PayeeID + " and the one before it something is missing. " + writtenPast
		if err := w.report(is); err != nil {
			return err
		}
	}
	if !bytes.Equal(e.PrevHash, w.head.Hash) {
		is.Field, is.Expected, is.Found = "prev_hash", hex.EncodeToString(w.head.Hash), hex.EncodeToString(e.PrevHash)
		is.Sentence = "This entry of " + e.PayeeID + " does not follow the one before it: one of the two was changed, or one between them is gone. " + writtenPast
		if err := w.report(is); err != nil {
			return err
		}
	}
	if hash := e.chainHash(&w.m); !bytes.Equal(hash, e.Hash) {
		is.Field, is.Expected, is.Found = "hash", hex.EncodeToString(hash), hex.EncodeToString(e.Hash)
		is.Sentence = "This entry does not say any more what it said when it was posted: its amount, its accounts, its dates or anything else of it was changed. " + writtenPast
		if err := w.report(is); err != nil {
			return err
		}
	}
	w.head.Seq, w.head.Hash = e.Seq, e.Hash
	return nil
}

// verifyHeads holds the kept end of every chain against its last entry, both ways.
func verifyHeads(ctx context.Context, tx *sqlx.Tx, report Report) error {
	return DifferencesOf(ctx, tx, report, Difference{
		Check: "chains", Object: "payee",
		Sentence: "The end of this payee's chain is not its last entry: entries at its end are gone, or the end was changed. " + writtenPast,
	}, `
		with last as (select distinct on (payee_id) payee_id, seq, hash from ledger.entry order by payee_id, seq desc)
		select coalesce(l.payee_id, c.payee_id), 'chain head',
			coalesce(l.seq || ' ' || encode(l.hash, 'hex'), 'none'), coalesce(c.seq || ' ' || encode(c.hash, 'hex'), 'none')
		from last l full join ledger.chain c on c.payee_id = l.payee_id
		where (l.seq, l.hash) is distinct from (c.seq, c.hash)
		order by coalesce(l.payee_id, c.payee_id) collate "C"`)
}
