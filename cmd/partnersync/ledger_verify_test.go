package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
)

// R8.3: `ledger verify` says that all is well, and otherwise what is not, where, and
// what to do; a difference has an exit code of its own.
func TestR8_3_LedgerVerifySaysWhatDiffersAndWhere(t *testing.T) {
	org, env := withOrg(t)
	opportunity := sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	c.run("ledger", "verify").want(t, exitOK, "the book agrees with itself and with the facts")
	c.run("run").want(t, exitProblems)
	c.run("ledger", "verify", "--salesforce").want(t, exitOK, "chains", "1 entry", "the book agrees with itself, with the facts and with Salesforce")
	c.run("run", "verify").want(t, exitOK, "1 entry checked", "1 line checked")

	key := "FG3877/space/" + opportunity + "/referral/2026-03"
	tamper(t, c, `update ledger.entry set amount_minor = 60000`)
	c.run("ledger", "verify").want(t, exitProblems, "chains: 1 difference", "entry "+key+"#1, hash", "somebody", "balance FG3877 USD accrued", "in all; the first is")
	var d verifyDocument
	c.run("ledger", "verify", "--limit", "1", "--output", "json").document(t, &d)
	if d.Agrees || d.Salesforce || d.First == nil || d.First.Subject != key+"#1" || d.First.Check != "chains" || d.Differences < 3 {
		t.Errorf("%+v", d)
	}
	c.run("run", "verify").want(t, exitProblems, "ok with problems", "The first difference is in chains")
	c.run("discrepancies", "--kind", "book_differs").want(t, exitOK, key+"#1")
	tamper(t, c, `update ledger.entry set amount_minor = 50000`)
	c.run("run", "verify").want(t, exitOK)
	c.run("discrepancies", "--kind", "book_differs").want(t, exitOK, "!"+key)

	record := org.Records("Partner_Commission__c")[0]
	if err := org.Update("Partner_Commission__c", record["Id"].(string), map[string]any{"Amount__c": "1"}, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	c.run("ledger", "verify").want(t, exitOK)
	c.run("ledger", "verify", "--salesforce").want(t, exitProblems, "commission "+key+", Amount__c: it is 1.0 and has to be 500", "run push --repair")
	c.run("run", "verify").want(t, exitProblems, "ok with problems")
	c.run("run", "accrue", "--repair").want(t, exitInvalid, "--repair is for push")
	c.run("run", "push", "--repair").want(t, exitOK, "1 record to repair", "1 commission written")
	c.run("ledger", "verify", "--salesforce").want(t, exitOK)
	c.run("run", "verify").want(t, exitOK)
}

// tamper changes the database past its own triggers.
func tamper(t *testing.T, c *command, statement string) {
	t.Helper()
	var dsn string
	for _, variable := range c.env {
		if value, is := strings.CutPrefix(variable, "PARTNERSYNC_DATABASE_URL="); is {
			dsn = value
		}
	}
	db, err := pg.Open(t.Context(), pg.Config{DSN: dsn, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `set local session_replication_role = replica`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, statement)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
