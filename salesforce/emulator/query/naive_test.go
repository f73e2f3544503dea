package query_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/query"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

// The naive evaluator knows nothing of plans, indexes or syntax trees: it makes
// up a condition together with a function that says of a record, as Records
// gives it, whether it fits.
type facts map[string]any

// org is what the naive evaluator sees of a store.
type org struct {
	st       *store.Store
	ids      []string         // of opportunities
	accounts map[string]facts // by id
	deals    []facts
}

// value gives a field, seen through Account or not: nil, bool, json.Number, string.
func (o *org) value(r facts, path string) any {
	if field, ok := strings.CutPrefix(path, "Account."); ok {
		id, _ := r["AccountId"].(string)
		if a := o.accounts[id]; a != nil {
			return a[field]
		}
		return nil
	}
	return r[path]
}

type condition struct {
	text string
	fits func(facts) bool
}

var start = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)

func makeOrg(t *rapid.T) *org {
	src, err := metadata.Declared(orgpackage.Source)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := schema.Build(src, schema.Options{Currencies: []string{"USD"}, SandboxField: schema.SandboxFlag})
	if err != nil {
		t.Fatal(err)
	}
	o := &org{st: store.New(sc, clock.NewManual(start)), accounts: map[string]facts{}}
	o.st.Seed("integration@acme.example", "USD")
	insert := func(object string, f map[string]any) string {
		id, err := o.st.Insert(object, f)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	var parents []string
	for range rapid.IntRange(0, 3).Draw(t, "accounts") {
		f := map[string]any{"Name": words.Draw(t, "name")}
		if n := rapid.IntRange(-1, 3).Draw(t, "employees"); n >= 0 {
			f["NumberOfEmployees"] = n
		}
		parents = append(parents, insert("Account", f))
	}
	for range rapid.IntRange(0, 25).Draw(t, "deals") {
		f := map[string]any{"Name": words.Draw(t, "name"), "StageName": stages.Draw(t, "stage"), "CloseDate": days.Draw(t, "day"),
			"SystemModstamp": start.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "stamp")) * time.Hour)}
		if x := rapid.SampledFrom(append(amounts, "")).Draw(t, "amount"); x != "" {
			f["Amount"] = x
		}
		if x := rapid.SampledFrom([]string{"", "Renewal", "renewal", "Other"}).Draw(t, "type"); x != "" {
			f["Type"] = x
		}
		if i := rapid.IntRange(-1, len(parents)-1).Draw(t, "parent"); i >= 0 {
			f["AccountId"] = parents[i]
		}
		id := insert("Opportunity", f)
		o.ids = append(o.ids, id)
		if rapid.IntRange(0, 9).Draw(t, "deleted") == 0 {
			if err := o.st.Delete("Opportunity", id); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, a := range o.st.Records("Account") {
		o.accounts[a["Id"].(string)] = a
	}
	for _, d := range o.st.Records("Opportunity") {
		o.deals = append(o.deals, d)
	}
	return o
}

var (
	words   = rapid.SampledFrom([]string{"a", "A", "ab", "B", "é", "É", "a%"})
	stages  = rapid.SampledFrom([]string{"Prospecting", "Closed Won", "Closed Lost", "elsewhere"})
	days    = rapid.SampledFrom([]string{"2025-12-31", "2026-05-19", "2026-05-20", "2026-06-01"})
	amounts = []string{"0", "0.1", "0.2", "-3", "20", "12345678.905"}
	ops     = rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="})
	numbers = map[string]bool{"Amount": true, "Account.NumberOfEmployees": true}
)

// condition makes up a condition over opportunities.
func (o *org) condition(t *rapid.T, depth int) condition {
	kind := rapid.IntRange(0, 11).Draw(t, "kind")
	if depth == 0 && kind > 8 {
		kind -= 4
	}
	switch kind {
	case 0, 1:
		return o.number(t)
	case 2, 3:
		return o.word(t)
	case 4:
		return o.day(t)
	case 5:
		return o.instant(t)
	case 6:
		return o.isNull(t)
	case 7:
		return o.like(t)
	case 8:
		return o.id(t)
	case 9:
		c := o.condition(t, depth-1)
		return condition{"NOT (" + c.text + ")", func(r facts) bool { return !c.fits(r) }}
	}
	a, b := o.condition(t, depth-1), o.condition(t, depth-1)
	if kind == 10 {
		return condition{"(" + a.text + " AND " + b.text + ")", func(r facts) bool { return a.fits(r) && b.fits(r) }}
	}
	return condition{"(" + a.text + " OR " + b.text + ")", func(r facts) bool { return a.fits(r) || b.fits(r) }}
}

