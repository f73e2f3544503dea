package bulk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// schemaWithout is the schema of the project's package without some names.
func schemaWithout(t testing.TB, names ...string) *schema.Schema {
	t.Helper()
	src, err := metadata.Declared(orgpackage.Source)
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := metadata.Customize(src, orgpackage.Source, noon)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := schema.Build(catalog.Declaration(), schema.Options{Without: names, Currencies: []string{"USD"}, SandboxField: schema.SandboxFlag})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// newJobs gives the jobs of an org without records.
func newJobs(t testing.TB, opt Options) *Jobs {
	t.Helper()
	opt.Clock = clock.NewManual(noon)
	opt.Store = store.New(schemaWithout(t), opt.Clock)
	opt.Store.Seed("integration@acme.example", "USD")
	return New(opt)
}

// call sends a request to the jobs and gives the answer.
func (j *Jobs) call(method, path, contentType, body string) (*httptest.ResponseRecorder, error) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	path, _, _ = strings.Cut(path, "?")
	err := j.Serve(&Call{W: w, R: r, Path: strings.Split(path, "/"), Version: "62.0", UserID: j.opt.Store.UserID})
	return w, err
}

// load runs an ingest job over data to its end.
func (j *Jobs) load(t testing.TB, operation string, d Dialect, data string) *job {
	t.Helper()
	w, err := j.call("POST", "ingest", "application/json", fmt.Sprintf(`{"operation":%q,"object":"Partner__c","externalIdFieldName":"Partner_ID__c","columnDelimiter":%q,"lineEnding":%q}`,
		operation, d.ColumnDelimiter(), d.LineEnding()))
	if err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, err)
	}
	_, id, _ := strings.Cut(w.Body.String(), `"id":"`)
	path := "ingest/" + id[:18]
	if _, err := j.call("PUT", path+"/batches", "text/csv", data); err != nil {
		t.Fatal(err)
	}
	if _, err := j.call("PATCH", path, "application/json", `{"state":"UploadComplete"}`); err != nil {
		t.Fatal(err)
	}
	j.Wait()
	jb, err := j.find(id[:18], typeIngest)
	if err != nil {
		t.Fatal(err)
	}
	return jb
}

// rowsOf counts the lines of a result that are not its header.
func (j *Jobs) rowsOf(t testing.TB, jb *job, part string) int {
	t.Helper()
	w, err := j.call("GET", "ingest/"+jb.info.ID+"/"+part, "", "")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := readAll(jb.info.Dialect, w.Body.Bytes())
	if err != nil {
		t.Fatalf("%s cannot be read: %v\n%q", part, err, w.Body)
	}
	return len(rows) - 1
}

func FuzzEveryRowIsInOneResultWhateverIsUploaded(f *testing.F) {
	for _, s := range []string{"Name,Partner_ID__c\nA,1\nB,1\n,\n#N/A,#N/A\n", "Id\n001000000000001AAA\n", "Partner_ID__c,Owner.Username,User:Owner.Username\nx,integration@acme.example,y\n",
		"Partner_ID__c,Joined_On__c,OwnerId,CreatedDate,Status__c\na,2026-13-01,x,2020-01-01,\"q\"\"\nr\"\n", "\"", "\xff\xfe,\x00\n\x00\n", "Name\r\nx\r\n", "Partner_ID__c\n\n\na\n", ".\nx\n", ":.\nx\n"} {
		f.Add(s, byte(0), byte(0), false)
		f.Add(s, byte(2), byte(3), true)
	}
	j := newJobs(f, Options{})
	f.Fuzz(func(t *testing.T, data string, operation, delimiter byte, crlf bool) {
		d := Dialect{Delimiter: ",\t;|^`"[delimiter%6], CRLF: crlf}
		jb := j.load(t, []string{opInsert, opUpdate, opUpsert, opDelete, opHardDelete}[operation%5], d, data)
		switch jb.info.State {
		case Failed:
			if jb.info.ErrorMessage == "" || jb.info.ErrorMessage == fatedMessage {
				t.Fatalf("%q fails without a reason: %q", data, jb.info.ErrorMessage)
			}
		case JobComplete:
			rows, err := readAll(d, []byte(data))
			if err != nil {
				t.Fatalf("%q was loaded, but cannot be read: %v", data, err)
			}
			good, bad, rest := j.rowsOf(t, jb, "successfulResults"), j.rowsOf(t, jb, "failedResults"), j.rowsOf(t, jb, "unprocessedrecords")
			if good+bad != len(rows)-1 || rest != 0 || bad != jb.info.Failed || good+bad != jb.info.Processed {
				t.Fatalf("%q: %d rows, %d good, %d bad, %d left, says %d of %d", data, len(rows)-1, good, bad, rest, jb.info.Failed, jb.info.Processed)
			}
		default:
			t.Fatalf("%q is %s", data, jb.info.State)
		}
	})
}

