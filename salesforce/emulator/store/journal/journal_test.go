package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a journal and gives what stood in it.
func open(t testing.TB, path string, opt Options) (*Journal, Opened, []string) {
	t.Helper()
	var got []string
	j, found, err := Open(path, opt, func(b []byte) error { got = append(got, string(b)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, found, got
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
		t.Fatalf("it holds %q, want %q", got, want)
	}
}

func TestWhatWasAppendedIsReadBackInOrder(t *testing.T) {
	for _, every := range []time.Duration{-1, 0} {
		path := filepath.Join(t.TempDir(), "org.snapshot")
		j, found, got := open(t, path, Options{SyncEvery: every})
		if equal(t, got); !found.New {
			t.Fatalf("a new file is %+v", found)
		}
		must(t, j.Append([]byte("one")))
		must(t, j.Append(nil))
		must(t, j.Append(bytes.Repeat([]byte("x"), 9<<20)))
		must(t, j.Close())
		must(t, j.Close())
		if err := j.Append([]byte("late")); !errors.Is(err, ErrClosed) {
			t.Fatalf("a closed journal says %v", err)
		}
		_, found, got = open(t, path, Options{})
		if found.New || found.Entries != 3 || found.Dropped != 0 || got[0] != "one" || got[1] != "" || len(got[2]) != 9<<20 {
			t.Fatalf("%+v, %d entries", found, len(got))
		}
	}
}

// Wherever the end of a process cuts the last entry off, what was before it is there,
// and what is written then follows it.
func TestATornLastEntryIsDropped(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "org.snapshot")
	j, _, _ := open(t, path, Options{})
	must(t, j.Append([]byte("first")))
	must(t, j.Append([]byte("second")))
	before, _ := j.Size()
	must(t, j.Append([]byte("the torn one")))
	must(t, j.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	for end := before; end < int64(len(whole)); end++ {
		for _, garbage := range []int{0, 3, 100} {
			torn := filepath.Join(dir, fmt.Sprintf("torn-%d-%d", end, garbage))
			must(t, os.WriteFile(torn, append(bytes.Clone(whole[:end]), make([]byte, garbage)...), 0o600))
			j, found, got := open(t, torn, Options{})
			if equal(t, got, "first", "second"); found.Dropped != end-before+int64(garbage) {
				t.Fatalf("cut at %d: %+v", end, found)
			}
			must(t, j.Append([]byte("third")))
			must(t, j.Close())
			_, found, got = open(t, torn, Options{})
			if equal(t, got, "first", "second", "third"); found.Dropped != 0 {
				t.Fatalf("%+v", found)
			}
		}
	}
}

// Damage with entries behind it is no torn end: dropping it would lose them.
func TestADamagedFileIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "org.snapshot")
	j, _, _ := open(t, path, Options{})
	for i := range 20 {
		must(t, j.Append(fmt.Appendf(nil, "entry %d", i)))
	}
	must(t, j.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	last := len(whole) - headerSize - len("entry 19")
	for at := len(firstLine()); at < last; at += 3 {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x55
		must(t, os.WriteFile(path, damaged, 0o600))
		_, _, err := Open(path, Options{}, func([]byte) error { return nil })
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "is damaged at byte") || !strings.Contains(errs.HintOf(err), "truncate -s") {
			t.Fatalf("damage at %d: %v", at, err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, damaged) {
			t.Fatal("the file was touched")
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct{ text, want string }{
		"another version": {"partnersync-org 2\nwhatever", "format version 2"},
		"a text":          {"# Shopping list\n", "is not the file of an org"},
		"no version":      {"partnersync-org x\n", "is not the file of an org"},
		"half a line":     {"partnersync-org 1", "is not the file of an org"},
		"a long line":     {strings.Repeat("x", 3<<20), "is not the file of an org"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		must(t, os.WriteFile(path, []byte(tt.text), 0o600))
		_, _, err := Open(path, Options{}, func([]byte) error { return nil })
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), tt.want) || errs.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != tt.text {
			t.Errorf("%s: the file was touched", name)
		}
	}
	if _, _, err := Open(dir, Options{}, nil); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a directory: %v", err)
	}
	path := filepath.Join(dir, "refused")
	j, _, _ := open(t, path, Options{})
	must(t, j.Append([]byte("one")))
	must(t, j.Close())
	if _, _, err := Open(path, Options{}, func([]byte) error { return errors.New("no such object") }); err == nil || !strings.Contains(err.Error(), "no such object") {
		t.Errorf("an entry that cannot be applied: %v", err)
	}
}

func TestAFileIsOfOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org.snapshot")
	j, _, _ := open(t, path, Options{})
	for range 2 {
		if _, _, err := Open(path, Options{}, nil); errs.KindOf(err) != errs.Conflict || errs.HintOf(err) == "" {
			t.Fatalf("a second opening: %v", err)
		}
		must(t, j.Rewrite(j.Mark(), func(emit func([]byte) error) error { return emit([]byte("x")) }))
	}
	must(t, j.Close())
	open(t, path, Options{})
}

