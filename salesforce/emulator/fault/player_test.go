package fault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

var nine = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

func plan(t rapid.TB, text string) *fault.Plan {
	t.Helper()
	p, err := fault.Parse([]byte(text), "plan")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// played gives the numbers, from 1, of those of n equal requests for which
// something plays.
func played(p *fault.Player, n int, r fault.Request) []int {
	out := []int{}
	for i := 1; i <= n; i++ {
		if p.Decide(r) != nil {
			out = append(out, i)
		}
	}
	return out
}

func TestARulePicksByCount(t *testing.T) {
	for _, tt := range []struct {
		when string
		want []int
	}{
		{"{}", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"{every: 4}", []int{4, 8}},
		{"{first: 3}", []int{1, 2, 3}},
		{"{after: 8}", []int{9, 10}},
		{"{between: [3, 5]}", []int{3, 4, 5}},
		{"{between: [3, 8], every: 2}", []int{4, 6, 8}},
		{"{probability: 0}", []int{}},
		{"{probability: 1, first: 1}", []int{1}},
		{"{kind: page}", []int{}},
		{"{kind: [page, query], object: [lead, account]}", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"{object: Lead}", []int{}},
		{"{method: [POST, PATCH]}", []int{}},
		{"{path: /services/data/*/query}", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"{path: /services/*/query}", []int{}},
		{"{path: /services/**query, first: 1}", []int{1}},
		{"{path: /services/data/v6?.0/query, first: 1}", []int{1}},
		{`{regexp: 'quer[y]$', first: 1}`, []int{1}},
		{"{page: 2}", []int{}},
		{"{from: 2026-11-27T09:00:00Z, first: 1}", []int{1}},
		{"{until: 2026-11-27T09:00:00Z}", []int{}},
		{"{from: +1s}", []int{}},
		{"{until: +1s, first: 1}", []int{1}},
	} {
		p := fault.NewPlayer(plan(t, "rules: [{name: a, when: "+tt.when+", do: {delay: 1s}}]"), 1, nine)
		got := played(p, 10, fault.Request{Method: "GET", Path: "/services/data/v62.0/query", Kind: fault.KindQuery, Object: "Account", At: nine})
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.when, got, tt.want)
		}
	}
}

func TestARulePlaysNoMoreThanItsTimes(t *testing.T) {
	p := fault.NewPlayer(plan(t, "rules: [{name: a, when: {every: 2}, times: 2, do: {drop: {}}}]"), 1, nine)
	if got := played(p, 10, fault.Request{}); !slices.Equal(got, []int{2, 4}) {
		t.Errorf("%v", got)
	}
	c := p.Counts()[0]
	if c.Matches != 10 || c.Plays != 2 || *c.Left != 0 {
		t.Errorf("%+v", c)
	}
}

// drawRules draws some rules that leave things to chance, each one line.
func drawRules(t *rapid.T) []string {
	var out []string
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		kind := rapid.SampledFrom([]string{"query", "page", "collection"}).Draw(t, "kind")
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		do := rapid.SampledFrom([]string{"drop: {}", "quota: daily", "rows: {code: X_Y, rate: 0.3}", "delay: 1s", "late: 5s"}).Draw(t, "do")
		out = append(out, fmt.Sprintf("- {name: r%d, when: {kind: %s, probability: %f}, times: %d, do: {%s}}\n", i, kind, p, 1+rapid.IntRange(0, 20).Draw(t, "times"), do))
	}
	return out
}

// transcript says what a plan did to a sequence of requests, rows included; with
// only, what that rule did.
func transcript(p *fault.Player, kinds []string, only string) string {
	var b strings.Builder
	for i, k := range kinds {
		d := p.Decide(fault.Request{Kind: fault.Kind(k), At: nine.Add(time.Duration(i) * time.Second)})
		if d == nil || only != "" && !slices.Contains(d.Rules, only) {
			continue
		}
		if only != "" {
			fmt.Fprintf(&b, "%d ", i)
			continue
		}
		fmt.Fprintf(&b, "%d %v %v %v:", i, d.Rules, d.Delay, d.Late)
		for range 5 {
			fmt.Fprint(&b, d.Row("k", func(string) string { return "" }) != nil)
		}
	}
	return b.String()
}

func drawKinds(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{"query", "page", "collection", "login"}), 1, 60).Draw(t, "requests")
}

func TestTheSameSeedPlaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := "rules:\n" + strings.Join(drawRules(t), "")
		kinds, seed := drawKinds(t), rapid.Uint64().Draw(t, "seed")
		a := transcript(fault.NewPlayer(plan(t, text), seed, nine), kinds, "")
		b := transcript(fault.NewPlayer(plan(t, text), seed, nine), kinds, "")
		if a != b {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

func TestARuleDecidesTheSameAloneAndAmongOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		kinds, seed := drawKinds(t), rapid.Uint64().Draw(t, "seed")
		i := rapid.IntRange(0, len(rules)-1).Draw(t, "which")
		name := fmt.Sprintf("r%d", i)
		alone := transcript(fault.NewPlayer(plan(t, "rules:\n"+rules[i]), seed, nine), kinds, name)
		among := transcript(fault.NewPlayer(plan(t, "rules:\n"+strings.Join(rules, "")), seed, nine), kinds, name)
		if alone != among {
			t.Fatalf("alone %s, among others %s", alone, among)
		}
	})
}

func TestAnotherSeedPlaysDifferently(t *testing.T) {
	p := plan(t, "rules: [{name: a, when: {probability: 0.5}, do: {drop: {}}}]")
	one, two := played(fault.NewPlayer(p, 1, nine), 64, fault.Request{}), played(fault.NewPlayer(p, 2, nine), 64, fault.Request{})
	if slices.Equal(one, two) || len(one) < 16 || len(one) > 48 {
		t.Errorf("%v\n%v", one, two)
	}
}

func TestRowsFailByRateByKeyAndByCount(t *testing.T) {
	value := func(field string) string { return map[string]string{"Name": "Rival", "Id": ""}[field] }
	for _, tt := range []struct {
		rows string
		low  int
		high int
	}{
		{"{code: A_B}", 1000, 1000},
		{"{code: A_B, rate: 0.1}", 60, 140},
		{"{code: A_B, rate: 0}", 0, 0},
		{"{code: A_B, every: 10}", 100, 100},
		{"{code: A_B, key: '^K1'}", 111, 112},
		{"{code: A_B, key: '^Riv', field: Name}", 1000, 1000},
		{"{code: A_B, key: x, field: Id}", 0, 0},
	} {
		d := fault.NewPlayer(plan(t, "rules: [{name: a, do: {rows: "+tt.rows+"}}]"), 7, nine).Decide(fault.Request{})
		n := 0
		for i := range 1000 {
			if f := d.Row(fmt.Sprintf("K%d", i), value); f != nil {
				n++
				if f.Code != "A_B" || f.Message != "a b" || f.Fields == nil {
					t.Fatalf("%+v", f)
				}
			}
		}
		if n < tt.low || n > tt.high {
			t.Errorf("%s: %d rows fail", tt.rows, n)
		}
	}
}

func TestRulesThatDoNotContradictPlayTogether(t *testing.T) {
	d := fault.NewPlayer(plan(t, `rules:
- {name: slow, do: {delay: 1s}}
- {name: slower, do: {delay: 2s, quota: daily}}
- {name: too late, do: {drop: {}}}
- {name: late, do: {late: 5m}}
- {name: same, do: {stamp: 1h}}
- {name: loop, do: {cursor: loop}}
- {name: skew, do: {skew: -1h}}
- {name: gone, do: {hide: [Lead, Account.Name]}}
- {name: job, do: {job: fail}}
`), 1, nine).Decide(fault.Request{})
	if len(d.Rules) != 9 || d.Delay != 3*time.Second || d.Act.Quota != fault.QuotaDaily || d.Late != 5*time.Minute || !d.Loops || d.Job != fault.JobFails {
		t.Errorf("%+v", d)
	}
	if at := nine.Add(59 * time.Minute); !d.Stamped(at).Equal(nine) || !d.Clock(nine).Equal(nine.Add(-time.Hour)) {
		t.Errorf("%v %v", d.Stamped(at), d.Clock(nine))
	}
	if !d.Hides() || !d.HidesObject("lead") || !d.HidesField("account", "NAME") || d.HidesField("Account", "Id") || d.HidesObject("Account") {
		t.Error("what is hidden")
	}
}