// TestJobsAtOnceLeaveEachRowWrittenOnce loads the same keys by several jobs at
// once, with a writer and an aborting client between them.
func TestJobsAtOnceLeaveEachRowWrittenOnce(t *testing.T) {
	j := newJobs(t, Options{Running: 3})
	d := Dialect{Delimiter: ','}
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			var b strings.Builder
			b.WriteString("Partner_ID__c,Name\n")
			for _, i := range rand.New(rand.NewPCG(uint64(n), 0)).Perm(1000) {
				fmt.Fprintf(&b, "P%d,Partner %d of %d\n", i, i, n)
			}
			jb := j.load(t, opUpsert, d, b.String())
			if jb.info.State != JobComplete || jb.info.Failed != 0 {
				t.Errorf("%+v", jb.info)
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			w, err := j.call("POST", "query", "application/json", `{"operation":"query","query":"SELECT Id, Name FROM Partner__c"}`)
			if err != nil {
				t.Error(err)
				return
			}
			_, id, _ := strings.Cut(w.Body.String(), `"id":"`)
			j.call("PATCH", "query/"+id[:18], "application/json", `{"state":"Aborted"}`) //nolint:errcheck // it may be complete
			if _, err := j.call("DELETE", "query/"+id[:18], "", ""); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	if n := j.opt.Store.Count("Partner__c"); n != 1000 {
		t.Errorf("%d partners are there", n)
	}
}

func TestAnAbortedJobKeepsWhatItWrote(t *testing.T) {
	reached, goOn := make(chan struct{}), make(chan struct{})
	n := 0
	j := newJobs(t, Options{Row: func(context.Context, Row) *schema.RowError {
		if n++; n == 201 { // the first of the second transaction
			close(reached)
			<-goOn
		}
		return nil
	}})
	data := "Partner_ID__c\n"
	for i := range 1000 {
		data += fmt.Sprintf("P%d\n", i)
	}
	done := make(chan *job, 1)
	go func() {
		defer close(done) // also when load ends the test
		done <- j.load(t, opInsert, Dialect{Delimiter: ','}, data)
	}()
	select {
	case <-reached:
	case jb := <-done:
		t.Fatalf("the job is over before it is aborted: %+v", jb)
	}
	j.mu.Lock()
	id := j.order[0].info.ID
	j.mu.Unlock()
	aborted := make(chan error)
	go func() {
		_, err := j.call("PATCH", "ingest/"+id, "application/json", `{"state":"Aborted"}`)
		aborted <- err
	}()
	for { // the abort waits for the transaction, and the transaction for us
		runtime.Gosched()
		j.mu.Lock()
		s := j.order[0].info.State
		j.mu.Unlock()
		if s == Aborted {
			break
		}
	}
	close(goOn)
	if err := <-aborted; err != nil {
		t.Fatal(err)
	}
	jb := <-done
	if jb.info.State != Aborted || jb.info.Processed != 400 || j.opt.Store.Count("Partner__c") != 400 {
		t.Errorf("%+v", jb.info)
	}
	if good, rest := j.rowsOf(t, jb, "successfulResults"), j.rowsOf(t, jb, "unprocessedrecords"); good != 400 || rest != 600 {
		t.Errorf("%d written, %d left", good, rest)
	}
}

func TestTheOldestJobsMakeRoom(t *testing.T) {
	j := newJobs(t, Options{})
	j.room.bytes, j.room.jobs = 100, 5
	const data = "Partner_ID__c\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" // 45 bytes
	first := j.load(t, opInsert, Dialect{Delimiter: ','}, data)
	second := j.load(t, opInsert, Dialect{Delimiter: ','}, data)
	third := j.load(t, opInsert, Dialect{Delimiter: ','}, data)
	for jb, want := range map[*job]bool{first: false, second: true, third: true} {
		if _, err := j.find(jb.info.ID, typeIngest); (err == nil) != want {
			t.Errorf("job %s: %v", jb.info.ID, err)
		}
	}
	for range 5 {
		if _, err := j.call("POST", "ingest", "application/json", `{"operation":"insert","object":"Account"}`); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(j.order); n != 5 {
		t.Errorf("%d jobs are kept", n)
	}
}

func TestASchemaMayChangeUnderAJob(t *testing.T) {
	var j *Jobs
	transactions := 0
	opt := Options{Writer: func(_ context.Context, userID string) store.Writer {
		st := j.opt.Store
		switch transactions++; transactions {
		case 2: // a field that the job does not use
			st.Evolve(schemaWithout(t, "Partner__c.Tier__c"), nil)
		case 4: // one that it uses
			st.Evolve(schemaWithout(t, "Partner__c.Kind__c"), nil)
		}
		return store.Writer{UserID: userID, At: st.Now()}
	}}
	j = newJobs(t, opt)
	data := "Partner_ID__c,Kind__c\n"
	for i := range 1000 {
		data += fmt.Sprintf("P%d,K%d\n", i, i)
	}
	jb := j.load(t, opUpsert, Dialect{Delimiter: ','}, data)
	if jb.info.State != Failed || jb.info.ErrorMessage != "InvalidBatch : Field name not found : Kind__c" || jb.info.Processed != 600 || jb.info.Failed != 0 {
		t.Errorf("%+v", jb.info)
	}
}

func TestAQueryRunsOverTheSchemaOfItsTurn(t *testing.T) {
	j := newJobs(t, Options{Running: 1})
	j.slots <- struct{}{} // no turn yet
	var paths []string
	for _, field := range []string{"Partner_ID__c", "Kind__c"} {
		w, err := j.call("POST", "query", "application/json", `{"operation":"query","query":"SELECT `+field+` FROM Partner__c"}`)
		if err != nil {
			t.Fatal(err)
		}
		_, id, _ := strings.Cut(w.Body.String(), `"id":"`)
		paths = append(paths, id[:18])
	}
	j.opt.Store.Evolve(schemaWithout(t, "Partner__c.Kind__c"), nil)
	if _, err := j.opt.Store.Insert("Partner__c", map[string]any{"Partner_ID__c": "FG1"}); err != nil {
		t.Fatal(err)
	}
	<-j.slots
	j.Wait()
	for i, want := range []State{JobComplete, Failed} {
		jb, err := j.find(paths[i], typeQuery)
		if err != nil || jb.info.State != want || want == Failed && !strings.Contains(jb.info.ErrorMessage, "No such column 'Kind__c'") {
			t.Errorf("%+v %v", jb.info, err)
		}
	}
}

// TestRowsAreWrittenNoFasterThanThePace: it is asked for before each transaction, and a job
// that waits for it can be aborted.
func TestRowsAreWrittenNoFasterThanThePace(t *testing.T) {
	var asked []int
	j := newJobs(t, Options{Pace: func(_ context.Context, n int) error {
		if asked = append(asked, n); len(asked) == 3 {
			return context.Canceled
		}
		return nil
	}})
	data := "Partner_ID__c\n"
	for i := range 1000 {
		data += fmt.Sprintf("P%d\n", i)
	}
	jb := j.load(t, opUpsert, Dialect{Delimiter: ','}, data)
	if jb.info.State != Aborted || jb.info.Processed != 400 || fmt.Sprint(asked) != "[200 200 200]" {
		t.Errorf("%+v after %v", jb.info, asked)
	}
}
