package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store/journal"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func schemaWithout(t testing.TB, names ...string) *schema.Schema {
	t.Helper()
	src, err := metadata.Declared(orgpackage.Source)
	must(t, err)
	sc, err := schema.Build(src, schema.Options{Without: names, SandboxField: "sfLma__Is_Sandbox__c"})
	must(t, err)
	return sc
}

// options open a file as an org would that has not the objects named.
func options(t testing.TB, c clock.Clock, without ...string) FileOptions {
	return FileOptions{Build: func(document []byte) (*Store, []byte, error) {
		s := New(schemaWithout(t, without...), c)
		if document == nil {
			s.Seed("integration@acme.example", "USD")
		}
		return s, []byte("about"), nil
	}}
}

func openFile(t testing.TB, path string, opt FileOptions) (*Store, journal.Opened) {
	t.Helper()
	s, found, err := OpenFile(path, opt)
	must(t, err)
	t.Cleanup(func() { must(t, s.CloseFile()) })
	return s, found
}

// digest is a hash over all records of all objects with all fields.
func digest(s *Store) string {
	h := sha256.New()
	for _, obj := range s.Schema.Objects {
		for _, r := range s.Records(obj.Name) {
			for _, k := range slices.Sorted(maps.Keys(r)) {
				fmt.Fprintf(h, "%s.%s=%v\n", obj.Name, k, r[k])
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.absent)) {
		fmt.Fprintln(h, id, *s.absent[id])
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// world is a store in a file, and what may be done to it.
type world struct {
	path  string
	clock *clock.Manual
	opt   FileOptions
	s     *Store
	ids   map[string][]string
	given map[any]bool // ids and auto numbers
}

// step does something at random: it may be refused, as a client's writes are.
func (w *world) step(rt *rapid.T) {
	object := rapid.SampledFrom([]string{"Account", "Contact", "Space__c", "Space_User__c", "Opportunity", "Space_Org__c"}).Draw(rt, "object")
	one := func(object string) string {
		if len(w.ids[object]) == 0 {
			return ""
		}
		return rapid.SampledFrom(w.ids[object]).Draw(rt, "id")
	}
	text := rapid.StringN(0, 30, 60)
	switch verb := rapid.IntRange(0, 9).Draw(rt, "verb"); {
	case verb < 4:
		fields := map[string]any{"Name": text.Draw(rt, "name"), "LastName": "x", "AccountId": one("Account"), "Account__c": one("Account"),
			"Space_Key__c": text.Draw(rt, "key"), "Partner_ID__c": "FG3877", "StageName": "Closed Won", "CloseDate": "2026-01-02", "Amount": rapid.Int64Range(-1e9, 1e9).Draw(rt, "amount")}
		maps.DeleteFunc(fields, func(name string, _ any) bool {
			f, ok := w.s.Tables[object].Object.Field(name)
			return !ok || f.AutoFormat != "" || f.From != ""
		})
		if id, err := w.s.Insert(object, fields); err == nil {
			w.ids[object] = append(w.ids[object], id)
			made, _ := w.s.Record(object, id)
			names := []any{id}
			if object == "Space_User__c" {
				names = append(names, made["Name"]) // an auto number
			}
			for _, name := range names {
				if w.given[name] {
					rt.Fatalf("%v was given before", name)
				}
				w.given[name] = true
			}
		}
	case verb < 6:
		fields := map[string]any{"Partner_ID__c": text.Draw(rt, "partner"), "Description": text.Draw(rt, "description")}
		maps.DeleteFunc(fields, func(name string, _ any) bool { _, ok := w.s.Tables[object].Object.Field(name); return !ok })
		_ = w.s.Update(object, one(object), fields, w.clock.Now())
	case verb == 6:
		_ = w.s.Delete(object, one(object))
	case verb == 7:
		_ = w.s.Undelete(object, one(object))
	case verb == 8:
		_ = w.s.Purge(object, one(object))
	default:
		_ = w.s.Merge("Account", one("Account"), one("Account"))
	}
	if rapid.Bool().Draw(rt, "later") {
		w.clock.Advance(time.Second)
	}
}

// After whatever was written, deleted, merged and purged, and rewritten in between, a
// store that is opened again is the same to the last byte, and gives no id twice.
func TestAStoreIsTheSameAfterItWasOpenedAgain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		w := &world{path: filepath.Join(dir, "org"), clock: clock.NewManual(noon), ids: map[string][]string{}, given: map[any]bool{}}
		w.opt = options(t, w.clock)
		w.opt.slack = rapid.SampledFrom([]int{1, slack}).Draw(rt, "slack")
		w.opt.bigEntry = rapid.SampledFrom([]int{500, bigEntry}).Draw(rt, "big entry")
		w.s, _, err = OpenFile(w.path, w.opt)
		must(t, err)
		for range rapid.IntRange(1, 4).Draw(rt, "lives") {
			for range rapid.IntRange(0, 40).Draw(rt, "steps") {
				w.step(rt)
			}
			before := digest(w.s)
			must(t, w.s.FileError())
			must(t, w.s.CloseFile())
			var found journal.Opened
			w.s, found, err = OpenFile(w.path, w.opt)
			must(t, err)
			if digest(w.s) != before || found.New || found.Dropped != 0 {
				t.Fatalf("it is another store after it was opened again: %+v", found)
			}
		}
		must(t, w.s.CloseFile())
	})
}

func TestAnIDIsNeverGivenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org")
	opt := options(t, clock.NewManual(noon))
	s, _ := openFile(t, path, opt)
	first, err := s.Insert("Account", map[string]any{"Name": "gone"})
	must(t, err)
	must(t, s.Purge("Account", first))
	must(t, s.file.rewrite(s, false))
	must(t, s.CloseFile())
	s, _ = openFile(t, path, opt)
	second, err := s.Insert("Account", map[string]any{"Name": "next"})
	if must(t, err); second <= first {
		t.Errorf("%s after %s", second, first)
	}
}

// A load is one transaction: however large, it is there as a whole or not at all.
func TestALargeTransactionIsWrittenAsASnapshot(t *testing.T) {
	dir := t.TempDir()
	opt := options(t, clock.NewManual(noon))
	opt.bigEntry = 10_000
	var b strings.Builder
	b.WriteString("Name\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "account %d\n", i)
	}
	must(t, os.WriteFile(filepath.Join(dir, "Account.csv"), []byte(b.String()), 0o600))
	s, _ := openFile(t, filepath.Join(dir, "org"), opt)
	before, _ := s.file.journal.Size()
	must(t, s.LoadDir(dir))
	if _, base := s.file.journal.Size(); base < 100*5000/2 || base == before {
		t.Errorf("the file was not rewritten: %d bytes", base)
	}
	want := digest(s)
	must(t, s.CloseFile())
	if s, _ = openFile(t, filepath.Join(dir, "org"), opt); digest(s) != want || s.Count("Account") != 5000 {
		t.Errorf("%d accounts", s.Count("Account"))
	}
}

// A load that is refused leaves nothing, in the file neither.
func TestALoadThatIsRefusedIsNotInTheFile(t *testing.T) {
	dir := t.TempDir()
	opt := options(t, clock.NewManual(noon))
	s, _ := openFile(t, filepath.Join(dir, "org"), opt)
	size, _ := s.file.journal.Size()
	must(t, os.WriteFile(filepath.Join(dir, "Account.csv"), []byte("Name,NumberOfEmployees\na,1\nb,x\n"), 0o600))
	s.SetDocument([]byte("filled"))
	if err := s.LoadDir(dir); err == nil {
		t.Fatal("it was taken")
	}
	if now, _ := s.file.journal.Size(); now != size || s.file.pending != nil {
		t.Errorf("%d bytes became %d", size, now)
	}
	s.SetDocument([]byte("changed"))
	_, err := s.Insert("Account", map[string]any{"Name": "x"})
	must(t, err)
	must(t, s.CloseFile())
	build := opt.Build
	opt.Build = func(document []byte) (*Store, []byte, error) {
		if string(document) != "about" {
			t.Errorf("the org is made from %q", document)
		}
		return build(document)
	}
	if s, _ = openFile(t, filepath.Join(dir, "org"), opt); string(s.file.document) != "changed" {
		t.Errorf("the document is %q", s.file.document)
	}
}