func TestNothingIsDecidedWithoutRules(t *testing.T) {
	d := fault.NewPlayer(nil, 1, nine).Decide(fault.Request{})
	if d != nil || d.Row("", nil) != nil || d.Hides() || d.HidesObject("a") || d.EndsSession() || d.DropsCursor() || !d.Clock(nine).Equal(nine) || !d.Stamped(nine).Equal(nine) {
		t.Error("something is")
	}
}

func TestKindOf(t *testing.T) {
	const v = "/services/data/v62.0/"
	for _, tt := range []struct {
		method, path string
		kind         fault.Kind
		object       string
	}{
		{"GET", "/", fault.KindOther, ""}, {"POST", "/services/oauth2/token", fault.KindLogin, ""}, {"POST", "/services/Soap/u/62.0", fault.KindLogin, ""},
		{"POST", "/services/Soap/m/62.0", fault.KindMetadata, ""}, {"POST", "/services/Soap/class/X", fault.KindSOAP, ""}, {"GET", "/services/oauth2/userinfo", fault.KindIdentity, ""},
		{"GET", "/id/00D/005", fault.KindIdentity, ""}, {"GET", "/services/data", fault.KindIdentity, ""}, {"GET", "/services/data/v62.0/", fault.KindIdentity, ""},
		{"GET", v + "query/", fault.KindQuery, ""}, {"GET", v + "queryAll", fault.KindQuery, ""}, {"GET", v + "query/01g-2000", fault.KindPage, ""},
		{"GET", v + "search/", fault.KindSearch, ""}, {"GET", v + "limits/recordCount", fault.KindLimits, ""}, {"GET", v + "sobjects", fault.KindDescribe, ""},
		{"GET", v + "sobjects/Account", fault.KindDescribe, "Account"}, {"POST", v + "sobjects/Account", fault.KindRecord, "Account"},
		{"GET", v + "sobjects/Account/describe", fault.KindDescribe, "Account"}, {"GET", v + "sobjects/Account/updated", fault.KindChanges, "Account"},
		{"DELETE", v + "sobjects/Account/001", fault.KindRecord, "Account"}, {"PATCH", v + "sobjects/Account/Key__c/1", fault.KindUpsert, "Account"},
		{"GET", v + "sobjects/Account/Key__c/1", fault.KindRecord, "Account"}, {"PATCH", v + "composite/sobjects/Account/Key__c", fault.KindCollection, "Account"},
		{"POST", v + "composite/sobjects", fault.KindCollection, ""}, {"POST", v + "composite/tree/Account", fault.KindComposite, ""}, {"POST", v + "composite", fault.KindComposite, ""},
		{"POST", v + "jobs/ingest", fault.KindBulkIngest, ""}, {"PUT", v + "jobs/ingest/750/batches", fault.KindBulkIngest, ""}, {"GET", v + "jobs/query/750", fault.KindBulkQuery, ""},
		{"GET", v + "jobs/ingest/750/failedResults", fault.KindBulkResults, ""}, {"GET", v + "jobs/ingest/750/unprocessedrecords", fault.KindBulkResults, ""},
		{"GET", v + "jobs/query/750/results", fault.KindBulkResults, ""}, {"GET", v + "tooling/query", fault.KindMetadata, ""}, {"GET", v + "jobs", fault.KindOther, ""}, {"GET", v + "chatter", fault.KindOther, ""},
	} {
		if k, o := fault.KindOf(tt.method, tt.path); k != tt.kind || o != tt.object {
			t.Errorf("%s %s is %s of %q", tt.method, tt.path, k, o)
		}
		if !slices.Contains(fault.Kinds(), tt.kind) {
			t.Errorf("%s is not listed", tt.kind)
		}
	}
}

func TestObjectOf(t *testing.T) {
	for soql, want := range map[string]string{
		"SELECT Id FROM Account":                                      "Account",
		"select id from\n Space__c where Name = 'x'":                  "Space__c",
		"SELECT (SELECT Id FROM Contacts), Name FROM Account LIMIT 1": "Account",
		"SELECT From__c FROM Lead":                                    "Lead",
		`SELECT Id FROM`:                                              "",
		"":                                                            "", "from": "", "SELECT Id": "", "SELECT 'it\\'s from x' FROM Y": "Y", "SELECT Id FROM Ünder": "",
	} {
		if got := fault.ObjectOf(soql); got != want {
			t.Errorf("%q: %q", soql, got)
		}
	}
}
