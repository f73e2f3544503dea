package revenue_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// places are company zones with a day of theirs around which random worlds play:
// most of them have a clock change then, three of them at midnight itself.
var places = []struct {
	zone string
	day  clock.Date
}{
	{"UTC", clock.NewDate(2020, 2, 28)},
	{"America/New_York", clock.NewDate(2019, 3, 10)},
	{"America/New_York", clock.NewDate(2019, 11, 3)},
	{"America/Sao_Paulo", clock.NewDate(2018, 11, 4)}, // 00:00 becomes 01:00
	{"America/Sao_Paulo", clock.NewDate(2018, 2, 17)}, // 24:00 becomes 23:00
	{"Asia/Beirut", clock.NewDate(2021, 3, 28)},       // 00:00 becomes 01:00
	{"Asia/Kolkata", clock.NewDate(2020, 12, 31)},
	{"Pacific/Kiritimati", clock.NewDate(2020, 6, 1)}, // UTC+14
	{"Australia/Lord_Howe", clock.NewDate(2020, 4, 5)},
}

const daysAround = 4

// nextMidnight is the instant at which a day is over in a zone, found by looking
// at the clock on the wall every quarter of an hour.
func nextMidnight(d clock.Date, zone *time.Location) time.Time {
	t := time.Date(d.Year(), 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d.DaysSince(clock.NewDate(d.Year(), 1, 1))-1)
	for wall := t.In(zone).Format("2006-01-02"); wall <= d.String(); wall = t.In(zone).Format("2006-01-02") {
		t = t.Add(15 * time.Minute)
	}
	return t
}

type change struct {
	at    time.Time
	value string
}

type oneSpace struct {
	id, account string
	created     time.Time
	changes     []change // the first at its creation
}

// holderAt is who is on the Space just before an instant.
func (s oneSpace) holderAt(t time.Time) string {
	holder := ""
	for _, c := range s.changes {
		if c.at.Before(t) {
			holder = c.value
		}
	}
	return holder
}

type business struct {
	zone   *time.Location
	days   []clock.Date
	spaces []oneSpace
	opps   []revenue.Opportunity
}

func sfID(prefix string, n int) string {
	full, err := sfid.Parse(fmt.Sprintf("%s%0*d", prefix, 15-len(prefix), n))
	if err != nil {
		panic(err)
	}
	return full
}

func accountID(n int) string { return sfID("001A", n) }

func drawBusiness(t *rapid.T) *business {
	place := rapid.SampledFrom(places).Draw(t, "place")
	zone, err := time.LoadLocation(place.zone)
	if err != nil {
		t.Fatal(err)
	}
	b := &business{zone: zone}
	for i := -daysAround; i <= daysAround; i++ {
		b.days = append(b.days, place.day.AddDays(i))
	}
	used := map[time.Time]bool{}
	for i := range rapid.IntRange(0, 5).Draw(t, "spaces") {
		b.spaces = append(b.spaces, b.drawSpace(t, i, used))
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "opportunities") {
		amount := decimal.NewFromInt(1000)
		o := revenue.Opportunity{
			ID: sfID("006A", i), Name: "o", AccountID: accountID(rapid.IntRange(0, 2).Draw(t, "account")), Amount: &amount, Currency: "USD",
			CloseDate: b.drawDay(t, "close"), Stage: "Closed Won", IsClosed: true, IsWon: true,
			CreatedAt: time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC), Modstamp: time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		if len(b.spaces) > 0 && rapid.IntRange(0, 3).Draw(t, "names a Space") == 0 {
			o.SpaceID = rapid.SampledFrom(b.spaces).Draw(t, "named").id
		} else if rapid.IntRange(0, 9).Draw(t, "names an unknown Space") == 0 {
			o.SpaceID = sfID("a0S", 99)
		}
		b.opps = append(b.opps, o)
	}
	return b
}

func (b *business) drawDay(t *rapid.T, label string) clock.Date {
	return rapid.SampledFrom(b.days[1:len(b.days)-1]).Draw(t, label)
}

// drawInstant gives an instant around a midnight, or at any time of a day.
func (b *business) drawInstant(t *rapid.T, label string) time.Time {
	midnight := nextMidnight(b.drawDay(t, label), b.zone)
	return midnight.Add(rapid.SampledFrom([]time.Duration{
		-time.Second, 0, 0, time.Second, -time.Hour, time.Hour, 9 * time.Hour, 12 * time.Hour, -2 * time.Hour,
	}).Draw(t, label+" off midnight"))
}

