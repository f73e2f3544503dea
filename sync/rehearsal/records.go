package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

// Source is the org that is read; *salesforce.Client is one.
type Source interface {
	mapping.Describer
	// Query hands over the pages of a query's result in order.
	Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error
}

// What would become of a record.
const (
	Create = "create"
	Update = "update"
	// Refuse: the ledger's state of it cannot be sent, and would be quarantined.
	Refuse = "quarantine"
)

// RecordChange is a record of Salesforce's that would become another.
type RecordChange struct {
	Object string  `json:"object"` // API name
	Key    string  `json:"key"`
	Action string  `json:"action"`
	Why    string  `json:"why,omitempty"` // it would be quarantined
	Fields []Field `json:"fields"`
}

// Field is one field of it: what Salesforce has, "" for nothing, and what it would get.
type Field struct {
	Name string `json:"field"`
	Has  string `json:"has"`
	Gets string `json:"gets"`
}

// Records compares what a copy has for Salesforce with what is there.
type Records struct {
	Copy    *sqlx.DB
	Source  Source
	Mapping *mapping.Mapping
	Clock   clock.Clock
	Zone    *time.Location
	// Shape is how much of the book Salesforce is to hold.
	Shape record.Shape
}

// rowsAtOnce bounds the keys that one query names: a query may have 15,000 characters,
// and a key has some 60.
const rowsAtOnce = 100

// Each gives the records that push would write, in the order in which it would. It marks
// in the copy what push marks before it looks. An error of each ends it and is returned
// as it is.
func (r Records) Each(ctx context.Context, each func(RecordChange) error) (err error) {
	defer errs.Wrap(&err, "compare with Salesforce")
	now := r.Clock.Now()
	if err := pg.InTx(ctx, r.Copy, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := outbox.MarkStatements(ctx, tx, clock.DateIn(now, r.Zone).Month(), now); err != nil {
			return err
		}
		for _, t := range mapping.Targets() {
			if _, err := outbox.Aim(ctx, tx, record.ObjectOf(t), r.Mapping.Target(t).Signature()+r.Shape.Signature(t), now); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, t := range mapping.Targets() {
		if err := r.target(ctx, t, now, each); err != nil {
			return err
		}
	}
	return nil
}

func (r Records) target(ctx context.Context, t mapping.Target, now time.Time, each func(RecordChange) error) error {
	var to mapping.Destination
	reach := outbox.Range{Object: record.ObjectOf(t), Parts: 1, Limit: rowsAtOnce}
	for {
		rows, err := outbox.Next(ctx, r.Copy, reach, now)
		if err != nil || len(rows) == 0 {
			return err
		}
		last := rows[len(rows)-1]
		reach.After = outbox.Key{Key: last.Key, Parent: last.Parent}
		if to.Object == "" { // the org is not asked for anything if there is nothing to send
			if to, err = r.Mapping.ResolveTarget(ctx, r.Source, t); err != nil {
				return err
			}
		}
		changes, err := r.changes(ctx, to, rows)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := each(c); err != nil {
				return err
			}
		}
	}
}

// wanted is a record that differs from what Salesforce last confirmed.
type wanted struct {
	key    string
	isNew  bool // Salesforce never confirmed it
	record record.Record
}

func (r Records) changes(ctx context.Context, to mapping.Destination, rows []outbox.Row) (out []RecordChange, err error) {
	keys := make([]string, len(rows))
	for i, row := range rows {
		keys[i] = row.Key
	}
	states, err := r.Shape.States(ctx, r.Copy, to.Target, keys)
	if err != nil {
		return nil, err
	}
	var differ []wanted
	for _, row := range rows {
		state, known := states[row.Key]
		switch {
		case known && state.Fault != "":
			out = append(out, RecordChange{Object: to.Object, Key: row.Key, Action: Refuse, Why: state.Fault, Fields: []Field{}})
			continue
		case !known && row.ConfirmedHash == nil:
			continue // it came and went; Salesforce never heard of it
		case !known:
			state.Values = record.Withdrawn(to.Target)
		}
		w := wanted{key: row.Key, isNew: row.ConfirmedHash == nil && row.SalesforceID == "", record: record.Make(to, row.Key, state.Values)}
		hash, err := w.record.Hash(to)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", row.Key, err)
		}
		if !bytes.Equal(hash, row.ConfirmedHash) {
			differ = append(differ, w)
		}
	}
	there, err := r.there(ctx, to, differ)
	if err != nil {
		return nil, err
	}
	for _, w := range differ {
		is, isThere := there[w.key]
		c := RecordChange{Object: to.Object, Key: w.key, Action: Update, Fields: fieldsOf(to, w.record, is)}
		if !isThere {
			c.Action = Create
		}
		out = append(out, c)
	}
	return out, nil
}

// there reads those that Salesforce has confirmed before.
func (r Records) there(ctx context.Context, to mapping.Destination, differ []wanted) (map[string]record.Record, error) {
	out := map[string]record.Record{}
	var quoted []string
	for _, w := range differ {
		if !w.isNew {
			quoted = append(quoted, salesforce.Quote(w.key))
		}
	}
	if len(quoted) == 0 {
		return out, nil
	}
	paths := []string{to.Key}
	for _, f := range to.Fields {
		if !slices.Contains(paths, f.Path) {
			paths = append(paths, f.Path)
		}
	}
	soql := "SELECT " + strings.Join(paths, ", ") + " FROM " + to.Object + " WHERE " + to.Key + " IN (" + strings.Join(quoted, ",") + ")"
	err := r.Source.Query(ctx, soql, salesforce.QueryOptions{}, func(_ context.Context, p salesforce.Page) error {
		for _, raw := range p.Records {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.UseNumber()
			var is record.Record
			if err := d.Decode(&is); err != nil {
				return errs.New(errs.Transient, "a record of %s cannot be read: %w", to.Object, err)
			}
			key, _ := is[to.Key].(string)
			out[key] = is
		}
		return nil
	})
	return out, err
}

// fieldsOf gives the fields that would become others. When something was computed is no
// part of a record's state.
func fieldsOf(to mapping.Destination, gets, has record.Record) []Field {
	out := []Field{}
	for _, f := range to.Fields {
		want, sent := valueAt(gets, f.Path)
		if !sent || f.Name == "computed_at" {
			continue
		}
		is, _ := valueAt(has, f.Path)
		if a, b := shown(want), shown(is); a != b {
			out = append(out, Field{f.Path, b, a})
		}
	}
	return out
}

// valueAt finds the value of a path, over a relationship or not.
func valueAt(r record.Record, path string) (any, bool) {
	relationship, far, isLookup := strings.Cut(path, ".")
	v, there := r[relationship]
	if !isLookup || v == nil {
		return v, there
	}
	m, _ := v.(map[string]any)
	v, there = m[far]
	return v, there
}

// shown gives a value as text: none is "", and a number has no zeros at its end.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
	case json.Number:
		if d, err := decimal.NewFromString(v.String()); err == nil {
			return d.String()
		}
	}
	return fmt.Sprint(v)
}
