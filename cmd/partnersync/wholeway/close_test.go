package wholeway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/period"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

func month(s string) clock.Month {
	m, err := clock.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}

// close closes a month, as the command does.
func (w *way) close(m string) (period.Close, error) {
	return period.Month(context.Background(), w.db, month(m), period.Options{
		Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: "ana", Now: w.clock.Now(),
	})
}

func (w *way) mustClose(months ...string) {
	w.t.Helper()
	for _, m := range months {
		_, err := w.close(m)
		must(w.t, err)
	}
}

// lines gives what the book has: "slice period" → posted amount, of the lines of a
// payee that are not void.
func (w *way) lines(payee string) map[string]string {
	w.t.Helper()
	var rows []struct {
		Slice, Period, Status string
		Minor                 int64
	}
	must(w.t, w.db.Select(&rows, `
		select l.slice, l.period, l.status, coalesce((
			select sum(case e.credit when 'accrued' then e.amount_minor else -e.amount_minor end)
			from ledger.entry e where e.line_key = l.key and e.kind = 'accrue'), 0)::bigint as minor
		from ledger.line l where l.payee_id = $1 and l.status <> 'void' order by l.key`, payee))
	out := map[string]string{}
	for _, r := range rows {
		status := ""
		if r.Status != "accrued" {
			status = " " + r.Status
		}
		out[r.Slice+" "+r.Period] = fmt.Sprintf("%d.%02d%s", r.Minor/100, max(r.Minor, -r.Minor)%100, status)
		if r.Minor < 0 && r.Minor > -100 {
			out[r.Slice+" "+r.Period] = "-" + out[r.Slice+" "+r.Period]
		}
	}
	return out
}

// reproduced works a closed month out again, and gives what was written.
func (w *way) reproduced(m string) (period.Reproduced, []byte) {
	w.t.Helper()
	var out bytes.Buffer
	r, err := period.Reproduce(context.Background(), w.db, month(m), &out)
	must(w.t, err)
	return r, out.Bytes()
}