func (b *business) drawSpace(t *rapid.T, i int, used map[time.Time]bool) oneSpace {
	s := oneSpace{id: sfID("a0S", i), account: accountID(rapid.IntRange(0, 1).Draw(t, "account"))}
	for s.created = b.drawInstant(t, "created"); used[s.created]; {
		s.created = s.created.Add(time.Second) // no two at once: which of them is first is nobody's rule
	}
	used[s.created] = true
	value := func() string {
		return rapid.SampledFrom([]string{"FG3877", "FG3877", "AB1234", "", "FG-3877"}).Draw(t, "value")
	}
	s.changes = []change{{s.created, value()}}
	var later []time.Time
	for range rapid.IntRange(0, 5).Draw(t, "changes") {
		at := b.drawInstant(t, "changed")
		if at.After(s.created) && !slices.ContainsFunc(later, at.Equal) {
			later = append(later, at)
		}
	}
	slices.SortFunc(later, time.Time.Compare)
	for _, at := range later {
		if v := value(); v != s.changes[len(s.changes)-1].value {
			s.changes = append(s.changes, change{at, v})
		}
	}
	return s
}

// save tells the ledger all of it, opportunities first or last.
func (b *business) save(ctx context.Context, tx *sqlx.Tx, oppsFirst bool) error {
	now := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	var ss []attribution.Space
	var seen []attribution.Observation
	var rows []attribution.HistoryRow
	for i, s := range b.spaces {
		ss = append(ss, attribution.Space{
			ID: s.id, Key: s.id, Name: s.id, AccountID: s.account, CreatedVia: "Manual", CreatedAt: s.created, Modstamp: now,
			IsDeleted: i == 3,
		})
		for j, c := range s.changes {
			if j == 0 {
				seen = append(seen, attribution.Observation{RecordID: s.id, Raw: c.value, Modstamp: c.at})
				continue
			}
			rows = append(rows, attribution.HistoryRow{
				ID: sfID("017A", i*10+j), RecordID: s.id, Old: s.changes[j-1].value, New: c.value, At: c.at,
			})
		}
	}
	opps := func() error {
		changed, err := revenue.SaveOpportunities(ctx, tx, b.opps)
		if err != nil {
			return err
		}
		return revenue.FindCustomers(ctx, tx, changed)
	}
	if oppsFirst {
		if err := opps(); err != nil {
			return err
		}
	}
	if err := attribution.SaveSpaces(ctx, tx, ss, now); err != nil {
		return err
	}
	if err := attribution.SaveObservations(ctx, tx, attribution.KindSpace, seen, now); err != nil {
		return err
	}
	if err := attribution.SaveHistory(ctx, tx, attribution.KindSpace, rows, now); err != nil {
		return err
	}
	if !oppsFirst {
		if err := opps(); err != nil {
			return err
		}
	}
	for {
		r, err := attribution.Replay(ctx, tx, 100, now.Add(time.Minute))
		if err != nil || r.Subjects == 0 {
			return err
		}
	}
}

// spacesOf gives the Spaces by which an opportunity earns (R3.3).
func (b *business) spacesOf(o revenue.Opportunity) []oneSpace {
	var byThen, later []oneSpace
	for _, s := range b.spaces {
		switch {
		case o.SpaceID == s.id:
			return []oneSpace{s}
		case o.SpaceID != "" || s.account != o.AccountID:
		case s.created.Before(nextMidnight(o.CloseDate, b.zone)):
			byThen = append(byThen, s)
		default:
			later = append(later, s)
		}
	}
	if len(byThen) > 0 || len(later) == 0 {
		return byThen
	}
	return []oneSpace{slices.MinFunc(later, func(x, y oneSpace) int { return x.created.Compare(y.created) })}
}

const differ = "(they differ)"

// holders says day by day who holds, by R3.3 and R3.4.
func (b *business) holders(o revenue.Opportunity) map[string]string {
	out := map[string]string{}
	spaces := b.spacesOf(o)
	for _, d := range b.days {
		midnight := nextMidnight(d, b.zone)
		for i, s := range spaces {
			holder := s.holderAt(midnight)
			if was := out[d.String()]; i > 0 && was != holder {
				holder = differ
			}
			out[d.String()] = holder
			if holder == differ {
				break
			}
		}
		if out[d.String()] == "" {
			delete(out, d.String())
		}
	}
	return out
}

