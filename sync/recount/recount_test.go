package recount_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/recount"
	"github.com/partnersync/partnersync/sync/stage"
)

type counts = map[string]int64

func TestWhatIsTheSameIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(450)
	b.sale()
	must(t, b.org.Delete("Space__c", ids[3]))
	b.settled()
	before := b.state()
	r := b.recount()
	b.want(r, "Space__c", nil)
	if r.Get("Space__c in Salesforce") != 449 || r.Get("Space__c known here") != 449 || r.Get("Opportunity known here") != 1 || r.Problems != 0 {
		t.Errorf("%+v", r)
	}
	if b.state() != before {
		t.Error("something was written")
	}
}

// TestACommitLaterThanTheOverlapIsFound: a pull reads back ten minutes; what appears
// half an hour after its stamp lies behind the cursor for ever.
func TestACommitLaterThanTheOverlapIsFound(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play("rules:\n  - {name: slow, when: {kind: direct, first: 1}, do: {late: 30m}}")
	b.insert("Account", map[string]any{"Name": "Late"})
	b.clock.Advance(time.Minute)
	b.insert("Account", map[string]any{"Name": "In time"})
	b.clock.Advance(25 * time.Minute)
	b.pull()
	b.clock.Advance(time.Hour)
	if r := b.pull(); r.Get("Account staged") != 0 {
		t.Fatalf("the pull saw it: %+v", r)
	}
	r := b.recount()
	b.want(r, "Account", counts{recount.CountMissed: 1})
	if r.Problems != 0 {
		t.Errorf("%+v", r)
	}
	b.want(b.recount(), "Account", nil)
	var n int
	must(t, b.db.Get(&n, `select count(*) from staging.record where object = 'Account' and reconciled_at is null and payload ->> 'Name' = 'Late'`))
	if n != 1 {
		t.Error("it is not staged as a pull would have staged it")
	}
}

func TestAChangeBehindTheCursorIsReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(5)
	b.settled()
	b.clock.Advance(time.Hour)
	b.insert("Space__c", map[string]any{"Space_Key__c": "S-NEW", "Name": "New", "Space_Created_At__c": "2020-05-04T10:00:00Z"})
	b.settled()
	must(t, b.org.Update("Space__c", ids[0], map[string]any{"Name": "Changed"}, noon.Add(2*time.Minute)))
	r := b.recount()
	b.want(r, "Space__c", counts{recount.CountChanged: 1})
	b.want(b.recount(), "Space__c", nil)
	if !strings.Contains(b.state(), `"Changed"`) {
		t.Error("what changed was not staged")
	}
}

// TestAnOrgThatWentBackIsBelieved: a stamp that is older than the one that is staged.
func TestAnOrgThatWentBackIsBelieved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(1)
	b.settled()
	if _, err := b.db.Exec(`update staging.record set modstamp = modstamp + interval '1 minute', reconciled_at = now(),
		payload = replace(payload::text, '"Space"', '"Later"')::json where object = 'Space__c' and id = $1`, ids[0]); err != nil {
		t.Fatal(err)
	}
	b.want(b.recount(), "Space__c", counts{recount.CountChanged: 1})
	var versions []string
	must(t, b.db.Select(&versions, `select payload ->> 'Name' from staging.record where object = 'Space__c' and reconciled_at is null`))
	if !slices.Equal(versions, []string{"Space"}) {
		t.Errorf("waiting to be reconciled: %v", versions)
	}
	b.want(b.recount(), "Space__c", nil) // the stamps differ for ever; that is no news
}

func TestWhatThePullHasYetToReadIsLeftToIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(3)
	b.settled()
	b.clock.Advance(time.Hour)
	b.sale()
	must(t, b.org.Update("Space__c", ids[1], map[string]any{"Name": "Other"}, b.clock.Now()))
	before := b.state()
	b.want(b.recount(), "Space__c", counts{recount.CountPending: 1})
	if b.state() != before {
		t.Error("something was written")
	}
	b.later()
	b.want(b.recount(), "Space__c", nil)
}

