package staging

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/partnersync/partnersync/salesforce"
)

const null = "null"

// longestExponent bounds the digits that a number is written out to; one beyond it
// is none that the platform keeps, and stays as it came.
const longestExponent = 40

// appendNumber writes a number so that equal numbers look the same, whichever API
// sent them: 1.20E3, 1200.0 and 1200 are 1200. ok is false for what is no number.
func appendNumber(b, raw []byte) (_ []byte, ok bool) {
	isPlain := len(raw) > 0 && (raw[0] != '0' || len(raw) == 1)
	for _, c := range raw {
		isPlain = isPlain && '0' <= c && c <= '9'
	}
	if isPlain {
		return append(b, raw...), true
	}
	return appendOddNumber(b, string(raw))
}

// appendOddNumber writes what is more than digits.
func appendOddNumber(b []byte, s string) (_ []byte, ok bool) {
	sign := ""
	if rest, isNegative := strings.CutPrefix(s, "-"); isNegative {
		sign, s = "-", rest
	}
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent > longestExponent || exponent < -longestExponent {
			return b, false
		}
		mantissa = s[:i]
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if whole == "" || hasPoint && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return b, false
	}
	for ; exponent > 0; exponent-- {
		digit := "0"
		if fraction != "" {
			digit, fraction = fraction[:1], fraction[1:]
		}
		whole += digit
	}
	for ; exponent < 0; exponent++ {
		digit := "0"
		if whole != "" {
			digit, whole = whole[len(whole)-1:], whole[:len(whole)-1]
		}
		fraction = digit + fraction
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" && fraction == "" {
		return append(b, '0'), true
	}
	b = append(b, sign...)
	if whole == "" {
		whole = "0"
	}
	b = append(b, whole...)
	if fraction != "" {
		b = append(append(b, '.'), fraction...)
	}
	return b, true
}

// appendTime writes the text of an instant as a JSON string in the REST API's own
// form; what is no instant stays as it is.
func appendTime(b, text []byte) []byte {
	const rest, bulk = len("2026-11-20T12:00:00.000+0000"), len("2026-11-20T12:00:00.000Z")
	switch n := len(text); {
	case n == rest && string(text[n-5:]) == "+0000":
		return appendText(b, text)
	case n == bulk && text[n-1] == 'Z' && text[19] == '.':
		b = append(append(b, '"'), text[:n-1]...)
		return append(b, `+0000"`...)
	}
	t, err := salesforce.ParseTime(string(text))
	if err != nil {
		return appendText(b, text)
	}
	return append(t.AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000-0700"), '"')
}

// parseStamp reads a stamp. Nearly all have one of the two forms of the platform,
// which are read without a layout.
func parseStamp(text []byte) (time.Time, error) {
	const prefix = "2026-11-20T12:00:00.000"
	if n := len(text); n == len(prefix)+1 && text[n-1] == 'Z' || n == len(prefix)+5 && string(text[n-5:]) == "+0000" {
		if t, ok := parsePlain(text); ok {
			return t, nil
		}
	}
	return salesforce.ParseTime(string(text))
}

// parsePlain reads 2026-11-20T12:00:00.000 in UTC; false leaves the judgement to
// others.
func parsePlain(text []byte) (time.Time, bool) {
	digits := func(from, to int) (n int) {
		for _, c := range text[from:to] {
			if c < '0' || c > '9' {
				return -1 << 20
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := digits(0, 4), digits(5, 7), digits(8, 10)
	hour, minute, second, milli := digits(11, 13), digits(14, 16), digits(17, 19), digits(20, 23)
	isForm := text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' && text[19] == '.'
	if !isForm || year < 1 || month < 1 || month > 12 || day < 1 || day > 28 || // what may not be a day is for others too
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || milli < 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, milli*1_000_000, time.UTC), true
}

// needsEscape says which bytes a JSON string cannot hold as they are.
var needsEscape = func() (table [256]bool) {
	for c := range 0x20 {
		table[c] = true
	}
	table['"'], table['\\'] = true, true
	return table
}()

const hex = "0123456789abcdef"

// appendText writes text as a JSON string, or null for none: the platform knows no
// empty text. There is one way to write each text: with the short escapes, and
// escaping only what has to be.
func appendText(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, null...)
	}
	b = append(b, '"')
	from := 0
	for i, c := range text {
		if !needsEscape[c] {
			continue
		}
		b = append(b, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, text[from:]...), '"')
}

// appendName writes a field's name and the colon behind it. API names need no
// escapes; what came in that does is not an API name, but is kept.
func appendName(b []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, err := json.Marshal(name)
			if err != nil { // cannot be: a string always marshals
				quoted = []byte(strconv.QuoteToASCII(name))
			}
			return append(append(b, quoted...), ':')
		}
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}
