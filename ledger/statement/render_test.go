package statement_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/statement"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixture is a statement with names of many scripts, long and hostile ones among them.
func fixture(t testing.TB) *statement.Statement {
	t.Helper()
	a := func(minor int64) statement.Amount { return statement.Amount{Minor: minor, Currency: "USD"} }
	moves := func(accrued, adjusted, back, approved, paid int64) statement.Movements {
		return statement.Movements{Accrued: a(accrued), Adjusted: a(adjusted), ClawedBack: a(back), BroughtIn: a(0), Imported: a(0),
			Approved: a(approved), Exported: a(paid), Paid: a(paid)}
	}
	s := &statement.Statement{
		Key: "bluefin/2026-10/USD", Partner: "bluefin", Name: "Bluefin 株式会社 & Söhne", IDs: []string{"FG0001", "FG3877"}, PrimaryID: "FG3877",
		Period: month(t, oct), Currency: "USD", Opening: a(123456789), Transferred: a(4000),
		Movements: moves(104205, 300, -5096, 104205, 1000000), Closing: a(122560198), ClosingAccrued: a(122460198), ClosingPayable: a(100000), Entries: 6,
	}
	names := [][2]string{
		{"Acme renewal", "Acme"}, {"株式会社サンプルの更新契約と追加ライセンスの非常に長い商談名", "サンプル株式会社"}, {"Обновление договора", "Ромашка"},
		{"تجديد العقد السنوي", "شركة المثال (السعودية)"}, {"חידוש חוזה 2026", "דוגמה בע\"מ"}, {"연간 갱신", "예시 주식회사"}, {"नवीकरण", "उदाहरण"},
		{"การต่ออายุ", "ตัวอย่าง"}, {"=HYPERLINK(\"http://x\")", "+Acme"}, {"Renewal 🎉", "Émile Œuvre & Ναυτιλία"},
		{"A very long name of an opportunity that goes on and on until it has to be wrapped over several lines of its narrow column", "Acme"},
	}
	for i, n := range names {
		l := statement.Line{
			Key: fmt.Sprintf("FG3877/space/0065g00000XyZA%02dAN/referral/2026-10", i), PayeeID: "FG3877", Regime: "space",
			SourceID: fmt.Sprintf("0065g00000XyZA%02dAN", i), Opportunity: n[0], AccountID: "0015g00000XyZAbAAN", Account: n[1], Slice: "referral",
			Period: s.Period, Movements: moves(int64(9205+i*1000), 0, 0, 0, 0), Status: "accrued",
			Sentence: "Bluefin holds this Space on 31 of the 365 days of the term, so 10 % of 12,000.00 USD × 31/365 accrues in 2026-10: 101.92 USD.",
		}
		switch i {
		case 1:
			l.Slice, l.Adjusts, l.Corrects = "referral~adj:2026-09", sep, "FG3877/space/0065g00000XyZA01AN/referral/2026-09#1"
			l.Movements = moves(0, 0, -5096, 0, 0)
		case 2:
			l.Movements, l.Status = moves(0, 0, 0, 104205, 1000000), "paid"
		}
		s.Lines = append(s.Lines, l)
	}
	return s
}

var at = time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)

func pdf(t testing.TB, s *statement.Statement, company string) []byte {
	t.Helper()
	b, err := statement.PDF(s, statement.LetterOptions{Company: company, At: at})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheSameStatementHasTheSameBytes(t *testing.T) {
	t.Parallel()
	s := fixture(t)
	if a, b := sha256.Sum256(pdf(t, s, "Example Inc.")), sha256.Sum256(pdf(t, s, "Example Inc.")); a != b {
		t.Errorf("two letters of one statement differ: %x, %x", a, b)
	}
	var a, b bytes.Buffer
	writeCSV(t, &a, s)
	writeCSV(t, &b, s)
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two tables of one statement differ")
	}
}

