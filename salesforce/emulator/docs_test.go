package emulator

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented is a line of the tables of docs/emulator-api.md.
var documented = regexp.MustCompile("(?m)^\\| ([A-Z, ]+) \\| `([^`]+)` \\| ([^|]*) \\| ([^|]*) \\| \\[page\\]\\((https://[a-z]+\\.salesforce\\.com/[^)]+)\\) \\|$")

func TestTheTablesOfTheDocsAreTheRoutes(t *testing.T) {
	raw, err := os.ReadFile("../../docs/emulator-api.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, line := range documented.FindAllStringSubmatch(string(raw), -1) {
		path := line[2]
		if strings.HasPrefix(path, "/") && path != "/" {
			told[path] = true // a door checks its methods itself
			continue
		}
		for method := range strings.SplitSeq(line[1], ", ") {
			told[method+" "+strings.TrimPrefix(path, "/")] = true
		}
	}
	built := map[string]bool{}
	for _, r := range restRoutes() {
		built[r.method+" "+r.pattern] = true
	}
	for _, d := range doors() {
		built[d.pattern] = true
	}
	for route := range built {
		if !told[route] {
			t.Errorf("docs/emulator-api.md does not tell of %s", route)
		}
	}
	for route := range told {
		if !built[route] {
			t.Errorf("docs/emulator-api.md tells of %s, which is not there", route)
		}
	}
}

func TestTheDocsTellOfEverySOAPCall(t *testing.T) {
	raw, err := os.ReadFile("../../docs/emulator-api.md")
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string][]string{"/services/Soap/u/{version}": {"login"}, "/services/Soap/m/{version}": nil}
	for name := range soapOperations() {
		lists["/services/Soap/u/{version}"] = append(lists["/services/Soap/u/{version}"], name)
	}
	for name := range metadataOperations {
		lists["/services/Soap/m/{version}"] = append(lists["/services/Soap/m/{version}"], name)
	}
	for _, line := range documented.FindAllStringSubmatch(string(raw), -1) {
		want, ok := lists[line[2]]
		if !ok {
			continue
		}
		_, calls, _ := strings.Cut(line[3], ": ")
		got := strings.Split(strings.ReplaceAll(calls, " (to version 64)", ""), ", ")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the docs tell of %v, the code has %v", line[2], got, want)
		}
	}
}