// holds says what an operator makes of a comparison; null is different from
// everything, and in no order with anything.
func holds(op string, isNull bool, c func() int) bool {
	switch {
	case isNull:
		return op == "!="
	case op == "=":
		return c() == 0
	case op == "!=":
		return c() != 0
	case op == "<":
		return c() < 0
	case op == "<=":
		return c() <= 0
	case op == ">":
		return c() > 0
	}
	return c() >= 0
}

func rat(v any) *big.Rat {
	r, ok := new(big.Rat).SetString(fmt.Sprint(v))
	if !ok {
		panic(fmt.Sprintf("%v is not a number", v))
	}
	return r
}

func (o *org) number(t *rapid.T) condition {
	path := rapid.SampledFrom([]string{"Amount", "Account.NumberOfEmployees"}).Draw(t, "number")
	if rapid.IntRange(0, 3).Draw(t, "list") == 0 {
		list := rapid.SliceOfN(rapid.SampledFrom(append(amounts, "1", "2.50", "20.000", "null")), 1, 4).Draw(t, "list")
		return condition{path + " IN (" + strings.Join(list, ", ") + ")", func(r facts) bool {
			v := o.value(r, path)
			return slices.ContainsFunc(list, func(x string) bool {
				return (v == nil) == (x == "null") && (v == nil || rat(v).Cmp(rat(x)) == 0)
			})
		}}
	}
	op, x := ops.Draw(t, "op"), rapid.SampledFrom(amounts).Draw(t, "amount")
	return condition{path + " " + op + " " + x, func(r facts) bool {
		v := o.value(r, path)
		return holds(op, v == nil, func() int { return rat(v).Cmp(rat(x)) })
	}}
}

func (o *org) word(t *rapid.T) condition {
	path := rapid.SampledFrom([]string{"Name", "Type", "StageName", "Account.Name"}).Draw(t, "text")
	op := rapid.SampledFrom([]string{"=", "!=", "IN", "NOT IN"}).Draw(t, "op")
	list := rapid.SliceOfN(rapid.OneOf(words, stages, rapid.Just("RENEWAL")), 1, 3).Draw(t, "list")
	if len(op) <= 2 && op != "IN" {
		list = list[:1]
	}
	text := "('" + strings.Join(list, "', '") + "')"
	if op == "=" || op == "!=" {
		text = "'" + list[0] + "'"
	}
	return condition{path + " " + op + " " + text, func(r facts) bool {
		v, _ := o.value(r, path).(string)
		found := v != "" && slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, v) })
		return found == (op == "=" || op == "IN")
	}}
}

func (o *org) day(t *rapid.T) condition {
	op := ops.Draw(t, "op")
	literals := map[string][2]string{
		"2026-05-20": {"2026-05-20", "2026-05-20"}, "TODAY": {"2026-05-20", "2026-05-20"}, "THIS_WEEK": {"2026-05-17", "2026-05-23"},
		"LAST_YEAR": {"2025-01-01", "2025-12-31"}, "LAST_N_DAYS:1": {"2026-05-19", "2026-05-20"}, "NEXT_N_MONTHS:1": {"2026-06-01", "2026-06-30"},
	}
	x := rapid.SampledFrom([]string{"2026-05-20", "TODAY", "THIS_WEEK", "LAST_YEAR", "LAST_N_DAYS:1", "NEXT_N_MONTHS:1"}).Draw(t, "literal")
	if rapid.IntRange(0, 4).Draw(t, "month") == 0 {
		return condition{"CALENDAR_MONTH(CloseDate) " + op + " 5", func(r facts) bool {
			d, err := time.Parse(time.DateOnly, r["CloseDate"].(string))
			return err == nil && holds(op, false, func() int { return int(d.Month()) - 5 })
		}}
	}
	first, last := literals[x][0], literals[x][1]
	return condition{"CloseDate " + op + " " + x, func(r facts) bool {
		d := r["CloseDate"].(string)
		return holds(op, false, func() int {
			switch {
			case d < first:
				return -1
			case d > last:
				return 1
			}
			return 0
		})
	}}
}

func (o *org) instant(t *rapid.T) condition {
	op, at := ops.Draw(t, "op"), start.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "hours"))*time.Hour)
	return condition{"SystemModstamp " + op + " " + at.Format(time.RFC3339), func(r facts) bool {
		v, err := time.Parse("2006-01-02T15:04:05.000-0700", r["SystemModstamp"].(string))
		return err == nil && holds(op, false, func() int { return v.Compare(at) })
	}}
}

