package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// The help of every command is what the golden files hold, so that a change of
// it is seen by whoever reviews it.
func TestHelp(t *testing.T) {
	c := newCommand(t)
	var walk func(path []string, cmd *cobra.Command)
	walk = func(path []string, cmd *cobra.Command) {
		name := strings.Join(append([]string{"partnersync"}, path...), "-")
		o := c.run(append(path, "--help")...)
		o.want(t, exitOK)
		golden(t, filepath.Join("help", name+".txt"), o.out)
		for _, child := range cmd.Commands() {
			if child.IsAvailableCommand() && child.Name() != "help" && cmd.Name() != "completion" {
				walk(append(append([]string{}, path...), child.Name()), child)
			}
		}
	}
	walk(nil, (&app{}).command())
}

// docs/commands.md names every command and every flag of one.
func TestEveryCommandIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testdata, "../../../docs/commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" || cmd.Name() == "help" {
			return
		}
		if path := strings.TrimPrefix(cmd.CommandPath(), "partnersync "); cmd.HasParent() && !strings.Contains(string(text), "`"+path) {
			t.Errorf("docs/commands.md does not describe %s", path)
		}
		for flag := range strings.FieldsSeq(cmd.LocalFlags().FlagUsages()) {
			if name, ok := strings.CutPrefix(flag, "--"); ok && name != "help" && !strings.Contains(string(text), "--"+name) {
				t.Errorf("docs/commands.md does not describe --%s of %s", name, cmd.CommandPath())
			}
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk((&app{}).command())
}

