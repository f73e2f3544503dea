package wholeway_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/stage"
)

// accrueWith runs accrue alone with another word of the settings on the go-live.
func (w *way) accrueWith(g book.GoLive, o stage.Options) (stage.Report, error) {
	w.t.Helper()
	o.Actor = "test"
	return accrue.New(accrue.Config{DB: w.db, Clock: w.clock, Zone: time.UTC, GoLive: g}).Run(context.Background(), o)
}

// reconciled pulls and reconciles, no more.
func (w *way) reconciled() {
	w.t.Helper()
	for _, s := range w.stages[:2] {
		_, err := s.Run(context.Background(), stage.Options{Actor: "test"})
		must(w.t, err)
	}
}

func day(s string) clock.Date {
	d, err := clock.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestR4_5_TheFirstRunThatWouldPostOldLinesAsks(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	w.insert("Opportunity", sale(account, "1000", "2026-12-15"))
	w.reconciled()
	_, err := w.accrueWith(book.GoLive{}, stage.Options{})
	must(t, err) // nothing is older than 90 days

	w.insert("Opportunity", sale(account, "2000", "2026-09-15", "SystemModstamp", instant("2027-02-01T05:59:00Z")))
	w.reconciled()
	_, err = w.accrueWith(book.GoLive{}, stage.Options{})
	var e *errs.Error
	if !errors.As(err, &e) || !strings.Contains(e.Error(), "closed before 2026-11-02: 1, the first on 2026-09-15") {
		t.Fatalf("an old line is posted without a question: %v", err)
	}
	if got := booked(w, "FG3877"); got != 10000 {
		t.Errorf("the book says %d, want the 100.00 of before", got)
	}
	_, err = w.accrueWith(book.GoLive{Decided: true, On: day("2026-12-01")}, stage.Options{})
	must(t, err)
	if got := booked(w, "FG3877"); got != 10000 {
		t.Errorf("with a go-live behind it the book says %d, want 100.00", got)
	}
	reason := fetch[string](t, w.db, `select reason from ledger.line where period = '2026-09'`)
	if reason != "before_go_live" {
		t.Errorf("what closed before is %q", reason)
	}
	_, err = w.accrueWith(book.GoLive{}, stage.Options{}) // it was answered for good
	must(t, err)
	_, err = w.accrueWith(book.GoLive{Decided: true}, stage.Options{}) // and may be answered anew
	must(t, err)
	if got := booked(w, "FG3877"); got != 30000 {
		t.Errorf("without a go-live the book says %d, want 300.00", got)
	}
}

func TestR4_5_ADryRunKnowsTheGoLiveOfTheSettings(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	w.insert("Opportunity", sale(account, "1000", "2026-12-15"))
	w.reconciled()
	r, err := w.accrueWith(book.GoLive{Decided: true, On: day("2027-01-01")}, stage.Options{DryRun: true})
	must(t, err)
	if n := r.Get(accrue.CountEntries); n != 0 {
		t.Errorf("a dry run would post %d entries for what closed before the go-live", n)
	}
}

func TestR7_3_ADryRunAsOfADaySeesWhatWasUnWon(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	opportunity := w.insert("Opportunity", sale(account, "1000", "2026-12-15"))
	w.run()
	w.change("Opportunity", opportunity, "2027-02-01T06:00:30Z", map[string]any{"StageName": "Closed Lost"})
	w.reconciled()
	r, err := w.accrueWith(book.GoLive{Decided: true}, stage.Options{DryRun: true, AsOf: day("2027-01-31")})
	must(t, err)
	if n := r.Get(accrue.CountEntries); n != 1 {
		t.Errorf("a dry run would post %d entries, want the one that takes 100.00 back", n)
	}
}
