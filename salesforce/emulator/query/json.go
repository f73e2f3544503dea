package query

import (
	"math"
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
		return w.instant(b, r.Instant(t.f.Slot))
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

const (
	secondsADay = 24 * 60 * 60
	noDay       = math.MinInt64
)

// instant writes an instant of Unix seconds as a JSON string in the platform's
// form. Three of them are in every record that a client pulls, mostly of one day
// with the one before, so the day is worked out only when it changes.
func (w *printer) instant(b []byte, unix int64) []byte {
	day, second := unix/secondsADay, unix%secondsADay
	if second < 0 {
		day, second = day-1, second+secondsADay
	}
	if day != w.day {
		w.day = day
		copy(w.text[:], appendSecond(nil, unix))
	}
	b = append(b, '"')
	b = append(b, w.text[:]...)
	hour, rest := int(second/3600), int(second%3600)
	b = appendPair(b, hour)
	b = appendPair(append(b, ':'), rest/60)
	b = appendPair(append(b, ':'), rest%60)
	return append(b, `.000+0000"`...)
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
