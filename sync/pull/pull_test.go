package pull_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// bench is an org, a database and what stands between.
type bench struct {
	t      *testing.T
	org    *emulator.Org
	db     *sqlx.DB
	client *salesforce.Client
	url    string
	// clock is the org's; ours stands still.
	clock  *clock.Manual
	config pull.Config
}

func newBench(t *testing.T, o emulator.Options) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewManual(noon)}
	o.Clock = b.clock
	b.org = emulator.New(o)
	b.db, b.url = pgtest.New(t), orgtest.Serve(t, b.org)
	b.client = orgtest.Client(t, b.url, salesforce.Config{MaxAttempts: 2})
	b.config = pull.Config{DB: b.db, Source: b.client, Mapping: mapping.Default(), Clock: clock.NewManual(noon), PageSize: 200}
	return b
}

func (b *bench) insert(object string, fields map[string]any) string {
	b.t.Helper()
	id, err := b.org.Insert(object, fields)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// space makes the nth Space.
func (b *bench) space(n int) string {
	b.t.Helper()
	return b.insert("Space__c", map[string]any{"Space_Key__c": fmt.Sprintf("S%05d", n), "Name": "Space",
		"Space_Created_At__c": "2020-05-04T10:00:00Z", "Partner_ID__c": "FG3877"})
}

func (b *bench) pull() stage.Report {
	b.t.Helper()
	report, err := pull.New(b.config).Run(b.t.Context(), stage.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

// expect checks counts of a report.
func (b *bench) expect(r stage.Report, object string, received, staged int64) {
	b.t.Helper()
	if got := r.Get(object + " received"); got != received {
		b.t.Errorf("%s: received %d, not %d", object, got, received)
	}
	if got := r.Get(object + " staged"); got != staged {
		b.t.Errorf("%s: staged %d, not %d", object, got, staged)
	}
}

func (b *bench) staged(object string) (n int64) {
	b.t.Helper()
	if err := b.db.Get(&n, `select count(*) from staging.record where object = $1`, object); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestSecondPullStagesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	account := b.insert("Account", map[string]any{"Name": "Acme"})
	for i := range 450 {
		b.space(i)
	}
	b.insert("Opportunity", map[string]any{"Name": "One", "AccountId": account, "Amount": json.Number("12000.50"),
		"CloseDate": "2026-10-31", "StageName": "Closed Won"})
	b.clock.Advance(time.Second)

	report := b.pull()
	b.expect(report, "Space__c", 450, 450)
	b.expect(report, "Opportunity", 1, 1)
	b.expect(report, "Account", 1, 1)
	if report.Problems != 0 || len(report.Notices) != 0 {
		t.Errorf("%+v", report)
	}

	// Near the clock everything is read twice and staged once.
	b.clock.Advance(time.Minute)
	report = b.pull()
	b.expect(report, "Space__c", 450, 0)

	// Once the overlap is behind the cursor, nothing is read at all.
	b.clock.Advance(time.Hour)
	b.pull()
	b.clock.Advance(time.Hour)
	report = b.pull()
	b.expect(report, "Space__c", 0, 0)
	b.expect(report, "Opportunity", 0, 0)
}

func TestPullSeesChangesDeletionsAndHistory(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	changed, deleted := b.space(1), b.space(2)
	b.pull()
	b.clock.Advance(time.Hour)
	b.pull()
	b.clock.Advance(time.Hour)

	if err := b.org.Update("Space__c", changed, map[string]any{"Partner_ID__c": "AB1234"}, b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := b.org.Update("Space__c", changed, map[string]any{"Name": "Other"}, b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := b.org.Delete("Space__c", deleted); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Second)
	report := b.pull()
	b.expect(report, "Space__c", 2, 2)

	var gone []string
	if err := b.db.Select(&gone, `select id from staging.record where object = 'Space__c' and is_deleted`); err != nil {
		t.Fatal(err)
	}
	if len(gone) != 1 || gone[0] != deleted {
		t.Errorf("deleted: %v", gone)
	}
	// R2.6: of the history, only what is about the Partner ID, and a deletion.
	var values []string
	if err := b.db.Select(&values, `select coalesce(payload ->> 'NewValue', '') from staging.record where object = 'Space__History'`); err != nil {
		t.Fatal(err)
	}
	if len(values) != 1 || values[0] != "AB1234" {
		t.Errorf("history: %v", values)
	}
}

func TestLateCommitIsSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	late := b.space(1)
	b.clock.Advance(5 * time.Minute)
	b.space(2)
	b.pull()
	// A transaction that began before the first pull commits after it.
	if err := b.org.Update("Space__c", late, map[string]any{"Name": "Late"}, b.clock.Now().Add(-3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(3 * time.Hour)
	if r := b.pull(); r.Get("Space__c staged") != 1 {
		t.Errorf("%+v", r)
	}
}

func TestRecordsOfTheFutureAreReadWhenTheirTimeHasCome(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	id := b.space(1)
	if err := b.org.Update("Space__c", id, map[string]any{"Name": "Later"}, noon.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.expect(b.pull(), "Space__c", 0, 0)
	b.clock.Advance(time.Hour)
	b.space(2)
	b.clock.Advance(time.Hour)
	b.expect(b.pull(), "Space__c", 1, 1)
	b.clock.Advance(23 * time.Hour)
	b.expect(b.pull(), "Space__c", 1, 1)
	c, err := staging.ReadCursor(t.Context(), b.db, "Space__c")
	if err != nil || c.At.After(b.clock.Now()) {
		t.Errorf("cursor %+v, %v", c, err)
	}
}

func TestInterruptedPullGoesOnFromTheLastPage(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for i := range 1000 {
		b.space(i) // all of one instant
	}
	b.clock.Advance(24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := pull.New(b.config).Run(ctx, stage.Options{Progress: func(what string, done, total int64) {
		if what == "Space__c" && total != 1000 {
			t.Errorf("progress of %d", total)
		}
		if what == "Space__c" && done == 400 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted pull gave %v", err)
	}
	if n := b.staged("Space__c"); n != 400 {
		t.Fatalf("%d records are staged", n)
	}
	report := b.pull()
	b.expect(report, "Space__c", 600, 600)
	if n := b.staged("Space__c"); n != 1000 {
		t.Errorf("%d records are staged", n)
	}
}

func TestLostLocatorGoesOnFromTheLastPage(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for i := range 1000 {
		b.space(i)
	}
	lost := false
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if strings.HasSuffix(r.URL.Path, "-400") && !lost {
			lost = true
			return &emulator.Fault{Status: 400, Body: `[{"errorCode":"INVALID_QUERY_LOCATOR","message":"invalid query locator"}]`}
		}
		return nil
	})
	b.expect(b.pull(), "Space__c", 1000, 1000)
	if !lost {
		t.Error("no locator was lost")
	}
}

func TestQueryThatIsTooLargeIsNarrowed(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for i := range 500 {
		if i%100 == 0 {
			b.clock.Advance(24 * time.Hour)
		}
		b.space(i)
	}
	refused := 0
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		q := r.URL.Query().Get("q")
		if strings.Contains(q, "FROM Space__c") && refused == 0 {
			refused++
			return &emulator.Fault{Status: 400, Body: `[{"errorCode":"QUERY_TIMEOUT","message":"Your query request was running for too long."}]`}
		}
		return nil
	})
	b.expect(b.pull(), "Space__c", 500, 500)
	if refused == 0 {
		t.Error("no query was refused")
	}
}

func TestR9_4_MissingFieldStopsItsMappingAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Without: []string{"Space_User__c.Partner_ID__c", "Space_Org__c", "sfLma__License__c"}})
	b.space(1)
	b.clock.Advance(time.Second)
	report := b.pull()
	b.expect(report, "Space__c", 1, 1)
	all := strings.Join(report.Notices, "\n")
	for _, want := range []string{
		"The mapping of profile is stopped", "Space_User__c has no field Partner_ID__c",
		"The mapping of profile_history is stopped",
		"The mapping of install is stopped", "sfLma__License__c",
		"The mapping of connection is switched off: the org has no object Space_Org__c",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no notice says %q:\n%s", want, all)
		}
	}
	if report.Problems != 3 {
		t.Errorf("%d problems", report.Problems)
	}
}

func TestChangedFieldsAreReadFromTheStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for i := range 3 {
		b.space(i)
	}
	b.clock.Advance(24 * time.Hour)
	b.pull()
	less, err := mapping.Load(strings.NewReader(`{version: 1, facts: {space: {object: Space__c, required: true, fields: {
		created_at: Space_Created_At__c, partner_id: Partner_ID__c}}}}`), "test")
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(24 * time.Hour)
	b.config.Mapping = less
	report := b.pull()
	b.expect(report, "Space__c", 3, 3)
	if b.staged("Space__c") != 3 || !strings.Contains(strings.Join(report.Notices, " "), "read again from the start") {
		t.Errorf("%d staged, %v", b.staged("Space__c"), report.Notices)
	}
}