func TestUsageErrors(t *testing.T) {
	c := newCommand(t)
	for _, tt := range []struct {
		args  []string
		texts []string
	}{
		{[]string{"statsu"}, []string{`error: unknown command "statsu"`, "hint: did you mean status?"}},
		{[]string{"runs"}, []string{"hint: `partnersync status --history 20` lists the last runs", "!did you mean run?"}},
		{[]string{"quota"}, []string{"hint: `partnersync status` says how Salesforce's requests stand"}},
		{[]string{"replicas"}, []string{"hint: `partnersync status` lists the replicas"}},
		{[]string{"Pull"}, []string{"hint: did you mean `partnersync run pull`?"}},
		{[]string{"close"}, []string{"hint: did you mean `partnersync alerts close` or `partnersync ledger close`?"}},
		{[]string{"ledger", "status"}, []string{"hint: did you mean `partnersync status`?"}},
		{[]string{"help", "runs"}, []string{`error: unknown command "runs"`, "hint: `partnersync status --history 20`"}},
		{[]string{"help", "ledger", "stat"}, []string{`error: unknown command "stat" for "partnersync ledger"`, "hint: "}},
		{[]string{"gibberish"}, []string{"hint: `partnersync --help` lists the commands"}},
		{[]string{"config", "chek"}, []string{"hint: did you mean check?"}},
		{[]string{"run", "--asof", "x"}, []string{"unknown flag: --asof", "hint: did you mean --as-of? `partnersync run --help`"}},
		{[]string{"ledger", "approve", "--partner-id", "x"}, []string{"hint: did you mean --partner? `partnersync ledger approve --help`"}},
		{[]string{"status", "--bogus"}, []string{"hint: `partnersync status --help` says how it is used"}},
		{[]string{"ledger", "hold"}, []string{"wants at least one KEY", "hint: `partnersync ledger hold --help`"}},
		{[]string{"ledger", "statement", "FG3877", "October"}, []string{"is not a month like 2026-10", "hint: write the year and the month in figures"}},
		{[]string{"discrepancies", "confirm", "99", "--reason", "x"}, []string{"error: \"99\" is not a Salesforce id: it is 2 long", "hint: "}},
		{[]string{"run", "pul"}, []string{`there is no stage "pul"`, "hint: did you mean pull?"}},
		{[]string{"run", "--as-of", "31.10.2026"}, []string{`--as-of "31.10.2026" is not a date like 2026-10-31`}},
		{[]string{"explain"}, []string{"explain wants one KEY", "none was given"}},
		{[]string{"version", "--output", "xml"}, []string{"neither table nor json"}},
		{[]string{"version", "--log-level", "loud"}, []string{"none of debug, info, warn, error"}},
		{[]string{"outbox", "retry", "KEY"}, []string{"keys need --object"}},
		{[]string{"outbox", "list", "--state", "gone"}, []string{"none of unsent"}},
		{[]string{"explain", "a", "b"}, []string{"explain wants one KEY", "2 were given"}},
		{[]string{"outbox", "list", "--object", "line"}, []string{`--object "line" is none of partner, statement, commission`}},
		{[]string{"outbox", "retry", "--object", "line"}, []string{"is none of partner"}},
		{[]string{"outbox", "drop", "x", "--object", "line"}, []string{"is none of partner"}},
		{[]string{"outbox", "drop"}, []string{"outbox drop wants at least one KEY"}},
		{[]string{"outbox", "list", "--limit", "0"}, []string{"--limit 0 is not a number of rows"}},
		{[]string{"discrepancies", "--limit", "-1"}, []string{"--limit -1 is not a number of rows"}},
		{[]string{"discrepancies", "--limit", "many"}, []string{`"many"`, "--limit", "not a whole number", "!strconv"}},
		{[]string{"run", "--lenient=perhaps"}, []string{"neither true nor false", "!strconv"}},
		{[]string{"discrepancies", "--kind", "typo"}, []string{`--kind "typo" is no kind`, "hint: ", "unknown_partner_id", "space_without_install"}},
		{[]string{"status", "--history", "-3"}, []string{"--history -3 is not a number of runs"}},
		{[]string{"run", "accrue", "--as-of", "2999-01-01"}, []string{"2999-01-01 is not over yet in the company zone UTC", "hint: ", "at the latest"}},
		{[]string{"apply", "-f", "missing.yaml"}, []string{"missing.yaml", "hint: -f wants the path"}},
		{[]string{"emulator", "--customers", "-1"}, []string{"--customers -1"}},
		{[]string{"emulator", "--generate", "customer=5"}, []string{`error: --generate: there is no key "customer"`, "hint: Is customers meant?"}},
		{[]string{"emulator", "--generate", ""}, []string{"--generate: it has an empty part", "hint: "}},
		{[]string{"emulator", "--generate", "seed=1", "--seed", "2"}, []string{"seed is given by --generate and by --seed"}},
		{[]string{"emulator", "--generate", "customers=5", "--data", "."}, []string{"--generate and --data both fill the org"}},
		{[]string{"emulator", "--file", "."}, []string{"--file: ", "is a directory"}},
		{[]string{"version", "--config", "none.yaml"}, nil},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			if tt.texts == nil {
				c.run(tt.args...).want(t, exitOK)
				return
			}
			o := c.run(tt.args...)
			o.want(t, exitInvalid, tt.texts...)
			if o.out != "" {
				t.Errorf("standard output has %q", o.out)
			}
		})
	}
}

func TestVersionAsJSON(t *testing.T) {
	var b build
	o := newCommand(t).run("version", "--output", "json")
	o.want(t, exitOK)
	o.document(t, &b)
	if b.Go == "" || b.Platform == "" {
		t.Errorf("got %+v", b)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		newCommand(t).run("completion", shell).want(t, exitOK, "partnersync")
	}
	newCommand(t).run("__complete", "run", "p").want(t, exitOK, "pull", "push")
}