func TestR9_1_WhatVanishedUnseenIsMarked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(6)
	seen := ids[5]
	b.settled()
	must(t, b.org.Delete("Space__c", seen))
	b.later() // its deletion is seen, and then the bin is emptied
	b.purge("Space__c", seen, ids[1], ids[4])
	r := b.recount()
	b.want(r, "Space__c", counts{recount.CountVanished: 2})
	if r.Problems != 2 || !slices.Equal(b.vanished(), []string{ids[1], ids[4]}) {
		t.Errorf("vanished: %v, %+v", b.vanished(), r)
	}
	r = b.recount()
	b.want(r, "Space__c", nil)
	if r.Problems != 0 {
		t.Errorf("told twice: %+v", r)
	}
}

// TestR2_6_PurgedHistoryHasNotVanished: rows once pulled are kept for ever.
func TestR2_6_PurgedHistoryHasNotVanished(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(2)
	b.settled()
	must(t, b.org.Update("Space__c", ids[0], map[string]any{"Partner_ID__c": "AB1234"}, b.clock.Now()))
	b.settled()
	if _, err := b.db.Exec(`insert into staging.record (object, id, modstamp, payload, pulled_at)
		select object, '017000000000001AAA', modstamp, payload, pulled_at from staging.record where object = 'Space__History' limit 1`); err != nil {
		t.Fatal(err)
	}
	before := b.state()
	r := b.recount()
	if b.state() != before || r.Problems != 0 || r.Get("Space__History known here") != 2 {
		t.Errorf("%+v", r)
	}
}

func TestWhatComesBackIsTakenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(3)
	b.settled()
	b.hide(ids[1])
	b.want(b.recount(), "Space__c", counts{recount.CountVanished: 1})
	b.config.Source = b.client
	b.want(b.recount(), "Space__c", counts{recount.CountReturned: 1})
	if len(b.vanished()) != 0 {
		t.Error("it is still marked")
	}
	b.want(b.recount(), "Space__c", nil)
}

// TestAPullTakesUpWhatComesBack: also a pull that reads the same version again.
func TestAPullTakesUpWhatComesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(3)
	b.settled()
	b.hide(ids[1])
	b.recount()
	if _, err := b.db.Exec(`delete from staging.cursor where object = 'Space__c'`); err != nil {
		t.Fatal(err)
	}
	b.pull()
	if len(b.vanished()) != 0 {
		t.Error("it is still marked")
	}
}

func TestALostPermissionHoldsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(600)
	account := b.insert("Account", map[string]any{"Name": "Gone"})
	for range 3 {
		b.insert("Account", map[string]any{"Name": "There"})
	}
	b.settled()
	b.purge("Account", account)
	for name, hidden := range map[string][]string{"all": ids, "more than a twentieth": ids[:31]} {
		b.hide(hidden...)
		before := b.vanished()
		r, err := recount.New(b.config).Run(t.Context(), stage.Options{})
		if errs.KindOf(err) != errs.Conflict || errs.HintOf(err) == "" || !strings.Contains(err.Error(), "Space__c") {
			t.Errorf("%s: %v", name, err)
		}
		b.want(r, "Space__c", nil)
		if got := slices.DeleteFunc(b.vanished(), func(id string) bool { return id == account }); len(got) != 0 {
			t.Errorf("%s: %d are held, %d before", name, len(got), len(before))
		}
	}
	if got := b.vanished(); !slices.Equal(got, []string{account}) {
		t.Errorf("the other object was not recounted: %v", got)
	}
	b.hide(ids[:30]...)
	b.want(b.recount(), "Space__c", counts{recount.CountVanished: 30})
	b.hide(ids...)
	r, err := recount.New(b.config).Run(t.Context(), stage.Options{Believe: true})
	must(t, err)
	b.want(r, "Space__c", counts{recount.CountVanished: 570})
}

func TestAHiddenObjectStopsItsMappingAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gone := b.spaces(3)[0]
	b.sale()
	b.settled()
	b.purge("Space__c", gone)
	b.play("rules:\n  - {name: hidden, do: {hide: [Opportunity]}}")
	r := b.recount()
	if r.Problems != 2 || !strings.Contains(strings.Join(r.Notices, "\n"), "opportunity is stopped") {
		t.Errorf("%+v", r)
	}
	b.want(r, "Space__c", counts{recount.CountVanished: 1})
}

