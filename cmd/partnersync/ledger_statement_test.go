package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestR8_2_StatementsOnTheCommandLine: one partner's, in every format, and everybody's.
func TestR8_2_StatementsOnTheCommandLine(t *testing.T) {
	w := acme(t)
	w.run("ledger", "approve", "--through", "2026-10", "--actor", "ana").want(t, exitOK, "3 lines approved")

	w.run("ledger", "statement", "AB1234", "2026-07").want(t, exitOK, "Contoso", "AB1234", "opening", "0.00", "accrued", "310.00", "closing", acmeJuly, "open", "!transferred", "!"+acmeAugust)
	w.run("ledger", "statement", "contoso", "2026-08", "--currency", "usd").want(t, exitOK, "620.00", acmeAugust)
	w.run("ledger", "statement", "contoso", "2026-11").want(t, exitOK, acmeAugust, "310.00", "approved")

	var all []struct {
		Key, Partner, Period, Currency  string
		Opening, Accrued, Paid, Closing string
		Approved                        string
		IsClosed                        bool `json:"is_closed"`
		Lines                           []struct{ Key, Status, Accrued, Approved, Sentence string }
		ClosingPayable                  string `json:"closing_payable"`
	}
	w.run("ledger", "statement", "ab1234", "2026-11", "--output", "json").document(t, &all)
	if len(all) != 1 || all[0].Key != "contoso/2026-11/USD" || all[0].Opening != "620.00" || all[0].Approved != "620.00" || all[0].Closing != "620.00" ||
		all[0].ClosingPayable != "620.00" || len(all[0].Lines) != 2 || all[0].Lines[0].Status != "approved" || all[0].Lines[0].Sentence == "" || all[0].IsClosed {
		t.Errorf("got %+v", all)
	}

	w.run("ledger", "statement", "contoso", "2026-07", "--format", "csv").want(t, exitOK, "record,statement,partner", "opening,contoso/2026-07/USD", "line,contoso/2026-07/USD", acmeJuly, "310.00")
	w.run("ledger", "statement", "contoso", "2026-07", "--out", "contoso.pdf").want(t, exitOK, "1 statement written to contoso.pdf")
	if got := fileOf(t, "contoso.pdf"); !strings.HasPrefix(got, "%PDF-") {
		t.Errorf("the letter begins with %.20q", got)
	}
	if o := w.run("ledger", "statement", "contoso", "2026-07", "--format", "pdf"); o.code != exitOK || o.out != fileOf(t, "contoso.pdf") {
		t.Errorf("the same letter on standard output is another, exit code %d: %s", o.code, o.err)
	}
	w.run("ledger", "statement", "contoso", "2026-07", "--out", "contoso.csv").want(t, exitOK)
	if got := fileOf(t, "contoso.csv"); !strings.HasPrefix(got, "record,statement,") {
		t.Errorf("the table begins with %.20q", got)
	}

	w.run("ledger", "statement", "--all", "2026-08").want(t, exitOK, "Contoso", "Northwind", "2 statements", "300.00", "620.00")
	w.run("ledger", "statement", "--all", "2026-08", "--format", "csv").want(t, exitOK, "closing,contoso/2026-08/USD", "closing,north/2026-08/USD")
	w.run("ledger", "statement", "--all", "2026-08", "--output", "json").document(t, &all)
	if len(all) != 2 || all[0].Closing != "620.00" || all[1].Closing != "300.00" {
		t.Errorf("got %+v", all)
	}
	w.run("ledger", "statement", "--all", "2026-08", "--currency", "EUR").want(t, exitOK, "0 statements")
	w.run("ledger", "statement", "--all", "2026-08", "--out", "letters/august").want(t, exitOK, "2 statements of 2026-08 written to letters/august")
	for _, name := range []string{"contoso_2026-08_USD.pdf", "north_2026-08_USD.pdf"} {
		info, err := os.Stat(filepath.Join("letters", "august", name))
		if err != nil || info.Size() < 5000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	w.run("ledger", "statement", "--all", "2026-08", "--out", "texts", "--format", "text").want(t, exitOK)
	if got := fileOf(t, "texts/north_2026-08_USD.txt"); !strings.Contains(got, "Northwind") {
		t.Errorf("the text is %q", got)
	}
}

func TestAStatementThatIsNotThereSaysWhy(t *testing.T) {
	w := acme(t)
	for _, c := range []struct {
		args  []string
		code  int
		wants []string
	}{
		{[]string{"contoso"}, exitInvalid, []string{"a PARTNER and a MONTH"}},
		{[]string{"contoso", "July"}, exitInvalid, []string{"not a month"}},
		{[]string{"nobody", "2026-07"}, exitFailed, []string{"there is no partner nobody", "hint: "}},
		{[]string{"contoso", "2020-01"}, exitFailed, []string{"nothing was posted for contoso up to 2020-01", "hint: "}},
		{[]string{"contoso", "2026-07", "--currency", "EUR"}, exitFailed, []string{"nothing in EUR"}},
		{[]string{"contoso", "2026-07", "--currency", "EURO"}, exitInvalid, []string{"--currency"}},
		{[]string{"contoso", "2026-07", "--format", "docx"}, exitInvalid, []string{"docx", "text, csv, pdf, json"}},
		{[]string{"contoso", "2026-07", "--out", "none/a.pdf"}, exitInvalid, []string{"--out", "hint: "}},
		{[]string{"--all", "contoso", "2026-07"}, exitInvalid, []string{"one MONTH"}},
		{[]string{"--all", "2026-07", "--format", "pdf"}, exitInvalid, []string{"need a directory", "hint: "}},
	} {
		w.run(append([]string{"ledger", "statement"}, c.args...)...).want(t, c.code, c.wants...)
	}
}

func TestFilesOfStatementsAreToldApart(t *testing.T) {
	names := fileNames{}
	for _, c := range [][2]string{
		{"bluefin/2026-10/USD", "bluefin_2026-10_USD.pdf"}, {"Bluefin/2026-10/USD", "Bluefin_2026-10_USD-2.pdf"},
		{"../../etc/2026-10/USD", "_.._etc_2026-10_USD.pdf"}, {"partner:FG3877/2026-10/USD", "FG3877_2026-10_USD.pdf"},
		{"株式会社/2026-10/USD", "_____2026-10_USD.pdf"},
	} {
		if got := names.of(c[0], "pdf"); got != c[1] {
			t.Errorf("%s is %s, not %s", c[0], got, c[1])
		}
	}
	if got := names.of(strings.Repeat("long", 100)+"/2026-10/USD", "pdf"); len(got) > 160 || !strings.HasSuffix(got, "_2026-10_USD.pdf") {
		t.Errorf("a long one is %s", got)
	}
}