// What an org holds that was opened with fewer objects or fields must not vanish.
func TestAFileOfOtherObjectsIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org")
	c := clock.NewManual(noon)
	s, _ := openFile(t, path, options(t, c))
	_, err := s.Insert("Contact", map[string]any{"LastName": "x", "Referral_Code__c": "AB"})
	must(t, err)
	must(t, s.CloseFile())
	for without, want := range map[string]string{"Contact": "records of Contact", "Contact.Referral_Code__c": "values of Contact.Referral_Code__c"} {
		if _, _, err := OpenFile(path, options(t, c, without)); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want) || errs.HintOf(err) == "" {
			t.Errorf("without %s: %v", without, err)
		}
	}
	// What is empty does not matter.
	s, _, err = OpenFile(path, options(t, c, "Lead", "Contact.Title"))
	must(t, err)
	must(t, s.CloseFile())
}

// A schema that is changed while the org runs is there again, with the records that
// only it has a place for.
func TestASchemaThatWasChangedComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org")
	opt := options(t, clock.NewManual(noon), "Lead")
	reshape := func(s *Store, document []byte) error {
		if string(document) != "with leads" {
			return errors.New("another schema")
		}
		s.Schema = schemaWithout(t)
		for _, obj := range s.Schema.Objects {
			if s.Tables[obj.Name] == nil {
				s.Tables[obj.Name] = newTable(obj, s.late)
			}
		}
		return nil
	}
	opt.Reshape = reshape
	s, _ := openFile(t, path, opt)
	_, err := s.Insert("Account", map[string]any{"Name": "before"})
	must(t, err)
	s.Lock()
	must(t, reshape(s, []byte("with leads")))
	s.SetSchema([]byte("with leads"))
	s.Unlock()
	_, err = s.Insert("Lead", map[string]any{"LastName": "x", "Company": "y"})
	must(t, err)
	want := digest(s)
	for range 2 {
		must(t, s.CloseFile())
		if s, _ = openFile(t, path, opt); digest(s) != want {
			t.Fatal("it is another store")
		}
		must(t, s.file.rewrite(s, false))
	}
	must(t, s.CloseFile())
	opt.Reshape = nil
	if _, _, err := OpenFile(path, opt); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "schema of its own") {
		t.Errorf("without a way to take the schema up: %v", err)
	}
}

// When the file cannot be written, its owner is told once, and nothing goes on as if
// it had been kept.
func TestAFileThatCannotBeWrittenIsTold(t *testing.T) {
	opt := options(t, clock.NewManual(noon))
	told := 0
	opt.Failed = func(error) { told++ }
	s, _ := openFile(t, filepath.Join(t.TempDir(), "org"), opt)
	must(t, s.file.journal.Close())
	for range 2 {
		_, err := s.Insert("Account", map[string]any{"Name": "x"})
		must(t, err)
		if err := s.FileError(); told != 1 || !errors.Is(err, journal.ErrClosed) || errs.HintOf(err) == "" {
			t.Errorf("told %d times: %v", told, err)
		}
	}
}

// A transaction of several calls is in the file when it is certain, and not before.
func TestATransactionOfSeveralCallsIsWrittenAsOne(t *testing.T) {
	for _, certain := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "org")
		opt := options(t, clock.NewManual(noon))
		s, _ := openFile(t, path, opt)
		tab := s.Tables["Account"]
		name, _ := tab.Object.Field("Name")
		w := Writer{UserID: s.UserID, At: noon, Admin: true}
		begun, _ := s.file.journal.Size()
		inner := s.Begin()
		for n := range 3 {
			inner.Lock()
			r, rerr := inner.Prepare(tab, nil, []Change{{name, fmt.Sprint("account ", n)}}, w)
			if rerr != nil {
				t.Fatal(rerr)
			}
			inner.Commit(tab, nil, r, w)
			inner.Unlock()
		}
		if now, _ := s.file.journal.Size(); now != begun {
			t.Error("what is not certain is in the file")
		}
		inner.End(certain)
		want := digest(s)
		must(t, s.CloseFile())
		s, _ = openFile(t, path, opt)
		if n := s.Count("Account"); digest(s) != want || n != map[bool]int{true: 3}[certain] {
			t.Errorf("certain %v: %d accounts came back", certain, n)
		}
	}
}

