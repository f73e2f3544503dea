package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/rehearsal"
)

// traces is a hash of every table and the state of every sequence of a database.
func traces(t *testing.T, db *sqlx.DB) map[string]string {
	t.Helper()
	var names []string
	if err := db.Select(&names, `
		select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables
		where schemaname not in ('pg_catalog', 'information_schema') order by 1`); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range names {
		var hash string
		if err := db.Get(&hash, `select count(*) || ' ' || md5(coalesce(string_agg(t::text, E'\n' order by t::text), '')) from `+name+` t`); err != nil {
			t.Fatal(err)
		}
		out[name] = hash
	}
	var sequences []string
	if err := db.Select(&sequences, `select schemaname || '.' || sequencename || ' ' || coalesce(last_value, -1) from pg_sequences order by 1`); err != nil {
		t.Fatal(err)
	}
	out["sequences"] = strings.Join(sequences, ", ")
	var schemas []string
	if err := db.Select(&schemas, `select nspname::text from pg_namespace where nspname not like 'pg\_%' order by 1`); err != nil {
		t.Fatal(err)
	}
	out["schemas"] = strings.Join(schemas, ", ")
	return out
}

// written gives the requests that an org got which could have written something.
func written(org *emulator.Org) (out []string) {
	for _, r := range org.RequestLog(1000) {
		if r.Method != "GET" && r.Kind != "login" {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}

// everything is all that an org holds, the recycle bin left out.
func everything(org *emulator.Org) string {
	var b strings.Builder
	for _, object := range []string{"Account", "Opportunity", "Space__c", "Partner__c", "Partner_Commission__c", "Partner_Statement__c"} {
		fmt.Fprintln(&b, object, org.Records(object))
	}
	return b.String()
}

func databaseOf(t *testing.T, c *command) *sqlx.DB {
	t.Helper()
	for _, v := range c.env {
		if dsn, ok := strings.CutPrefix(v, "PARTNERSYNC_DATABASE_URL="); ok {
			db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 2})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			return db
		}
	}
	t.Fatal("there is no database")
	return nil
}

// rehearsedDocument is what a dry run of all says.
type rehearsedDocument struct {
	Salesforce []rehearsal.RecordChange
	Lines      []rehearsal.LineChange
	Summary    summary
}

// TestADryRunOfAllLeavesNoTraceAndIsTrue: whatever it says would be written is what the
// run writes, and before that nothing has changed, here or there.
func TestADryRunOfAllLeavesNoTraceAndIsTrue(t *testing.T) {
	org, env := withOrg(t)
	opportunity := sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	db := databaseOf(t, c)
	t.Setenv("TMPDIR", scratchDir(t))
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)

	first := c.rehearse(t, org, db)
	c.run("run", "--lenient").want(t, exitOK)
	holds(t, org, first, rehearsal.Create)

	c.run("run", "--dry-run", "--lenient").want(t, exitOK, "nothing would change", "dry run: nothing was written")

	if err := org.Update("Opportunity", opportunity, map[string]any{"Amount": "7000"}, org.Now()); err != nil {
		t.Fatal(err)
	}
	second := c.rehearse(t, org, db)
	if len(second.Lines) != 1 || second.Lines[0].Before == nil || second.Lines[0].Before.AmountMinor != 50_000 || second.Lines[0].After.AmountMinor != 70_000 {
		t.Errorf("lines: %+v", second.Lines)
	}
	i := slices.IndexFunc(second.Salesforce, func(c rehearsal.RecordChange) bool { return c.Object == "Partner_Commission__c" })
	if i < 0 || !slices.Contains(second.Salesforce[i].Fields, rehearsal.Field{Name: "Amount__c", Has: "500", Gets: "700"}) {
		t.Errorf("records: %+v", second.Salesforce)
	}
	c.run("run", "--dry-run", "--lenient", "--limit", "9").want(t, exitOK, "500.00 USD", "700.00 USD", "Accrued__c", "update", "10 updated",
		"!Amount__c", "shown are the first 9 of a kind", "dry run: nothing was written")
	c.run("run", "--lenient").want(t, exitOK)
	holds(t, org, second, rehearsal.Update)

	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func scratchDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil { // run as root, the server is another user's
		t.Fatal(err)
	}
	return dir
}

