package siege_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

const (
	reads   = `kind: [query, page, bulk-query, bulk-results]`
	sends   = `kind: [collection, upsert, bulk-ingest]`
	byBulk  = "pull: {api: bulk}\npush: {api: bulk}"
	late    = `when: {kind: [direct, collection, upsert]}, do: {late: 9m}`
	stamped = `when: {kind: direct}, do: {stamp: 1m}`
	vanish  = `when: {kind: page, first: 1}, do: {cursor: vanish}`
	loop    = `when: {kind: page, first: 1}, do: {cursor: loop}`
	stuck   = `when: {kind: [bulk-query, bulk-ingest], method: [POST, PATCH]}, do: {job: stuck}`
)

// faultCase is one way in which the org misbehaves; every one of its rules has to play.
type faultCase struct {
	name     string
	settings string
	rules    []string
}

// faultCases are played by TestEveryFaultOfTheOrg, while a company is loaded and while
// changes of it are.
var faultCases = []faultCase{
	{"503 with a page", "", []string{`when: {every: 4}, do: {answer: {status: 503, form: html}}`}},
	{"500", "", []string{`when: {` + sends + `, every: 2}, do: {answer: {status: 500, body: '[{"errorCode":"UNKNOWN_EXCEPTION","message":"oops"}]'}}`}},
	{"no answer but 503", "", []string{`when: {}, do: {answer: {status: 503, headers: {Retry-After: 1}}}`}},
	{"an array instead of a result", "", []string{`when: {` + reads + `, every: 3}, do: {answer: {form: json-array}}`}},
	{"null instead of a result", "", []string{`when: {` + reads + `, every: 3}, do: {answer: {form: json-null}}`}},
	{"nothing instead of a result", "", []string{`when: {` + reads + `, every: 3}, do: {answer: {form: empty}}`}},
	{"an array instead of what became of rows", "", []string{`when: {` + sends + `, every: 2}, do: {answer: {form: json-array}}`}},
	{"nothing instead of what became of rows", "", []string{`when: {` + sends + `, every: 2}, do: {answer: {form: empty}}`}},
	{"a body that ends early", "", []string{`when: {every: 4}, do: {answer: {form: truncated}}`}},
	{"broken gzip", "", []string{`when: {every: 4}, do: {answer: {form: gzip}}`}},
	{"connections that drop", "", []string{`when: {every: 4}, do: {drop: {}}`}},
	{"answers that drop", "", []string{`when: {every: 4}, do: {drop: {bytes: 150}}`}},
	{"silence", "", []string{`when: {` + reads + `, first: 1}, do: {hang: {}}`, `when: {` + sends + `, first: 1}, do: {hang: {}}`}},
	{"silence after half an answer", "", []string{`when: {` + reads + `, first: 1}, do: {hang: {bytes: 400}}`, `when: {` + sends + `, first: 1}, do: {hang: {bytes: 90}}`}},
	{"answers that are lost", "", []string{`when: {` + sends + `, every: 2}, do: {lose: {}}`}},
	{"answers that a gateway lost", "", []string{`when: {` + sends + `, every: 2}, do: {lose: {status: 504, form: html}}`}},
	{"every answer is lost", "", []string{`when: {` + sends + `}, do: {lose: {}}`}},
	{"rows that are locked", "", []string{`when: {` + sends + `}, do: {rows: {code: UNABLE_TO_LOCK_ROW, rate: 0.3}}`}},
	{"rows that are refused", "", []string{`when: {` + sends + `}, do: {rows: {code: FIELD_CUSTOM_VALIDATION_EXCEPTION, message: no, every: 3}}`}},
	{"rows of a value are refused", "", []string{`when: {` + sends + `}, do: {rows: {code: FIELD_CUSTOM_VALIDATION_EXCEPTION, message: no, field: Regime__c, key: space}}`}},
	{"all rows are refused", "", []string{`when: {` + sends + `}, do: {rows: {code: FIELD_INTEGRITY_EXCEPTION, message: no}}`}},
	{"links that are refused", "", []string{`when: {` + sends + `}, do: {rows: {code: INVALID_CROSS_REFERENCE_KEY, message: no, every: 4}}`}},
	{"sessions that end with 401", "", []string{`when: {every: 5}, do: {session: 401}`}},
	{"sessions that end with 403", "", []string{`when: {every: 5}, do: {session: 403}`}},
	{"the day's requests are used up", "", []string{`when: {kind: query, after: 4}, do: {quota: daily}`}},
	{"the day's requests are used up at the push", "", []string{`when: {` + sends + `}, do: {quota: daily}`}},
	{"too many at once", "", []string{`when: {every: 3}, do: {quota: concurrent}`}},
	{"an object is hidden", "", []string{`when: {}, do: {hide: [Opportunity]}`}},
	{"a field is hidden", "", []string{`when: {}, do: {hide: [Opportunity.Amount, Space__c.Partner_ID__c]}`}},
	{"a field that is written is hidden", "", []string{`when: {}, do: {hide: [Partner_Commission__c.Amount__c]}`}},
	{"clocks that differ", "", []string{`when: {every: 3}, do: {skew: -4m}`, `when: {every: 5}, do: {skew: 4m}`}},
	{"slow answers", "", []string{`when: {every: 3}, do: {delay: 80ms}`}},
	{"much at once", "", []string{
		`when: {every: 7}, do: {answer: {status: 503, form: html}}`, `when: {every: 9}, do: {drop: {bytes: 200}}`,
		`when: {` + sends + `, every: 3}, do: {lose: {}}`, `when: {` + sends + `}, do: {rows: {code: UNABLE_TO_LOCK_ROW, rate: 0.2}}`,
		`when: {every: 11}, do: {session: 401}`,
	}},

	{"jobs that fail", byBulk, []string{`when: {kind: bulk-query, method: POST, every: 2}, do: {job: fail}`, `when: {kind: bulk-ingest, method: PATCH, every: 2}, do: {job: fail}`}},
	{"jobs that read and always fail", byBulk, []string{`when: {kind: bulk-query, method: POST}, do: {job: fail}`}},
	{"jobs that write and always fail", byBulk, []string{`when: {kind: bulk-ingest, method: PATCH}, do: {job: fail}`}},
	{"jobs that are aborted", byBulk, []string{`when: {kind: bulk-query, method: POST, every: 3}, do: {job: abort}`, `when: {kind: bulk-ingest, method: PATCH, every: 2}, do: {job: abort}`}},
	{"a job's results that drop", byBulk, []string{`when: {kind: bulk-results, every: 2}, do: {drop: {bytes: 500}}`}},
	{"a job's results that fall silent", byBulk, []string{`when: {kind: bulk-results, first: 1}, do: {hang: {bytes: 500}}`}},
	{"a job's results that end early", byBulk, []string{`when: {kind: bulk-results, every: 2}, do: {answer: {form: truncated}}`}},
	{"a job's data that do not arrive", byBulk, []string{`when: {kind: bulk-ingest, method: PUT, every: 2}, do: {drop: {}}`}},
	{"a job's data whose arrival nobody hears of", byBulk, []string{`when: {kind: bulk-ingest, method: PUT, every: 2}, do: {lose: {}}`}},
	{"jobs that were made, and nobody hears of it", byBulk, []string{`when: {kind: [bulk-query, bulk-ingest], method: POST, every: 2}, do: {lose: {status: 504, form: html}}`}},
	{"jobs that were closed, and nobody hears of it", byBulk, []string{`when: {kind: bulk-ingest, method: PATCH, every: 2}, do: {lose: {}}`}},
	{"a job's rows that are refused", byBulk, []string{`when: {kind: bulk-ingest}, do: {rows: {code: FIELD_CUSTOM_VALIDATION_EXCEPTION, message: no, rate: 0.2}}`}},
	{"a job's rows that are locked", byBulk, []string{`when: {kind: bulk-ingest}, do: {rows: {code: UNABLE_TO_LOCK_ROW, rate: 0.2}}`}},
	{"the day's requests are used up in the middle of jobs", byBulk, []string{`when: {kind: [bulk-query, bulk-ingest], after: 7}, do: {quota: daily}`}},
}

