package soql_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

func path(dotted string) soql.Path {
	var p soql.Path
	for n := range strings.SplitSeq(dotted, ".") {
		p.Parts = append(p.Parts, soql.Name{Text: n})
	}
	return p
}

func field(dotted string) soql.Operand { return soql.Operand{Path: path(dotted)} }

func call(f soql.Func, dotted string) soql.Operand {
	return soql.Operand{Func: f, Path: path(dotted)}
}

func items(dotted ...string) []soql.Item {
	var out []soql.Item
	for _, d := range dotted {
		out = append(out, soql.Item{Operand: field(d)})
	}
	return out
}

func compare(dotted string, op soql.Op, v ...soql.Value) soql.Expr {
	return &soql.Compare{Operand: field(dotted), Op: op, Values: v}
}

func number(s string) soql.Value { return soql.Value{Kind: soql.Number, Text: s} }
func text(s string) soql.Value   { return soql.Value{Kind: soql.String, Text: s, Raw: s} }

func name(s string) soql.Name { return soql.Name{Text: s} }

// ignorePlaces leaves the places out of a comparison; that errors stand at the
// right ones is tested by the refusals.
var ignorePlaces = cmp.Options{
	cmpopts.IgnoreFields(soql.Name{}, "Pos"), cmpopts.IgnoreFields(soql.Value{}, "Pos"), cmpopts.IgnoreFields(soql.Compare{}, "OpPos"),
	cmpopts.IgnoreFields(soql.Operand{}, "At"), cmpopts.IgnoreFields(soql.Query{}, "Pos", "Text", "AllRowsPos"), cmpopts.EquateEmpty(),
}

type parseCase struct {
	name, query string
	want        soql.Query
}

