package emulator_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// writerFile names the file of the process that TestWhatWasAcknowledged… kills.
const writerFile = "EMULATOR_TEST_WRITER_FILE"

// TestWriterProcess is that process.
func TestWriterProcess(t *testing.T) {
	path := os.Getenv(writerFile)
	if path == "" {
		t.Skip("it is run by another test")
	}
	writeUntilKilled(path)
}

func openOrg(t testing.TB, path string, opt emulator.Options) (*emulator.Org, emulator.Opened) {
	t.Helper()
	if opt.Clock == nil {
		opt.Clock = clock.NewManual(noon)
	}
	org, found, err := emulator.Open(opt, emulator.FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := org.CloseFile(); err != nil {
			t.Error(err)
		}
	})
	return org, found
}

// everything gives all records of an org.
func everything(org *emulator.Org) map[string][]map[string]any {
	all := map[string][]map[string]any{}
	for _, obj := range org.Schema.Objects {
		all[obj.Name] = org.Records(obj.Name)
	}
	return all
}

// writeUntilKilled writes to an org in a file, by its API, and says each write only
// when it was acknowledged. There are enough of them for the file to be rewritten.
func writeUntilKilled(path string) {
	die := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	org, _, err := emulator.Open(emulator.Options{DailyLimit: 1 << 40}, emulator.FileOptions{Path: path})
	die(err)
	server := httptest.NewServer(org.Handler())
	session, err := http.PostForm(server.URL+"/services/oauth2/token", url.Values{"grant_type": {"client_credentials"},
		"client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}})
	die(err)
	var login struct {
		Token string `json:"access_token"`
	}
	die(json.NewDecoder(session.Body).Decode(&login))
	begun := org.Count("Partner_Commission__c")
	for n := 0; ; n++ {
		// Each call makes one record and raises the amount of 199 others.
		records := []map[string]any{}
		for k := range 200 {
			key := fmt.Sprint("shared-", k)
			if k == 0 {
				key = fmt.Sprintf("own-%d-%d", begun, n)
			}
			records = append(records, map[string]any{"attributes": map[string]any{"type": "Partner_Commission__c"}, "Commission_Key__c": key, "Amount__c": n})
		}
		body, err := json.Marshal(map[string]any{"allOrNone": true, "records": records})
		die(err)
		req, err := http.NewRequest(http.MethodPatch, server.URL+"/services/data/v62.0/composite/sobjects/Partner_Commission__c/Commission_Key__c", strings.NewReader(string(body)))
		die(err)
		req.Header.Set("Authorization", "Bearer "+login.Token)
		req.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(req)
		die(err)
		text, err := io.ReadAll(answer.Body)
		die(err)
		if answer.StatusCode != http.StatusOK || strings.Contains(string(text), `"success":false`) {
			die(fmt.Errorf("%d %s", answer.StatusCode, text))
		}
		fmt.Printf("own-%d-%d %d\n", begun, n, n)
	}
}

// A process that is killed in the middle of its writes leaves all that it had
// acknowledged, and nothing by halves, life after life.
func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org.snapshot")
	acknowledged := map[string]bool{}
	for life, lines := range []int{1, 20, 300, 3, 60} {
		c := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$")
		c.Env = append(os.Environ(), writerFile+"="+path)
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(out)
		last := 0
		for n := 0; s.Scan(); n++ {
			if n == lines { // further ones may still be in the pipe: they were acknowledged too
				if err := c.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			var key string
			if _, err := fmt.Sscan(s.Text(), &key, &last); err != nil {
				break // the kill cut the line off
			}
			acknowledged[key] = true
		}
		if err := c.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("life %d ended by itself: %v", life, err)
		}
		checkAcknowledged(t, path, acknowledged, last)
	}
}

// checkAcknowledged opens the file: every own record of an acknowledged call is
// there, and the shared ones all show one call, the last acknowledged or the one that
// was under way.
func checkAcknowledged(t *testing.T, path string, acknowledged map[string]bool, last int) {
	t.Helper()
	org, _ := openOrg(t, path, emulator.Options{})
	shared := map[string]int{}
	for _, r := range org.Records("Partner_Commission__c") {
		key := r["Commission_Key__c"].(string)
		if strings.HasPrefix(key, "shared") {
			shared[fmt.Sprint(r["Amount__c"])]++
		} else if acknowledged[key] {
			delete(acknowledged, key)
			defer func() { acknowledged[key] = true }() // for the lives to come
		}
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged records are lost, such as %v", len(acknowledged), acknowledged)
	}
	if a, b := shared[fmt.Sprintf("%d.0", last)], shared[fmt.Sprintf("%d.0", last+1)]; a+b != 199 || a*b != 0 {
		t.Errorf("the last acknowledged call was %d; the shared records show %v", last, shared)
	}
	if err := org.CloseFile(); err != nil {
		t.Error(err)
	}
}

// What fills an org is kept with its recycle bin and history; the org knows that it is
// filled, and what it is like.
func TestAGeneratedOrgComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org.snapshot")
	opt := emulator.Options{MultiCurrency: true, Currencies: []string{"EUR", "KWD"}, Without: []string{"Contact.Title"}, SandboxField: emulator.SandboxFlagOfSubscriber}
	org, found := openOrg(t, path, opt)
	if found.Filled {
		t.Error("a new org is filled")
	}
	if err := org.Generate(emulator.GenerateOptions{Customers: 30, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	before := everything(org)
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	// Nothing has to be said a second time.
	org, found = openOrg(t, path, emulator.Options{})
	if d := cmp.Diff(before, everything(org)); d != "" || !found.Filled {
		t.Errorf("%+v %.2000s", found, d)
	}
	if err := org.Generate(emulator.GenerateOptions{}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("filling it twice: %v", err)
	}
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	openOrg(t, path, opt)
	for name, other := range map[string]emulator.Options{"currencies": {Currencies: []string{"USD"}}, "flag": {SandboxField: emulator.SandboxFlag}, "objects": {Without: []string{"Lead"}}} {
		if _, _, err := emulator.Open(other, emulator.FileOptions{Path: filepath.Join(t.TempDir(), "x")}); err != nil {
			t.Errorf("a new org of other %s: %v", name, err)
		}
	}
}

func TestAnOrgOfAnotherKindIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org.snapshot")
	org, _ := openOrg(t, path, emulator.Options{})
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	for want, opt := range map[string]emulator.Options{
		"one currency only": {MultiCurrency: true}, "other currencies": {Currencies: []string{"USD"}},
		"names the sandbox flag": {SandboxField: emulator.SandboxFlagOfSubscriber}, "other objects": {Without: []string{"Lead"}},
	} {
		if _, _, err := emulator.Open(opt, emulator.FileOptions{Path: path}); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want) || errs.HintOf(err) == "" {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, _, err := emulator.Open(emulator.Options{Without: []string{"Nothing"}}, emulator.FileOptions{Path: filepath.Join(t.TempDir(), "x")}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("an object that is none: %v", err)
	}
}

// A load that is refused does not make the org count as filled.
func TestAFailedLoadDoesNotFillTheOrg(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org.snapshot")
	org, _ := openOrg(t, path, emulator.Options{})
	for _, d := range []string{filepath.Join(t.TempDir(), "nowhere"), dir(t, map[string]string{"Account.csv": "Nope\nx\n"})} {
		if err := org.LoadDir(d); err == nil {
			t.Fatal("it was taken")
		}
	}
	if _, err := org.Insert("Account", map[string]any{"Name": "by hand"}); err != nil {
		t.Fatal(err)
	}
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	org, found := openOrg(t, path, emulator.Options{})
	if found.Filled || org.Count("Account") != 1 {
		t.Errorf("%+v, %d accounts", found, org.Count("Account"))
	}
	if err := org.LoadDir(dir(t, map[string]string{"Account.csv": "Name\nx\n"})); err != nil {
		t.Fatal(err)
	}
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	if _, found = openOrg(t, path, emulator.Options{}); !found.Filled {
		t.Error("a loaded org is not filled")
	}
}

// An org whose file takes nothing any more acknowledges nothing any more.
func TestAnOrgWithoutItsFileIsUnavailable(t *testing.T) {
	org, _ := openOrg(t, filepath.Join(t.TempDir(), "org.snapshot"), emulator.Options{})
	s := httptest.NewServer(org.Handler())
	t.Cleanup(s.Close)
	c := &client{t: t, org: org, url: s.URL}
	c.login()
	if err := org.CloseFile(); err != nil {
		t.Fatal(err)
	}
	const path = "composite/sobjects/Partner__c/Partner_ID__c"
	body := `{"records": [{"attributes": {"type": "Partner__c"}, "Partner_ID__c": "FG3877"}]}`
	if status, text, _ := c.do(http.MethodPatch, path, body); status != http.StatusServiceUnavailable || !strings.Contains(text, "SERVER_UNAVAILABLE") {
		t.Errorf("%d %s", status, text)
	}
	if status, text, _ := c.do(http.MethodGet, "limits", ""); status != http.StatusServiceUnavailable || !json.Valid([]byte(text)) {
		t.Errorf("%d %s", status, text)
	}
}
