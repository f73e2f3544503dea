package query

import (
	"time"
	"unicode/utf8"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// appendValue writes a field's value as JSON: numbers and booleans bare, the
// rest as strings, "" as null.
func appendValue(b []byte, f *schema.Field, r *store.Record) []byte {
	if f.Slot < 0 {
		switch f.Type {
		case schema.TypeDateTime:
			return appendInstant(b, r.Instant(f.Slot))
		case schema.TypeBoolean:
			return append(b, schema.BoolText(r.Deleted)...)
		}
	}
	v := r.Get(f)
	if v == "" {
		return append(b, "null"...)
	}
	if f.Type == schema.TypeBoolean || f.Type.IsNumber() {
		return append(b, v...)
	}
	return AppendString(b, v)
}

// appendInstant writes an instant of Unix seconds as a JSON string in the
// platform's form, without the allocations of time.Format: three of them are in
// every record that a client pulls.
func appendInstant(b []byte, unix int64) []byte {
	return append(appendSecond(append(b, '"'), unix), `.000+0000"`...)
}

// appendSecond writes an instant up to its seconds, in UTC.
func appendSecond(b []byte, unix int64) []byte {
	t := time.Unix(unix, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, byte('0'+year/1000%10), byte('0'+year/100%10))
	b = appendPair(b, year%100)
	b = appendPair(append(b, '-'), int(month))
	b = appendPair(append(b, '-'), day)
	b = appendPair(append(b, 'T'), hour)
	b = appendPair(append(b, ':'), minute)
	return appendPair(append(b, ':'), second)
}

func appendPair(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// AppendString writes a JSON string.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[from:i]...)
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
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}