func TestConfigCheck(t *testing.T) {
	t.Run("without a file", func(t *testing.T) {
		newCommand(t).run("config", "check").want(t, exitOK, "ok defaults", "no Salesforce org is named")
	})
	t.Run("faults", func(t *testing.T) {
		c := newCommand(t)
		writeFile(t, "partnersync.yaml", "http:\n  lisen: 127.0.0.1:1\nschedules:\n  pull: hourly\nsalesforce:\n  client_secret: [hunter2]\n")
		c.run("config", "check").want(t, exitInvalid,
			"error: 3 faults", "partnersync.yaml:2:3: http.lisen: unknown key; did you mean http.listen?", "  2 |   lisen: 127.0.0.1:1\n    |   ^",
			"partnersync.yaml:4:9: schedules.pull", "hint: ", "!hunter2")
	})
	t.Run("malformed", func(t *testing.T) {
		c := newCommand(t)
		writeFile(t, "partnersync.yaml", "http:\n  listen: [127.0.0.1\n")
		c.run("config", "check").want(t, exitInvalid, "error: partnersync.yaml:2:", "not YAML", "^")
	})
	t.Run("a mapping that is not there", func(t *testing.T) {
		c := newCommand(t, "PARTNERSYNC_MAPPING_FILE=none.yaml")
		c.run("config", "check").want(t, exitInvalid, "none.yaml", "hint: mapping.file")
	})
	t.Run("nearly a variable", func(t *testing.T) {
		newCommand(t, "PARTNERSYNC_LOG_LEVLE=debug").run("config", "check").want(t, exitOK, "note: the environment variable PARTNERSYNC_LOG_LEVLE")
	})
}

func TestConfigShowMasksSecrets(t *testing.T) {
	c := newCommand(t, "PARTNERSYNC_SALESFORCE_CLIENT_SECRET=hunter2", "PARTNERSYNC_DATABASE_URL=postgres://u:hunter2@h/d")
	c.run("config", "show").want(t, exitOK, "•••", "postgres://u:•••@h/d", "PARTNERSYNC_DATABASE_URL", "!hunter2")
	o := c.run("config", "show", "--output", "json")
	o.want(t, exitOK, "!hunter2")
	var settings []map[string]string
	o.document(t, &settings)
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newCommand(t, "PARTNERSYNC_HTTP_LISTEN="+l.Addr().String(), "PARTNERSYNC_SALESFORCE_LOGIN_URL=http://127.0.0.1:1",
		"PARTNERSYNC_SALESFORCE_CLIENT_ID=x", "PARTNERSYNC_SALESFORCE_CLIENT_SECRET=y")
	for _, name := range []string{"serve", "demo"} {
		c.run(name).want(t, exitFailed, fmt.Sprintf("error: serve the web on %s: another program listens there", l.Addr()), "hint: Stop that program, or choose another address")
	}
	c = newCommand(t, "PARTNERSYNC_SALESFORCE_EMULATOR_LISTEN="+l.Addr().String())
	for _, args := range [][]string{{"emulator"}, {"demo", "--once"}} {
		c.run(args...).want(t, exitFailed, fmt.Sprintf("error: another program already listens on %s", l.Addr()), "hint: stop it", "EMULATOR_LISTEN")
	}
	if _, err := os.Stat(".partnersync"); err == nil {
		t.Error("a database was made before the address was tried")
	}
}

func TestNoOrg(t *testing.T) {
	c := newCommand(t)
	for _, name := range []string{"serve", "run"} {
		c.run(name).want(t, exitInvalid, "error: no Salesforce org is configured", "partnersync demo")
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 100000: "100,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	if _, err := json.Marshal(statusDocument{}); err != nil {
		t.Error(err)
	}
}

// What a hint tells people to type exists, with its flags.
func TestEveryHintOfAWordNamesACommandThatExists(t *testing.T) {
	root := (&app{}).command()
	for word, sentence := range meant {
		if sub, _, err := root.Find([]string{word}); err == nil && sub != root {
			t.Errorf("%s is a command: nobody is told %q", word, sentence)
		}
		for i, quoted := range strings.Split(sentence, "`") {
			line, is := strings.CutPrefix(quoted, "partnersync ")
			if i%2 == 0 || !is {
				continue
			}
			sub, rest, err := root.Find(strings.Fields(line))
			if err != nil || sub == root {
				t.Errorf("%s: there is no %q (%v)", word, line, err)
				continue
			}
			for _, arg := range rest {
				name, isLong := strings.CutPrefix(arg, "--")
				short, isShort := strings.CutPrefix(arg, "-")
				if isLong && name != "help" && sub.Flags().Lookup(name) == nil || !isLong && isShort && sub.Flags().ShorthandLookup(short) == nil {
					t.Errorf("%s: %q has no flag %s", word, line, arg)
				}
			}
		}
	}
}