func TestOptionalFieldThatGoesAwayStopsTheMapping(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{MultiCurrency: true})
	b.pull()
	other := newBench(t, emulator.Options{})
	other.db, other.config.DB = b.db, b.db
	report := other.pull()
	if report.Problems != 1 || !strings.Contains(strings.Join(report.Notices, " "), "CurrencyIsoCode") {
		t.Errorf("%+v", report)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.space(1)
	b.clock.Advance(time.Second)
	report, err := pull.New(b.config).Run(t.Context(), stage.Options{DryRun: true})
	if err != nil || report.Get("Space__c to receive") != 1 || b.staged("Space__c") != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if c, err := staging.ReadCursor(t.Context(), b.db, "Space__c"); err != nil || c.Fields != "" {
		t.Errorf("cursor %+v, %v", c, err)
	}
}

func TestPullReportsWhatKeepsItFromTheOrg(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{ClientSecret: "another"})
	if _, err := pull.New(b.config).Run(t.Context(), stage.Options{}); errs.KindOf(err) != errs.Auth {
		t.Errorf("wrong credentials gave %v (%s)", err, errs.KindOf(err))
	}
	b = newBench(t, emulator.Options{})
	b.org.Fail(func(*http.Request) *emulator.Fault { return &emulator.Fault{Status: 503} })
	if _, err := pull.New(b.config).Run(t.Context(), stage.Options{}); errs.KindOf(err) != errs.Transient {
		t.Errorf("an org that is away gave %v (%s)", err, errs.KindOf(err))
	}
}

func TestUsedUpQuotaDefersThePull(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if strings.Contains(r.URL.Path, "queryAll") {
			return &emulator.Fault{Status: 403, Body: `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`}
		}
		return nil
	})
	report := b.pull()
	if report.Deferred == "" {
		t.Errorf("%+v", report)
	}
}

func TestPullThatWasTakenOverStopsQuietly(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for i := range 600 {
		b.space(i)
	}
	b.clock.Advance(time.Second)
	report, err := pull.New(b.config).Run(t.Context(), stage.Options{Progress: func(what string, done, _ int64) {
		if what == "Space__c" && done == 200 {
			if _, err := stage.Take(t.Context(), b.db, stage.Pull); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil || report.Deferred == "" || b.staged("Space__c") != 200 {
		t.Errorf("%+v, %v, %d staged", report, err, b.staged("Space__c"))
	}
}
