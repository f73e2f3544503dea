package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// family is a store with an account, a contact and an opportunity of it, and a Space
// and a commission that name them.
type family struct {
	t                                                *testing.T
	clock                                            *clock.Manual
	s                                                *Store
	account, contact, opportunity, space, commission string
}

func (f *family) insert(object string, fields map[string]any) string {
	f.t.Helper()
	id, err := f.s.Insert(object, fields)
	must(f.t, err)
	return id
}

func newFamily(t *testing.T, path string) *family {
	t.Helper()
	f := &family{t: t, clock: clock.NewManual(noon)}
	f.s, _ = openFile(t, path, options(t, f.clock))
	f.account = f.insert("Account", map[string]any{"Name": "A"})
	f.contact = f.insert("Contact", map[string]any{"LastName": "C", "AccountId": f.account})
	f.space = f.insert("Space__c", map[string]any{"Space_Key__c": "k", "Account__c": f.account})
	f.opportunity = f.insert("Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-02",
		"AccountId": f.account, "Space__c": f.space})
	f.commission = f.insert("Partner_Commission__c", map[string]any{"Commission_Key__c": "c", "Account__c": f.account, "Opportunity__c": f.opportunity, "Space__c": f.space})
	f.clock.Advance(time.Hour)
	return f
}

// links tells what names what, and what is deleted.
func (f *family) links() string {
	name := map[any]string{f.account: "account", f.contact: "contact", f.opportunity: "opportunity", f.space: "space", f.commission: "commission", nil: "-"}
	var out []string
	for _, of := range []struct{ object, id, fields string }{
		{"Account", f.account, ""}, {"Contact", f.contact, "AccountId"}, {"Opportunity", f.opportunity, "AccountId Space__c"},
		{"Space__c", f.space, "Account__c"}, {"Partner_Commission__c", f.commission, "Account__c Opportunity__c Space__c"},
	} {
		r, ok := f.s.Record(of.object, of.id)
		if !ok {
			continue
		}
		line := name[of.id]
		if r["IsDeleted"] == true {
			line += " binned"
		}
		for field := range strings.FieldsSeq(of.fields) {
			line += " " + name[r[field]]
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

const together = "account; contact account; opportunity account space; space account; commission account opportunity space"

func TestDeletionClearsLookupsAndUndeletePutsThemBack(t *testing.T) {
	for _, tt := range []struct {
		name    string
		object  string
		id      func(*family) string
		gone    string
		between func(*family)
		after   string
	}{
		{"a lookup", "Space__c", func(f *family) string { return f.space },
			"account; contact account; opportunity account -; space binned account; commission account opportunity -", nil, together},
		{"an account takes along", "Account", func(f *family) string { return f.account },
			"account binned; contact binned account; opportunity binned account space; space -; commission - - space", nil, together},
		{"saved without one meanwhile", "Space__c", func(f *family) string { return f.space },
			"account; contact account; opportunity account -; space binned account; commission account opportunity -", func(f *family) {
				must(f.t, f.s.Update("Opportunity", f.opportunity, map[string]any{"Space__c": nil, "Name": "P"}, time.Time{}))
			}, together},
		{"given another meanwhile", "Account", func(f *family) string { return f.account },
			"account binned; contact binned account; opportunity binned account space; space -; commission - - space", func(f *family) {
				must(f.t, f.s.Update("Space__c", f.space, map[string]any{"Account__c": f.insert("Account", map[string]any{"Name": "B"})}, time.Time{}))
			}, "account; contact account; opportunity account space; space ; commission account opportunity space"},
		{"what it named went too", "Account", func(f *family) string { return f.account },
			"account binned; contact binned account; opportunity binned account space; space -; commission - - space", func(f *family) {
				must(f.t, f.s.Delete("Space__c", f.space))
			}, "account; contact account; opportunity account -; space binned account; commission account opportunity -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "org")
			f := newFamily(t, path)
			must(t, f.s.Delete(tt.object, tt.id(f)))
			if got := f.links(); got != tt.gone {
				t.Errorf("deleted:\n%s\nwant\n%s", got, tt.gone)
			}
			if tt.between != nil {
				tt.between(f)
			}
			must(t, f.s.CloseFile()) // it is remembered in the file too
			f.s, _ = openFile(t, path, options(t, f.clock))
			must(t, f.s.Undelete(tt.object, tt.id(f)))
			if got := f.links(); got != tt.after {
				t.Errorf("undeleted:\n%s\nwant\n%s", got, tt.after)
			}
			if len(f.s.absent) > 0 && tt.after == together {
				t.Errorf("%d deletions are still remembered", len(f.s.absent))
			}
		})
	}
}

// What was deleted while its parent was in the recycle bin finds it again, whichever
// of them comes back first.
func TestLookupsAreRestoredInAnyOrder(t *testing.T) {
	for _, order := range []string{"space first", "opportunity first"} {
		t.Run(order, func(t *testing.T) {
			f := newFamily(t, filepath.Join(t.TempDir(), "org"))
			must(t, f.s.Delete("Opportunity", f.opportunity))
			must(t, f.s.Delete("Space__c", f.space))
			first, second := f.space, f.opportunity
			if order == "opportunity first" {
				first, second = second, first
				must(t, f.s.Undelete("Opportunity", first))
				if r, _ := f.s.Record("Opportunity", first); r["Space__c"] != nil {
					t.Errorf("it names %v, which is deleted", r["Space__c"])
				}
				must(t, f.s.Undelete("Space__c", second))
			} else {
				must(t, f.s.Undelete("Space__c", first))
				must(t, f.s.Undelete("Opportunity", second))
			}
			if got := f.links(); got != together {
				t.Errorf("got\n%s\nwant\n%s", got, together)
			}
		})
	}
}

func TestClearingMovesSystemModstampAlone(t *testing.T) {
	f := newFamily(t, filepath.Join(t.TempDir(), "org"))
	before, _ := f.s.Record("Opportunity", f.opportunity)
	history := len(f.s.Records("OpportunityFieldHistory"))
	for _, change := range []func(string, string) error{f.s.Delete, f.s.Undelete} {
		f.clock.Advance(time.Minute)
		must(t, change("Space__c", f.space))
		after, _ := f.s.Record("Opportunity", f.opportunity)
		if want := schema.DateTimeText(f.clock.Now().Unix()); after["SystemModstamp"] != want {
			t.Errorf("SystemModstamp %v, want %v", after["SystemModstamp"], want)
		}
		if after["LastModifiedDate"] != before["LastModifiedDate"] || after["LastModifiedById"] != before["LastModifiedById"] {
			t.Errorf("LastModifiedDate %v", after["LastModifiedDate"])
		}
	}
	if got := len(f.s.Records("OpportunityFieldHistory")); got != history {
		t.Errorf("%d rows of history, were %d", got, history)
	}
}

func TestWhatIsPurgedIsNamedNoMore(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		f := newFamily(t, filepath.Join(t.TempDir(), "org"))
		if deleted {
			must(t, f.s.Delete("Account", f.account))
		}
		must(t, f.s.Purge("Account", f.account))
		if got := f.links(); got != "space -; commission - - space" {
			t.Errorf("deleted before %v: %s", deleted, got)
		}
		if len(f.s.absent) > 0 {
			t.Errorf("%d deletions are still remembered", len(f.s.absent))
		}
	}
}

func TestAWonOpportunityHoldsItsAccount(t *testing.T) {
	f := newFamily(t, filepath.Join(t.TempDir(), "org"))
	must(t, f.s.Update("Opportunity", f.opportunity, map[string]any{"StageName": "Closed Won"}, time.Time{}))
	for _, remove := range []func(string, string) error{f.s.Delete, f.s.Purge} {
		var e *schema.RowError
		if err := remove("Account", f.account); !errors.As(err, &e) || e.StatusCode != "DELETE_FAILED" {
			t.Errorf("got %v", err)
		}
	}
	if got := f.links(); got != together {
		t.Errorf("got %s", got)
	}
	must(t, f.s.Delete("Opportunity", f.opportunity))
	must(t, f.s.Delete("Account", f.account))
}

// In a merge the children move: none is cleared, deleted or held against it.
func TestMergedRecordsLoseNoChildren(t *testing.T) {
	f := newFamily(t, filepath.Join(t.TempDir(), "org"))
	must(t, f.s.Update("Opportunity", f.opportunity, map[string]any{"StageName": "Closed Won"}, time.Time{}))
	loser := f.account
	f.account = f.insert("Account", map[string]any{"Name": "W"})
	must(t, f.s.Merge("Account", f.account, loser))
	if got := f.links(); got != together {
		t.Errorf("merged: %s", got)
	}
	must(t, f.s.Undelete("Account", loser))
	if got := f.links(); got != together {
		t.Errorf("undeleted: %s", got)
	}
}

func TestLateDeletionIsSeenLateByChildrenToo(t *testing.T) {
	f := newFamily(t, filepath.Join(t.TempDir(), "org"))
	f.s.AdjustWrites(func(_ string, w Writer) Writer {
		w.Late = time.Minute
		return w
	})
	must(t, f.s.Delete("Space__c", f.space))
	seen := func() string {
		space := f.s.Tables["Opportunity"].Object
		lookup, _ := space.Field("Space__c")
		return fmt.Sprint(f.s.Tables["Space__c"].Seen(f.space).Deleted, " ", f.s.Tables["Opportunity"].Seen(f.opportunity).Get(lookup))
	}
	if got := seen(); got != "false "+f.space {
		t.Errorf("at once: %s", got)
	}
	f.clock.Advance(time.Minute)
	if got := seen(); got != "true " {
		t.Errorf("a minute later: %s", got)
	}
}

// Whatever is deleted, undeleted, purged, merged and taken back: no live record names
// one that is not live, children are found by what they name, and what is deleted and
// at once undeleted leaves every lookup as it was.
func TestNoLiveRecordNamesADeletedOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{clock: clock.NewManual(noon), ids: map[string][]string{}, given: map[any]bool{}}
		opt := options(t, w.clock)
		s, _, err := opt.Build(nil)
		must(t, err)
		w.s = s
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			if rapid.IntRange(0, 9).Draw(rt, "take back") > 0 {
				w.step(rt)
			} else {
				before := digest(s) + fmt.Sprint(len(s.absent))
				place := s.Savepoint()
				w.step(rt)
				s.RollBack(place)
				s.Release()
				if got := digest(s) + fmt.Sprint(len(s.absent)); got != before {
					rt.Fatalf("a rollback left something behind")
				}
			}
			for _, obj := range s.Schema.Objects {
				for _, rel := range s.relations(obj.Name) {
					checkRelation(rt, s, rel)
				}
			}
		}
	})
}

