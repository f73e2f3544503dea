package bulk

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestASpoolGivesRowsBackFromMemoryAndFromItsFile(t *testing.T) {
	s := &spool{}
	defer s.close()
	pad := strings.Repeat("x", 1000)
	row := func(i int) string { return fmt.Sprintf("%d%s\n", i, pad[:i%1000]) }
	const rows = 20_000
	for i := range rows {
		s.buf = append(s.buf, row(i)...)
		if err := s.rowEnd(); err != nil {
			t.Fatal(err)
		}
	}
	if s.file == nil || len(s.buf) == 0 || s.rows() != rows || s.bytes() != s.size+int64(len(s.buf)) {
		t.Fatalf("%d rows, %d bytes, %d in the file, %d in memory", s.rows(), s.bytes(), s.size, len(s.buf))
	}
	for _, r := range [][2]int{{0, 0}, {0, 1}, {0, rows}, {7, 9}, {rows - 1, rows}, {rows / 2, rows}, {100, 15_000}} {
		var want strings.Builder
		for i := r[0]; i < r[1]; i++ {
			want.WriteString(row(i))
		}
		got, err := io.ReadAll(s.section(r[0], r[1]))
		if err != nil || string(got) != want.String() {
			t.Errorf("rows %v are %d bytes, want %d: %v", r, len(got), want.Len(), err)
		}
	}
}

func TestASpoolStaysUntilItsLastReaderIsDone(t *testing.T) {
	s := &spool{buf: []byte("a\n")}
	if err := s.rowEnd(); err != nil {
		t.Fatal(err)
	}
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	if !s.hold() {
		t.Fatal("the spool cannot be read")
	}
	s.close()
	if s.hold() {
		t.Error("the spool is gone, and can be read")
	}
	if b, err := io.ReadAll(s.section(0, 1)); err != nil || string(b) != "a\n" {
		t.Errorf("%q %v", b, err)
	}
	s.release()
	if _, err := io.ReadAll(s.section(0, 1)); err == nil {
		t.Error("the file is still open")
	}
	s.close()
}
