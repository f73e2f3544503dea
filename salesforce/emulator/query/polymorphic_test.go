package query

import (
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// taskStore has tasks about a contact, a lead and nobody: a lookup to two objects.
func taskStore(t *testing.T) *store.Store {
	t.Helper()
	s := testStore(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	insert := func(object string, fields map[string]any) string {
		id, err := s.Insert(object, fields)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	contact := insert("Contact", map[string]any{"LastName": "Cara", "Title": "CTO"})
	lead := insert("Lead", map[string]any{"LastName": "Lea", "Company": "Lea & Co"})
	insert("Task", map[string]any{"Subject": "call", "WhoId": contact})
	insert("Task", map[string]any{"Subject": "nobody"})
	insert("Task", map[string]any{"Subject": "write", "WhoId": lead})
	return s
}

func printed(t *testing.T, s *store.Store, text string) string {
	t.Helper()
	p, err := New(s, text, false)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	p.RLock()
	defer p.RUnlock()
	r, err := p.Find()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out := string(r.AppendPage(nil, "x", 0, Pages{Base: "/", Batch: 100}))
	// Without the attributes, which other tests look at.
	for {
		before, rest, ok := strings.Cut(out, `"attributes":{`)
		if !ok {
			return out
		}
		_, after, _ := strings.Cut(rest, "}")
		out = before + strings.TrimPrefix(after, ",")
	}
}

func TestALookupToSeveralObjects(t *testing.T) {
	s := taskStore(t)
	for _, tt := range []struct{ query, want string }{
		{"SELECT Subject, Who.Name, Who.Type, Who.Title FROM Task WHERE Who.Name != null ORDER BY Who.Name DESC",
			`{"Subject":"write","Who":{"Name":"Lea","Type":"Lead","Title":null}},{"Subject":"call","Who":{"Name":"Cara","Type":"Contact","Title":"CTO"}}`},
		{"SELECT Subject FROM Task WHERE Who.Type = 'Lead'", `{"Subject":"write"}`},
		{"SELECT Subject FROM Task WHERE Who.Type = null", `{"Subject":"nobody"}`},
		{"SELECT TYPEOF Who WHEN Contact THEN Title WHEN Lead THEN Company, Owner.Name END FROM Task ORDER BY Subject",
			`{"Who":{"Title":"CTO"}},{"Who":null},{"Who":{"Company":"Lea & Co","Owner":{"Name":"Integration User"}}}`},
		{"SELECT TYPEOF Who WHEN Contact THEN Title ELSE LastName END FROM Task WHERE WhoId != null ORDER BY Subject",
			`{"Who":{"Title":"CTO"}},{"Who":{"LastName":"Lea"}}`},
		{"SELECT TYPEOF Who WHEN Contact THEN Title END FROM Task WHERE Subject = 'write'", `{"Who":null}`},
		{"SELECT Who.Type t, COUNT(Id) n FROM Task GROUP BY Who.Type", `{"t":null,"n":1},{"t":"Contact","n":1},{"t":"Lead","n":1}`},
		{"SELECT LastName, (SELECT Subject FROM Tasks) FROM Lead", `{"LastName":"Lea","Tasks":{"totalSize":1,"done":true,"records":[{"Subject":"write"}]}}`},
		{"SELECT LastName FROM Contact WHERE Id IN (SELECT WhoId FROM Task)", `{"LastName":"Cara"}`},
		{"SELECT FORMAT(Who.Name) n FROM Task WHERE Subject = 'write'", `{"n":"Lea"}`},
	} {
		got := printed(t, s, tt.query)
		_, got, _ = strings.Cut(got, `"records":[`)
		if got = strings.TrimSuffix(got, "]}"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
	if _, err := New(s, "SELECT Who.Company FROM Task", false); err == nil || !strings.Contains(err.Message, "No such column 'Company' on entity 'Name'") {
		t.Errorf("a field of one object only: %v", err)
	}
}

// Multipicklists are compared value by value, in any order and case.
func TestIncludesAndExcludes(t *testing.T) {
	s := testStore(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for name, values := range map[string]any{"one": "AAA", "two": "AAA;BBB", "three": "BBB;CCC", "none": nil} {
		if _, err := s.Insert("Account", map[string]any{"Name": name, "Industry": values}); err != nil {
			t.Fatal(err)
		}
	}
	industry, _ := s.Tables["Account"].Object.Field("Industry")
	industry.Type = schema.TypeMultipicklist
	for where, want := range map[string]string{
		"INCLUDES ('AAA')": "one two", "INCLUDES ('bbb;aaa', 'CCC')": "three two", "INCLUDES ('AA')": "",
		"EXCLUDES ('AAA')": "none three", "EXCLUDES ('AAA;BBB')": "none one three", "= 'aaa;bbb'": "two", "!= 'AAA'": "none three two", "= null": "none",
	} {
		p, perr := New(s, "SELECT Name FROM Account WHERE Industry "+where+" ORDER BY Name", false)
		if perr != nil {
			t.Fatalf("%s: %v", where, perr)
		}
		p.RLock()
		var names []string
		for _, r := range p.Run() {
			names = append(names, p.Columns()[0].get(r))
		}
		p.RUnlock()
		if got := strings.Join(names, " "); got != want {
			t.Errorf("Industry %s: got %q, want %q", where, got, want)
		}
	}
	for _, bad := range []string{"LIKE 'A%'", "< 'A'", "IN ('AAA')"} {
		if _, err := New(s, "SELECT Name FROM Account WHERE Industry "+bad, false); err == nil || err.Code != "INVALID_QUERY_FILTER_OPERATOR" {
			t.Errorf("Industry %s: %v", bad, err)
		}
	}
}
