package siege_test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// orgProcess is an org in a process of its own, which keeps it in a file.
type orgProcess struct {
	t            testing.TB
	binary, file string
	addr         string // the same after every start
	cmd          *exec.Cmd
}

// newOrgProcess starts an org with the company that every case has.
func newOrgProcess(t testing.TB) *orgProcess {
	t.Helper()
	path, err := binary()
	must(t, err)
	o := &orgProcess{t: t, binary: path, file: filepath.Join(t.TempDir(), "org"), addr: "127.0.0.1:0"}
	org, _, err := emulator.Open(emulator.Options{}, emulator.FileOptions{Path: o.file})
	must(t, err)
	must(t, org.Generate(theCompany(opportunities)))
	must(t, org.CloseFile())
	o.start()
	t.Cleanup(o.kill)
	return o
}

var orgAddress = regexp.MustCompile(`An org is at http://(\S+?)\.?(\s|$)`)

func (o *orgProcess) start() {
	o.t.Helper()
	o.cmd = exec.Command(o.binary, "emulator", "--file", o.file, "--listen", o.addr)
	o.cmd.Dir = filepath.Dir(o.file)
	out, err := o.cmd.StdoutPipe()
	must(o.t, err)
	o.cmd.Stderr = o.cmd.Stdout
	must(o.t, o.cmd.Start())
	lines := bufio.NewScanner(out)
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
		if m := orgAddress.FindStringSubmatch(lines.Text()); m != nil {
			o.addr = m[1]
			go func() {
				for lines.Scan() { // so that it never waits for a reader
				}
			}()
			return
		}
	}
	o.t.Fatalf("the org did not start:\n%s", said)
}

// kill ends it in the middle of whatever it does.
func (o *orgProcess) kill() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
}

// TestTheOrgIsKilled: the org's process is killed while it is read or written, and started
// again on what it had acknowledged; sessions, open results and Bulk jobs are gone. It is
// away for a moment, or for longer than the program tries.
func TestTheOrgIsKilled(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	const calls, bulk = ``, `pull: {api: bulk}
push: {api: bulk}`
	for _, c := range []struct {
		name, api, rule string
		forgets         bool // a job that the program waits for, which is a failure
	}{
		{"before it answers a query", calls, `when: {kind: query, object: Opportunity}, do: {hang: {}}`, false},
		{"in the middle of an answer", calls, `when: {kind: query, object: Space__c}, do: {hang: {bytes: 900}}`, false},
		{"before it applies a call", calls, `when: {kind: [collection, upsert], object: Partner_Commission__c}, do: {hang: {}}`, false},
		{"behind a call that it has applied", calls, `when: {kind: [collection, upsert], object: Partner_Commission__c}, do: {hang: {bytes: 0}}`, false},
		{"behind a job that was made to read", bulk, `when: {kind: bulk-query, method: POST}, do: {hang: {bytes: 0}}`, false},
		{"in the middle of a job's result", bulk, `when: {kind: bulk-results, method: GET}, do: {hang: {bytes: 700}}`, false},
		{"behind a job that was made to write", bulk, `when: {kind: bulk-ingest, method: POST}, do: {hang: {bytes: 0}}`, false},
		{"behind a job that was closed", bulk, `when: {kind: bulk-ingest, method: PATCH}, do: {hang: {bytes: 0}}`, true},
		{"while it works on a job", bulk, `when: {kind: bulk-ingest, method: GET}, do: {hang: {}}`, true},
	} {
		for _, isBrief := range []bool{true, false} {
			name := c.name + ", for long"
			if isBrief {
				name = c.name + ", for a moment"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w, org := newWorldOfAProcess(t)
				w.configure("", c.api)
				w.seer.play(c.rule)
				ended := make(chan ran, 1)
				go func() { ended <- w.run("all") }()
				await(t, "the moment to kill the org", func() bool { return w.seer.played() > 0 })
				org.kill()
				var r ran
				if isBrief {
					org.start()
					r = <-ended
				} else {
					r = <-ended
					org.start()
				}
				if !r.isDone() && r.code != 5 && !(c.forgets && r.code == 1) {
					t.Errorf("exit %d, want 5 (try later)\n%s", r.code, r.text)
				}
				w.checkCalm(want)
			})
		}
	}
}

// newWorldOfAProcess is newWorld with the org in a process of its own.
func newWorldOfAProcess(t testing.TB) (*world, *orgProcess) {
	t.Helper()
	org := newOrgProcess(t)
	seer := &observer{t: t, url: "http://" + org.addr}
	seer.login()
	w := worldOn(t, seer, pgtest.DSN(t))
	w.apply()
	return w, org
}
