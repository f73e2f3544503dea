package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/ledger/brought"
)

// The example of the docs is a file as the command reads it.
func TestR8_9_TheExampleOfTheDocsIsRead(t *testing.T) {
	f, err := os.Open(filepath.Join(testdata, "../../../docs/brought.example.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read, err := brought.Read(f, f.Name())
	if err != nil || len(read.Rows) != 4 || len(read.Faults) != 0 {
		t.Errorf("it has %d rows: %v %v", len(read.Rows), read.Faults, err)
	}
}

func TestR8_9_ImportShowsThenBringsIn(t *testing.T) {
	org, env := withOrg(t)
	opportunity := sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	c.run("run", "pull", "reconcile").want(t, exitProblems)

	key := "FG3877/space/" + opportunity + "/referral/2026-03"
	writeFile(t, "brought.csv", "kind,partner_id,currency,amount,period,reference,opportunity_id,paid_on\n"+
		"opening,FG3877,USD,1500.00,2026-04,INV-1,,\n"+
		"paid,FG3877,USD,480.00,2026-03,PAY-1,"+opportunity[:15]+",2026-04-15\n")
	c.run("ledger", "import", "brought.csv", "--dry-run").want(t, exitOK,
		"FG3877/opening/OB-000001/balance/2026-04", "opening", "1,500.00", key, "480.00", "500.00", "20.00", "Northlight",
		"The next accrue posts 20.00 USD to correct what was paid, and 0.00 USD that these opportunities pay beside it.",
		"dry run: nothing was written; it would bring in 2 lines")
	c.run("explain", key).want(t, exitFailed)

	var d importDocument
	c.run("ledger", "import", "brought.csv", "--output", "json", "--actor", "ana").document(t, &d)
	want := importLine{
		Row: 3, Kind: "paid", Key: key, PayeeID: "FG3877", Partner: "Northlight", Period: "2026-03", Currency: "USD",
		Amount: "480.00", Expected: "500.00", Posts: "20.00",
	}
	if !d.Written || d.DryRun || len(d.Lines) != 2 || d.Lines[1] != want || len(d.Faults) != 0 {
		t.Errorf("it brought in %+v", d)
	}
	if len(d.Totals) != 1 || d.Totals[0] != (importTotal{"northlight", "Northlight", "USD", 2, "1500.00", "480.00", "20.00"}) {
		t.Errorf("the totals are %+v", d.Totals)
	}
	c.run("ledger", "import", "brought.csv").want(t, exitOK, "nothing to bring in; 2 rows are in the book already")
	c.run("explain", key).want(t, exitOK, "480.00 USD was paid to FG3877 on 2026-04-15", "brought it in from line 3 of brought.csv", "ana", "PAY-1")
	c.run("explain", "FG3877/opening/OB-000001/balance/2026-04").want(t, exitOK, "1500.00 USD was owed to FG3877 at the end of 2026-04", "opening", "approved")
	c.run("run", "accrue").want(t, exitOK, "The entries add up to 20.00 USD")
	c.run("explain", "--opportunity", opportunity).want(t, exitOK, "referral~adj:2026-03", "20.00")
	c.run("ledger", "verify").want(t, exitOK)
}

// A file with anything wrong in it shows all of it, and writes nothing.
func TestR8_9_ImportTellsAllThatIsWrong(t *testing.T) {
	c := dealing(t)
	c.run("ledger", "import").want(t, exitInvalid, "ledger import wants one FILE")
	c.run("ledger", "import", "none.csv").want(t, exitInvalid, "none.csv", "hint: FILE is the path of a CSV file")
	writeFile(t, "brought.csv", "kind,partner_id,currency,amount,period,reference\n"+
		"opening,FG3877,USD,1500.00,2026-04,INV-1\nopening,ZZ9999,USD,1e9,2026-04,INV-2\npaid,FG3877,USD,1.00,2026-04,PAY-1\n")
	for _, args := range [][]string{{}, {"--dry-run"}} {
		o := c.run(append([]string{"ledger", "import", "brought.csv"}, args...)...)
		o.want(t, exitInvalid, "What is wrong with brought.csv", "the Partner ID ZZ9999 was issued to nobody", `"1e9" is no amount`, "opportunity_id", "paid_on",
			"error: import: brought.csv: 2 rows are refused, so nothing of the file is brought in", "hint: Correct them and import the whole file again")
	}
	o := c.run("ledger", "import", "brought.csv", "--output", "json")
	var d importDocument
	o.document(t, &d)
	if o.code != exitInvalid || d.Written || len(d.Faults) != 4 || d.Faults[0].Line != 3 || d.Faults[0].Column != "amount" || d.Lines == nil {
		t.Errorf("exit code %d: %+v", o.code, d)
	}
	writeFile(t, "brought.csv", "opening,FG3877,USD,1500.00,2026-04,INV-1\n")
	c.run("ledger", "import", "brought.csv").want(t, exitOK, "brought in 1 line")
	writeFile(t, "brought.csv", "opening,FG3877,USD,1400.00,2026-04,INV-1\n")
	c.run("ledger", "import", "brought.csv").want(t, exitFailed, "was brought in already with 1500.00 USD (INV-1) from brought.csv, and the row says 1400.00 USD")
	writeFile(t, "many.csv", "kind,partner_id,currency,amount,period,reference\n"+strings.Repeat("opening,ZZ9999,USD,1.00,2026-04,INV\n", 60))
	c.run("ledger", "import", "many.csv").want(t, exitInvalid, "10 faults more; --output json has them all")
}
