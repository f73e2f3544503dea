package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// unlinkTries bounds how often records are sent again with fewer links: once
// without the link that was named, once without any.
const unlinkTries = 2

// send upserts the items and leaves a result in every one that Salesforce answered for;
// those that have one are passed over. The error is for a call that failed as a whole and
// stops the pass; if that can pass by itself, its records are put off, so that the next
// run begins with others. Between two calls alive says whether this pass may go on.
func (w *worker) send(ctx context.Context, items []*item, alive func() error) error {
	for some := range slices.Chunk(items, batchSize) {
		if err := w.sendSome(ctx, some, alive); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) sendSome(ctx context.Context, items []*item, alive func() error) error {
	items = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.result != nil || it.isSame })
	for try := 0; len(items) > 0; try++ {
		if err := w.call(ctx, items, alive); err != nil {
			return err
		}
		if try == unlinkTries {
			return nil
		}
		var err error
		if items, err = unlinked(items, w.to, try > 0); err != nil {
			return err
		}
	}
	return nil
}

// call makes one Collections call. If that fails as a whole because of what is in it, it is
// made again in two halves, down to the one record on which it fails: that one has a
// reason, and keeps nothing else back. If it is not known whether Salesforce did it,
// Salesforce is asked.
func (w *worker) call(ctx context.Context, items []*item, alive func() error) error {
	if err := alive(); err != nil {
		return err
	}
	err := w.upsert(ctx, items)
	switch {
	case err == nil:
		w.blamed = 0
		return nil
	case ctx.Err() != nil:
		return err
	case isOfRecords(err) && len(items) > 1:
		half := len(items) / 2
		if err := w.call(ctx, items[:half], alive); err != nil {
			return err
		}
		return w.call(ctx, items[half:], alive)
	case isOfRecords(err):
		items[0].blamed = err
		if w.blamed++; w.blamed >= blamedAtMost {
			return fmt.Errorf("%d records in a row fail alone, so it is hardly the records: %w", w.blamed, err)
		}
		return nil
	case !mayPass(err):
		return err // refused before anything was done
	}
	if aliveErr := alive(); aliveErr != nil {
		return errors.Join(err, aliveErr)
	}
	return w.askWhatBecameOf(ctx, items, err)
}

func (w *worker) upsert(ctx context.Context, items []*item) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	records := make([]any, len(items))
	for i, it := range items {
		records[i] = salesforce.Encoded{Key: it.row.Key, JSON: it.json}
	}
	results, err := w.Sink.Upsert(ctx, w.to.Object, w.to.Key, records)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errs.New(errs.Transient, "Salesforce took longer than %s for a batch: %w", sendTimeout, err)
		}
		return err
	}
	for i, it := range items {
		it.result = &results[i]
	}
	return nil
}

// isOfRecords says whether a request failed as a whole because of the records in it: there
// are too many, or one is such that Salesforce reads none, or breaks down over it.
func isOfRecords(err error) bool {
	var e *salesforce.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Class() {
	case salesforce.ClassNarrow, salesforce.ClassRow:
		return true
	case salesforce.ClassRetry:
		return e.Status == http.StatusInternalServerError && e.Has("UNKNOWN_EXCEPTION")
	}
	return false
}

// mayPass says whether a failed call is worth repeating as it is. Salesforce may have done
// it.
func mayPass(err error) bool {
	return salesforce.ClassOf(err) == salesforce.ClassRetry || errs.KindOf(err) == errs.Transient
}

// linkCodes are the codes with which Salesforce refuses a record because of what
// it links to: a record that is deleted, or hidden from the integration user.
var linkCodes = []string{
	"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
}

// isAboutLink says whether a record was refused because of what it links to.
func isAboutLink(r salesforce.UpsertResult) (named []string, is bool) {
	for _, e := range r.Errors {
		if slices.Contains(linkCodes, e.StatusCode) {
			is = true
			named = append(named, e.Fields...)
		}
	}
	return named, is
}

// unlinked gives the items that were refused because of a link and have one to
// lose, with the links that were named set to null: all links, if none was named
// or all is set. What Salesforce already has in that state is left out.
func unlinked(items []*item, to mapping.Destination, all bool) ([]*item, error) {
	var out []*item
	for _, it := range items {
		if it.result == nil || it.result.Success {
			continue
		}
		named, isLink := isAboutLink(*it.result)
		if !isLink {
			continue
		}
		r, err := it.record()
		if err != nil {
			return nil, err
		}
		if !r.Unlink(to, named, all) {
			continue
		}
		hash, err := r.Hash(to)
		if err == nil {
			it.json, err = r.AppendJSON(nil, "")
		}
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", it.row.Key, err)
		}
		it.lack, it.hash, it.result = reason(it.result), hash, nil
		if it.isSame = bytes.Equal(hash, it.row.ConfirmedHash); !it.isSame {
			out = append(out, it)
		}
	}
	return out, nil
}
