package bulk

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func readAll(d Dialect, data []byte) ([][]string, error) {
	r := d.NewReader(data)
	var out [][]string
	for {
		cells, err := r.Next()
		if err != nil || cells == nil {
			return out, err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = string(c)
		}
		out = append(out, row)
	}
}

// readStandard reads data with the standard library.
func readStandard(d Dialect, data []byte) ([][]string, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = rune(d.Delimiter)
	r.FieldsPerRecord = -1
	var out [][]string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, row)
	}
}

func TestCellsAreReadAsTheDialectSays(t *testing.T) {
	for name, tt := range map[string]struct {
		d    Dialect
		data string
		want [][]string
	}{
		"plain":           {Dialect{Delimiter: ','}, "a,b\n1,2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"no last ending":  {Dialect{Delimiter: ','}, "a,b\n1,", [][]string{{"a", "b"}, {"1", ""}}},
		"quotes":          {Dialect{Delimiter: ','}, "\"a\",\"say \"\"hi\"\"\"\n\"x\ny\",\"\"\n", [][]string{{"a", `say "hi"`}, {"x\ny", ""}}},
		"tab":             {Dialect{Delimiter: '\t'}, "a\tb,c\n", [][]string{{"a", "b,c"}}},
		"caret and CRLF":  {Dialect{Delimiter: '^', CRLF: true}, "a^b\r\n\"x\ny\"^2\r\n", [][]string{{"a", "b"}, {"x\ny", "2"}}},
		"blank lines":     {Dialect{Delimiter: ','}, "\n\na\n\nb\n\n", [][]string{{"a"}, {"b"}}},
		"lone CR is text": {Dialect{Delimiter: ','}, "a\rb,c\n", [][]string{{"a\rb", "c"}}},
		"spaces stay":     {Dialect{Delimiter: '|'}, " a | b\n", [][]string{{" a ", " b"}}},
		"a mark is text":  {Dialect{Delimiter: ','}, "\uFEFFId,Name\n", [][]string{{"\uFEFFId", "Name"}}},
	} {
		got, err := readAll(tt.d, []byte(tt.data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWhatCannotBeReadFailsInThePlatformsWords(t *testing.T) {
	for data, want := range map[string]string{
		"a\nb \"c\"\n":          bareQuote,
		"\uFEFF\"Id\"\n":        bareQuote,
		"\"a\" ,b\n":            textAfter,
		"a\n\"b\n":              openQuote,
		"\"a\"\"":               openQuote,
		"Name\n, \"x\"\n":       bareQuote,
		"\"Name\"\"\"x,\"y\"\n": textAfter,
	} {
		_, err := readAll(Dialect{Delimiter: ','}, []byte(data))
		var f *Failure
		if !errors.As(err, &f) || f.Message != want {
			t.Errorf("%q: %v, want %s", data, err, want)
		}
	}
	if _, err := (Dialect{Delimiter: ','}).ReadHeader([]byte("\n\n")); err == nil || err.Error() != nothingToRead {
		t.Errorf("no header: %v", err)
	}
}

func TestAHeaderIsRepeatedAsItWasUploaded(t *testing.T) {
	h, err := Dialect{Delimiter: ';', CRLF: true}.ReadHeader([]byte("\"Name\"; Space__c\r\nx;y\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Header{Names: []string{"Name", "Space__c"}, Raw: `"Name"; Space__c`, Rows: 18}, h); diff != "" {
		t.Error(diff)
	}
}

func TestLinesThatEndOtherwiseAreFound(t *testing.T) {
	const lf, crlf = wrongEnding + "LF", wrongEnding + "CRLF"
	for _, tt := range []struct {
		crlf       bool
		data, want string
	}{
		{false, "a\nb\n", ""},
		{false, "a\r\nb\r\n", lf},
		{false, "a\n\"x\r\ny\"\n", lf},
		{true, "a\r\nb\r\n", ""},
		{true, "a\r\n\"x\ny\"\r\n", ""},
		{true, "a\nb\n", crlf},
		{true, "\n", crlf},
		{true, "a", ""},
	} {
		err := Dialect{Delimiter: ',', CRLF: tt.crlf}.CheckEndings([]byte(tt.data))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.data, got, tt.want)
		}
	}
}

// dialects draws a dialect.
func dialects(t *rapid.T) Dialect {
	return Dialect{Delimiter: rapid.SampledFrom([]byte(",\t;|^`")).Draw(t, "delimiter"), CRLF: rapid.Bool().Draw(t, "crlf")}
}

func TestWhatIsWrittenIsReadBackByEveryReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dialects(t)
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.StringOf(rapid.RuneFrom([]rune("ab\",;|^`\t\n é€"))), 1, 5), 1, 8).Draw(t, "rows")
		var b []byte
		for _, row := range rows {
			b = d.AppendRow(b, row...)
		}
		standard, err := readStandard(d, b)
		if err != nil || !cmp.Equal(rows, standard) {
			t.Fatalf("%q is read as %q, %v", b, standard, err)
		}
		if err := d.CheckEndings(b); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		own, err := readAll(d, b)
		if err != nil || !cmp.Equal(rows, own) {
			t.Fatalf("%q is read as %q, %v", b, own, err)
		}
	})
}

func FuzzReaderAgreesWithTheStandardLibrary(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"b\",c\n\n\nx", "a\"b\n", "\"a\"b\n", "\"", ",\n,", "a\r\nb", "\r\n", "a;\"b\n\"\n"} {
		f.Add(s, byte(0), false)
		f.Add(s, byte(2), true)
	}
	f.Fuzz(func(t *testing.T, s string, delimiter byte, crlf bool) {
		d := Dialect{Delimiter: ",\t;|^`"[delimiter%6], CRLF: crlf}
		got, err := readAll(d, []byte(s))
		// The standard library takes both line endings in one file, and takes the
		// carriage return out of quotes; it takes one away at the very end.
		if strings.Contains(s, "\r") {
			return
		}
		if crlf {
			s = strings.ReplaceAll(s, "\n", "\r\n")
			if got, err = readAll(d, []byte(s)); err == nil && d.CheckEndings([]byte(s)) != nil {
				t.Fatalf("%q has wrong endings", s)
			}
		}
		want, wantErr := readStandard(d, []byte(s))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, the standard library says %v", s, err, wantErr)
		}
		if err != nil {
			return
		}
		for _, row := range got {
			for i, c := range row {
				row[i] = strings.ReplaceAll(c, "\r\n", "\n")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", s, diff)
		}
	})
}