func checkRelation(rt *rapid.T, s *Store, rel relation) {
	named := map[string]int{}
	for _, r := range rel.table.ByID {
		id := r.value(rel.field.Slot)
		if id == "" {
			continue
		}
		named[id]++
		if dead, _ := s.deadParent(r, rel.field); dead != "" && !r.Deleted && rel.field.Name != "MasterRecordId" {
			rt.Fatalf("%s %s names %s, which is deleted", rel.table.Object.Name, r.ID, dead)
		}
	}
	for id, n := range named {
		if got := len(rel.table.naming(rel.field, id)); got != n {
			rt.Fatalf("%d records name %s by %s.%s, %d are found", n, id, rel.table.Object.Name, rel.field.Name, got)
		}
	}
}

func TestWhatIsUndeletedIsMergedNoMore(t *testing.T) {
	f := newFamily(t, filepath.Join(t.TempDir(), "org"))
	winner := f.insert("Account", map[string]any{"Name": "Winner"})
	must(t, f.s.Merge("Account", winner, f.account))
	if r, _ := f.s.Record("Account", f.account); r["MasterRecordId"] != winner || r["IsDeleted"] != true {
		t.Errorf("merged: %v", r)
	}
	must(t, f.s.Undelete("Account", f.account))
	if r, _ := f.s.Record("Account", f.account); r["MasterRecordId"] != nil || r["IsDeleted"] != false {
		t.Errorf("undeleted: %v", r)
	}
	if r, _ := f.s.Record("Opportunity", f.opportunity); r["AccountId"] != winner {
		t.Errorf("what the merge moved names %v", r["AccountId"])
	}
}