func (o *org) isNull(t *rapid.T) condition {
	path := rapid.SampledFrom([]string{"Amount", "Type", "AccountId", "Account.Name", "Account.NumberOfEmployees"}).Draw(t, "null")
	op := rapid.SampledFrom([]string{"=", "!="}).Draw(t, "op")
	return condition{path + " " + op + " null", func(r facts) bool { return (o.value(r, path) == nil) == (op == "=") }}
}

func (o *org) like(t *rapid.T) condition {
	path := rapid.SampledFrom([]string{"Name", "Type", "Account.Name"}).Draw(t, "text")
	pattern := rapid.SampledFrom([]string{"a%", "%", "_", "%A", `a\%`, "É", "re%al"}).Draw(t, "pattern")
	e := regexp.QuoteMeta(pattern)
	e = strings.NewReplacer(`\\%`, "%", "%", "(?s:.*)", "_", "(?s:.)").Replace(e)
	re := regexp.MustCompile("^(?i:" + e + ")$")
	return condition{path + " LIKE '" + pattern + "'", func(r facts) bool {
		v, ok := o.value(r, path).(string)
		return ok && re.MatchString(v)
	}}
}

func (o *org) id(t *rapid.T) condition {
	if len(o.ids) == 0 {
		return o.isNull(t)
	}
	op, id := ops.Draw(t, "op"), rapid.SampledFrom(o.ids).Draw(t, "id")
	return condition{"Id " + op + " '" + id + "'", func(r facts) bool {
		return holds(op, false, func() int { return strings.Compare(r["Id"].(string), id) })
	}}
}

// found gives what the query finds, as JSON reads it.
func (o *org) found(t *rapid.T, text string, all bool) []map[string]any {
	p, qerr := query.New(o.st, text, all)
	if qerr != nil {
		t.Fatalf("%s: %v", text, qerr)
	}
	p.RLock()
	defer p.RUnlock()
	r, qerr := p.Find()
	if qerr != nil {
		t.Fatalf("%s: %v", text, qerr)
	}
	var page struct{ Records []map[string]any }
	d := json.NewDecoder(strings.NewReader(string(r.AppendPage(nil, "x", 0, query.Pages{Base: "/", Batch: 10_000}))))
	d.UseNumber()
	if err := d.Decode(&page); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, rec := range page.Records {
		delete(rec, "attributes")
	}
	return page.Records
}

// fitting gives the opportunities that fit a condition.
func (o *org) fitting(c condition, all bool) []facts {
	var out []facts
	for _, r := range o.deals {
		if (all || r["IsDeleted"] == false) && c.fits(r) {
			out = append(out, r)
		}
	}
	return out
}

func TestPlansFindWhatANaiveScanFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := makeOrg(t)
		c := o.condition(t, 3)
		all := rapid.Bool().Draw(t, "all")
		order := rapid.SampledFrom([]string{"Amount", "Name", "Account.Name", "SystemModstamp", "Id", "CloseDate", "Account.NumberOfEmployees"}).Draw(t, "order")
		desc, last := rapid.Bool().Draw(t, "desc"), rapid.Bool().Draw(t, "last")
		limit, offset := rapid.IntRange(0, 30).Draw(t, "limit"), rapid.IntRange(0, 3).Draw(t, "offset")
		text := "SELECT Id FROM Opportunity WHERE " + c.text + " ORDER BY " + order
		want := o.fitting(c, all)
		slices.SortStableFunc(want, func(a, b facts) int {
			x, y := o.value(a, order), o.value(b, order)
			if d := o.compare(order, x, y, desc, last); d != 0 {
				return d
			}
			return strings.Compare(a["Id"].(string), b["Id"].(string))
		})
		if desc {
			text += " DESC"
		}
		if last {
			text += " NULLS LAST"
		}
		if order != "Id" {
			text += ", Id"
		}
		text += fmt.Sprintf(" LIMIT %d OFFSET %d", limit, offset)
		want = want[min(offset, len(want)):]
		want = want[:min(limit, len(want))]
		var wantIDs, gotIDs []string
		for _, r := range want {
			wantIDs = append(wantIDs, r["Id"].(string))
		}
		for _, r := range o.found(t, text, all) {
			gotIDs = append(gotIDs, r["Id"].(string))
		}
		if d := cmp.Diff(wantIDs, gotIDs); d != "" {
			t.Fatalf("%s (all: %v): %s", text, all, d)
		}
	})
}

