package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

// defaultSync is how long an entry may stay in the operating system's hands only.
const defaultSync = 250 * time.Millisecond

// Options say how a journal is kept.
type Options struct {
	// SyncEvery is the longest time between an Append and the fsync behind it; 0 is
	// a quarter of a second. Below 0, every Append makes its own.
	SyncEvery time.Duration
}

// Opened says what was found in a file.
type Opened struct {
	// New: the file did not exist, or was empty.
	New bool
	// Entries were read.
	Entries int
	// Dropped is the number of bytes of a last entry that was cut off.
	Dropped int64
}

// Journal is an open file. It is safe for concurrent use.
type Journal struct {
	path  string
	every time.Duration

	mu     sync.Mutex
	f      *os.File
	size   int64  // where the next frame begins
	base   int64  // the size after the last rewrite
	buf    []byte // of the frame in hand
	dirty  bool   // something is not fsynced, and a timer is set
	timer  *time.Timer
	err    error // what ended it
	closed bool
	// syncing is held through an fsync and through the exchange of files, so that
	// none is closed under the other.
	syncing sync.Mutex
	// rewriting is held through a Rewrite.
	rewriting sync.Mutex
}

// ErrClosed is what a closed journal says.
var ErrClosed = errors.New("the journal is closed")

// Open opens the file at path, which it makes if need be, and hands every entry in
// it to apply, in order; apply may keep nothing of the slice. One process can have
// a file open: another is refused with errs.Conflict. A file that is not a
// journal's, has another format version or is damaged is refused with errs.Invalid,
// and left as it is.
func Open(path string, opt Options, apply func(entry []byte) error) (*Journal, Opened, error) {
	if opt.SyncEvery == 0 {
		opt.SyncEvery = defaultSync
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a rewrite replaces the file, not the link
	}
	f, err := openLocked(path)
	if err != nil {
		return nil, Opened{}, err
	}
	j := &Journal{path: path, every: opt.SyncEvery, f: f}
	found, err := j.load(apply)
	if err != nil {
		return nil, found, errors.Join(err, f.Close())
	}
	return j, found, nil
}

// load reads the file, cuts off a torn end, and begins a new one.
func (j *Journal) load(apply func([]byte) error) (found Opened, err error) {
	info, err := j.f.Stat()
	if err != nil {
		return found, fmt.Errorf("open %s: %w", j.path, err)
	}
	if !info.Mode().IsRegular() {
		return found, errs.New(errs.Invalid, "%s is not a file", j.path)
	}
	if err := os.Remove(j.beside()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return found, fmt.Errorf("remove what a rewrite left behind: %w", err)
	}
	if info.Size() == 0 {
		found.New = true
		return found, j.begin()
	}
	end, entries, err := replay(j.f, j.path, info.Size(), apply)
	if err != nil {
		return found, err
	}
	found.Entries, found.Dropped = entries, info.Size()-end
	if found.Dropped > 0 {
		if err := j.f.Truncate(end); err != nil {
			return found, fmt.Errorf("cut off the torn end of %s: %w", j.path, err)
		}
	}
	if _, err := j.f.Seek(end, 0); err != nil {
		return found, fmt.Errorf("open %s: %w", j.path, err)
	}
	j.size, j.base = end, end
	return found, nil
}

// begin writes the first line. A crash in the middle of it leaves a part of a line
// that no version begins with; so it is written beside and renamed, as a rewrite is.
func (j *Journal) begin() error {
	return j.Rewrite(j.Mark(), func(func([]byte) error) error { return nil })
}

// beside is where a rewrite takes place.
func (j *Journal) beside() string { return j.path + ".new" }

// openLocked opens the file for this process alone. A rewrite of the former holder
// may have renamed another file into the place meanwhile: then it is that one.
func openLocked(path string) (*os.File, error) {
	for range 100 {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, errs.New(errs.Invalid, "open the org's file: %w", err)
		}
		if err := lock(f); err != nil {
			return nil, errors.Join(errs.New(errs.Conflict, "%s is in use by another process", path).
				WithHint("Stop the org that holds it, or name another file."), f.Close())
		}
		is, err := f.Stat()
		if err == nil {
			there, err := os.Stat(path)
			if err == nil && os.SameFile(is, there) {
				return f, nil
			}
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, errs.New(errs.Conflict, "%s is being replaced all the time", path)
}

func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// Append writes an entry. When it comes back without an error, the entry survives
// the end of this process. After an error the journal takes nothing any more: what
// stands in the file must not have a hole.
func (j *Journal) Append(entry []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	if j.closed {
		return ErrClosed
	}
	if len(entry) > maxFrame {
		return errs.New(errs.Limit, "an entry of %d bytes is more than the org's file takes at once", len(entry))
	}
	j.buf = appendFrame(j.buf[:0], entry)
	if _, err := j.f.Write(j.buf); err != nil {
		// A part of the frame may stand there: cut it off, so that it is not mistaken.
		j.err = fmt.Errorf("write %s: %w", j.path, errors.Join(err, j.f.Truncate(j.size)))
		return j.err
	}
	j.size += int64(len(j.buf))
	if cap(j.buf) > 8<<20 {
		j.buf = nil
	}
	if j.every < 0 {
		return j.sync()
	}
	if !j.dirty {
		j.dirty = true
		j.timer = time.AfterFunc(j.every, j.syncLater)
	}
	return nil
}

// sync writes to the disk; the caller holds mu.
func (j *Journal) sync() error {
	if err := j.f.Sync(); err != nil && j.err == nil {
		j.err = fmt.Errorf("write %s to the disk: %w", j.path, err)
	}
	return j.err
}

// syncLater is the group's fsync. Appends go on while it runs.
func (j *Journal) syncLater() {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	f := j.f
	idle := j.closed || !j.dirty
	j.dirty = false
	j.mu.Unlock()
	if idle {
		return
	}
	if err := f.Sync(); err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.err == nil {
			j.err = fmt.Errorf("write %s to the disk: %w", j.path, err)
		}
	}
}

// Err is what ended the journal, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Size is how long the file is, in bytes, and how long it was after it was last
// rewritten or opened.
func (j *Journal) Size() (now, base int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size, j.base
}

// Close waits for a rewrite at work, writes everything to the disk and lets go of
// the file. It can be called twice.
func (j *Journal) Close() error {
	j.rewriting.Lock()
	defer j.rewriting.Unlock()
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	if j.timer != nil {
		j.timer.Stop()
	}
	return errors.Join(j.sync(), j.f.Close())
}

// syncDir writes the directory of a file to the disk, so that a rename lasts.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
