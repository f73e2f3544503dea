package emulator_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// dir writes files and gives their directory.
func dir(t *testing.T, files map[string]string) string {
	t.Helper()
	d := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestLoadDir(t *testing.T) {
	c := newClient(t, emulator.Options{})
	d := dir(t, map[string]string{
		"README.md": "not data",
		// A byte order mark, a quoted newline, CRLF, a circle with registrations.
		"Account.csv": "\uFEFFId,Name,Website\r\n001000000000001,\"Two\nlines, Ünïcode\",\r\n",
		"Opportunity.csv": "name,AccountId,Amount,StageName,CloseDate,IsWon,Space__r.Space_Key__c,Partner_Registration__r.Registration_Key__c,SystemModstamp,CreatedDate\n" +
			"won,001000000000001AAA,12000.50,Closed Won,2025-12-20,false,S-1,R-1,2026-01-05T00:00:00.000Z,2025-11-01T00:00:00.000+0000\n" +
			"open,,,Prospecting,2026-12-20,true,,,,\n",
		"Space__c.csv":                "Space_Key__c,Partner_ID__c,Account__c,Space_Created_At__c\nS-1,FG3877,001000000000001AAA,2020-05-04T10:00:00Z\n",
		"partner_registration__c.csv": "Registration_Key__c,Space__r.Space_Key__c,Speculative__c\nR-1,S-1,TRUE\n",
		"Space__History.csv":          "Parent.Space_Key__c,Field,OldValue,NewValue,CreatedDate\nS-1,Partner_ID__c,AB1234,FG3877,2021-01-01T09:00:00Z\n",
		"Space_User__c.csv":           "Email__c,Registered_At__c\nana@client.example,2020-05-04T10:00:00Z\n",
	})
	if err := c.org.LoadDir(d); err != nil {
		t.Fatal(err)
	}
	p := c.query("query", "SELECT Name, Account.Name, Amount, IsWon, IsClosed, Space__r.Partner_ID__c, Partner_Registration__r.Space__r.Space_Key__c, Partner_Registration__r.Speculative__c, SystemModstamp, LastModifiedDate, CreatedDate FROM Opportunity ORDER BY Name DESC")
	won := p.Records[0]
	delete(won, "attributes")
	for _, k := range []string{"Account", "Space__r", "Partner_Registration__r"} {
		delete(won[k].(row), "attributes")
	}
	delete(won["Partner_Registration__r"].(row)["Space__r"].(row), "attributes")
	if d := cmp.Diff(row{"Name": "won", "Account": row{"Name": "Two\nlines, Ünïcode"}, "Amount": won["Amount"], "IsWon": true, "IsClosed": true,
		"Space__r": row{"Partner_ID__c": "FG3877"}, "Partner_Registration__r": row{"Space__r": row{"Space_Key__c": "S-1"}, "Speculative__c": true},
		"SystemModstamp": "2026-01-05T00:00:00.000+0000", "LastModifiedDate": "2026-01-05T00:00:00.000+0000", "CreatedDate": "2025-11-01T00:00:00.000+0000"}, won); d != "" {
		t.Error(d)
	}
	if fmt.Sprint(won["Amount"]) != "12000.5" {
		t.Errorf("Amount is %v", won["Amount"])
	}
	if open := p.Records[1]; open["IsWon"] != false || open["SystemModstamp"] != "2026-11-20T12:00:00.000+0000" {
		t.Errorf("the open one: %v", open)
	}
	if h := c.org.Records("Space__History"); len(h) != 1 || h[0]["OldValue"] != "AB1234" || h[0]["CreatedDate"] != "2021-01-01T09:00:00.000+0000" {
		t.Errorf("the history is not what the file says: %v", h)
	}
	if h := c.org.Records("Space_User__History"); len(h) != 1 || h[0]["Field"] != "created" {
		t.Errorf("without a file, creation leaves %v", h)
	}
	c.insert("Account", row{"Name": "next"}) // ids go on beside loaded ones
}

func TestLoadDirSaysWhatIsWrongAndKeepsNothing(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // "file line column: part of the reason"
	}{
		{"unknown object", map[string]string{"Nothing__c.csv": "Id\n"}, []string{"Nothing__c.csv 0 : the org has no object Nothing__c"}},
		{"unknown columns", map[string]string{"Account.csv": "Name,Nope,Foo__r.X,Owner.Name,Name\n"},
			[]string{"Account.csv 1 Nope: Account has no field Nope", "Account.csv 1 Foo__r.X: no relationship Foo__r", "Account.csv 1 Owner.Name: no external id Name", "Account.csv 1 Name: there twice"}},
		{"cells", map[string]string{"Opportunity.csv": "Name,StageName,CloseDate,Amount,IsWon,SystemModstamp\no,Closed Won,2026-02-30,\"1,200\",maybe,today\n"},
			[]string{`Opportunity.csv 2 CloseDate: "2026-02-30" is not a date like`, `Opportunity.csv 2 Amount: "1,200" is not a number`, `Opportunity.csv 2 IsWon: "maybe" is not true or false`, `Opportunity.csv 2 SystemModstamp: "today" is not an instant`}},
		{"lines after a quoted newline", map[string]string{"Account.csv": "Name,NumberOfEmployees\n\"a\nb\",1\nc,x\n"}, []string{`Account.csv 4 NumberOfEmployees: "x" is not a number`}},
		{"required", map[string]string{"Account.csv": "Name,Website\n,https://x.example\n"}, []string{"Account.csv 2 Name: Required fields are missing: [Name]"}},
		{"lookups", map[string]string{"Space__c.csv": "Space_Key__c,Account__c\nk,0015g0000zzzzzzAAA\n", "Space_Org__c.csv": "Space__r.Space_Key__c\nk\nother\n"},
			[]string{"Space__c.csv 2 Account__c: there is no Account with the id", `Space_Org__c.csv 3 Space__r.Space_Key__c: no Space__c has Space_Key__c "other"`}},
		{"ids", map[string]string{"Account.csv": "Id,Name\n001000000000001,a\n001000000000001AAA,b\n006000000000001,c\nx,d\n"},
			[]string{"Account.csv 3 Id: duplicate value found", "Account.csv 4 Id: begin with 001", "Account.csv 5 Id: incorrect type"}},
		{"rows of another width", map[string]string{"Account.csv": "Name\na,b\nc\nd,e\n"}, []string{"Account.csv 2 : more or fewer cells", "Account.csv 4 : more or fewer cells"}},
		{"a quote", map[string]string{"Account.csv": "Name\na\"b\n"}, []string{"Account.csv 2 : a quote is in the wrong place"}},
		{"not UTF-8", map[string]string{"Account.csv": "Name\na\xff\n"}, []string{"Account.csv 2 Name: not UTF-8"}},
		{"no header", map[string]string{"Account.csv": ""}, []string{"Account.csv 1 : no header"}},
		{"history of nothing", map[string]string{"Space__History.csv": "Field,OldValue\nPartner_ID__c,x\n"}, []string{"Space__History.csv 2 ParentId: needs its record"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := c.org.LoadDir(dir(t, tt.files))
			var le *store.LoadError
			if !errors.As(err, &le) || errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
				t.Fatalf("got %v", err)
			}
			if len(le.Problems) != len(tt.want) || le.Total != len(tt.want) {
				t.Errorf("got %v", err)
			}
			for _, want := range tt.want {
				place, reason, _ := strings.Cut(want, ": ")
				found := false
				for _, p := range le.Problems {
					found = found || fmt.Sprintf("%s %d %s", p.File, p.Line, p.Column) == place && strings.Contains(p.Reason, reason)
				}
				if !found {
					t.Errorf("want %s in %v", want, err)
				}
			}
			for _, object := range []string{"Account", "Space__c", "Space_Org__c", "Opportunity", "Space__History"} {
				if n := len(c.org.Records(object)); n != 0 {
					t.Errorf("%d records of %s were kept", n, object)
				}
			}
		})
	}
	if err := c.org.LoadDir(filepath.Join(t.TempDir(), "nothing")); errs.KindOf(err) != errs.NotFound {
		t.Errorf("no directory: %v", err)
	}
	var many strings.Builder
	many.WriteString("Name,NumberOfEmployees\n")
	for range 500 {
		many.WriteString("a,x\n")
	}
	err := c.org.LoadDir(dir(t, map[string]string{"Account.csv": many.String()}))
	var le *store.LoadError
	if !errors.As(err, &le) || le.Total != 500 || len(le.Problems) != 100 || !strings.HasSuffix(err.Error(), "and 400 more") {
		t.Errorf("500 bad rows give %d problems of %d", len(le.Problems), le.Total)
	}
}
