package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// unlinkTries bounds how often records are sent again with fewer links: once
// without the link that was named, once without any.
const unlinkTries = 2

// send upserts the batch and leaves a result in every item that Salesforce
// answered for. The error is for a call that failed as a whole and stops the
// pass; if that can pass by itself, its records are put off, so that the next
// run begins with others.
func (w *worker) send(ctx context.Context, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	items := b.sent
	for try := 0; len(items) > 0; try++ {
		if err := w.call(ctx, items); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				err = errs.New(errs.Transient, "Salesforce took longer than %s for a batch: %w", sendTimeout, err)
			}
			for _, it := range items {
				if it.result == nil && mayPass(err) {
					it.putOff = err.Error()
				}
			}
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

// mayPass says whether a failed call is worth repeating as it is.
func mayPass(err error) bool {
	switch salesforce.ClassOf(err) {
	case salesforce.ClassRetry, salesforce.ClassNarrow:
		return true
	}
	return errs.KindOf(err) == errs.Transient
}

// call makes one Collections call, or two halves of it if Salesforce finds it
// too large.
func (w *worker) call(ctx context.Context, items []*item) error {
	records := make([]any, len(items))
	for i, it := range items {
		records[i] = it.record
	}
	results, err := w.Sink.Upsert(ctx, w.to.Object, w.to.Key, records)
	if salesforce.ClassOf(err) == salesforce.ClassNarrow && len(items) > 1 {
		half := len(items) / 2
		if err := w.call(ctx, items[:half]); err != nil {
			return err
		}
		return w.call(ctx, items[half:])
	}
	if err != nil {
		return err
	}
	for i, it := range items {
		it.result = &results[i]
	}
	return nil
}

// linkCodes are the codes with which Salesforce refuses a record because of what
// it links to: a record that is deleted, or hidden from the integration user.
var linkCodes = []string{
	"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
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
		var named []string
		isLink := false
		for _, e := range it.result.Errors {
			if slices.Contains(linkCodes, e.StatusCode) {
				isLink = true
				named = append(named, e.Fields...)
			}
		}
		if !isLink || !it.record.Unlink(to, named, all) {
			continue
		}
		hash, err := it.record.Hash(to)
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
