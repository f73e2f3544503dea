package query

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// kind is how a field's value is kept and printed.
type kind uint8

const (
	textKind    kind = iota // a string
	bareKind                // a number or a boolean
	idKind                  // the record's own id
	instantKind             // an instant that every record has
	deletedKind             // whether the record is in the recycle bin
)

func kindOf(f *schema.Field) kind {
	switch {
	case f.Slot == schema.SlotID:
		return idKind
	case f.Slot < 0 && f.Type == schema.TypeDateTime:
		return instantKind
	case f.Slot == schema.SlotDeleted:
		return deletedKind
	case f.Type == schema.TypeBoolean || f.Type.IsNumber():
		return bareKind
	}
	return textKind
}

// value writes a field's value as JSON: numbers and booleans bare, the rest as
// strings, "" as null.
func (w *printer) value(b []byte, t *part, r *store.Record) []byte {
	switch t.kind {
	case idKind:
		b = append(b, '"')
		b = append(b, r.ID...)
		return append(b, '"')
	case instantKind:
		b = w.calendar.append(append(b, '"'), r.Instant(t.f.Slot))
		return append(b, `.000+0000"`...)
	case deletedKind:
		return strconv.AppendBool(b, r.Deleted)
	}
	v := r.Get(t.f)
	if v == "" {
		return append(b, "null"...)
	}
	if t.kind == bareKind {
		return append(b, v...)
	}
	return AppendString(b, v)
}

const secondsADay = 24 * 60 * 60

// calendar writes instants. Most are of one day with the one before, so the day
// is worked out only when it changes.
type calendar struct {
	isSet bool
	day   int64 // since 1970
	text  [len("2006-01-02T")]byte
}

// append writes an instant of Unix seconds up to its seconds, in UTC.
func (c *calendar) append(b []byte, unix int64) []byte {
	day, second := unix/secondsADay, unix%secondsADay
	if second < 0 {
		day, second = day-1, second+secondsADay
	}
	if day != c.day || !c.isSet {
		c.isSet, c.day = true, day
		copy(c.text[:], time.Unix(unix, 0).UTC().Format("2006-01-02T"))
	}
	b = append(b, c.text[:]...)
	rest := int(second % 3600)
	b = appendPair(b, int(second/3600))
	b = appendPair(append(b, ':'), rest/60)
	return appendPair(append(b, ':'), rest%60)
}

func appendPair(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// isQuiet says of a byte that it stands for itself in a JSON string and needs no
// look at its neighbours.
var isQuiet = func() (quiet [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		quiet[c] = c != '"' && c != '\\'
	}
	return quiet
}()

// AppendString writes a JSON string.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if !isQuiet[s[i]] {
			return appendLoud(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendLoud writes a JSON string that may need escapes.
func appendLoud(b []byte, s string) []byte {
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
