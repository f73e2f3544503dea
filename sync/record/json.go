package record

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// AppendJSON appends the record as encoding/json writes it, names in order: the hashes of
// records that were confirmed are of those bytes. A path that is skipped is left out.
// encoding/json itself goes by reflection, which was a third of what a push costs.
func (r Record) AppendJSON(b []byte, skip string) ([]byte, error) {
	var few [32]string
	names := few[:0]
	for name := range r {
		if name != skip {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		var err error
		if b, err = appendValue(b, r[name]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendString(b, v), nil
	case json.Number:
		if v != "" {
			return append(b, v...), nil
		}
	case map[string]any:
		return Record(v).AppendJSON(b, "")
	}
	raw, err := json.Marshal(v)
	return append(b, raw...), err
}

// plainByte says of a byte that it is written as it is, wherever it stands. 0xE2 begins the
// two line ends of Unicode that are escaped, and much else.
var plainByte = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && !strings.ContainsRune("\"\\<>&", rune(c)) && c != 0xE2
	}
	return plain
}()

const hexDigits = "0123456789abcdef"

// appendString writes a text, with what HTML has a meaning for escaped.
func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		raw, _ := json.Marshal(s) // a string never fails
		return append(b, raw...)
	}
	begun := len(b)
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if plainByte[c] {
			continue
		}
		if c == 0xE2 {
			if s[i+1] == 0x80 && s[i+2]&^1 == 0xA8 { // U+2028 and U+2029
				raw, _ := json.Marshal(s)
				return append(b[:begun], raw...)
			}
			i += 2
			continue
		}
		b = append(b, s[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[done:]...), '"')
}