func TestAnotherListOfFieldsLeavesTheObjectToThePull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gone := b.spaces(2)[0]
	b.settled()
	b.purge("Space__c", gone)
	m, err := mapping.Load(strings.NewReader(`{version: 1, facts: {space: {object: Space__c, required: true, fields: {
		created_at: Space_Created_At__c, partner_id: Partner_ID__c}}}}`), "test")
	must(t, err)
	b.config.Mapping = m
	r := b.recount()
	if len(b.vanished()) != 0 || !strings.Contains(strings.Join(r.Notices, "\n"), "Space__c is not recounted, because the list of its fields has changed") {
		t.Errorf("%+v", r)
	}
}

func TestAnObjectThatNobodyPulledIsNotCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.spaces(3)
	r := b.recount()
	if b.state() != "" || !strings.Contains(strings.Join(r.Notices, "\n"), "no pull has read it yet") {
		t.Errorf("%+v", r)
	}
}

func TestALostQueryGoesOnBehindTheLastPage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(4500)
	b.settled()
	b.purge("Space__c", ids[2500])
	b.play("rules:\n  - {name: gone, when: {kind: page, object: Space__c, first: 1}, do: {cursor: vanish}}")
	r := b.recount()
	b.want(r, "Space__c", counts{recount.CountVanished: 1})
	if r.Get("Space__c in Salesforce") != 4499 {
		t.Errorf("%+v", r)
	}
}

func TestAQueryThatIsTooLargeIsAskedPieceByPiece(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(4500)
	b.settled()
	b.purge("Space__c", ids[2500])
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if q := r.URL.Query().Get("q"); strings.Contains(q, "FROM Space__c") && strings.Contains(q, "ORDER BY Id") && !strings.Contains(q, "LIMIT 2000") {
			return &emulator.Fault{Status: 400, Body: `[{"errorCode":"QUERY_TIMEOUT","message":"Your query request was running for too long."}]`}
		}
		return nil
	})
	r := b.recount()
	b.want(r, "Space__c", counts{recount.CountVanished: 1})
	if r.Get("Space__c in Salesforce") != 4499 {
		t.Errorf("%+v", r)
	}
}

func TestAUsedUpQuotaPutsOffWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.spaces(3)
	b.settled()
	b.play("rules:\n  - {name: quota, when: {kind: query}, do: {quota: daily}}")
	r, err := recount.New(b.config).Run(t.Context(), stage.Options{})
	if err != nil || r.Deferred == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(5)
	b.settled()
	must(t, b.org.Update("Space__c", ids[0], map[string]any{"Name": "Changed"}, noon.Add(2*time.Minute)))
	b.purge("Space__c", ids[1])
	if _, err := b.db.Exec(`delete from staging.record where id = $1`, ids[2]); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.Exec(`update staging.cursor set at = $1, updated_at = $2 where object = 'Space__c'`, noon.Add(30*time.Minute), noon.Add(5*time.Hour)); err != nil {
		t.Fatal(err)
	}
	before := b.state()
	r, err := recount.New(b.config).Run(t.Context(), stage.Options{DryRun: true})
	must(t, err)
	b.want(r, "Space__c", counts{recount.CountVanished: 1, recount.CountChanged: 1, recount.CountMissed: 1})
	var tokens int
	must(t, b.db.Get(&tokens, `select count(*) from job.token where stage = 'recount'`))
	if b.state() != before || tokens != 0 {
		t.Error("something was written")
	}
}

// TestWhoeverWasSupersededWritesNothing: of two recounts the later one writes.
func TestWhoeverWasSupersededWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := b.spaces(3)
	b.settled()
	b.purge("Space__c", ids[0])
	before := b.state()
	taken := false
	r, err := recount.New(b.config).Run(t.Context(), stage.Options{Progress: func(string, int64, int64) {
		if !taken {
			taken = true
			_, err := stage.Take(context.Background(), b.db, stage.Recount)
			must(t, err)
		}
	}})
	if err != nil || r.Deferred == "" || b.state() != before {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAStoppedRecountLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.spaces(4500)
	b.settled()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := recount.New(b.config).Run(ctx, stage.Options{Progress: func(string, int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	b.recount()
}