func writeCSV(t testing.TB, w *bytes.Buffer, all ...*statement.Statement) {
	t.Helper()
	c := statement.NewCSV(w)
	for _, s := range all {
		if err := c.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, d)
	}
}

func TestAStatementAsATable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	writeCSV(t, &b, fixture(t))
	golden(t, "statement.csv", b.String())
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for i, cell := range row {
			isNumber := strings.HasPrefix(cell, "-") && strings.Trim(cell[1:], "0123456789.") == ""
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) && !isNumber {
				t.Errorf("a spreadsheet would work %q out (column %s)", cell, rows[0][i])
			}
		}
	}
	var none bytes.Buffer
	writeCSV(t, &none)
	if got := none.String(); !strings.HasPrefix(got, "record,statement,") || strings.Count(got, "\n") != 1 {
		t.Errorf("a table of nothing is %q", got)
	}
}

// What a program reads from the letter is what was written, in every script.
func TestAStatementAsALetter(t *testing.T) {
	t.Parallel()
	golden(t, "statement.txt", textOf(t, pdf(t, fixture(t), "Example Inc.")))

	closed := fixture(t)
	closed.IsClosed, closed.ClosedAt, closed.Lines = true, at, nil
	text := textOf(t, pdf(t, closed, ""))
	for _, want := range []string{"Closed on 2026-11-03", "Nothing was posted in this month.", "Page 1 of 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the letter lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Example") {
		t.Error("a company that was not named is")
	}
}

// Every page of a long statement has its heads and its number, and every line is there.
func TestALongStatementBreaksIntoPages(t *testing.T) {
	t.Parallel()
	s := fixture(t)
	one := s.Lines[0]
	s.Lines = nil
	for i := range 120 {
		one.Opportunity = fmt.Sprintf("Renewal number %03d", i)
		one.Accrued = statement.Amount{Minor: 1_234_567_890_12, Currency: "USD"}
		s.Lines = append(s.Lines, one)
	}
	pages := strings.Split(textOf(t, pdf(t, s, "")), "\f")
	if len(pages) < 8 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, p := range pages {
		if n := fmt.Sprintf("Page %d of %d", i+1, len(pages)); !strings.Contains(p, n) || !strings.Contains(p, "Commission Status Earned Approved On a bill Paid") {
			t.Errorf("page %d lacks its number or its heads:\n%s", i+1, p)
		}
	}
	whole := strings.Join(pages, "")
	for i := range 120 {
		if name := fmt.Sprintf("Renewal number %03d", i); strings.Count(whole, name) != 1 {
			t.Errorf("%s is there %d times", name, strings.Count(whole, name))
		}
	}
	if n := strings.Count(whole, "1,234,567,890.12"); n != 120 {
		t.Errorf("%d of 120 amounts", n)
	}
}

// textOf gives the text of a PDF as a program reads it, with single spaces.
func textOf(t *testing.T, file []byte) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed (package poppler-utils), so the text of the file cannot be read back")
	}
	path := filepath.Join(t.TempDir(), "statement.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.SplitSeq(string(out), "\n") {
		if line == "\f" {
			continue // the end of the last page
		}
		if line = strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r == ' ' }), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestAmountsAsPersonsAndMachinesReadThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor        int64
		currency     string
		human, plain string
	}{
		{0, "USD", "0.00", "0.00"}, {-5, "USD", "-0.05", "-0.05"}, {123456789, "USD", "1,234,567.89", "1234567.89"},
		{-100000, "USD", "-1,000.00", "-1000.00"}, {123456, "JPY", "123,456", "123456"}, {1234, "KWD", "1.234", "1.234"}, {-123456, "JPY", "-123,456", "-123456"},
	} {
		a := statement.Amount{Minor: c.minor, Currency: money.Currency(c.currency)}
		if a.String() != c.human || a.Plain() != c.plain || mustJSON(t, a) != `"`+c.plain+`"` {
			t.Errorf("%d %s: %q, %q, %s", c.minor, c.currency, a, a.Plain(), mustJSON(t, a))
		}
	}
}
