package push

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// batch is some rows of the outbox, and what has to be sent of them.
type batch struct {
	rows []outbox.Row
	sent []*item      // those that differ from what Salesforce confirmed
	same []outbox.Row // those that don't, or that Salesforce is not to hear of
	// unfit are those that the ledger itself can't say.
	unfit []outbox.Failure
}

// item is one record on its way.
type item struct {
	row    outbox.Row
	record record.Record
	hash   []byte
	// result is nil until Salesforce answered.
	result *salesforce.UpsertResult
	// blamed is the whole request's failure that came down to this one record.
	blamed error
	// putOff is why the call that held the record failed as a whole, or "". Salesforce may
	// have done it all the same.
	putOff string
	// lack is why links were taken out of the record, or "".
	lack string
	// isSame says that without those links it is what Salesforce has already.
	isSame bool
}

// compose reads what the ledger says of the rows now, and keeps to send what
// differs from what was confirmed.
func compose(ctx context.Context, q sqlx.QueryerContext, shape record.Shape, to mapping.Destination, rows []outbox.Row) (*batch, error) {
	b := &batch{rows: rows, sent: make([]*item, 0, len(rows))}
	states, err := shape.States(ctx, q, to.Target, keysOf(rows))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		state, known := states[row.Key]
		switch {
		case known && state.Fault != "":
			b.unfit = append(b.unfit, outbox.Failure{Key: row.Key, Reason: state.Fault})
			continue
		case (!known || state.IsUnwanted) && row.ConfirmedHash == nil:
			// It came and went between two pushes, or is not to be held; Salesforce never
			// heard of it.
			b.same = append(b.same, row)
			continue
		case !known:
			state.Values = record.Withdrawn(to.Target)
		}
		r := record.Make(to, row.Key, state.Values)
		hash, err := r.Hash(to)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", row.Key, err)
		}
		if bytes.Equal(hash, row.ConfirmedHash) {
			b.same = append(b.same, row)
			continue
		}
		b.sent = append(b.sent, &item{row: row, record: r, hash: hash})
	}
	return b, nil
}

func keysOf(rows []outbox.Row) []string {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	return keys
}

// flown gives what is written down of items before they are sent.
func flown(items []*item) []outbox.Flown {
	out := make([]outbox.Flown, len(items))
	for i, it := range items {
		out[i] = outbox.Flown{Key: it.row.Key, Wanted: it.row.Wanted, Hash: it.hash}
	}
	return out
}

// tally counts what came of rows.
type tally struct {
	written, unchanged, failed, quarantined, withoutLinks int64
}

// outcome is what came of the records of a flight, to be noted in the outbox.
type outcome struct {
	tally
	done     []outbox.Confirmation
	failures []outbox.Failure
	again    []string // never sent: they stay as they were
}

// judge decides what comes of each record that was sent.
func judge(items []*item, now time.Time) *outcome {
	o := &outcome{}
	anyWritten := false
	for _, it := range items {
		anyWritten = anyWritten || it.result != nil && it.result.Success
	}
	for _, it := range items {
		switch {
		case it.isSame:
			o.unchanged++
			o.confirm(it, "", now)
		case it.blamed != nil:
			o.blame(it, anyWritten, now)
		case it.result == nil && it.putOff == "":
			o.again = append(o.again, it.row.Key) // the pass stopped before its call
		case it.result == nil:
			// The call is at fault and not the record, so it is never quarantined.
			o.fail(outbox.Failure{Key: it.row.Key, Reason: it.putOff, NotBefore: now.Add(delay(it.row.Attempts)), IsUnsure: true})
		case it.result.Success:
			o.written++
			if it.lack != "" {
				o.withoutLinks++
			}
			o.confirm(it, it.result.ID, now)
		default:
			o.refuse(it.row, *it.result, now)
		}
	}
	return o
}

// refuse notes that Salesforce refused a record: for good, or to be tried again.
func (o *outcome) refuse(row outbox.Row, result salesforce.UpsertResult, now time.Time) {
	f := outbox.Failure{Key: row.Key, Reason: reason(&result)}
	if result.Class() != salesforce.ClassRow && row.Attempts+1 < maxAttempts {
		f.NotBefore = now.Add(delay(row.Attempts))
	}
	o.fail(f)
}

// blame notes a record on which a whole request fails. A failure inside Salesforce is the
// record's only if others of its batch were written.
func (o *outcome) blame(it *item, anyWritten bool, now time.Time) {
	f := outbox.Failure{Key: it.row.Key, Reason: "a request with this record alone fails: " + it.blamed.Error()}
	if errs.KindOf(it.blamed) == errs.Transient && !anyWritten && it.row.Attempts+1 < maxAttempts {
		f.NotBefore = now.Add(delay(it.row.Attempts))
	}
	o.fail(f)
}

func (o *outcome) fail(f outbox.Failure) {
	if f.NotBefore.IsZero() {
		o.quarantined++
	} else {
		o.failed++
	}
	o.failures = append(o.failures, f)
}

// confirm notes that Salesforce has the record as it was sent. What lacks links is
// tried again with them: the other record may be restored, or be shown to us.
func (o *outcome) confirm(it *item, id string, now time.Time) {
	c := outbox.Confirmation{Key: it.row.Key, Hash: it.hash, SalesforceID: id}
	if it.lack != "" {
		c.Lack, c.Again = "written without a link: "+it.lack, now.Add(relinkAfter)
	}
	o.done = append(o.done, c)
}

// delay is how long to wait after the given number of earlier failures.
func delay(failures int) time.Duration {
	d := firstDelay
	for range failures {
		if d *= 2; d >= lastDelay {
			return lastDelay
		}
	}
	return d
}

// reason says why Salesforce refused a record.
func reason(r *salesforce.UpsertResult) string {
	var b bytes.Buffer
	for i, e := range r.Errors {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(e.String())
	}
	return b.String()
}
