package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/partnersync/partnersync/internal/errs"
)

// Mark is a place between two entries.
type Mark struct{ at int64 }

// Mark is the place behind the last entry. A snapshot has to be of that very state,
// so whoever takes one lets nobody append in between. The mark is good until the
// next Rewrite.
func (j *Journal) Mark() Mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Mark{j.size}
}

// rest is how much of what was appended meanwhile may be copied while nobody can
// append.
const rest = 1 << 20

// Rewrite replaces everything before the mark by what write emits, and keeps what
// was appended after it. Appends go on meanwhile. After an error the file is as it
// was.
func (j *Journal) Rewrite(from Mark, write func(emit func(entry []byte) error) error) error {
	j.rewriting.Lock()
	defer j.rewriting.Unlock()
	next, err := os.OpenFile(j.beside(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", j.path, err)
	}
	size, err := fill(next, write)
	var old *os.File
	if err == nil {
		old, err = j.exchange(next, from, size)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("rewrite %s: %w", j.path, err), next.Close(), os.Remove(j.beside()))
	}
	// From here on the new file is the journal, whatever becomes of the old one.
	if err := errors.Join(syncDir(j.path), old.Close()); err != nil {
		return fmt.Errorf("rewrite %s: %w", j.path, err)
	}
	return nil
}

// fill writes the snapshot into the new file, and onto the disk.
func fill(next *os.File, write func(func([]byte) error) error) (size int64, err error) {
	if err := lock(next); err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(next, 1<<20)
	n, err := w.WriteString(firstLine())
	if err != nil {
		return 0, err
	}
	size = int64(n)
	var buf []byte
	err = write(func(entry []byte) error {
		if len(entry) > maxFrame {
			return errs.New(errs.Limit, "an entry of %d bytes is more than the org's file takes at once", len(entry))
		}
		buf = appendFrame(buf[:0], entry)
		n, err := w.Write(buf)
		size += int64(n)
		return err
	})
	if err = errors.Join(err, w.Flush()); err != nil {
		return size, err
	}
	return size, next.Sync()
}

// exchange copies what was appended since the mark, puts the new file in the place
// of the old one, and gives the old one.
func (j *Journal) exchange(next *os.File, from Mark, base int64) (old *os.File, err error) {
	at, size := from.at, base
	copyTo := func(end int64) error {
		n, err := io.Copy(next, io.NewSectionReader(j.f, at, end-at))
		at, size = at+n, size+n
		return err
	}
	for end, _ := j.Size(); end-at > rest; end, _ = j.Size() {
		if err := copyTo(end); err != nil {
			return nil, err
		}
	}
	if err := next.Sync(); err != nil {
		return nil, err
	}
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, ErrClosed
	}
	if j.err != nil {
		return nil, j.err
	}
	if err := errors.Join(copyTo(j.size), next.Sync()); err != nil {
		return nil, err
	}
	if err := os.Rename(j.beside(), j.path); err != nil {
		return nil, err
	}
	old = j.f
	j.f, j.size, j.base, j.dirty = next, size, base, false
	return old, nil
}