func testParse(t *testing.T, cases []parseCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			got, err := soql.Parse(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if got.Text != tt.query {
				t.Errorf("the query's text is %q", got.Text)
			}
			if d := cmp.Diff(&tt.want, got, ignorePlaces); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParse(t *testing.T) {
	testParse(t, []parseCase{
		{"fields and paths", "select Id, Space__r.Account__r.Name from Opportunity",
			soql.Query{Select: items("Id", "Space__r.Account__r.Name"), From: name("Opportunity"), Limit: -1, Offset: -1}},
		{"count", "SELECT COUNT() FROM Lead", soql.Query{Count: true, From: name("Lead"), Limit: -1, Offset: -1}},
		{"alias", "SELECT a.Id FROM Account AS a LIMIT 5 OFFSET 7",
			soql.Query{Select: items("a.Id"), From: name("Account"), Alias: "a", Limit: 5, Offset: 7}},
		{"aliases of parents", "SELECT c.Id, a.Name FROM Contact c, c.Account a",
			soql.Query{Select: items("c.Id", "a.Name"), From: name("Contact"), Alias: "c",
				Relations: []soql.Relation{{Alias: "a", Path: path("c.Account")}}, Limit: -1, Offset: -1}},
		{"keyset", "SELECT Id FROM S WHERE T < 2026-11-20T12:00:00.000Z AND ((T = 2026-11-19T12:00:00Z AND Id > 'Y') OR T > 2026-11-19T12:00:00Z) ORDER BY T, Id",
			soql.Query{Select: items("Id"), From: name("S"), Limit: -1, Offset: -1,
				Where: &soql.And{Terms: []soql.Expr{
					compare("T", soql.Lt, soql.Value{Kind: soql.DateTime, Text: "2026-11-20T12:00:00.000Z"}),
					&soql.Or{Terms: []soql.Expr{
						&soql.And{Terms: []soql.Expr{compare("T", soql.Eq, soql.Value{Kind: soql.DateTime, Text: "2026-11-19T12:00:00Z"}), compare("Id", soql.Gt, text("Y"))}},
						compare("T", soql.Gt, soql.Value{Kind: soql.DateTime, Text: "2026-11-19T12:00:00Z"})}}}},
				OrderBy: []soql.Order{{Operand: field("T")}, {Operand: field("Id")}}}},
		{"lists, not, order", "SELECT Id FROM S WHERE NOT (A IN ('x', 'y') AND B NOT IN (1, -2.5)) ORDER BY A DESC NULLS LAST, B ASC NULLS FIRST FOR VIEW",
			soql.Query{Select: items("Id"), From: name("S"), Limit: -1, Offset: -1,
				Where:   &soql.Not{Term: &soql.And{Terms: []soql.Expr{compare("A", soql.In, text("x"), text("y")), compare("B", soql.NotIn, number("1"), number("-2.5"))}}},
				OrderBy: []soql.Order{{Operand: field("A"), Desc: true, NullsLast: true}, {Operand: field("B")}}}},
		{"literals", `SELECT Id FROM S WHERE A = 'O\'Neil \u00e9\n' AND B <> null AND C = TRUE AND D >= LAST_N_DAYS:30 AND E < USD50.25 AND F = n_fiscal_quarters_ago:2`,
			soql.Query{Select: items("Id"), From: name("S"), Limit: -1, Offset: -1,
				Where: &soql.And{Terms: []soql.Expr{
					compare("A", soql.Eq, soql.Value{Kind: soql.String, Text: "O'Neil é\n", Raw: `O\'Neil \u00e9\n`}),
					compare("B", soql.Ne, soql.Value{Kind: soql.Null, Text: "NULL"}),
					compare("C", soql.Eq, soql.Value{Kind: soql.Bool, Text: "true"}),
					compare("D", soql.Ge, soql.Value{Kind: soql.DateLiteral, Text: "LAST_N_DAYS", N: 30}),
					compare("E", soql.Lt, soql.Value{Kind: soql.Currency, Text: "50.25", Raw: "USD"}),
					compare("F", soql.Eq, soql.Value{Kind: soql.DateLiteral, Text: "N_FISCAL_QUARTERS_AGO", N: 2})}}}},
		{"multipicklists", "SELECT Id FROM S WHERE M INCLUDES ('a;b', 'c') AND N excludes ('d')",
			soql.Query{Select: items("Id"), From: name("S"), Limit: -1, Offset: -1, Where: &soql.And{Terms: []soql.Expr{
				compare("M", soql.Includes, text("a;b"), text("c")), compare("N", soql.Excludes, text("d"))}}}},
		{"tails", "SELECT Id FROM S USING SCOPE mine WHERE A = 1 WITH USER_MODE ORDER BY A LIMIT 1 FOR VIEW, REFERENCE FOR UPDATE UPDATE TRACKING, VIEWSTAT",
			soql.Query{Select: items("Id"), From: name("S"), Scope: name("MINE"), Where: compare("A", soql.Eq, number("1")),
				OrderBy: []soql.Order{{Operand: field("A")}}, Limit: 1, Offset: -1}},
		{"names that are words elsewhere", "SELECT Count, Format, Group__c, TypeOf, Fields FROM Limit__c",
			soql.Query{Select: items("Count", "Format", "Group__c", "TypeOf", "Fields"), From: name("Limit__c"), Limit: -1, Offset: -1}},
	})
}

func TestParseGroups(t *testing.T) {
	testParse(t, []parseCase{
		{"aggregates", "SELECT COUNT(Id), count_distinct(A.B) n, SUM(C) AS s FROM S WHERE CALENDAR_YEAR(D) = 2026 GROUP BY E, day_only(convertTimezone(F)) HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC LIMIT 3",
			soql.Query{Select: []soql.Item{{Operand: call(soql.Count, "Id")}, {Operand: call(soql.CountDistinct, "A.B"), Alias: name("n")}, {Operand: call(soql.Sum, "C"), Alias: name("s")}},
				From:    name("S"),
				Where:   &soql.Compare{Operand: call(soql.CalendarYear, "D"), Op: soql.Eq, Values: []soql.Value{number("2026")}},
				GroupBy: &soql.Grouping{Terms: []soql.Operand{field("E"), {Func: soql.DayOnly, Zoned: true, Path: path("F")}}},
				Having:  &soql.Compare{Operand: call(soql.Count, "Id"), Op: soql.Gt, Values: []soql.Value{number("1")}},
				OrderBy: []soql.Order{{Operand: call(soql.Count, "Id"), Desc: true}}, Limit: 3, Offset: -1}},
		{"rollup", "SELECT A, GROUPING(A) g, MAX(B) FROM S GROUP BY ROLLUP(A, C)",
			soql.Query{Select: []soql.Item{{Operand: field("A")}, {Operand: call(soql.GroupingOf, "A"), Alias: name("g")}, {Operand: call(soql.Max, "B")}},
				From: name("S"), GroupBy: &soql.Grouping{Kind: "ROLLUP", Terms: []soql.Operand{field("A"), field("C")}}, Limit: -1, Offset: -1}},
		{"formats", "SELECT FORMAT(convertCurrency(Amount)) a, toLabel(StageName), FORMAT(CloseDate) FROM Opportunity",
			soql.Query{Select: []soql.Item{
				{Operand: soql.Operand{Wraps: []soql.Func{soql.Format, soql.ConvertCurrency}, Path: path("Amount")}, Alias: name("a")},
				{Operand: soql.Operand{Wraps: []soql.Func{soql.ToLabel}, Path: path("StageName")}},
				{Operand: soql.Operand{Wraps: []soql.Func{soql.Format}, Path: path("CloseDate")}}}, From: name("Opportunity"), Limit: -1, Offset: -1}},
	})
}

func TestParseNestedQueries(t *testing.T) {
	testParse(t, []parseCase{
		{"children of children", "SELECT Name, (SELECT Id, (SELECT Id FROM Tasks) FROM a.Contacts WHERE Email != null ORDER BY Name LIMIT 2) FROM Account a",
			soql.Query{Select: []soql.Item{{Operand: field("Name")}, {Child: &soql.Query{
				Select: []soql.Item{{Operand: field("Id")}, {Child: &soql.Query{Select: items("Id"), From: name("Tasks"), Limit: -1, Offset: -1}}},
				From:   name("Contacts"), Owner: name("a"), Where: compare("Email", soql.Ne, soql.Value{Kind: soql.Null, Text: "NULL"}),
				OrderBy: []soql.Order{{Operand: field("Name")}}, Limit: 2, Offset: -1}}},
				From: name("Account"), Alias: "a", Limit: -1, Offset: -1}},
		{"semi-join", "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Email LIKE '%x') AND Id NOT IN (SELECT AccountId FROM Opportunity)",
			soql.Query{Select: items("Id"), From: name("Account"), Limit: -1, Offset: -1, Where: &soql.And{Terms: []soql.Expr{
				&soql.Compare{Operand: field("Id"), Op: soql.In, Sub: &soql.Query{Select: items("AccountId"), From: name("Contact"), Where: compare("Email", soql.Like, text("%x")), Limit: -1, Offset: -1}},
				&soql.Compare{Operand: field("Id"), Op: soql.NotIn, Sub: &soql.Query{Select: items("AccountId"), From: name("Opportunity"), Limit: -1, Offset: -1}}}}}},
		{"typeof", "SELECT TYPEOF What WHEN Account THEN Phone, Owner.Name WHEN Opportunity THEN Amount ELSE Name END, FIELDS(CUSTOM) FROM Task LIMIT 200",
			soql.Query{Select: []soql.Item{{TypeOf: &soql.TypeOf{Lookup: path("What"), When: []soql.When{
				{Object: name("Account"), Fields: []soql.Path{path("Phone"), path("Owner.Name")}}, {Object: name("Opportunity"), Fields: []soql.Path{path("Amount")}}},
				Else: []soql.Path{path("Name")}}}, {Fields: "CUSTOM"}}, From: name("Task"), Limit: 200, Offset: -1}},
	})
}

func TestLike(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"%", "", true}, {"a%", "Abc", true}, {"%c", "abC", true}, {"a_c", "abc", true}, {"a_c", "ac", false},
		{"%b%", "abc", true}, {"%%b%%", "b", true}, {`50\%`, "50%", true}, {`50\%`, "501", false}, {`a\_c`, "abc", false},
		{"日_語", "日本語", true}, {"ÉLISE%", "Élise Martin", true}, {"", "", true}, {"", "x", false}, {"%a%a%a%b", strings.Repeat("a", 2000), false},
	} {
		if got := soql.CompileLike(tt.pattern).Match(tt.text); got != tt.want {
			t.Errorf("%q LIKE %q: got %v", tt.text, tt.pattern, got)
		}
	}
}
