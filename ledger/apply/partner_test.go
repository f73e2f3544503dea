package apply_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/apply"
)

// stated states partners by key; what follows a colon is added to one.
func stated(partners ...string) string {
	ids := map[string]string{"a": "AA0001", "b": "BB0002", "c": "CC0003"}
	out := "partners:\n"
	for _, p := range partners {
		key, more, _ := strings.Cut(p, ":")
		if !strings.Contains(more, "kind") {
			more += ", kind: registered"
		}
		out += "  - {key: " + key + ", name: " + strings.ToUpper(key) + ", joined_on: 2016-05-01, partner_ids: [" + ids[key] + "]" + more + "}\n"
	}
	return out
}

func ofID(t *testing.T, db *sqlx.DB, id string) ledger.PartnerOfID {
	t.Helper()
	list, err := ledger.PartnersByID(context.Background(), db, []string{id})
	if err != nil || len(list) != 1 {
		t.Fatalf("%s is of %v (%v)", id, list, err)
	}
	return list[0]
}

func TestR5_6_BadKindsAreRefused(t *testing.T) {
	for want, more := range map[string]string{
		`kinds[0]: kind "friend" is neither`:     ", kinds: [{kind: friend}]",
		`kinds[1]: from: "" is not a date`:       ", kinds: [{kind: registered}, {kind: consulting}]",
		"kinds: two of them are from 2024-03-01": ", kinds: [{kind: registered, from: 2024-03-01}, {kind: consulting, from: 2024-03-01}]",
		`kinds[0]: from: "spring" is not`:        ", kinds: [{kind: registered, from: spring}]",
	} {
		wantFault(t, stated("a:"+more), want)
	}
}

func TestR5_6_AnotherKindNeedsItsDay(t *testing.T) {
	db := pgtest.New(t)
	apply1(t, db, stated("a"))
	wantRefusal(t, db, stated("a:, kind: consulting"), errs.Conflict, "without a word on the day")
	if _, err := applied(t, db, stated("a:, kind: consulting")); !strings.Contains(errs.HintOf(err), "kinds: [{kind: registered}, {kind: consulting, from:") {
		t.Errorf("the hint is %q", errs.HintOf(err))
	}
	const dated = "a:, kinds: [{kind: consulting, from: 2024-03-01}, {kind: registered, from: 2016-05-01}]"
	changes := apply1(t, db, stated(dated))
	if d := cmp.Diff([]apply.Change{{What: "partner a", Fields: []string{
		"kind: registered → registered from 2016-05-01, consulting from 2024-03-01",
	}}}, changes); d != "" {
		t.Error(d)
	}
	// The present kind alone is what is kept, and no change.
	if changes := apply1(t, db, stated("a:, kind: consulting")); len(changes) != 0 {
		t.Errorf("stating the present kind changes %v", changes)
	}
	if p := ofID(t, db, "AA0001"); p.Kind != "consulting" || len(p.Kinds) != 2 {
		t.Errorf("it is %s, %v", p.Kind, p.Kinds)
	}
	var history string
	if err := db.Get(&history, `select string_agg(effective_from || ' ' || kind || ' ' || coalesce(superseded_by, ''), ', ' order by id) from ledger.partner_kind`); err != nil {
		t.Fatal(err)
	}
	if history != "0001-01-01 registered ada, 2016-05-01 registered , 2024-03-01 consulting " {
		t.Errorf("the history is %s", history)
	}
}

func TestR1_1_BadMergesAreRefused(t *testing.T) {
	for want, more := range map[string]string{
		"merged_on stands without merged_into":            ", merged_on: 2024-01-01",
		`merged_on: "" is not a date`:                     ", merged_into: b",
		"merged_into names the partner itself":            ", merged_into: a, merged_on: 2024-01-01",
		"merged_on is 2016-04-30, and it joined on 2016-": ", merged_into: b, merged_on: 2016-04-30",
	} {
		wantFault(t, stated("a:"+more), want)
	}
	db := pgtest.New(t)
	const on = ", merged_on: 2024-01-01"
	wantRefusal(t, db, stated("a:, merged_into: x"+on), errs.Invalid, "there is no such partner")
	wantRefusal(t, db, stated("b", "a:, merged_into: b, merged_on: 2026-11-22"), errs.Invalid, "still to come")
	wantRefusal(t, db, stated("a:, merged_into: b"+on, "b:, merged_into: a"+on), errs.Invalid, "merge in a circle: a → b → a")
	wantRefusal(t, db, stated("a:, merged_into: b"+on, "b:, merged_into: c"+on, "c:, merged_into: a"+on), errs.Invalid, "in a circle: a → b → c → a")
	apply1(t, db, stated("a:, merged_into: b"+on, "b"))
	wantRefusal(t, db, stated("b:, merged_into: a"+on), errs.Invalid, "merge in a circle: b → a → b")
	// The database sees to it as well.
	if _, err := db.Exec(`insert into ledger.partner_merge (partner_key, merged_into, merged_on, applied_by, applied_at)
		values ('b', 'a', '2024-01-01', 'x', now())`); err == nil || !strings.Contains(err.Error(), "merged into itself") {
		t.Errorf("the database takes a circle: %v", err)
	}
}