// addPlays adds how often each rule in force has played.
func (o *observer) addPlays(to []int64) {
	o.t.Helper()
	for i, n := range o.plays() {
		to[i] += n
	}
}

// TestEveryKindOfFaultIsPlayed holds the cases against what the emulator can do.
func TestEveryKindOfFaultIsPlayed(t *testing.T) {
	t.Parallel()
	missing := map[string]bool{}
	for _, what := range []string{
		"delay", "status", "headers", "body", "lose", "lose with a status", "drop", "drop in the middle", "hang", "hang in the middle",
		"rows", "rows: rate", "rows: every", "rows: key", "late", "stamp", "hide", "skew", "session 401", "session 403",
	} {
		missing[what] = true
	}
	for _, f := range []fault.Form{fault.FormHTML, fault.FormArray, fault.FormNull, fault.FormEmpty, fault.FormTruncated, fault.FormGzip} {
		missing["form "+string(f)] = true
	}
	for _, f := range []fault.CursorFault{fault.CursorVanishes, fault.CursorLoops} {
		missing["cursor "+string(f)] = true
	}
	for _, f := range []fault.Quota{fault.QuotaDaily, fault.QuotaConcurrent} {
		missing["quota "+string(f)] = true
	}
	for _, f := range []fault.JobFault{fault.JobFails, fault.JobAborts, fault.JobStays} {
		missing["job "+string(f)] = true
	}
	rules := []string{late, stamped, vanish, loop, stuck}
	for _, c := range faultCases {
		rules = append(rules, c.rules...)
	}
	plan, err := fault.Parse([]byte(planOf(rules)), "the cases")
	must(t, err)
	for _, r := range plan.Rules {
		for _, what := range doings(r.Do) {
			delete(missing, what)
		}
	}
	for what := range missing {
		t.Errorf("no case plays: %s", what)
	}
}

