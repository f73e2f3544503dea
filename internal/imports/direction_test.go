// Package imports tests in which direction the rooms import each other.
package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/partnersync/partnersync/"

// mayImport says, for each wing, the wings below it. A room may import rooms of
// its own wing unless forbidden says otherwise.
var mayImport = map[string][]string{
	"cmd": {"config", "portal", "sync", "mapping", "ledger", "salesforce", "migrations", "internal"},
	// schedule reads cron lines, quota reads shares, alert checks where it is to send to.
	"config":     {"sync/schedule", "sync/stage", "sync/quota", "sync/alert", "sync/watch", "internal"},
	"portal":     {"sync", "mapping", "ledger", "migrations", "internal"},
	"sync":       {"mapping", "ledger", "internal"},
	"mapping":    {"salesforce", "ledger", "internal"},
	"salesforce": {"internal"},
	"ledger":     {"internal"},
	"migrations": {"internal"},
	"internal":   {"migrations"}, // pgtest migrates its template
}

// besides are imports that a room may have although its wing may not.
var besides = map[string][]string{
	"sync/pull": {"salesforce"},
	"sync/push": {"salesforce"},
	// One writes instants as Salesforce does, the other compares with it.
	"sync/record":  {"salesforce"},
	"sync/verify":  {"salesforce"},
	"sync/recount": {"salesforce"},
	// It reads what push would write over.
	"sync/rehearsal": {"salesforce"},
	// It reads the stamp of a record as it was received.
	"sync/staging": {"salesforce"},
	// It asks the org for its quota, and stands before every request.
	"sync/quota": {"salesforce"},
}

// forbidden are imports within a wing, or beyond it, that would tie rooms together.
var forbidden = map[string][]string{
	"sync/pull":         {"sync/reconcile", "sync/accrue", "sync/push", "sync/recount", "sync/verify", "ledger"},
	"sync/reconcile":    {"sync/pull", "sync/accrue", "sync/push", "sync/recount", "sync/verify", "sync/outbox", "salesforce"},
	"sync/accrue":       {"sync/pull", "sync/reconcile", "sync/push", "sync/recount", "sync/verify", "sync/staging", "mapping", "salesforce"},
	"sync/push":         {"sync/pull", "sync/reconcile", "sync/accrue", "sync/recount", "sync/verify", "sync/staging"},
	"sync/recount":      {"sync/pull", "sync/reconcile", "sync/accrue", "sync/push", "sync/verify", "sync/outbox"},
	"sync/verify":       {"sync/pull", "sync/reconcile", "sync/accrue", "sync/push", "sync/recount", "sync/staging"},
	"sync/record":       {"sync/pull", "sync/reconcile", "sync/accrue", "sync/push", "sync/recount", "sync/verify", "sync/staging"},
	"sync/rehearsal":    {"sync/pull", "sync/reconcile", "sync/accrue", "sync/push", "sync/recount", "sync/verify"},
	"sync/stage":        {"sync/", "mapping", "ledger", "salesforce"},
	"sync/quota":        {"sync/pull", "sync/reconcile", "sync/accrue", "sync/push", "sync/verify", "mapping", "ledger"},
	"sync/watch":        {"sync/pull", "sync/reconcile", "sync/accrue", "sync/push", "sync/verify", "mapping", "salesforce"},
	"sync/alert":        {"sync/pull", "sync/reconcile", "sync/accrue", "sync/push", "sync/verify", "mapping", "salesforce"},
	"ledger/commission": {"ledger", "internal/pg", "sync", "mapping"},
	"internal/errs":     {"internal/", "migrations"},
	"internal/clock":    {"internal/", "migrations"},
	"internal/money":    {"internal/", "migrations"},
	"internal/sfid":     {"internal/", "migrations"},
	"portal":            {"salesforce"}, // the web never calls Salesforce
	"mapping":           {"salesforce/emulator"},
	"salesforce":        {"salesforce/emulator"},
}

// opensNothing are rooms that reach neither a database nor a network, not even
// through what they import.
var opensNothing = []string{"ledger/commission"}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", module+"...")
	cmd.Dir = "../.."
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for d := json.NewDecoder(out); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

// below says whether room is wing or lies in it; a wing with a slash at its end
// means only what lies in it.
func below(room, wing string) bool {
	return room == wing || strings.HasPrefix(room, strings.TrimSuffix(wing, "/")+"/")
}

func anyBelow(room string, wings []string) bool {
	for _, w := range wings {
		if below(room, w) {
			return true
		}
	}
	return false
}

func TestImportsPointDown(t *testing.T) {
	all := packages(t)
	if len(all) < 15 {
		t.Fatalf("only %d packages were listed; is the module's name %s?", len(all), module)
	}
	for _, p := range all {
		room := strings.TrimPrefix(p.ImportPath, module)
		wing, _, _ := strings.Cut(room, "/")
		allowed, known := mayImport[wing]
		if !known {
			t.Errorf("%s is in no wing that this test knows; add its wing with what it may import", room)
			continue
		}
		for _, path := range p.Imports {
			target, ours := strings.CutPrefix(path, module)
			if !ours {
				if strings.HasPrefix(path, "github.com/simpleforce/") && room != "salesforce" {
					t.Errorf("%s imports simpleforce; only salesforce may", room)
				}
				continue
			}
			inWing := below(target, wing)
			switch {
			case anyBelow(target, forbidden[room]) && target != room:
				t.Errorf("%s must not import %s", room, target)
			case !inWing && !anyBelow(target, allowed) && !anyBelow(target, besides[room]):
				t.Errorf("%s must not import %s: imports point down only", room, target)
			}
		}
	}
}

func TestPureRoomsOpenNothing(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if !anyBelow(room, opensNothing) {
			continue
		}
		for _, dep := range p.Deps {
			if dep == "database/sql" || dep == "net/http" || dep == "os/exec" {
				t.Errorf("%s reaches %s; it must open nothing", room, dep)
			}
		}
	}
}
