package soql_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

func path(names ...string) soql.Path {
	var p soql.Path
	for _, n := range names {
		p.Parts = append(p.Parts, soql.Name{Text: n})
	}
	return p
}

func compare(field string, op soql.Op, v ...soql.Value) soql.Expr {
	return &soql.Compare{Path: path(strings.Split(field, ".")...), Op: op, Values: v}
}

func TestParse(t *testing.T) {
	number := func(s string) soql.Value { return soql.Value{Kind: soql.Number, Text: s} }
	text := func(s string) soql.Value { return soql.Value{Kind: soql.String, Text: s, Raw: s} }
	for _, tt := range []struct {
		name, query string
		want        soql.Query
	}{
		{"fields and paths", "select Id, Space__r.Account__r.Name from Opportunity",
			soql.Query{Fields: []soql.Path{path("Id"), path("Space__r", "Account__r", "Name")}, From: soql.Name{Text: "Opportunity"}, Limit: -1, Offset: -1}},
		{"count", "SELECT COUNT() FROM Lead", soql.Query{Count: true, From: soql.Name{Text: "Lead"}, Limit: -1, Offset: -1}},
		{"alias", "SELECT a.Id FROM Account AS a LIMIT 5 OFFSET 7",
			soql.Query{Fields: []soql.Path{path("a", "Id")}, From: soql.Name{Text: "Account"}, Alias: "a", Limit: 5, Offset: 7}},
		{"keyset", "SELECT Id FROM S WHERE T < 2026-11-20T12:00:00.000Z AND ((T = 2026-11-19T12:00:00Z AND Id > 'Y') OR T > 2026-11-19T12:00:00Z) ORDER BY T, Id",
			soql.Query{Fields: []soql.Path{path("Id")}, From: soql.Name{Text: "S"}, Limit: -1, Offset: -1,
				Where: &soql.And{Terms: []soql.Expr{
					compare("T", soql.Lt, soql.Value{Kind: soql.DateTime, Text: "2026-11-20T12:00:00.000Z"}),
					&soql.Or{Terms: []soql.Expr{
						&soql.And{Terms: []soql.Expr{compare("T", soql.Eq, soql.Value{Kind: soql.DateTime, Text: "2026-11-19T12:00:00Z"}), compare("Id", soql.Gt, text("Y"))}},
						compare("T", soql.Gt, soql.Value{Kind: soql.DateTime, Text: "2026-11-19T12:00:00Z"})}}}},
				OrderBy: []soql.Order{{Path: path("T")}, {Path: path("Id")}}}},
		{"lists, not, order", "SELECT Id FROM S WHERE NOT (A IN ('x', 'y') AND B NOT IN (1, -2.5)) ORDER BY A DESC NULLS LAST, B ASC NULLS FIRST FOR VIEW",
			soql.Query{Fields: []soql.Path{path("Id")}, From: soql.Name{Text: "S"}, Limit: -1, Offset: -1,
				Where:   &soql.Not{Term: &soql.And{Terms: []soql.Expr{compare("A", soql.In, text("x"), text("y")), compare("B", soql.NotIn, number("1"), number("-2.5"))}}},
				OrderBy: []soql.Order{{Path: path("A"), Desc: true, NullsLast: true}, {Path: path("B")}}}},
		{"escapes", `SELECT Id FROM S WHERE A = 'O\'Neil \u00e9\n' AND B <> null AND C = TRUE AND D >= LAST_N_DAYS:30`,
			soql.Query{Fields: []soql.Path{path("Id")}, From: soql.Name{Text: "S"}, Limit: -1, Offset: -1,
				Where: &soql.And{Terms: []soql.Expr{
					compare("A", soql.Eq, soql.Value{Kind: soql.String, Text: "O'Neil é\n", Raw: `O\'Neil \u00e9\n`}),
					compare("B", soql.Ne, soql.Value{Kind: soql.Null, Text: "NULL"}),
					compare("C", soql.Eq, soql.Value{Kind: soql.Bool, Text: "true"}),
					compare("D", soql.Ge, soql.Value{Kind: soql.DateLiteral, Text: "LAST_N_DAYS", N: 30})}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := soql.Parse(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Text = tt.query
			ignore := cmp.Options{cmpopts.IgnoreFields(soql.Name{}, "Pos"), cmpopts.IgnoreFields(soql.Value{}, "Pos"), cmpopts.IgnoreFields(soql.Compare{}, "OpPos")}
			if d := cmp.Diff(&tt.want, got, ignore); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRefusesAsThePlatform(t *testing.T) {
	for _, tt := range []struct{ query, code, message string }{
		{"SELECT Id FORM Account", "MALFORMED_QUERY", "\nSELECT Id FORM Account\n          ^\nERROR at Row:1:Column:11\nunexpected token: 'FORM'"},
		{"SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "\nSELECT Id FROM Account WHERE\n                            ^\nERROR at Row:1:Column:29\nunexpected token: '<EOF>'"},
		{"SELECT Id\nFROM Account\nWHERE A == 1", "MALFORMED_QUERY", "\nWHERE A == 1\n         ^\nERROR at Row:3:Column:10\nunexpected token: '='"},
		{"SELECT Id FROM A WHERE B = 1 AND C = 2 OR D = 3", "MALFORMED_QUERY", "unexpected token: 'OR'"},
		{"SELECT FROM Account", "MALFORMED_QUERY", "unexpected token: 'FROM'"},
		{"SELECT Id FROM A WHERE B = 'x", "MALFORMED_QUERY", "mismatched character"},
		{`SELECT Id FROM A WHERE B = 'a\q'`, "MALFORMED_QUERY", "Illegal escape"},
		{"SELECT Id FROM A LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"},
		{"SELECT Id FROM A WHERE B = \"x\"", "MALFORMED_QUERY", "unexpected token: '\"'"},
		{"SELECT Id FROM A WHERE B = foo", "MALFORMED_QUERY", "unexpected token: 'foo'"},
		{"SELECT Id FROM A; DROP", "MALFORMED_QUERY", "unexpected token: ';'"},
		{"SELECT Id FROM A WHERE " + strings.Repeat("(", 5000) + "B = 1", "QUERY_TOO_COMPLICATED", "too complicated"},
		{"SELECT Id FROM A WHERE B = '" + strings.Repeat("x", 100_001) + "'", "QUERY_TOO_COMPLICATED", "100000"},
	} {
		_, err := soql.Parse(tt.query)
		if err == nil || err.Code != tt.code || !strings.Contains(err.Message, tt.message) {
			t.Errorf("%.80q: got %v, want %s with %q", tt.query, err, tt.code, tt.message)
		}
	}
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

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT Id, A.B FROM C WHERE (D = 'x' OR E IN (1,2)) AND NOT F LIKE 'a%' ORDER BY G DESC NULLS LAST LIMIT 1 OFFSET 2",
		"SELECT COUNT() FROM A WHERE B >= 2026-01-01T00:00:00.000+02:00", `SELECT Id FROM A WHERE B = '\u00e9\'`, "SELECT", "'", "SELECT Id FROM A WHERE B = LAST_N_DAYS:",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := soql.Parse(s)
		if (q == nil) == (err == nil) {
			t.Fatalf("either a query or an error: %v, %v", q, err)
		}
		if err != nil && (err.Code == "" || err.Message == "") {
			t.Fatalf("an error without words: %#v", err)
		}
	})
}
