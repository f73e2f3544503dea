package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

func newStore(t testing.TB) (*store.Store, *clock.Manual) {
	t.Helper()
	src, err := metadata.Declared(orgpackage.Source)
	if err != nil {
		t.Fatal(err)
	}
	src.Objects = append(slices.Clone(src.Objects), schema.ObjectDeclaration{Name: "Space__c", Prefix: "a01", Owner: true, History: "Space__History",
		Fields: []schema.FieldDeclaration{
			{Name: "Name", Type: "text", Length: 80, NameField: true},
			{Name: "Space_Key__c", Type: "text", Length: 80, Unique: true, ExternalID: true, CaseSensitive: true},
			{Name: "Partner_ID__c", Type: "text", Length: 20, Tracked: true},
		}})
	sc, err := schema.Build(src, schema.Options{Currencies: []string{"USD"}, SandboxField: schema.SandboxFlag})
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewManual(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	s := store.New(sc, c)
	s.Seed("user@acme.example", "USD")
	return s, c
}

// contents prints all that can be seen of a store: records, and what the
// indexes find.
func contents(s *store.Store) string {
	out := ""
	for _, object := range []string{"Account", "Contact", "Space__c", "Space__History"} {
		out += fmt.Sprintln(object, s.Count(object), s.Records(object))
		t := s.Tables[object]
		s.RLockTidy(t)
		t.ByTime.Walk(store.WholeSpan, false, func(r *store.Record) bool {
			out += r.ID + " "
			return true
		})
		if f, ok := t.Object.Field("Space_Key__c"); ok {
			for i := range 4 {
				out += fmt.Sprint(len(t.Find(f, fmt.Sprint("K", i))), " ")
			}
		}
		s.RUnlock()
	}
	return out
}

// Whatever is written after a savepoint, taking it back leaves what was there.
func TestRollBackLeavesWhatWasThere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, c := newStore(t)
		var ids []string
		step := func() {
			c.Advance(time.Duration(rapid.IntRange(0, 2).Draw(rt, "seconds")) * time.Second)
			key := fmt.Sprint("K", rapid.IntRange(0, 3).Draw(rt, "key"))
			object, fields := "Space__c", map[string]any{"Space_Key__c": key, "Partner_ID__c": key}
			if rapid.Bool().Draw(rt, "account") {
				object, fields = "Account", map[string]any{"Name": key}
			}
			id := ""
			if len(ids) > 0 {
				id = rapid.SampledFrom(ids).Draw(rt, "id")
			}
			// Refusals are part of it: what they leave is checked like the rest.
			switch rapid.IntRange(0, 4).Draw(rt, "op") {
			case 0, 1:
				if made, err := s.Insert(object, fields); err == nil {
					ids = append(ids, made)
				}
			case 2:
				_ = s.Update(object, id, fields, time.Time{})
			case 3:
				_ = s.Delete(object, id)
			case 4:
				_ = s.Undelete(object, id)
			}
			if len(ids) > 1 && rapid.IntRange(0, 5).Draw(rt, "merge") == 0 {
				_ = s.Merge("Account", id, ids[0])
			}
		}
		for range rapid.IntRange(0, 8).Draw(rt, "before") {
			step()
		}
		before := contents(s)
		outer := s.Savepoint()
		for range rapid.IntRange(0, 8).Draw(rt, "outer") {
			step()
		}
		middle := contents(s)
		inner := s.Savepoint()
		for range rapid.IntRange(0, 8).Draw(rt, "inner") {
			step()
		}
		s.RollBack(inner)
		s.Release()
		if got := contents(s); got != middle {
			rt.Fatalf("after the inner rollback:\n%s\nwant\n%s", got, middle)
		}
		s.RollBack(outer)
		s.Release()
		if got := contents(s); got != before {
			rt.Fatalf("after the outer rollback:\n%s\nwant\n%s", got, before)
		}
	})
}