// doings tells in words what an action does.
func doings(a fault.Action) (out []string) {
	for what, does := range map[string]bool{
		"delay": a.Delay > 0, "late": a.Late > 0, "stamp": a.Stamp > 0, "hide": len(a.Hide) > 0, "skew": a.Skew != 0, "lose": a.Lose != nil, "rows": a.Rows != nil,
		"lose with a status": a.Lose != nil && a.Lose.Status != 0, "status": a.Answer != nil && a.Answer.Status != 0,
		"headers": a.Answer != nil && len(a.Answer.Header) > 0, "body": a.Answer != nil && a.Answer.Body != "",
		"drop": a.Cut != nil && !a.Cut.Hangs && a.Cut.Bytes < 0, "drop in the middle": a.Cut != nil && !a.Cut.Hangs && a.Cut.Bytes >= 0,
		"hang": a.Cut != nil && a.Cut.Hangs && a.Cut.Bytes < 0, "hang in the middle": a.Cut != nil && a.Cut.Hangs && a.Cut.Bytes >= 0,
		"rows: rate": a.Rows != nil && a.Rows.Rate < 1, "rows: every": a.Rows != nil && a.Rows.Every > 0, "rows: key": a.Rows != nil && a.Rows.Key != nil,
		"cursor " + string(a.Cursor): true, "quota " + string(a.Quota): true, "job " + string(a.Job): true, fmt.Sprint("session ", a.Session): true,
	} {
		if does {
			out = append(out, what)
		}
	}
	if a.Answer != nil {
		out = append(out, "form "+string(a.Answer.Form))
	}
	return out
}

// planOf makes a plan of rules.
func planOf(rules []string) string {
	var plan strings.Builder
	plan.WriteString("rules:\n")
	for i, r := range rules {
		fmt.Fprintf(&plan, "- {name: rule %d, %s}\n", i, r)
	}
	return plan.String()
}
