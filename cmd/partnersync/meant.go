package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/partnersync/partnersync/sync/stage"
)

// meant says, of words that people type for a command, what has what they want.
var meant = wordsFor(map[string]string{
	"runs log logs history jobs past last":                                "`partnersync status --history 20` lists the last runs; `serve` logs to its standard error",
	"quota limit limits requests api usage":                               "`partnersync status` says how Salesforce's requests stand, and which job has spent them",
	"replica replicas worker workers node nodes ps leader cluster":        "`partnersync status` lists the replicas of `serve`",
	"schedule schedules next cron when late fresh freshness progress top": "`partnersync status` says what ran, what is late, what comes next, and how fresh each object is",
	"owed balance balances payees commissions amounts payouts":            "`partnersync status` says who is owed what; `partnersync ledger statement PARTNER MONTH` has every line of it",
	"partner partners plan program rates exchange":                        "`partnersync apply -f FILE` states partners, plans and exchange rates; `partnersync plans` lists the plans",
	"error errors problem problems issue issues todo review holds":        "`partnersync discrepancies` lists what asks a person to look, and `partnersync outbox list` what Salesforce refused",
	"quarantine quarantined refused queue pending waiting":                "`partnersync outbox list` shows what has not reached Salesforce, and why",
	"why line lines opportunity space trace reason":                       "`partnersync explain KEY` says why a line is what it is; `partnersync explain --help` tells of opportunities and Spaces",
	"ui web page dashboard browser portal start daemon up server":         "`partnersync serve` serves the status page and runs the stages by their schedule",
	"health ping login connect diagnose diagnostics":                      "`partnersync doctor` checks the database, the login and the org's fields",
	"sync once go all":                          "`partnersync run` runs all stages once",
	"init setup install configure settings env": "`partnersync config check` says what is wrong with the settings, `partnersync doctor` what else is not right",
	"alarm alarms notifications notify":         "`partnersync alerts` shows what somebody was told of",
	"deals deal registration reg":               "`partnersync registrations list` lists what partners have registered",
	"months month period periods":               "`partnersync ledger close` lists the months that are closed",
	"stop quit kill":                            "Ctrl-C or SIGTERM stops `partnersync serve`; what is in hand is finished or rolled back",
})

// wordsFor gives the sentence of each word.
func wordsFor(sentences map[string]string) map[string]string {
	out := map[string]string{}
	for words, sentence := range sentences {
		for _, w := range strings.Fields(words) {
			out[w] = sentence
		}
	}
	return out
}

var unknownCommand = regexp.MustCompile(`^unknown command "([^"]*)" for "([^"]*)"$`)

// whatWasMeant says what has what somebody wants who typed a command that does not exist:
// it is one in another place, a stage, or a word for something that has another name. ""
// if nobody can say, or if it is there under a name that is spelt nearly so.
func whatWasMeant(root *cobra.Command, problem string) string {
	found := unknownCommand.FindStringSubmatch(problem)
	if found == nil {
		return ""
	}
	word, parent := strings.ToLower(found[1]), found[2]
	if places := pathsOf(root, word, parent); len(places) > 0 {
		return "did you mean " + oneOf(places) + "?"
	}
	if slices.Contains(stage.Names(), word) {
		return fmt.Sprintf("did you mean `partnersync run %s`?", word)
	}
	return meant[word]
}

// pathsOf gives the paths of the commands of a name that are not below parent.
func pathsOf(c *cobra.Command, name, parent string) (out []string) {
	for _, child := range c.Commands() {
		if child.Name() == name && c.CommandPath() != parent {
			out = append(out, "`"+child.CommandPath()+"`")
		}
		out = append(out, pathsOf(child, name, parent)...)
	}
	return out
}

// oneOf lists things of which one is meant, allOf things that all are.
func oneOf(list []string) string { return listed(list, " or ") }
func allOf(list []string) string { return listed(list, " and ") }

func listed(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	n := len(list) - 1
	return strings.Join(list[:n], ", ") + last + list[n]
}

// nearFlag gives the flag of a command that an unknown one is likely to stand for: it is
// spelt the same but for dashes, or is the longer or shorter form of it. "" if there is none.
func nearFlag(c *cobra.Command, problem string) (near string) {
	name, is := strings.CutPrefix(problem, "unknown flag: --")
	if !is || name == "" {
		return ""
	}
	bare := func(s string) string { return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) }
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if a, b := bare(name), bare(f.Name); near == "" && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) {
			near = "--" + f.Name
		}
	})
	return near
}