// told says the same of what Sources gives.
func (b *business) told(s commission.Source) map[string]string {
	out := map[string]string{}
	for _, d := range b.days {
		for _, st := range s.Holders {
			if st.From.After(d) {
				continue
			}
			out[d.String()] = st.PartnerID
			if st.Disagree {
				out[d.String()] = differ
			}
		}
		if out[d.String()] == "" {
			delete(out, d.String())
		}
	}
	return out
}

func (b *business) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\nzone %s\n", b.zone)
	for _, s := range b.spaces {
		fmt.Fprintf(&out, "Space %s of %s\n", s.id, s.account)
		for _, c := range s.changes {
			fmt.Fprintf(&out, "  %q from %s = %s\n", c.value, c.at.Format(time.RFC3339), c.at.In(b.zone).Format(time.RFC3339))
		}
	}
	for _, o := range b.opps {
		fmt.Fprintf(&out, "opportunity %s of %s closed %s names %q\n", o.ID, o.AccountID, o.CloseDate, o.SpaceID)
	}
	return out.String()
}

// TestR3_4_HoldersAreThoseOfANaiveCalendar: in random worlds, every day of an
// opportunity belongs to whom a person with a calendar and the wall clocks of the
// company zone would give it. More worlds: -rapid.checks=5000.
func TestR3_4_HoldersAreThoseOfANaiveCalendar(t *testing.T) {
	db := pgtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		b := drawBusiness(rt)
		ctx := context.Background()
		if _, err := db.ExecContext(ctx, `
			delete from ledger.space; delete from ledger.statement_of_id; delete from ledger.holding;
			delete from ledger.opportunity; delete from ledger.discrepancy`); err != nil {
			rt.Fatal(err)
		}
		oppsFirst := rapid.Bool().Draw(rt, "opportunities first")
		if err := pg.InTx(ctx, db, func(ctx context.Context, tx *sqlx.Tx) error { return b.save(ctx, tx, oppsFirst) }); err != nil {
			rt.Fatal(err)
		}
		check(rt, db, b)
	})
}

func check(t rapid.TB, db *sqlx.DB, b *business) {
	ids := make([]string, len(b.opps))
	for i, o := range b.opps {
		ids[i] = o.ID
	}
	sources, err := revenue.Sources(context.Background(), db, ids, b.zone)
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) != len(b.opps) {
		t.Fatalf("%d sources of %d opportunities", len(sources), len(b.opps))
	}
	for _, o := range b.opps {
		s := sources[slices.IndexFunc(sources, func(s commission.Source) bool { return s.ID == o.ID })]
		var want, got []string
		for _, sp := range b.spacesOf(o) {
			want = append(want, sp.id)
		}
		for _, sp := range s.Spaces {
			got = append(got, sp.ID)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("R3.3: Spaces of %s (-rulebook +found):\n%s%s", o.ID, d, b)
		}
		if d := cmp.Diff(b.holders(o), b.told(s)); d != "" {
			t.Fatalf("R3.4: holders of %s by day (-rulebook +found):\n%s%s", o.ID, d, b)
		}
	}
}

// telling is one telling of records of a small story of merges.
type telling struct {
	customers []ledger.Customer
	spaces    []attribution.Space
	holders   map[string]string // of the Spaces, when first seen
	opps      []revenue.Opportunity
}