// compare puts two values in the order of ORDER BY.
func (o *org) compare(path string, x, y any, desc, last bool) int {
	c := 0
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil || y == nil:
		if (x == nil) != last {
			return -1
		}
		return 1
	case numbers[path]:
		c = rat(x).Cmp(rat(y))
	case path == "Id":
		c = strings.Compare(x.(string), y.(string))
	default:
		if c = strings.Compare(strings.ToLower(x.(string)), strings.ToLower(y.(string))); c == 0 {
			c = strings.Compare(x.(string), y.(string))
		}
	}
	if desc {
		return -c
	}
	return c
}

func TestGroupsHoldWhatANaiveScanCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := makeOrg(t)
		c := o.condition(t, 2)
		by := rapid.SampledFrom([]string{"Type", "StageName", "Account.Name", "IsWon", "CloseDate"}).Draw(t, "by")
		least := rapid.IntRange(0, 3).Draw(t, "least")
		text := fmt.Sprintf("SELECT %s g, COUNT(Id) n, COUNT(Amount) a, SUM(Amount) s, MIN(CloseDate) first, MAX(Amount) most, COUNT_DISTINCT(Name) names FROM Opportunity WHERE %s GROUP BY %s HAVING COUNT(Id) > %d", by, c.text, by, least)
		groups := map[string][]facts{}
		for _, r := range o.fitting(c, false) {
			key := strings.ToLower(fmt.Sprint(o.value(r, by)))
			groups[key] = append(groups[key], r)
		}
		want, got := map[string]string{}, map[string]string{}
		for key, members := range groups {
			if len(members) > least {
				want[key] = o.summary(members)
			}
		}
		for _, r := range o.found(t, text, false) {
			key := strings.ToLower(fmt.Sprint(r["g"]))
			if _, twice := got[key]; twice {
				t.Fatalf("%s: the group %s comes twice", text, key)
			}
			got[key] = fmt.Sprintf("%v %v %s %v %s %v", r["n"], r["a"], exact(r["s"]), r["first"], exact(r["most"]), r["names"])
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s: %s", text, d)
		}
	})
}

func exact(v any) string {
	if v == nil {
		return "null"
	}
	return rat(v).RatString()
}

func (o *org) summary(members []facts) string {
	amounts := 0
	sum, most := new(big.Rat), (*big.Rat)(nil)
	first := "9999"
	names := map[string]bool{}
	for _, r := range members {
		first = min(first, r["CloseDate"].(string))
		names[strings.ToLower(r["Name"].(string))] = true
		if r["Amount"] == nil {
			continue
		}
		x := rat(r["Amount"])
		amounts++
		sum.Add(sum, x)
		if most == nil || x.Cmp(most) > 0 {
			most = x
		}
	}
	s, m := "null", "null"
	if amounts > 0 {
		s, m = sum.RatString(), most.RatString()
	}
	return fmt.Sprintf("%d %d %s %s %s %d", len(members), amounts, s, first, m, len(names))
}

// A query within IN finds the parents that a look at every child finds, and a
// query down to the children gives every parent its own.
func TestParentsAndChildrenBelongTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := makeOrg(t)
		c := o.condition(t, 2)
		children := map[string][]string{}
		for _, r := range o.fitting(c, false) {
			if id, ok := r["AccountId"].(string); ok {
				children[id] = append(children[id], r["Id"].(string))
			}
		}
		in := map[string]bool{}
		for _, r := range o.found(t, "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity WHERE "+c.text+")", false) {
			in[r["Id"].(string)] = true
		}
		out := o.found(t, "SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity WHERE "+c.text+")", false)
		for _, r := range out {
			if in[r["Id"].(string)] {
				t.Fatalf("%s is both in and not in: %s", r["Id"], c.text)
			}
		}
		if len(in) != len(children) || len(in)+len(out) != len(o.accounts) {
			t.Fatalf("%d in, %d out, of %d with %d: %s", len(in), len(out), len(o.accounts), len(children), c.text)
		}
		for _, r := range o.found(t, "SELECT Id, (SELECT Id FROM Opportunities WHERE "+c.text+" ORDER BY Id) FROM Account", false) {
			var got []string
			if list, ok := r["Opportunities"].(map[string]any); ok {
				for _, child := range list["records"].([]any) {
					got = append(got, child.(map[string]any)["Id"].(string))
				}
			}
			if d := cmp.Diff(children[r["Id"].(string)], got); d != "" {
				t.Fatalf("children of %s where %s: %s", r["Id"], c.text, d)
			}
		}
	})
}
