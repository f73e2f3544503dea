package stage_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/sync/stage"
)

func TestSettleFillsInWhatTheStageLeftOpen(t *testing.T) {
	r := stage.Report{Stage: stage.Push}
	for name, n := range map[string]int64{"commission written": 5, "commission unchanged": 2, "partner written": 1, "commission failed": 3, "commission quarantined": 4, "records to repair": 9} {
		r.Add(name, n)
	}
	r.Settle()
	if r.In != 15 || r.Out != 6 || r.RowsFailed != 3 || r.RowsQuarantined != 4 {
		t.Errorf("in %d, out %d, failed %d, quarantined %d", r.In, r.Out, r.RowsFailed, r.RowsQuarantined)
	}
	if r.Status(nil) != stage.WithProblems {
		t.Error("rows that failed are told as ok")
	}
	own := stage.Report{Stage: stage.Pull, In: 7, Out: 1, Counts: []stage.Count{{Name: "A received", N: 3}}}
	own.Settle()
	if own.In != 7 || own.Out != 1 {
		t.Errorf("what the stage said is overruled: %d, %d", own.In, own.Out)
	}
}

func TestAWarningIsKeptOnceAndIsNoProblem(t *testing.T) {
	r := stage.Report{}
	r.Warn(stage.Drift, "Opportunity.Amount", "It is gone.")
	r.Warn(stage.Drift, "Opportunity.Amount", "It is gone.")
	if len(r.Warnings) != 1 || r.Status(nil) != stage.OK {
		t.Errorf("%v, %s", r.Warnings, r.Status(nil))
	}
}

func TestAReportReadsBackAsItWasWritten(t *testing.T) {
	for _, r := range []stage.Report{
		{Stage: stage.Pull},
		{Stage: stage.Accrue, In: 1, Out: 2, RowsFailed: 3, RowsQuarantined: 4, AsOf: "2026-10-31",
			Calls: []stage.Count{{Name: "query", N: 5}}, Warnings: []stage.Warning{{Kind: stage.Drift, Subject: "a", Text: "b"}}},
	} {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back stage.Report
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Error(diff)
		}
	}
}

// What is a warning and a notice is said once.
func TestRemarksLeaveOutWhatIsAWarning(t *testing.T) {
	r := stage.Report{Notices: []string{"it is gone", "the mapping is stopped"}}
	r.Warn(stage.Drift, "Opportunity.Amount", "it is gone")
	if got := r.Remarks(); !slices.Equal(got, []string{"the mapping is stopped"}) {
		t.Errorf("got %q", got)
	}
}