func TestR1_1_TheSurvivorIsPaidForBoth(t *testing.T) {
	db := pgtest.New(t)
	// The survivor of the survivor stands first, and the one that merged names one
	// that stands further down.
	changes := apply1(t, db, stated(
		"c:, kinds: [{kind: registered}, {kind: consulting, from: 2025-06-01}]",
		"a:, merged_into: b, merged_on: 2023-01-01",
		"b:, kind: consulting, merged_into: c, merged_on: 2024-01-01"))
	if got := strings.Join(changes[1].Fields, "; "); !strings.HasSuffix(got, "merged_into: b; merged_on: 2023-01-01") {
		t.Errorf("the change says %s", got)
	}
	p := ofID(t, db, "AA0001")
	if p.PartnerKey != "a" || p.Name != "A" || p.SurvivorKey != "c" || p.SurvivorName != "C" || p.IsSuspended {
		t.Errorf("AA0001 is of %+v", p)
	}
	day := func(s string) (k ledger.KindSince) {
		kind, from, _ := strings.Cut(s, " ")
		k.Kind = kind
		if err := k.From.UnmarshalText([]byte(from)); err != nil {
			t.Fatal(err)
		}
		return k
	}
	want := []ledger.KindSince{
		day("registered"), day("consulting 2023-01-01"), day("registered 2024-01-01"), day("consulting 2025-06-01"),
	}
	if d := cmp.Diff(want, p.Kinds, cmp.Comparer(func(a, b ledger.KindSince) bool { return a == b })); d != "" {
		t.Error(d)
	}
	// A survivor, or one on the way to it, that is suspended holds what is paid for both.
	for _, who := range []string{"b:, kind: consulting, status: suspended, merged_into: c, merged_on: 2024-01-01",
		"c:, status: suspended, kinds: [{kind: registered}, {kind: consulting, from: 2025-06-01}]"} {
		apply1(t, db, stated(who))
		if !ofID(t, db, "AA0001").IsSuspended || ofID(t, db, "AA0001").Status != ledger.StatusActive {
			t.Errorf("after %s: %+v", who, ofID(t, db, "AA0001"))
		}
	}
	if ids, err := ledger.PaidThrough(context.Background(), db, []string{"c"}); err != nil || strings.Join(ids, " ") != "AA0001 BB0002 CC0003" {
		t.Errorf("through c are paid %v (%v)", ids, err)
	}
}

func TestR1_1_AMergeByWhichWasPostedStays(t *testing.T) {
	db := pgtest.New(t)
	const merged = "a:, merged_into: b, merged_on: 2024-01-01"
	apply1(t, db, stated(merged, "b", "c"))
	apply1(t, db, stated("a"))
	if p := ofID(t, db, "AA0001"); p.SurvivorKey != "a" {
		t.Errorf("nothing was posted, and the merge into %s is not taken back", p.SurvivorKey)
	}
	changes := apply1(t, db, stated(merged))
	if d := cmp.Diff([]string{"merged_into: (nothing) → b", "merged_on: (nothing) → 2024-01-01"}, changes[0].Fields); d != "" {
		t.Error(d)
	}
	if _, err := db.Exec(`insert into ledger.entry (payee_id, seq, line_key, nth, kind, debit, credit, amount_minor, currency,
		source_id, period, as_of, input_hash, prev_hash, hash, posted_by, posted_at)
		values ('AA0001', 1, 'k', 1, 'accrue', 'commission_expense', 'accrued', 1, 'USD', 's', '2026-10', '2026-10-31', '', '', '', 'x', $1)`, now); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"a", "a:, merged_into: c, merged_on: 2024-01-01", "a:, merged_into: b, merged_on: 2024-01-02"} {
		wantRefusal(t, db, stated(other), errs.Conflict, "something was posted for its IDs since")
	}
	apply1(t, db, stated(merged+", tier: gold"))
}
