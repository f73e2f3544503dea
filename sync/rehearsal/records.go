package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// What would become of a record.
const (
	Create = "create"
	Update = "update"
)

// RecordChange is a record of Salesforce's that would become another.
type RecordChange struct {
	Object string  `json:"object"` // API name
	Key    string  `json:"key"`
	Action string  `json:"action"`
	Fields []Field `json:"fields"`
}

// Field is one field of it: what Salesforce has, "" for nothing, and what it would get.
type Field struct {
	Name string `json:"field"`
	Has  string `json:"has"`
	Gets string `json:"gets"`
}

// Sink is an org to which a copy's push seems to write: it tells what would be written,
// and says that it was. It reads from the org itself, through a client that may be
// ReadOnly; whatever else a push asks of an org goes there as well, and is refused.
type Sink struct {
	*salesforce.Client
	// Copy is the copy; of what was confirmed there it is known that Salesforce has it.
	Copy    *sqlx.DB
	Mapping *mapping.Mapping
	// Each hears of every change, one at a time. Its error ends the push.
	Each func(RecordChange) error

	mu        sync.Mutex
	resolved  map[string]mapping.Destination
	described map[string]*salesforce.Object
}

// keysAtOnce bounds the keys that one query names: a query may have 15,000 characters,
// and a key has some 60.
const keysAtOnce = 100

// Upsert tells what would become of the records, and that all of it worked.
func (s *Sink) Upsert(ctx context.Context, object, key string, records []any) (_ []salesforce.UpsertResult, err error) {
	defer errs.Wrap(&err, "compare %d records of %s with Salesforce", len(records), object)
	s.mu.Lock()
	defer s.mu.Unlock()
	to, err := s.destination(ctx, object)
	if err != nil {
		return nil, err
	}
	keys, sent := make([]string, len(records)), make([]record.Record, len(records))
	for i, r := range records {
		if sent[i], err = decoded(r); err != nil {
			return nil, err
		}
		if keys[i], _ = sent[i][key].(string); keys[i] == "" {
			return nil, errs.New(errs.Unknown, "record %d has no %s", i, key)
		}
	}
	there, err := s.there(ctx, to, keys)
	if err != nil {
		return nil, err
	}
	results := make([]salesforce.UpsertResult, len(records))
	for i := range records {
		is, known := there[keys[i]]
		c := RecordChange{Object: object, Key: keys[i], Action: Update, Fields: s.fields(to, sent[i], is)}
		if !known {
			c.Action = Create
		}
		if err := s.Each(c); err != nil {
			return nil, err
		}
		results[i] = salesforce.UpsertResult{Success: true, Created: !known, ID: text(is["Id"])}
	}
	return results, nil
}

// decoded reads a record as it would be sent.
func decoded(sent any) (r record.Record, err error) {
	var text []byte
	if e, is := sent.(salesforce.Encoded); is {
		text = e.JSON
	} else if text, err = json.Marshal(sent); err != nil {
		return nil, errs.New(errs.Unknown, "write a record: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&r); err != nil {
		return nil, errs.New(errs.Unknown, "read a record that was written: %w", err)
	}
	return r, nil
}

// destination finds the target that is written to an object, once.
func (s *Sink) destination(ctx context.Context, object string) (to mapping.Destination, err error) {
	if to, ok := s.resolved[object]; ok {
		return to, nil
	}
	if s.resolved == nil {
		s.resolved, s.described = map[string]mapping.Destination{}, map[string]*salesforce.Object{}
	}
	for _, t := range mapping.Targets() {
		if s.Mapping.Target(t).Object != object {
			continue
		}
		if to, err = s.Mapping.ResolveTarget(ctx, s.Client, t); err != nil {
			return to, err
		}
		if s.described[object], err = s.Client.Describe(ctx, object); err != nil {
			return to, err
		}
		s.resolved[object] = to
		return to, nil
	}
	return to, errs.New(errs.Unknown, "no target is written to %s", object)
}

// there reads the records that Salesforce may have: those of which the copy says so.
func (s *Sink) there(ctx context.Context, to mapping.Destination, keys []string) (map[string]record.Remote, error) {
	rows, err := outbox.Find(ctx, s.Copy, record.ObjectOf(to.Target), keys)
	if err != nil {
		return nil, err
	}
	var quoted []string
	for _, key := range keys {
		if row := rows[key]; row.ConfirmedHash != nil || row.SalesforceID != "" || row.ConfirmedAt != nil {
			quoted = append(quoted, salesforce.Quote(key))
		}
	}
	out := map[string]record.Remote{}
	for some := range slices.Chunk(quoted, keysAtOnce) {
		soql := record.Select(to) + " where " + to.Key + " in (" + strings.Join(some, ",") + ")"
		if err := s.Client.Query(ctx, soql, salesforce.QueryOptions{}, func(_ context.Context, p salesforce.Page) error {
			found, _, err := record.Decode(p, to)
			maps.Copy(out, found)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fields gives the fields that would become others.
func (s *Sink) fields(to mapping.Destination, sent record.Record, is record.Remote) []Field {
	out := []Field{}
	for _, f := range to.Fields {
		if record.IsUncompared(f.Name) {
			continue
		}
		if gets, has, differ := record.Differ(sent, is, f.Path, s.described[to.Object]); differ {
			out = append(out, Field{f.Path, shown(has), shown(gets)})
		}
	}
	return out
}

// shown gives a value as text; a number has no zeros at its end.
func shown(v any) string {
	if n, is := v.(json.Number); is {
		if d, err := decimal.NewFromString(n.String()); err == nil {
			return d.String()
		}
	}
	return record.Shown(v)
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
