package fault_test

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

const everything = `
# One rule for each thing that a plan can do.
rules:
  - {name: page, when: {method: get, path: /services/data/*/query*, kind: [query, page], object: Account, page: 2}, do: {answer: {status: 503, form: html}}}
  - name: literal
    when: {regexp: "^/services/data/v\\d+", from: 2026-11-27T09:00:00Z, until: "2026-11-27T10:00:00Z"}
    times: 3
    do:
      delay: 250ms
      answer:
        status: 420
        headers: {X-Reason: calm}
        body: |
          {"enhance": "your calm"}
  - {name: random, when: {every: 5, first: 100, after: 10, between: [3, 9], probability: 0.25, from: +10m}, do: {delay: 2s}}
  - {name: hang, do: {hang: {bytes: 10, for: 30s}}}
  - {name: drop, do: {drop: {}}}
  - {name: lose, do: {lose: {}}}
  - {name: lose with a status, do: {lose: {status: 504, form: html}}}
  - {name: rows, do: {rows: {code: UNABLE_TO_LOCK_ROW, rate: 0.5, every: 2, key: ^FG, field: Partner_ID__c, fields: [Name]}}}
  - {name: late, do: {late: 5m}}
  - {name: stamp, do: {stamp: 1h}}
  - {name: loop, do: {cursor: loop}}
  - {name: session, do: {session: 403}}
  - {name: quota, do: {quota: concurrent}}
  - {name: job, do: {job: stuck}}
  - {name: hide, do: {hide: [Lead, Account.Industry]}}
  - {name: skew, do: {skew: -5m}}
  - {name: short, do: {answer: {form: truncated, bytes: 7}}}
`

var compareRegexps = cmp.Comparer(func(a, b *regexp.Regexp) bool {
	return (a == nil) == (b == nil) && (a == nil || a.String() == b.String())
})

func TestAPlanSaysWhatItSays(t *testing.T) {
	p, err := fault.Parse([]byte(everything), "plan")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rules) != 17 || p.Text() != everything {
		t.Fatalf("%d rules", len(p.Rules))
	}
	nine := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	want := fault.Rule{Name: "literal", Times: 3,
		When: fault.Match{Path: regexp.MustCompile(`^/services/data/v\d+`), From: fault.Instant{At: nine, IsSet: true}, Until: fault.Instant{At: nine.Add(time.Hour), IsSet: true}},
		Do: fault.Action{Delay: 250 * time.Millisecond,
			Answer: &fault.Answer{Status: 420, Header: map[string][]string{"X-Reason": {"calm"}}, Body: "{\"enhance\": \"your calm\"}\n", Bytes: -1}}}
	if diff := cmp.Diff(want, p.Rules[1], compareRegexps); diff != "" {
		t.Error(diff)
	}
	m := p.Rules[2].When
	if m.Every != 5 || m.First != 100 || m.After != 10 || m.Between != [2]int{3, 9} || m.Probability != 0.25 || m.From.Since != 10*time.Minute {
		t.Errorf("picks %+v", m)
	}
	if r := p.Rules[7].Do.Rows; r.Message == "" || r.Rate != 0.5 || r.Every != 2 || r.Field != "Partner_ID__c" || !reflect.DeepEqual(r.Fields, []string{"Name"}) {
		t.Errorf("rows %+v", r)
	}
}

