package letter

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestArabicLettersTakeTheFormOfTheirPlace(t *testing.T) {
	t.Parallel()
	for logical, want := range map[string]string{
		"محمد":  "\uFEE3\uFEA4\uFEE4\uFEAA",       // initial, medial, medial, final
		"دار":   "\uFEA9\uFE8D\uFEAD",             // none of them joins the next
		"سلام":  "\uFEB3\uFEFC\uFEE1",             // lam and alef are one
		"لا":    "\uFEFB",                         // and by themselves
		"مُحمد": "\uFEE3\u064F\uFEA4\uFEE4\uFEAA", // a vowel sign is passed over
		"پارس":  "\uFB58\uFE8E\uFEAD\uFEB1",       // Persian letters
		"على":   "\uFECB\uFEE0\uFEF0",             // alef maksura ends
		"a ب b": "a \uFE8F b",
		"Acme":  "Acme",
	} {
		if got := string(shapeArabic([]rune(logical))); got != want {
			t.Errorf("%s: %+q, want %+q", logical, got, want)
		}
	}
}

// The examples write right-to-left letters as capitals.
func TestRightToLeftTextStandsInItsVisualOrder(t *testing.T) {
	t.Parallel()
	hebrew := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				return 'א' + r - 'A'
			}
			return r
		}, s)
	}
	for logical, want := range map[string]string{
		"abc":               "abc",
		"ABC":               "CBA",
		"abc DEF ghi":       "abc FED ghi",
		"ABC def":           "def CBA", // a right-to-left paragraph
		"ABC 123 DEF":       "FED 123 CBA",
		"abc DEF 123 ghi":   "abc 123 FED ghi",
		"abc DEF (GHI) jk":  "abc (IHG) FED jk",
		"abc (DEF) ghi":     "abc (FED) ghi",
		"ABC 1,234.50 usd":  "usd 1,234.50 CBA",
		"abc-DEF, GHI; jkl": "abc-IHG ,FED; jkl",
	} {
		in := []rune(hebrew(logical))
		if got := string(visual(in, isRightToLeft(in))); got != hebrew(want) {
			t.Errorf("%s: got %q, want %q", logical, got, hebrew(want))
		}
	}
	in := []rune("שָׁלוֹם") // marks stay behind their letters
	for i, r := range visual(in, true) {
		if i == 0 && unicode.Is(unicode.Mn, r) {
			t.Error("a mark comes before its letter")
		}
	}
}

// No text is lost: what is wrapped is the text without the spaces at the cuts, and each
// line has what the page shows.
func TestWrappingLosesNothing(t *testing.T) {
	t.Parallel()
	set := newTypeset()
	words := rapid.SampledFrom([]string{"Acme", "Ω", "renewal-of-everything/2026", "株式会社サンプル", "محمد", "שלום", "한국", "ไทย", "😀", "हिन्दी", "a", "1,234.50"})
	rapid.Check(t, func(r *rapid.T) {
		p := newParagraph(strings.Join(rapid.SliceOfN(words, 0, 12).Draw(r, "words"), " "))
		width := rapid.IntRange(500, 20000).Draw(r, "width")
		lines, err := set.wrap(p, width, rapid.Bool().Draw(r, "bold"))
		if err != nil {
			r.Fatal(err)
		}
		var got string
		for _, l := range lines {
			got += string(l)
			pieces, err := set.pieces(l, p.rightToLeft, false)
			if err != nil {
				r.Fatal(err)
			}
			shown := 0
			for _, x := range pieces {
				shown += len([]rune(x.text))
			}
			if shown != len(l) {
				r.Fatalf("%q has %d characters and %d are shown", string(l), len(l), shown)
			}
		}
		if a, b := strings.ReplaceAll(got, " ", ""), strings.ReplaceAll(string(p.runes), " ", ""); a != b {
			r.Fatalf("%q became %q", b, a)
		}
	})
}

func TestWhatNoFontHasIsShownAsASubstitute(t *testing.T) {
	t.Parallel()
	set := newTypeset()
	for r, want := range map[rune]string{
		'A': "DejaVuSans", 'ß': "DejaVuSans", 'Ж': "DejaVuSans", 'א': "DejaVuSans", '\uFEE3': "DejaVuSans", '社': "DroidSansFallback",
		'ア': "DroidSansFallback", '한': "DroidSansFallback", 'ก': "NotoSansThai-Regular", 'ह': "NotoSansDevanagari-Regular",
		'አ': "NotoSansEthiopic-Regular", 'அ': "NotoSansTamil-Regular",
	} {
		if g, err := set.glyph(r, false); err != nil || g.face.name != want || g.as != r || g.width <= 0 {
			t.Errorf("%c: %+v of %s, %v", r, g, g.face.name, err)
		}
	}
	for _, r := range []rune{'😀', '𠀋', '\uE123'} {
		if g, err := set.glyph(r, true); err != nil || g.as != substitute || g.width <= 0 {
			t.Errorf("%U: %+v, %v", r, g, err)
		}
	}
	if g, err := set.glyph('A', true); err != nil || g.face.name != "DejaVuSans-Bold" {
		t.Errorf("bold: %+v, %v", g, err)
	}
}

func sample(t testing.TB) []byte {
	t.Helper()
	l := New(Options{Title: "A letter", Author: "Ada", At: noon, Footer: "bluefin/2026-10/USD", Running: "Statement of Bluefin"})
	l.Beside("Statement", Style{Size: Title, Bold: true})
	l.Text("株式会社サンプル und Söhne", Style{Size: Large, Bold: true})
	l.Text("محمد עברית Ωmega 한국 ไทย हिन्दी 😀", Style{})
	table := l.Table([]Column{{"What", 100, false}, {"Amount", 20, true}})
	for i := range 60 {
		table.Row(Pars(strings.Repeat("A name that is long ", i%7+1)), Pars("12,345,678,901,234.50"))
	}
	table.Row(Pars(strings.Repeat("Longer than a page. ", 600)+"The end."), Pars("1.00"))
	b, err := l.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheSameLetterHasTheSameBytes(t *testing.T) {
	t.Parallel()
	want := sample(t)
	var all sync.WaitGroup
	for range 3 { // at once, since the fonts are shared
		all.Go(func() {
			if !bytes.Equal(sample(t), want) {
				t.Error("the bytes differ")
			}
		})
	}
	all.Wait()
}

func TestALetterReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed (package poppler-utils), so the text of the file cannot be read back")
	}
	file := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(file, sample(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	pages := strings.Split(strings.TrimSuffix(string(out), "\f"), "\f")
	for i, page := range pages {
		for _, want := range []string{"Page " + string(rune('1'+i)) + " of " + string(rune('0'+len(pages))), "What", "Amount", "bluefin/2026-10/USD"} {
			if !strings.Contains(page, want) {
				t.Errorf("page %d of %d lacks %q", i+1, len(pages), want)
			}
		}
	}
	for _, want := range []string{"株式会社サンプル und Söhne", "Ωmega", "한국", "�", "The end.", "12,345,678,901,234.50"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	if n := strings.Count(strings.Join(strings.Fields(string(out)), " "), "Longer than a page."); n < 550 || len(pages) < 3 {
		t.Errorf("%d of 600 sentences on %d pages", n, len(pages))
	}
}
