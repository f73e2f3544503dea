package bulk

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// spool keeps the rows of a query's result as they were when the query ran: in
// memory while they are few, and in a file without a name in the system's
// temporary directory when they are many. So a result costs no more memory than
// spoolMemory and eight bytes a row, and is the same however late and often it is
// fetched. It is filled by one goroutine and then read by many, between hold and
// release.
type spool struct {
	buf   []byte // what is not in the file
	file  *os.File
	named bool    // the file's name could not be taken away
	size  int64   // of the file
	ends  []int64 // where each row ends

	mu      sync.Mutex
	readers int
	gone    bool // close was called
}

// spoolMemory is how much of a result stays in memory before it goes to the file.
const spoolMemory = 4 << 20

// rowEnd notes that a row ends where buf does, and lets go of buf when it is
// large.
func (s *spool) rowEnd() error {
	s.ends = append(s.ends, s.size+int64(len(s.buf)))
	if len(s.buf) < spoolMemory {
		return nil
	}
	return s.flush()
}

func (s *spool) flush() error {
	if s.file == nil {
		f, err := os.CreateTemp("", "emulator-bulk-*.csv")
		if err != nil {
			return fmt.Errorf("keep a query's result: %w", err)
		}
		// Without a name, nothing stays behind however the process ends. Where an
		// open file keeps its name, close takes it away.
		s.named = os.Remove(f.Name()) != nil
		s.file = f
	}
	if _, err := s.file.Write(s.buf); err != nil {
		return fmt.Errorf("keep a query's result: %w", err)
	}
	s.size += int64(len(s.buf))
	s.buf = s.buf[:0]
	return nil
}

// rows is how many rows there are.
func (s *spool) rows() int { return len(s.ends) }

// bytes is how large the result is.
func (s *spool) bytes() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// section gives the rows [from, to).
func (s *spool) section(from, to int) io.Reader {
	if from >= to {
		return eof{}
	}
	start := int64(0)
	if from > 0 {
		start = s.ends[from-1]
	}
	return io.NewSectionReader(s, start, s.ends[to-1]-start)
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// ReadAt reads from the file and, behind it, from memory.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < s.size {
		var err error
		n, err = s.file.ReadAt(p[:min(int64(len(p)), s.size-off)], off)
		if err != nil && (err != io.EOF || n == 0) {
			return n, err
		}
		off += int64(n)
	}
	n += copy(p[n:], s.buf[min(max(off-s.size, 0), int64(len(s.buf))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// hold keeps the result there until release, unless it is gone.
func (s *spool) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	s.readers++
	return true
}

// release ends a hold.
func (s *spool) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers--; s.gone && s.readers == 0 {
		s.drop()
	}
}

// close gives the file back when nobody reads it any more.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gone && s.readers == 0 {
		s.drop()
	}
	s.gone = true
}

func (s *spool) drop() {
	if s.file == nil {
		return
	}
	s.file.Close() //nolint:errcheck // nothing in it is wanted any more
	if s.named {
		os.Remove(s.file.Name()) //nolint:errcheck // a leftover in the temporary directory harms nobody
	}
}