func TestJSONSaysTheSameAsYAML(t *testing.T) {
	const j = "{\n\t\"rules\": [\n\t\t{\"name\": \"a\\u00e9\\ud83d\\ude00\", \"when\": {\"kind\": \"query\", \"every\": 3}, \"times\": 2,\n\t\t \"do\": {\"answer\": {\"status\": 503, \"body\": \"<b>\\t</b>\"}}}\n\t]\n}"
	const y = "rules:\n- name: aé😀\n  when: {kind: query, every: 3}\n  times: 2\n  do: {answer: {status: 503, body: \"<b>\\t</b>\"}}\n"
	a, err := fault.Parse([]byte(j), "j")
	if err != nil {
		t.Fatal(err)
	}
	b, err := fault.Parse([]byte(y), "y")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.Rules, b.Rules, compareRegexps); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyDocumentsAreEmptyPlans(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "{}", "null", "rules:", "rules: []", `{"rules":null}`} {
		if p, err := fault.Parse([]byte(text), "plan"); err != nil || len(p.Rules) != 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAllFaultsOfAPlanAreTold(t *testing.T) {
	const text = `rules:
  - name: one
    when: {kind: qery, method: FETCH, every: 0, regexp: "(", path: x}
    do: {answer: {}}
  - name: one
    times: -1
    colour: red
    do: {quota: weekly, session: 500}
  - do: {rows: {rate: 2, code: lower}, late: 5}
  - name: four
    when: {from: yesterday, between: [9, 3], probability: often}
`
	_, err := fault.Parse([]byte(text), "plan.yaml")
	var all *fault.Error
	if !errors.As(err, &all) {
		t.Fatalf("%v", err)
	}
	got := err.Error()
	for _, want := range []string{
		"plan.yaml:3:18: rules[0].when.kind: expected one of login,", "rules[0].when.method: expected one of GET",
		"rules[0].when.every: expected a whole number from 1", "rules[0].when.regexp: expected a regular expression", "path and regexp are two ways",
		"rules[0].do.answer: the answer has neither", `plan.yaml:5:5: rules[1].name: another rule has the name "one"`,
		"plan.yaml:6:12: rules[1].times", "plan.yaml:7:5: rules[1].colour: unknown key; known here: do, name, times, when",
		"rules[1].do.quota: expected one of daily, concurrent", "rules[1].do.session: expected 401 or 403", "rules[1].do: a rule does one thing (and may delay it), not 2",
		"rules[2]: the rule has no name", "rules[2].do.rows.rate", "rules[2].do.rows.code", "rules[2].do.late: expected a duration",
		"rules[3].when.from: expected an instant", "rules[3].when.between: the first count", "rules[3].when.probability: expected a number from 0 to 1", "rules[3]: the rule has no do",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing from\n%s", want, got)
		}
	}
	for i := 1; i < len(all.Problems); i++ {
		if all.Problems[i].Line < all.Problems[i-1].Line {
			t.Errorf("line %d is told after line %d", all.Problems[i].Line, all.Problems[i-1].Line)
		}
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	for _, text := range []string{"[]", `"x"`, "3", "rules: 3", "rules: [3]", "rules: {a: b}", "a: b", "rules: [\n", "\xff\xfe", "--- {}\n--- {}\n",
		"rules: &a []\nmore: *a", "<<: {rules: []}", "rules: !!map {}", strings.Repeat("[", 60_000), strings.Repeat("- ", 30_000), strings.Repeat(" ", 70_000),
		strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), "rules: [{name: a, do: {answer: {status: 204, body: x}}}]",
		"rules: [{name: a, do: {lose: {body: x}}}]", "rules: [{name: a, do: {answer: {form: html, bytes: 3}}}]", "rules: [{name: a, do: {answer: {status: 200, headers: {'a b': c}}}}]",
		`{"rules":[{"name":"a","do":{"answer":{"status":200,"headers":{"a":"b\r\nc: d"}}}}]}`, "rules: [{name: a, do: {}}]", "rules: [{name: a, do: {hide: 'a b'}}]", "rules: [{name: a, do: {hide: Account.id}}]",
		"rules: [{name: a, when: {from: '2026-11-27T09:00:00Z', until: '2026-11-27T09:00:00Z'}, do: {late: 5m}}]"} {
		if _, err := fault.Parse([]byte(text), "plan"); err == nil {
			t.Errorf("%.60q is taken", text)
		}
	}
}

// FuzzParse: whatever it is given, the reader answers with a plan or with the
// problems of it, and a plan can be played.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	for _, seed := range []string{"rules: []", `{"rules":[{"name":"a","do":{"drop":{}}}]}`, "rules:\n- name: |\n    x\n  do: {delay: 1s}", "a: [b, {c: d}]", "&a x: *a", "? x\n: y", "%YAML 1.2\n---\nx"} {
		f.Add([]byte(seed))
	}
	at := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := fault.Parse(text, "plan")
		if err != nil {
			var all *fault.Error
			if !errors.As(err, &all) || len(all.Problems) == 0 || err.Error() == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		player := fault.NewPlayer(p, 1, at)
		for range 3 {
			d := player.Decide(fault.Request{Method: "GET", Path: "/services/data/v62.0/query", Kind: fault.KindQuery, Object: "Account", At: at})
			d.Row("FG1", func(string) string { return "" })
		}
	})
}
