package emulator

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated in the docs anew")

// routeTable prints the routes as the documentation shows them.
func routeTable() string {
	var b strings.Builder
	b.WriteString("| path | methods |\n|---|---|\n")
	for _, res := range newRouter(restRoutes(), nil).resources {
		var methods []string
		for _, r := range res.routes {
			methods = append(methods, r.method)
		}
		path := res.routes[0].pattern
		if path == "" {
			path = "/"
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", path, strings.Join(methods, ", "))
	}
	return b.String()
}

func TestTheRoutesAreInTheDocs(t *testing.T) {
	const path = "../../docs/emulator-api.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), "-update -->\n")
	_, tail, ok2 := strings.Cut(rest, "<!-- end of routes -->")
	if !ok || !ok2 {
		t.Fatal("the marks of the routes are gone")
	}
	want := head + "-update -->\n" + routeTable() + "<!-- end of routes -->" + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(raw) != want {
		t.Error("docs/emulator-api.md has other routes than the table; write them with -update")
	}
}