func tell(t *testing.T, db *sqlx.DB, now time.Time, it telling) {
	t.Helper()
	err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		merged, err := ledger.SaveCustomers(ctx, tx, it.customers)
		if err != nil {
			return err
		}
		if err := attribution.SaveSpaces(ctx, tx, it.spaces, now); err != nil {
			return err
		}
		var seen []attribution.Observation
		for id, holder := range it.holders {
			seen = append(seen, attribution.Observation{RecordID: id, Raw: holder, Modstamp: now})
		}
		if err := attribution.SaveObservations(ctx, tx, attribution.KindSpace, seen, now); err != nil {
			return err
		}
		changed, err := revenue.SaveOpportunities(ctx, tx, it.opps)
		if err != nil {
			return err
		}
		spaces, err := attribution.OfAccounts(ctx, tx, merged) // as reconcile does (R9.2)
		if err != nil {
			return err
		}
		if err := attribution.Resolve(ctx, tx, spaces); err != nil {
			return err
		}
		ofMerged, err := revenue.OfAccounts(ctx, tx, merged)
		if err != nil {
			return err
		}
		if err := revenue.FindCustomers(ctx, tx, append(changed, ofMerged...)); err != nil {
			return err
		}
		for {
			r, err := attribution.Replay(ctx, tx, 100, now)
			if err != nil || r.Subjects == 0 {
				return err
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// found gives the Spaces by which opportunity n earns.
func found(t *testing.T, db *sqlx.DB, n int) string {
	t.Helper()
	sources, err := revenue.Sources(t.Context(), db, []string{sfID("006A", n)}, time.UTC)
	if err != nil || len(sources) != 1 {
		t.Fatal(sources, err)
	}
	var out []string
	for _, s := range sources[0].Spaces {
		out = append(out, s.ID)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

var jan = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func spaceOf(n, account int, created, version time.Time) attribution.Space {
	return attribution.Space{
		ID: sfID("a0S", n), Key: sfID("a0S", n), AccountID: accountID(account), CreatedVia: "Manual", CreatedAt: created, Modstamp: version,
	}
}

func oppOf(n, account int, closed clock.Date, version time.Time) revenue.Opportunity {
	amount := decimal.NewFromInt(1000)
	return revenue.Opportunity{
		ID: sfID("006A", n), AccountID: accountID(account), Amount: &amount, Currency: "USD", CloseDate: closed, IsClosed: true,
		IsWon: true, CreatedAt: jan, Modstamp: version,
	}
}

// merge is the merge of account 1 into account 0.
func merge(at time.Time) []ledger.Customer {
	return []ledger.Customer{
		{AccountID: accountID(0), Name: "survivor", Modstamp: at},
		{AccountID: accountID(1), Name: "merged", MasterAccountID: accountID(0), IsDeleted: true, Modstamp: at},
	}
}

// TestR3_3_MergedInSpaces: a Space that comes to a customer by a merge changes
// nothing for what had found its Space before (R3.3); what closes later finds
// both, because the survivor has both (R1.4, R9.2).
func TestR3_3_MergedInSpaces(t *testing.T) {
	db := pgtest.New(t)
	march, april := clock.NewDate(2020, 3, 10), clock.NewDate(2020, 4, 10)
	tell(t, db, jan, telling{
		spaces:  []attribution.Space{spaceOf(0, 0, jan, jan), spaceOf(1, 1, jan, jan)},
		holders: map[string]string{sfID("a0S", 0): "FG3877", sfID("a0S", 1): "AB1234"},
		opps:    []revenue.Opportunity{oppOf(0, 0, march, jan), oppOf(1, 1, march, jan)},
	})
	merged := jan.AddDate(0, 2, 15)
	tell(t, db, merged, telling{
		customers: merge(merged), spaces: []attribution.Space{spaceOf(1, 0, jan, merged)},
		opps: []revenue.Opportunity{oppOf(1, 0, march, merged), oppOf(2, 0, april, merged)},
	})
	for n, want := range []string{sfID("a0S", 0), sfID("a0S", 1), sfID("a0S", 0) + " " + sfID("a0S", 1)} {
		if got := found(t, db, n); got != want {
			t.Errorf("opportunity %d earns by %q, want %q", n, got, want)
		}
	}
}

// TestR3_3_WhatWasFoundByAMergeStays: an opportunity whose customer got its first
// Space by a merge keeps it when another Space is created.
func TestR3_3_WhatWasFoundByAMergeStays(t *testing.T) {
	db := pgtest.New(t)
	tell(t, db, jan, telling{
		spaces: []attribution.Space{spaceOf(1, 1, jan, jan)}, holders: map[string]string{sfID("a0S", 1): "AB1234"},
		opps: []revenue.Opportunity{oppOf(0, 0, clock.NewDate(2020, 3, 10), jan)},
	})
	merged, later := jan.AddDate(0, 4, 0), jan.AddDate(0, 5, 0)
	tell(t, db, merged, telling{customers: merge(merged), spaces: []attribution.Space{spaceOf(1, 0, jan, merged)}})
	before := found(t, db, 0)
	tell(t, db, later, telling{
		spaces: []attribution.Space{spaceOf(0, 0, later, later)}, holders: map[string]string{sfID("a0S", 0): "FG3877"},
	})
	if after := found(t, db, 0); before != sfID("a0S", 1) || after != before {
		t.Errorf("it earned by %q after the merge, and by %q once another Space was created", before, after)
	}
}
