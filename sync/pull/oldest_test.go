package pull_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// wantOldest checks what is kept of how far back the history of Spaces goes.
func (b *bench) wantOldest(asked, oldest time.Time) {
	b.t.Helper()
	c, err := staging.ReadCursor(b.t.Context(), b.db, "Space__History")
	if err != nil || !c.AskedAt.Equal(asked) || !c.Oldest.Equal(oldest) {
		b.t.Errorf("asked at %v, the oldest is %v, %v; want %v, %v", c.AskedAt, c.Oldest, err, asked, oldest)
	}
}

// questions counts how often the history of Spaces is asked for its oldest row, and
// answers as refuse says.
func (b *bench) questions(refuse *emulator.Fault) *int {
	n := new(int)
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if q := r.URL.Query().Get("q"); strings.Contains(q, "FROM Space__History") && strings.Contains(q, "LIMIT 1") {
			*n++
			return refuse
		}
		return nil
	})
	return n
}

// TestR2_6_AsksOnceHowFarBackHistoryGoes: the oldest row counts whatever field it is
// about, though only rows about the Partner ID are staged; what comes or goes later
// changes nothing, and nor does another list of fields.
func TestR2_6_AsksOnceHowFarBackHistoryGoes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	id := b.space(1) // leaves its row at noon
	b.clock.Advance(time.Hour)
	if err := b.org.Update("Space__c", id, map[string]any{"Partner_ID__c": "AB1234"}, b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Hour)
	asked, n := b.clock.Now(), b.questions(nil)
	if _, err := pull.New(b.config).Run(t.Context(), stage.Options{DryRun: true}); err != nil || *n != 0 {
		t.Errorf("a dry run asked %d times, %v", *n, err)
	}
	b.expect(b.pull(), "Space__History", 1, 1)
	b.wantOldest(asked, noon)

	b.clock.Advance(time.Hour)
	if err := b.org.Delete("Space__c", id); err != nil {
		t.Fatal(err)
	}
	b.pull()
	if _, err := b.db.Exec(`update staging.cursor set fields = 'others' where object = 'Space__History'`); err != nil {
		t.Fatal(err)
	}
	b.expect(b.pull(), "Space__History", 1, 1) // from the start, and deleted by now
	b.wantOldest(asked, noon)
	if *n != 1 {
		t.Errorf("asked %d times", *n)
	}
}

// TestR2_6_HistoryWithoutRows: that there was none is an answer too, and stands.
func TestR2_6_HistoryWithoutRows(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	n := b.questions(nil)
	b.pull()
	b.wantOldest(noon, time.Time{})
	b.clock.Advance(time.Hour)
	b.space(1)
	b.pull()
	b.wantOldest(noon, time.Time{})
	if *n != 1 {
		t.Errorf("asked %d times", *n)
	}
}

// TestR2_6_HistoryThatCannotBeAsked: an org that finds the question too large still
// has its history read, says so, and is asked again.
func TestR2_6_HistoryThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	for _, refusal := range []string{
		`[{"errorCode":"QUERY_TIMEOUT","message":"Your query request was running for too long."}]`,
		`[{"errorCode":"MALFORMED_QUERY","message":"field CreatedDate can not be sorted in a query call"}]`,
	} {
		b := newBench(t, emulator.Options{})
		id := b.space(1)
		if err := b.org.Update("Space__c", id, map[string]any{"Partner_ID__c": "AB1234"}, noon); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Hour)
		b.questions(&emulator.Fault{Status: 400, Body: refusal})
		report := b.pull()
		b.expect(report, "Space__History", 1, 1)
		b.wantOldest(time.Time{}, time.Time{})
		if all := strings.Join(report.Notices, " "); !strings.Contains(all, "How far back Space__History goes could not be asked") || report.Problems != 0 {
			t.Errorf("%d problems, notices: %s", report.Problems, all)
		}
		b.questions(nil)
		if report = b.pull(); len(report.Notices) != 0 {
			t.Errorf("notices: %v", report.Notices)
		}
		b.wantOldest(noon.Add(time.Hour), noon)
	}
}

// TestR2_6_AnUnavailableOrgIsNotAnAnswer: what stops a pull stops it here too.
func TestR2_6_AnUnavailableOrgIsNotAnAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.questions(&emulator.Fault{Status: 503})
	if _, err := pull.New(b.config).Run(t.Context(), stage.Options{}); err == nil {
		t.Error("no error")
	}
	b.wantOldest(time.Time{}, time.Time{})
}
