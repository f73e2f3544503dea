package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/record"
)

// keysAtOnce bounds the keys that one query names: a query may have 15,000 characters in
// its address, and a key has some 60.
const keysAtOnce = 100

// askWhatBecameOf reads back the records of a call of which it is not known whether
// Salesforce did it. Those that it holds as they were sent are written. The others are put
// off, and cause stops the pass.
func (w *worker) askWhatBecameOf(ctx context.Context, items []*item, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := readBack(ctx, w.Sink, w.to, items)
	left := 0
	for _, it := range items {
		if it.result == nil {
			left++
			it.putOff = cause.Error()
		}
	}
	switch {
	case err != nil:
		return errors.Join(cause, fmt.Errorf("and then, asking what became of it: %w", err))
	case left == 0:
		return nil // all was done, and only the answer was lost
	}
	return cause
}

// readBack looks the items' records up by their keys, and gives those that Salesforce holds
// as they were sent a result.
func readBack(ctx context.Context, sink Sink, to mapping.Destination, items []*item) error {
	object, err := sink.Describe(ctx, to.Object)
	if err != nil {
		return err
	}
	byKey := make(map[string]*item, len(items))
	for some := range slices.Chunk(items, keysAtOnce) {
		quoted := make([]string, len(some))
		for i, it := range some {
			byKey[it.row.Key], quoted[i] = it, salesforce.Quote(it.row.Key)
		}
		where := " where " + to.Key + " in (" + strings.Join(quoted, ",") + ")"
		err := sink.Query(ctx, record.Select(to)+where, salesforce.QueryOptions{}, func(_ context.Context, p salesforce.Page) error {
			found, _, err := record.Decode(p, to)
			for key, is := range found {
				it := byKey[key]
				if it == nil {
					continue
				}
				sent, err := it.record()
				if err != nil {
					return err
				}
				if record.IsAs(sent, is, to, object) {
					id, _ := is["Id"].(string)
					it.result = &salesforce.UpsertResult{ID: id, Success: true}
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
