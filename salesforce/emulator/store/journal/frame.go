package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// Version is the version of the file's format that this package reads and writes.
const Version = 1

// magic is what the first line of every version begins with.
const magic = "partnersync-org "

const (
	headerSize = 12
	// maxFrame bounds an entry: what is written in one transaction.
	maxFrame = 1 << 30
)

// frameMark begins every frame, so that a reader that has lost the thread can find
// out whether anything follows.
var frameMark = [4]byte{0xf7, 'P', 'S', 'J'}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// firstLine is the file's first line.
func firstLine() string { return magic + strconv.Itoa(Version) + "\n" }

// appendFrame writes the frame of a payload behind b.
func appendFrame(b, payload []byte) []byte {
	b = append(b, frameMark[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, sum(b[len(b)-4:], payload))
	return append(b, payload...)
}

// sum is the checksum of a frame: of its length too, so that no run of zeros is a
// frame.
func sum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

// errBroken is a frame that is cut off or damaged.
var errBroken = errors.New("broken frame")

// readFrame reads the next frame into buf, of at most left bytes. io.EOF is the end
// of the file; errBroken is a frame that is not whole.
func readFrame(r io.Reader, buf []byte, left int64) ([]byte, error) {
	var h [headerSize]byte
	switch _, err := io.ReadFull(r, h[:]); {
	case err == io.EOF:
		return buf, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return buf, errBroken
	case err != nil:
		return buf, err
	}
	size := int64(binary.LittleEndian.Uint32(h[4:]))
	if !bytes.Equal(h[:4], frameMark[:]) || size > maxFrame || size > left-headerSize {
		return buf, errBroken
	}
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	if _, err := io.ReadFull(r, buf); err != nil {
		return buf, err
	}
	if sum(h[4:8], buf) != binary.LittleEndian.Uint32(h[8:]) {
		return buf, errBroken
	}
	return buf, nil
}

// checkFirstLine reads the line that says what the file is, and refuses a file of
// anything else.
func checkFirstLine(r *bufio.Reader, path string) error {
	line, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	text := string(line)
	version, isOurs := strings.CutPrefix(text, magic)
	version = strings.TrimSuffix(version, "\n")
	switch n, err := strconv.Atoi(version); {
	case !isOurs || err != nil || !strings.HasSuffix(text, "\n"):
		return errs.New(errs.Invalid, "%s is not the file of an org", path).
			WithHint("Name a file that this program wrote, or one that does not exist yet.")
	case n != Version:
		return errs.New(errs.Invalid, "%s has the format version %d, and this program reads version %d only", path, n, Version).
			WithHint("Open it with the program that wrote it, or name another file.")
	}
	return nil
}

// replay hands the payload of every whole frame to apply, and gives the place behind
// the last of them.
func replay(f *os.File, path string, size int64, apply func([]byte) error) (end int64, entries int, err error) {
	r := bufio.NewReaderSize(f, 1<<20)
	if err := checkFirstLine(r, path); err != nil {
		return 0, 0, err
	}
	end = int64(len(firstLine()))
	var buf []byte
	for {
		buf, err = readFrame(r, buf, size-end)
		switch {
		case errors.Is(err, io.EOF):
			return end, entries, nil
		case errors.Is(err, errBroken):
			return end, entries, checkTail(f, path, end, size)
		case err != nil:
			return end, entries, fmt.Errorf("read %s: %w", path, err)
		}
		if err := apply(buf); err != nil {
			return end, entries, fmt.Errorf("read %s at byte %d: %w", path, end, err)
		}
		end += headerSize + int64(len(buf))
		entries++
	}
}

// checkTail says whether what cannot be read is the torn end of the file: then no
// whole frame follows. Anything else is damage, and dropping it would lose what was
// written after it.
func checkTail(f *os.File, path string, from, size int64) error {
	const step = 1 << 20
	for at := from + 1; at < size; at += step {
		window := make([]byte, min(step+int64(len(frameMark))-1, size-at))
		if _, err := f.ReadAt(window, at); err != nil && err != io.EOF {
			return fmt.Errorf("read %s: %w", path, err)
		}
		for i := 0; ; i++ {
			next := bytes.Index(window[i:], frameMark[:])
			if next < 0 {
				break
			}
			i += next
			place := at + int64(i)
			if _, err := readFrame(io.NewSectionReader(f, place, size-place), nil, size-place); err == nil {
				return errs.New(errs.Invalid, "%s is damaged at byte %d, with whole entries behind it", path, from).
					WithHint("Restore it from a copy. To go on with what lies before the damage only, cut it off: truncate -s %d %s", from, path)
			}
		}
	}
	return nil
}
