package push

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// batch is what one transaction sends.
type batch struct {
	to   mapping.Destination
	rows []outbox.Row
	sent []*item // those that differ from what Salesforce confirmed

	confirmations []outbox.Confirmation
	failures      []outbox.Failure

	unchanged, written, quarantined, withoutLinks int64
}

// item is one record on its way.
type item struct {
	row    outbox.Row
	record record.Record
	hash   []byte
	// result is nil until Salesforce answered.
	result *salesforce.UpsertResult
	// putOff is why the call that held the record failed as a whole, or "".
	putOff string
	// lack is why links were taken out of the record, or "".
	lack string
	// isSame says that without those links it is what Salesforce has already.
	isSame bool
}

// compose reads what the ledger says of the rows now, and keeps to send what
// differs from what was confirmed.
func compose(ctx context.Context, q sqlx.QueryerContext, to mapping.Destination, rows []outbox.Row) (*batch, error) {
	b := &batch{to: to, rows: rows}
	states, err := record.States(ctx, q, to.Target, keysOf(rows))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		state, known := states[row.Key]
		switch {
		case known && state.Fault != "":
			b.quarantine(row, state.Fault)
			continue
		case !known && row.ConfirmedHash == nil:
			// It came and went between two pushes; Salesforce never heard of it.
			b.unchanged++
			b.confirmations = append(b.confirmations, outbox.Confirmation{Key: row.Key})
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
			b.unchanged++
			b.confirmations = append(b.confirmations, outbox.Confirmation{Key: row.Key, Hash: hash})
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

// judge decides what comes of each record that was sent.
func (b *batch) judge(now time.Time) {
	for _, it := range b.sent {
		switch {
		case it.isSame:
			b.unchanged++
			b.confirm(it, "", now)
		case it.result == nil && it.putOff == "":
			// The pass stopped before its call: it stays as it was.
		case it.result == nil:
			// The call is at fault and not the record, so it is never quarantined.
			b.failures = append(b.failures, outbox.Failure{Key: it.row.Key, Reason: it.putOff, NotBefore: now.Add(delay(it.row.Attempts))})
		case it.result.Success:
			b.written++
			if it.lack != "" {
				b.withoutLinks++
			}
			b.confirm(it, it.result.ID, now)
		case it.result.Class() == salesforce.ClassRow || it.row.Attempts+1 >= maxAttempts:
			b.quarantine(it.row, reason(it.result))
		default:
			b.failures = append(b.failures, outbox.Failure{Key: it.row.Key, Reason: reason(it.result), NotBefore: now.Add(delay(it.row.Attempts))})
		}
	}
}

// firstWritten gives the keys of the records that Salesforce did not have before.
func (b *batch) firstWritten() (keys []string) {
	for _, it := range b.sent {
		if it.row.ConfirmedHash == nil && it.result != nil && it.result.Success {
			keys = append(keys, it.row.Key)
		}
	}
	return keys
}

// confirm notes that Salesforce has the record as it was sent. What lacks links is
// tried again with them: the other record may be restored, or be shown to us.
func (b *batch) confirm(it *item, id string, now time.Time) {
	c := outbox.Confirmation{Key: it.row.Key, Hash: it.hash, SalesforceID: id}
	if it.lack != "" {
		c.Lack, c.Again = "written without a link: "+it.lack, now.Add(relinkAfter)
	}
	b.confirmations = append(b.confirmations, c)
}

func (b *batch) quarantine(row outbox.Row, reason string) {
	b.quarantined++
	b.failures = append(b.failures, outbox.Failure{Key: row.Key, Reason: reason})
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
