package soql_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

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
		{"SELECT Id FROM A WHERE B = :ids", "MALFORMED_QUERY", "Bind variables only allowed in Apex code"},
		{"SELECT Id FROM A WHERE B IN :ids", "MALFORMED_QUERY", "Bind variables only allowed in Apex code"},
		{"SELECT Id FROM A WHERE B IN ()", "MALFORMED_QUERY", "unexpected token: ')'"},
		{"SELECT Id FROM A; DROP", "MALFORMED_QUERY", "unexpected token: ';'"},
		{"SELECT Id FROM A -- all", "MALFORMED_QUERY", "unexpected token: '-'"},
		{"SELECT Id /* all */ FROM A", "MALFORMED_QUERY", "unexpected token: '/'"},
		{"SELECT * FROM A", "MALFORMED_QUERY", "unexpected token: '*'"},
		{"SELECT Id, FROM A", "MALFORMED_QUERY", "unexpected token: 'FROM'"},
		{"SELECT Id FROM A ORDER BY B LIMIT 1 WHERE C = 1", "MALFORMED_QUERY", "unexpected token: 'WHERE'"},
		{"SELECT Id FROM A HAVING COUNT(Id) > 1", "MALFORMED_QUERY", "unexpected token: 'HAVING'"},
		{"SELECT Id FROM A ALL ROWS", "MALFORMED_QUERY", "ALL ROWS not allowed in this context"},
		{"SELECT COUNT(), Id FROM A", "MALFORMED_QUERY", "unexpected token: ','"},
		{"SELECT NOW(Id) FROM A", "MALFORMED_QUERY", "unexpected token: '('"},
		{"SELECT Id x FROM A", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"},
		{"SELECT COUNT(Id) FROM A LIMIT 1", "MALFORMED_QUERY", "cannot also use LIMIT"},
		{"SELECT Id FROM A WHERE COUNT(Id) > 1", "MALFORMED_QUERY", "COUNT"},
		{"SELECT CALENDAR_YEAR(B) FROM A", "MALFORMED_QUERY", "CALENDAR_YEAR"},
		{"SELECT Id, (SELECT COUNT(Id) FROM B) FROM A", "MALFORMED_QUERY", "Only root queries support aggregate expressions"},
		{"SELECT COUNT(Id), (SELECT Id FROM B) FROM A", "MALFORMED_QUERY", "Aggregate queries"},
		{"SELECT Id FROM A.B", "MALFORMED_QUERY", "unexpected token: 'A'"},
		{"SELECT FIELDS(ALL) FROM A", "MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200"},
		{"SELECT FIELDS(CUSTOM) FROM A LIMIT 201", "MALFORMED_QUERY", "LIMIT of at most 200"},
		{"SELECT FIELDS(SOME) FROM A", "MALFORMED_QUERY", "unexpected token: 'SOME'"},
		{"SELECT Id FROM A WHERE B = 1 OR C IN (SELECT D FROM E)", "MALFORMED_QUERY", "not allowed with the 'OR' operator"},
		{"SELECT Id FROM A WHERE NOT C IN (SELECT D FROM E)", "MALFORMED_QUERY", "only allowed at the top level"},
		{"SELECT Id FROM A WHERE C IN (SELECT D FROM E WHERE F IN (SELECT G FROM H))", "MALFORMED_QUERY", "Nesting of semi join"},
		{"SELECT Id FROM A WHERE C IN (SELECT D FROM E LIMIT 1)", "MALFORMED_QUERY", "Semi join"},
		{"SELECT Id FROM A WHERE C IN (SELECT D, G FROM E)", "MALFORMED_QUERY", "exactly one"},
		{"SELECT Id FROM A WHERE C IN (SELECT D FROM E) AND C IN (SELECT D FROM F) AND C IN (SELECT D FROM G)", "MALFORMED_QUERY", "more than 2"},
		{"SELECT A, COUNT(Id) FROM B GROUP BY CUBE(A, C, D, E)", "MALFORMED_QUERY", "at most 3"},
		{"SELECT Id FROM A USING SCOPE theirs", "MALFORMED_QUERY", "unexpected token: 'theirs'"},
		{"SELECT TYPEOF B THEN Id END FROM A", "MALFORMED_QUERY", "unexpected token: 'THEN'"},
		{"SELECT Id, (SELECT Id FROM B OFFSET 1) FROM A", "MALFORMED_QUERY", "OFFSET"},
		{"SELECT " + strings.Repeat("(SELECT ", 5) + "Id" + strings.Repeat(" FROM B)", 5) + " FROM A", "MALFORMED_QUERY", "subqueries"},
		{"SELECT Id FROM A WHERE " + strings.Repeat("(", 5000) + "B = 1", "QUERY_TOO_COMPLICATED", "too complicated"},
		{"SELECT " + strings.Repeat("(SELECT ", 5000), "QUERY_TOO_COMPLICATED", "too complicated"},
		{"SELECT " + strings.Repeat("FORMAT(", 5000), "QUERY_TOO_COMPLICATED", "too complicated"},
		{"SELECT Id FROM A WHERE B = '" + strings.Repeat("x", 100_001) + "'", "QUERY_TOO_COMPLICATED", "100000"},
	} {
		_, err := soql.Parse(tt.query)
		if err == nil || err.Code != tt.code || !strings.Contains(err.Message, tt.message) {
			t.Errorf("%.80q: got %v, want %s with %q", tt.query, err, tt.code, tt.message)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT Id, A.B FROM C WHERE (D = 'x' OR E IN (1,2)) AND NOT F LIKE 'a%' ORDER BY G DESC NULLS LAST LIMIT 1 OFFSET 2",
		"SELECT COUNT() FROM A WHERE B >= 2026-01-01T00:00:00.000+02:00", `SELECT Id FROM A WHERE B = '\u00e9\'`, "SELECT", "'", "SELECT Id FROM A WHERE B = LAST_N_DAYS:",
		"SELECT Name, (SELECT Id FROM Contacts c WHERE c.Email != null LIMIT 2) FROM Account a, a.Owner o USING SCOPE mine",
		"SELECT A, SUM(B) s, COUNT(Id) FROM C GROUP BY ROLLUP(A, CALENDAR_YEAR(convertTimezone(D))) HAVING SUM(B) > USD5.5 ORDER BY COUNT(Id)",
		"SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END, FIELDS(ALL) FROM Task LIMIT 200 FOR VIEW, REFERENCE UPDATE TRACKING ALL ROWS",
		"SELECT FORMAT(convertCurrency(A)) b, toLabel(C) FROM D WHERE E INCLUDES ('x;y') AND F NOT IN (SELECT G FROM H WHERE I = NEXT_N_FISCAL_YEARS:3) WITH SECURITY_ENFORCED",
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