// Writers go on while the file is rewritten, and nothing of theirs is lost.
func TestARewriteAmongWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org")
	opt := options(t, clock.NewManual(noon))
	opt.slack = 100
	s, _ := openFile(t, path, opt)
	_, begun := s.file.journal.Size()
	var ids []string
	for i := range 500 {
		id, err := s.Insert("Space__c", map[string]any{"Space_Key__c": fmt.Sprint(i)})
		must(t, err)
		ids = append(ids, id)
	}
	isRewritten := func() bool { _, base := s.file.journal.Size(); return base != begun }
	// The rewrite is another goroutine's, which a busy machine may let wait.
	for i := 0; i < 5000 || i < 500_000 && !isRewritten(); i++ {
		must(t, s.Update("Space__c", ids[i%len(ids)], map[string]any{"Creator_Email__c": fmt.Sprintf("u%d@x.example", i)}, noon))
		if i%50 == 0 {
			must(t, s.Purge("Space__c", ids[i%len(ids)]))
			id, err := s.Insert("Space__c", map[string]any{"Space_Key__c": fmt.Sprint("again ", i)})
			must(t, err)
			ids[i%len(ids)] = id
		}
	}
	want := digest(s)
	must(t, s.CloseFile())
	if now, base := s.file.journal.Size(); base == begun {
		t.Errorf("the file of %d bytes was never rewritten", now)
	}
	if s, _ = openFile(t, path, opt); digest(s) != want {
		t.Error("it is another store")
	}
}

// Whatever an entry holds, reading it panics never.
func FuzzReplay(f *testing.F) {
	s := New(schemaWithout(f), clock.NewManual(noon))
	s.Seed("integration@acme.example", "USD")
	s.number()
	all := &file{document: []byte("about"), counters: map[string]uint64{}, auto: map[*Table]map[int]int{}}
	entry := all.appendShape(nil, s)
	for _, r := range s.Tables["User"].ByID {
		entry = appendRecord(entry, s.Tables["User"], r)
		entry = appendRecord(entry, s.Tables["User"], &Record{ID: r.ID, Purged: true})
	}
	entry = all.appendCounters(entry, s)
	f.Add(entry)
	f.Add(entry[:len(entry)/2])
	f.Add([]byte("M\x01aX"))
	f.Add([]byte("M\x01aT\x01\x04User\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		opt := options(t, clock.NewManual(noon))
		p := &replay{build: opt.Build, tables: map[uint64]*columns{}}
		if err := p.apply(b); err != nil && (errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "") {
			t.Fatal(err)
		}
	})
}

// BenchmarkIngest is what the file adds to writes of 200 records: see both.
func BenchmarkIngest(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(map[bool]string{false: "memory", true: "file"}[kept], func(b *testing.B) {
			s, _, err := options(b, clock.NewManual(noon)).Build(nil)
			must(b, err)
			if kept {
				s, _ = openFile(b, filepath.Join(b.TempDir(), "org"), options(b, clock.NewManual(noon)))
			}
			t, n := s.Tables["Partner_Commission__c"], 0
			w := Writer{UserID: s.UserID, At: noon}
			for b.Loop() {
				s.Lock()
				for range 200 {
					n++
					changes, rerr := s.Changes(t, map[string]any{"Commission_Key__c": fmt.Sprintf("FG3877/space/0065g00000XyZAb/referral/%d", n),
						"Amount__c": "12.34", "Period__c": "2026-10", "Explanation__c": strings.Repeat("because ", 40)}, w)
					if rerr != nil {
						b.Fatal(rerr)
					}
					r, rerr := s.Prepare(t, nil, changes, w)
					if rerr != nil {
						b.Fatal(rerr)
					}
					s.Commit(t, nil, r, w)
				}
				s.Unlock()
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