func TestWorkedExample12_AnAmountReducedAfterFourMonthsAreClosed(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-05-05T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	id := w.insert("Opportunity", sale(account, "12000", "2025-12-20", "Service_Start__c", "2026-01-01", "Service_End__c", "2026-12-31"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-01", "101.92", "referral 2026-02", "92.05", "referral 2026-03", "101.92", "referral 2026-04", "98.63")
	w.mustClose("2026-01", "2026-02", "2026-03", "2026-04")
	before := w.anchors()

	w.change("Opportunity", id, "2026-05-10T09:00:00Z", map[string]any{"Amount": "6000"})
	w.clock.Set(instant("2026-05-11T06:00:00Z"))
	w.run()
	closed := []string{"referral 2026-01", "101.92", "referral 2026-02", "92.05", "referral 2026-03", "101.92", "referral 2026-04", "98.63"}
	adjusted := append(slices.Clone(closed), "referral~adj:2026-01 2026-05", "-50.96", "referral~adj:2026-02 2026-05", "-46.02",
		"referral~adj:2026-03 2026-05", "-50.96", "referral~adj:2026-04 2026-05", "-49.32")
	want(t, w.lines("FG3877"), adjusted...)

	w.clock.Set(instant("2026-06-01T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), append(adjusted, "referral 2026-05", "50.96")...)
	// Salesforce has them as well: 394.52 − 197.26 + 50.96.
	want(t, w.totals(), "FG3877", "248.22")
	if d := cmp.Diff(before, w.anchors()); d != "" {
		t.Errorf("closed months changed:\n%s", d)
	}
	for _, m := range []string{"2026-01", "2026-04"} {
		if r, _ := w.reproduced(m); !r.Agrees() {
			t.Errorf("%s comes to other bytes", m)
		}
	}
	if got := fetch[string](t, w.db, `select corrects from ledger.entry where line_key like 'FG3877/space/%~adj:2026-02/2026-05'`); got != "FG3877/space/"+id+"/referral/2026-02#1" {
		t.Errorf("the adjustment corrects %s", got)
	}
}

// anchors are those of the closed months, as kept and as they come to now.
func (w *way) anchors() (out []string) {
	w.t.Helper()
	closes, err := period.Closes(context.Background(), w.db)
	must(w.t, err)
	for _, c := range closes {
		kept, is, err := period.AnchorOf(context.Background(), w.db, c.Period)
		must(w.t, err)
		if kept.String() != is.String() {
			w.t.Errorf("the anchor of %s was %s and is %s", c.Period, kept, is)
		}
		out = append(out, c.Period.String()+" "+kept.String())
	}
	return out
}

// TestR8_4_AnAdjustmentGoesWhenItsReasonDoes: the amount is raised again before anybody
// has approved the adjustment; then it is closed itself, and the next one follows.
func TestR8_4_AnAdjustmentGoesWhenItsReasonDoes(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-03-02T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	id := w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	w.mustClose("2026-02")
	amount := func(at, amount string) {
		w.change("Opportunity", id, at, map[string]any{"Amount": amount})
		w.clock.Set(instant(at).Add(time.Hour))
		w.run()
	}
	amount("2026-03-05T09:00:00Z", "700")
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00", "referral~adj:2026-02 2026-03", "-30.00")
	amount("2026-03-06T09:00:00Z", "1000")
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00")
	amount("2026-03-07T09:00:00Z", "1200")
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00", "referral~adj:2026-02 2026-03", "20.00")
	w.clock.Set(instant("2026-04-02T06:00:00Z"))
	w.run()
	w.mustClose("2026-03")
	amount("2026-04-05T09:00:00Z", "1100")
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00", "referral~adj:2026-02 2026-03", "20.00", "referral~adj:2026-02 2026-04", "-10.00")
	w.change("Opportunity", id, "2026-04-06T09:00:00Z", map[string]any{"StageName": "Closed Lost"})
	w.clock.Set(instant("2026-04-07T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00", "referral~adj:2026-02 2026-03", "20.00", "referral~adj:2026-02 2026-04", "-120.00")
}

// TestR8_4_AnApprovedLineTakesNoDifference although its month is open; and the next
// adjustment after one that is approved itself has the next number.
func TestR8_4_AnApprovedLineTakesNoDifference(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-02-20T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	id := w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	approve := func() {
		_, err := w.db.Exec(`update ledger.line set status = 'approved' where payee_id = 'FG3877' and status = 'accrued'`)
		must(t, err)
	}
	approve()
	w.change("Opportunity", id, "2026-02-21T09:00:00Z", map[string]any{"Amount": "1500"})
	w.clock.Set(instant("2026-02-22T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00 approved", "referral~adj:2026-02 2026-02", "50.00")
	approve()
	w.change("Opportunity", id, "2026-02-23T09:00:00Z", map[string]any{"Amount": "800"})
	w.clock.Set(instant("2026-02-24T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00 approved", "referral~adj:2026-02 2026-02", "50.00 approved",
		"referral~adj2:2026-02 2026-02", "-70.00")
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00 approved", "referral~adj:2026-02 2026-02", "50.00 approved",
		"referral~adj2:2026-02 2026-02", "-70.00")
}

// TestR8_4_LateNewsForAClosedMonth comes in the oldest open one: a sale that nobody
// knew, and a takeover that moves what was paid to somebody else.
func TestR8_4_LateNewsForAClosedMonth(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-04-02T06:00:00Z")
	w.apply(partnersAndPlan)
	account, space := acme(w, "FG3877")
	w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	w.mustClose("2026-02")
	w.insert("Opportunity", sale(account, "500", "2026-01-20", "Name", "Late", "SystemModstamp", instant("2026-04-02T07:00:00Z")))
	w.change("Space__c", space, "2026-02-05T00:00:00Z", map[string]any{"Partner_ID__c": "AB1234", "SystemModstamp": instant("2026-04-02T07:00:00Z")})
	// A row of history that is older than what was read is seen when history is read anew.
	_, err := w.db.Exec(`delete from staging.cursor where object = 'Space__History'`)
	must(t, err)
	w.clock.Set(instant("2026-04-03T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00", "referral~adj:2026-01 2026-03", "50.00", "referral~adj:2026-02 2026-03", "-100.00")
	want(t, w.lines("AB1234"), "referral~adj:2026-02 2026-03", "100.00")
}

// TestR9_2_R8_4_AMergeOfCustomersChangesNothingThatIsClosed: the survivor's Space takes
// what is sold later, and every posted amount stays.
func TestR9_2_R8_4_AMergeOfCustomersChangesNothingThatIsClosed(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-04-02T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	other := w.insert("Account", map[string]any{"Name": "Acme Europe"})
	w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-EU", "Name": "Acme Europe", "Account__c": other, "Created_Via__c": "Manual",
		"Space_Created_At__c": instant("2021-01-01T00:00:00Z"), "Partner_ID__c": "AB1234",
	})
	w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.insert("Opportunity", sale(other, "2000", "2026-02-11", "Name", "Europe"))
	w.run()
	w.mustClose("2026-02", "2026-03")
	_, before := w.reproduced("2026-02")
	must(t, w.org.Merge("Account", account, other))
	w.clock.Set(instant("2026-04-03T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00")
	want(t, w.lines("AB1234"), "referral 2026-02", "200.00")
	if r, after := w.reproduced("2026-02"); !r.Agrees() || !bytes.Equal(before, after) {
		t.Error("the closed month came to other bytes after the merge")
	}
}

// TestR8_4_AHoldThatEndsAfterItsMonthIsClosed posts what was held in an open month, and
// a hold that begins then stops what is not approved.
func TestR8_4_AHoldThatEndsAfterItsMonthIsClosed(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-03-02T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "ZZ9999") // issued to nobody
	w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	want(t, w.lines("ZZ9999"), "referral 2026-02", "0.00 on_hold")
	w.mustClose("2026-02")
	w.clock.Set(instant("2026-03-03T06:00:00Z"))
	w.run()
	want(t, w.lines("ZZ9999"), "referral 2026-02", "0.00 on_hold")
	w.apply(`partners: [{key: late, name: Late Partner, kind: registered, joined_on: 2019-01-01, partner_ids: [ZZ9999]}]`)
	w.clock.Set(instant("2026-03-04T06:00:00Z"))
	w.run()
	want(t, w.lines("ZZ9999"), "referral~adj:2026-02 2026-03", "100.00")
	w.apply(`partners: [{key: late, name: Late Partner, kind: registered, status: suspended, joined_on: 2019-01-01, partner_ids: [ZZ9999]}]`)
	w.clock.Set(instant("2026-03-05T06:00:00Z"))
	w.run()
	want(t, w.lines("ZZ9999"), "referral~adj:2026-02 2026-03", "100.00 on_hold")
	w.apply(`partners: [{key: late, name: Late Partner, kind: registered, status: active, joined_on: 2019-01-01, partner_ids: [ZZ9999]}]`)
	w.clock.Set(instant("2026-03-06T06:00:00Z"))
	w.run()
	want(t, w.lines("ZZ9999"), "referral~adj:2026-02 2026-03", "100.00")
}

// TestR8_4_AnAmountChangedUnderAHold that outlasts its month: what was posted can be
// approved as it was, and the rest comes beside it.
func TestR8_4_AnAmountChangedUnderAHold(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-02-20T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	id := w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	partner := `partners: [{key: northwind, name: Northwind Consulting, kind: consulting, joined_on: 2016-05-01, partner_ids: [FG3877], status: %s}]`
	w.apply(fmt.Sprintf(partner, "suspended"))
	w.change("Opportunity", id, "2026-02-21T09:00:00Z", map[string]any{"Amount": "1500"})
	w.clock.Set(instant("2026-03-02T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00 on_hold")
	w.mustClose("2026-02")
	w.apply(fmt.Sprintf(partner, "active"))
	w.clock.Set(instant("2026-03-03T06:00:00Z"))
	w.run()
	want(t, w.lines("FG3877"), "referral 2026-02", "100.00", "referral~adj:2026-02 2026-03", "50.00")
	if got := fetch[int64](t, w.db, `select amount_minor from ledger.line where slice = 'referral'`); got != 10000 {
		t.Errorf("the closed line says %d", got)
	}
}

// TestR8_4_ACurrencyChangedAfterApproval takes back in the one and gives in the other.
func TestR8_4_ACurrencyChangedAfterApproval(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-02-20T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	id := w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	_, err := w.db.Exec(`update ledger.line set status = 'approved';
		update ledger.opportunity set currency = 'EUR'; insert into ledger.due_source values ('` + id + `', now())`)
	must(t, err)
	w.run()
	got := map[string]string{}
	for _, r := range fetchAll[struct{ Slice, Currency, Minor string }](w, `
		select l.slice, l.currency, e.currency || ' ' || case e.credit when 'accrued' then e.amount_minor else -e.amount_minor end as minor
		from ledger.line l join ledger.entry e on e.line_key = l.key where l.slice <> 'referral'`) {
		got[r.Slice+" "+r.Currency] = r.Minor
	}
	want(t, got, "referral~adj:2026-02 EUR", "EUR 10000", "referral~adj2:2026-02 USD", "USD -10000")
}

// TestR8_3_AClosedMonthIsReproducedToTheByte, and says what the lines of the ledger say.
func TestR8_3_AClosedMonthIsReproducedToTheByte(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-10-15T06:00:00Z")
	w.apply(generatedPartners)
	must(t, w.org.Generate(emulator.GenerateOptions{Opportunities: 300, Seed: 42, Now: instant("2026-10-15T05:00:00Z")}))
	w.run()
	c, err := w.close("2026-09")
	must(t, err)
	if c.Sources < 100 || c.Chains < 3 || c.AsOf.String() != "2026-10-14" {
		t.Fatalf("closed %+v", c)
	}
	r, first := w.reproduced("2026-09")
	if !r.Agrees() {
		t.Fatalf("it comes to %s instead of %s", r.Is, r.Digest)
	}
	said := map[string]string{}
	for _, row := range fetchAll[struct{ Key, Explanation string }](w, `select key, explanation::text from ledger.line where period <= '2026-09'`) {
		said[row.Key] = row.Explanation
	}
	n := 0
	for s := bufio.NewScanner(bytes.NewReader(first)); s.Scan(); n++ {
		var l struct {
			Key         string
			Explanation json.RawMessage
		}
		must(t, json.Unmarshal(s.Bytes(), &l))
		var is bytes.Buffer
		must(t, json.Compact(&is, []byte(said[l.Key])))
		var was bytes.Buffer
		json.HTMLEscape(&was, l.Explanation)
		if is.String() != was.String() {
			t.Fatalf("%s:\nthe ledger says   %s\nthe close came to %s", l.Key, is.String(), was.String())
		}
	}
	if n != len(said) || n < 100 {
		t.Errorf("%d lines were written, the ledger has %d", n, len(said))
	}
	// Whatever changes later, the month comes to the same bytes.
	_, err = w.db.Exec(`update ledger.opportunity set amount = amount * 2; insert into ledger.due_source select id, now() from ledger.opportunity`)
	must(t, err)
	w.run()
	if r, again := w.reproduced("2026-09"); !r.Agrees() || !bytes.Equal(first, again) {
		t.Error("it comes to other bytes after facts have changed")
	}
}

// TestR8_4_OfTwoWhoCloseAtOnceOneIsTold, and the month is closed once.
func TestR8_4_OfTwoWhoCloseAtOnceOneIsTold(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-03-02T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	results := make(chan error, 2)
	for range 2 { // each on a connection of its own
		go func() {
			_, err := w.close("2026-02")
			results <- err
		}()
	}
	first, second := <-results, <-results
	if first == nil {
		first, second = second, first
	}
	if second != nil || errs.KindOf(first) != errs.Conflict || !strings.Contains(first.Error(), "closed through 2026-02") {
		t.Errorf("one says %v, the other %v", first, second)
	}
	if n := len(w.anchors()); n != 1 {
		t.Errorf("%d closes", n)
	}
}

func TestR8_4_WhatKeepsAMonthFromClosing(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-03-02T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	refused := func(m string, kind errs.Kind, says string) {
		t.Helper()
		_, err := w.close(m)
		if err == nil || errs.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
			t.Errorf("close %s: %v; want %s", m, err, says)
		}
	}
	refused("2026-02", errs.Conflict, "nothing is posted yet")
	id := w.insert("Opportunity", sale(account, "1000", "2026-02-10"))
	w.run()
	refused("2026-03", errs.Invalid, "not over yet")
	_, err := w.db.Exec(`insert into ledger.due_source values ($1, now())`, id)
	must(t, err)
	refused("2026-02", errs.Conflict, "1 source is still to be worked out")
	w.run()
	_, err = w.db.Exec(`update ledger.opportunity set amount = 5`)
	must(t, err)
	refused("2026-02", errs.Conflict, "the book differs from the facts, first at FG3877/space/"+id+"/referral/2026-02")
	_, err = w.db.Exec(`update ledger.opportunity set amount = 1000`)
	must(t, err)
	w.mustClose("2026-02")
	refused("2026-02", errs.Conflict, "closed through 2026-02")
	refused("2025-12", errs.Conflict, "closed through 2026-02")
	w.clock.Set(instant("2026-05-02T06:00:00Z"))
	w.run()
	refused("2026-04", errs.Conflict, "2026-03 comes first")
	_, err = w.db.Exec(`insert into ledger.entry select payee_id, seq + 100, line_key, nth + 100, kind, debit, credit, amount_minor, currency, source_id,
		period, as_of, corrects, input_hash, prev_hash, hash, posted_by, posted_at from ledger.entry limit 1`)
	if err == nil || !strings.Contains(err.Error(), "closed through 2026-02") {
		t.Errorf("the database takes an entry of a closed month: %v", err)
	}
	for _, table := range []string{"entry", "period_close", "period_head", "period_facts", "period_payee"} {
		for _, statement := range []string{"delete from ledger." + table, "truncate ledger." + table + " cascade"} {
			if _, err := w.db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
}

func fetchAll[T any](w *way, query string, args ...any) (out []T) {
	w.t.Helper()
	must(w.t, w.db.Select(&out, query, args...))
	return out
}