// Entries that are appended while the file is rewritten are behind the snapshot.
func TestARewriteLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org.snapshot")
	j, _, _ := open(t, path, Options{})
	for i := range 100 {
		must(t, j.Append(fmt.Append(nil, i)))
	}
	var writers sync.WaitGroup
	mark := j.Mark()
	must(t, j.Rewrite(mark, func(emit func([]byte) error) error {
		for w := range 4 {
			writers.Go(func() {
				for i := range 2000 {
					must(t, j.Append(fmt.Appendf(nil, "%d:%d %s", w, i, strings.Repeat("y", 500))))
				}
			})
		}
		return emit([]byte("a hundred numbers"))
	}))
	writers.Wait()
	if now, base := j.Size(); base > 100 || now < 4_000_000 {
		t.Errorf("%d bytes, %d of them the snapshot", now, base)
	}
	must(t, j.Append([]byte("last")))
	must(t, j.Close())
	_, _, got := open(t, path, Options{})
	if len(got) != 8002 || got[0] != "a hundred numbers" || got[8001] != "last" {
		t.Fatalf("%d entries, from %q", len(got), got[0])
	}
	next := map[string]int{}
	for _, e := range got[1:8001] {
		w, rest, _ := strings.Cut(e, ":")
		if !strings.HasPrefix(rest, fmt.Sprintf("%d ", next[w])) {
			t.Fatalf("%.20q is out of order", e)
		}
		next[w]++
	}
}

func TestARewriteThatFailsLeavesTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "org.snapshot")
	must(t, os.WriteFile(path+".new", []byte("left by a crash"), 0o600))
	j, _, _ := open(t, path, Options{})
	must(t, j.Append([]byte("one")))
	broken := errors.New("no memory")
	if err := j.Rewrite(j.Mark(), func(emit func([]byte) error) error { return errors.Join(emit([]byte("half")), broken) }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	must(t, j.Append([]byte("two")))
	must(t, j.Close())
	_, _, got := open(t, path, Options{})
	equal(t, got, "one", "two")
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v is left, %v", files, err)
	}
}

// After a write that failed there must be no further one: an entry would follow a hole.
func TestAJournalThatCannotWriteStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "org.snapshot")
	j, _, _ := open(t, path, Options{})
	must(t, j.Append([]byte("one")))
	good := j.f
	readOnly, err := os.Open(path)
	must(t, err)
	j.f = readOnly
	first := j.Append([]byte("two"))
	j.f = good
	must(t, readOnly.Close())
	if err := j.Append([]byte("three")); first == nil || !errors.Is(err, first) || j.Err() == nil {
		t.Fatalf("%v, then %v", first, err)
	}
	must(t, j.f.Close())
	j.closed = true
	_, _, got := open(t, path, Options{})
	equal(t, got, "one")
}

// Through any sequence of appends, rewrites, closes and cuts, the file holds what a
// list would.
func TestAJournalIsAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		path := filepath.Join(dir, "org.snapshot")
		var want []string
		var j *Journal
		reopen := func() {
			var got []string
			j, _, err = Open(path, Options{}, func(b []byte) error { got = append(got, string(b)); return nil })
			must(t, err)
			equal(t, got, want...)
		}
		reopen()
		entry := rapid.StringN(0, 40, -1)
		// Most steps are appends; the others wait for the disk.
		for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "", "rewrite", "reopen", "tear"}), 0, 16).Draw(rt, "steps") {
			switch step {
			case "":
				e := entry.Draw(rt, "entry")
				must(t, j.Append([]byte(e)))
				want = append(want, e)
			case "rewrite":
				all := strings.Join(want, "+")
				must(t, j.Rewrite(j.Mark(), func(emit func([]byte) error) error { return emit([]byte(all)) }))
				want = []string{all}
			case "reopen":
				must(t, j.Close())
				reopen()
			case "tear":
				must(t, j.Close())
				b, err := os.ReadFile(path)
				must(t, err)
				tail := appendFrame(nil, []byte(entry.Draw(rt, "torn")))
				must(t, os.WriteFile(path, append(b, tail[:rapid.IntRange(0, len(tail)-1).Draw(rt, "kept")]...), 0o600))
				reopen()
			}
		}
		must(t, j.Close())
	})
}

// Whatever stands in a file, opening it panics never, and an error says what to do.
func FuzzOpen(f *testing.F) {
	good := append([]byte(firstLine()), appendFrame(appendFrame(nil, []byte("one")), []byte("two"))...)
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add(append(bytes.Clone(good[:30]), good...))
	f.Add([]byte(firstLine() + "\xf7PSJ\xff\xff\xff\xff1234"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "f")
		must(t, os.WriteFile(path, b, 0o600))
		j, found, err := Open(path, Options{}, func([]byte) error { return nil })
		if err != nil {
			if errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		must(t, j.Append([]byte("next")))
		must(t, j.Close())
		n := 0
		j, again, err := Open(path, Options{}, func([]byte) error { n++; return nil })
		must(t, err)
		if n != found.Entries+1 || again.Dropped != 0 {
			t.Fatalf("%d entries after %+v", n, found)
		}
		must(t, j.Close())
	})
}

// BenchmarkAppend is what a single write costs, in the process and for the kernel.
func BenchmarkAppend(b *testing.B) {
	j, _, _ := open(b, filepath.Join(b.TempDir(), "org.snapshot"), Options{})
	entry := bytes.Repeat([]byte("r"), 400)
	b.SetBytes(400)
	for b.Loop() {
		if err := j.Append(entry); err != nil {
			b.Fatal(err)
		}
	}
}