// rehearse makes a dry run of all, and wants that it left no trace.
func (c *command) rehearse(t *testing.T, org *emulator.Org, db *sqlx.DB, texts ...string) (d rehearsedDocument) {
	t.Helper()
	before, there, wrote := traces(t, db), everything(org), len(written(org))
	o := c.run("run", "all", "--dry-run", "--lenient", "--output", "json")
	o.want(t, exitOK, texts...)
	o.document(t, &d)
	for name, hash := range traces(t, db) {
		if before[name] != hash {
			t.Errorf("%s was %q and is %q", name, before[name], hash)
		}
	}
	if everything(org) != there {
		t.Error("the org is not what it was")
	}
	if w := written(org); len(w) != wrote {
		t.Errorf("the org was sent %v", w)
	}
	return d
}

// holds wants that the org has every record as it was foretold.
func holds(t *testing.T, org *emulator.Org, d rehearsedDocument, action string) {
	t.Helper()
	if len(d.Salesforce) == 0 || !d.Summary.Changes {
		t.Fatalf("nothing was foretold: %+v", d)
	}
	some := false
	for _, c := range d.Salesforce {
		some = some || c.Action == action
		key := map[string]string{"Partner__c": "Partner_ID__c", "Partner_Statement__c": "Statement_Key__c", "Partner_Commission__c": "Commission_Key__c"}[c.Object]
		i := slices.IndexFunc(org.Records(c.Object), func(r map[string]any) bool { return r[key] == c.Key })
		if i < 0 {
			t.Errorf("%s %s is not there", c.Object, c.Key)
			continue
		}
		for _, f := range c.Fields {
			if strings.Contains(f.Name, ".") {
				continue // a lookup, which the org holds as an id
			}
			if got := fmt.Sprint(org.Records(c.Object)[i][f.Name]); got != f.Gets && !strings.HasPrefix(got, f.Gets) {
				t.Errorf("%s %s: %s is %q, and %q was foretold", c.Object, c.Key, f.Name, got, f.Gets)
			}
		}
	}
	if !some {
		t.Errorf("no record to %s: %+v", action, d.Salesforce)
	}
}

// TestADryRunOfRecountStandsAlone: what looks at everything has a dry run of its own.
func TestADryRunOfRecountStandsAlone(t *testing.T) {
	org, env := withOrg(t)
	sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	c.run("run", "pull", "recount", "reconcile", "--dry-run").want(t, exitInvalid, "recount looks at everything", "hint: run its dry run alone")
	c.run("run", "pull").want(t, exitOK)
	c.run("run", "recount", "--dry-run").want(t, exitOK, "dry run: nothing was written")
}

// TestAVanishedOpportunityIsConfirmed by the commands.
func TestAVanishedOpportunityIsConfirmed(t *testing.T) {
	org, env := withOrg(t)
	opportunity := sale(t, org, "FG3877")
	insert(t, org, "Opportunity", map[string]any{"Name": "Another", "CloseDate": "2026-03-15", "StageName": "Prospecting"})
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	c.run("run", "--lenient").want(t, exitOK)
	if err := org.Purge("Opportunity", opportunity); err != nil {
		t.Fatal(err)
	}
	c.run("run", "recount", "reconcile", "accrue", "push", "--lenient").want(t, exitOK, "1 Opportunity vanished")
	c.run("discrepancies", "--kind", "vanished_in_salesforce").want(t, exitOK, "hold", "R9.1", opportunity, "discrepancies confirm")
	c.run("explain", "--opportunity", opportunity).want(t, exitOK, "gone from Salesforce")
	c.run("discrepancies", "confirm").want(t, exitInvalid, "hint: ")
	c.run("discrepancies", "confirm", "nonsense").want(t, exitInvalid, "is not a Salesforce id")
	c.run("discrepancies", "confirm", opportunity).want(t, exitInvalid, "nobody said why")
	c.run("discrepancies", "confirm", "006000000000001AAA", "--reason", "x").want(t, exitFailed, "no recount has found")
	c.run("discrepancies", "confirm", opportunity, "--reason", "a duplicate", "--actor", "ana").want(t, exitOK, "gone for good, says ana: a duplicate")
	c.run("discrepancies", "confirm", opportunity, "--reason", "a duplicate").want(t, exitFailed, "ana has confirmed it already")
	c.run("run", "--lenient").want(t, exitOK)
	c.run("discrepancies", "--subject", opportunity).want(t, exitOK, "!vanished_in_salesforce")
	c.run("status").want(t, exitOK, "!500.00 USD in all")
	c.run("run", "push", "--believe").want(t, exitInvalid, "--believe is for recount")
}
