package siege_test

import (
	"encoding/json"
	"slices"
	"strings"
)

// checkHistory holds an exit code and the rows of job.run against each other and
// against what stands in the tables.
func (w *world) checkHistory(r ran) {
	w.t.Helper()
	failed, withProblems := 0, 0
	for _, row := range r.rows {
		var report struct {
			Problems   int64
			RowsFailed int64 `json:"rows_failed"`
		}
		must(w.t, json.Unmarshal([]byte(row.Report), &report))
		switch {
		case row.Status == nil && strings.Contains(r.text, "record the end of"):
			// It said that it could not write this; after the lease it is told as interrupted.
		case row.Status == nil:
			w.t.Errorf("the run has ended with %d, and its %s is told to go on", r.code, row.Stage)
		case *row.Status == "failed":
			failed++
			if row.Error == "" {
				w.t.Errorf("%s has failed, and the history does not say why", row.Stage)
			}
		case row.Error != "":
			w.t.Errorf("%s is %q over an error: %s", row.Stage, *row.Status, row.Error)
		case *row.Status == "ok with problems":
			withProblems++
		case *row.Status == "ok" && report.Problems+report.RowsFailed > 0:
			w.t.Errorf("%s is ok over problems: %s", row.Stage, row.Report)
		}
	}
	switch {
	case r.code == 5 && slices.ContainsFunc(r.rows, runRow.isDeferred):
		// Not all was done, and nothing has failed.
	case r.isDone() && failed > 0, !r.isDone() && failed == 0 && len(r.rows) > 0 && !strings.Contains(r.text, "record the "):
		w.t.Errorf("exit %d over %d failed runs: %v\n%s", r.code, failed, r.rows, r.text)
	case r.isDone() && (r.code == 3) != (withProblems > 0):
		w.t.Errorf("exit %d over %d runs with problems: %v\n%s", r.code, withProblems, r.rows, r.text)
	}
	for _, row := range r.rows {
		if row.Stage == "push" && row.isOK() {
			if n := fetch[int](w.t, w.db, `select count(*) from outbox.record where wanted > confirmed and attempts > 0`); n > 0 {
				w.t.Errorf("push is ok, and %d rows have failed", n)
			}
		}
	}
}

// checkPulled holds a pull that says it was well against the org: nothing may be
// missing of what the org had shown before it began.
func (w *world) checkPulled(shown map[string][]string, r ran) {
	w.t.Helper()
	for _, row := range r.rows {
		if row.Stage != "pull" || !row.isOK() {
			continue
		}
		for object, ids := range shown {
			staged := w.staged(object)
			for _, id := range ids {
				if _, ok := staged[id]; !ok {
					w.t.Errorf("pull is ok, and %s %s, which the org had shown, is not staged", object, id)
				}
			}
		}
	}
}

// checkRuns holds the whole history against itself: every run has ended, was told as
// interrupted or says why it failed, and none is well over what was not.
func (w *world) checkRuns() {
	w.t.Helper()
	for _, row := range w.runsSince(0) {
		var report struct {
			Problems   int64
			RowsFailed int64 `json:"rows_failed"`
		}
		must(w.t, json.Unmarshal([]byte(row.Report), &report))
		switch {
		case row.Status == nil || !row.Finished:
			w.t.Errorf("%s (run %d) is told to go on, and nothing runs", row.Stage, row.ID)
		case *row.Status == "failed" && row.Error == "":
			w.t.Errorf("%s (run %d) has failed, and the history does not say why", row.Stage, row.ID)
		case *row.Status != "failed" && row.Error != "":
			w.t.Errorf("%s (run %d) is %q over an error: %s", row.Stage, row.ID, *row.Status, row.Error)
		case *row.Status == "ok" && report.Problems+report.RowsFailed > 0:
			w.t.Errorf("%s (run %d) is ok over problems: %s", row.Stage, row.ID, row.Report)
		}
	}
}

// interrupted says how many runs are told as interrupted.
func (w *world) interrupted() int {
	w.t.Helper()
	return fetch[int](w.t, w.db, `select count(*) from job.run where status = 'failed' and error like 'interrupted%'`)
}
