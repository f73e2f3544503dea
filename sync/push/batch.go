package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// batch is some rows of the outbox, and what has to be sent of them.
type batch struct {
	rows []outbox.Row
	sent int          // that differ from what Salesforce confirmed
	same []outbox.Row // those that don't, or that Salesforce is not to hear of
	// unfit are those that the ledger itself can't say.
	unfit []outbox.Failure
}

// item is one record on its way by a call.
type item struct {
	row  outbox.Row
	json []byte // as it is sent
	hash []byte
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

// record gives what is sent as a record.
func (it *item) record() (r record.Record, err error) {
	d := json.NewDecoder(bytes.NewReader(it.json))
	d.UseNumber()
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("read what is sent of %s: %w", it.row.Key, err)
	}
	return r, nil
}

// composer composes records of one destination; it is for one goroutine.
type composer struct {
	to     mapping.Destination
	reader *record.Reader
	sheet  *record.Sheet
	arenas [][]byte // in which the items that were composed last have their JSON
}

func (p *pass) composer(to mapping.Destination) *composer {
	form := record.NewForm(to)
	return &composer{to: to, reader: record.NewReader(p.Shape, form), sheet: form.NewSheet()}
}

// errFull says that a record had no room any more. It and those behind it are for later.
var errFull = errors.New("there is no room for more")

// sift gives to send what the ledger says of the rows, which the composer's reader has read,
// where it differs from what was confirmed: in the order of the rows, and one after the
// other in the composer's sheet.
func (c *composer) sift(rows []outbox.Row, send func(row *outbox.Row, hash []byte) error) (*batch, error) {
	b := &batch{rows: rows}
	for i := range rows {
		row := &rows[i]
		standing, err := c.reader.Fill(row.Key, c.sheet)
		switch {
		case err != nil:
		case standing.Fault != "":
			b.unfit = append(b.unfit, outbox.Failure{Key: row.Key, Reason: standing.Fault})
			continue
		case (!standing.IsKnown || standing.IsUnwanted) && row.ConfirmedHash == nil:
			// It came and went between two pushes, or is not to be held; Salesforce never
			// heard of it.
			b.same = append(b.same, *row)
			continue
		case !standing.IsKnown:
			err = c.reader.FillWithdrawn(row.Key, c.sheet)
		}
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", row.Key, err)
		}
		hash, err := c.sheet.Hash()
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", row.Key, err)
		}
		if bytes.Equal(hash[:], row.ConfirmedHash) {
			b.same = append(b.same, *row)
			continue
		}
		if err := send(row, hash[:]); errors.Is(err, errFull) {
			b.rows = rows[:i]
			return b, nil
		} else if err != nil {
			return nil, fmt.Errorf("encode %s: %w", row.Key, err)
		}
		b.sent++
	}
	return b, nil
}

// items gives what sift gives to send as items, which last until it is called again.
func (c *composer) items(into *[]*item) func(row *outbox.Row, hash []byte) error {
	var arena []byte
	taken := 0
	return func(row *outbox.Row, hash []byte) (err error) {
		if cap(arena)-len(arena) < 4096 {
			if taken == len(c.arenas) {
				c.arenas = append(c.arenas, make([]byte, 0, 1<<17))
			}
			arena = c.arenas[taken]
			taken++
		}
		from := len(arena)
		if arena, err = c.sheet.AppendJSON(arena); err != nil {
			return err
		}
		*into = append(*into, &item{row: *row, json: arena[from:len(arena):len(arena)], hash: hash})
		return nil
	}
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
	c := outbox.Confirmation{Key: it.row.Key, Hash: it.hash, SalesforceID: id, IsAsLaunched: it.lack == ""}
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
