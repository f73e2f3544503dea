package main

import (
	"bytes"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/company"
)

// What an org is filled with follows from --generate, the older flags and the
// settings, each said once.
func TestWhatIsMadeUpIsSaidOnce(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want company.Options
	}{
		{nil, company.Options{Opportunities: 200, Seed: 1}},
		{[]string{"--customers", "9", "--seed", "3"}, company.Options{Customers: 9, Opportunities: 200, Seed: 3}},
		{[]string{"--generate", "customers=10000,seed=7"}, company.Options{Customers: 10_000, Seed: 7}},
		{[]string{"--generate", "seed=0"}, company.Options{Opportunities: 200}},
		{[]string{"--generate", "leads=0,years=3"}, company.Options{Opportunities: 200, Leads: -1, Years: 3, Seed: 1}},
		{[]string{"--generate", "customers=5", "--opportunities", "70"}, company.Options{Customers: 5, Opportunities: 70, Seed: 1}},
		{[]string{"--generate", "years=2", "--customers", "5"}, company.Options{Customers: 5, Years: 2, Seed: 1}},
	} {
		a := &app{}
		c := a.emulatorCommand()
		if err := c.ParseFlags(tt.args); err != nil {
			t.Fatal(err)
		}
		flags := c.Flags()
		var f emulatorFlags
		f.customers, _ = flags.GetInt("customers")
		f.opportunities, _ = flags.GetInt("opportunities")
		f.seed, _ = flags.GetInt64("seed")
		f.source.generate, _ = flags.GetString("generate")
		e := config.Default().Salesforce.Emulator
		e.Opportunities = 200
		if err := f.into(c, &e); err != nil {
			t.Fatal(err)
		}
		got, err := specOf(c, f, e)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%v: %s", tt.args, d)
		}
	}
}

// An org in a file goes on where it stopped; what would fill it again is not used.
func TestEmulatorKeepsItsOrgInAFile(t *testing.T) {
	c := newCommand(t, demoEnv()...)
	args := []string{"emulator", "--generate", "customers=20,seed=7", "--file", "org.snapshot"}
	screen, ended, stop := c.start(args...)
	screen.waitFor(t, `(?s)An org is at (\S+)\..*20 Account.*org.snapshot keeps it`, ended)
	(&command{t: t, env: c.env}).run(args...).want(t, exitFailed, "--file: org.snapshot is in use by another process", "hint: ")
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, screen)
	}
	org, found, err := emulator.Open(emulator.Options{}, emulator.FileOptions{Path: "org.snapshot"})
	if err != nil || !found.Filled {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := org.Insert("Partner__c", map[string]any{"Partner_ID__c": "FG3877"}); err != nil {
		t.Fatal(err)
	}
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	// Cut a write off, as a machine that loses its power does.
	whole, err := os.ReadFile("org.snapshot")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("org.snapshot", append(bytes.Clone(whole), "\xf7PSJ\xff\x00"...), 0o600); err != nil {
		t.Fatal(err)
	}
	screen, ended, stop = c.start(args...)
	url := screen.waitFor(t, `(?s)org.snapshot holds an org already; --generate was not used.*An org is at (\S+)\..*20 Account`, ended)
	screen.waitFor(t, `(the last 6 bytes of org.snapshot were a write that was cut off)`, ended)
	screen.waitFor(t, `(1 Partner__c)`, ended)
	if code, _ := get(t, url+"/services/data"); code != http.StatusOK {
		t.Errorf("the org answers %d", code)
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, screen)
	}
	writeFile(t, "list.txt", "milk, eggs\n")
	c.run("emulator", "--file", "list.txt").want(t, exitInvalid, "list.txt is not the file of an org", "hint: ")
	writeFile(t, "later", "partnersync-org 9\n")
	c.run("emulator", "--file", "later").want(t, exitInvalid, "format version 9", "hint: ")
	c.run("emulator", "--file", "org.snapshot", "--multi-currency").want(t, exitInvalid, "has one currency only", "hint: ")
}
