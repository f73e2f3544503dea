package record

import (
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// plainNumber gives an exact number of the database as decimal.Decimal writes it, without
// zeros at its end.
func plainNumber(s string) (string, error) {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && (c != '-' || i > 0) {
			return "", errs.New(errs.Invalid, "%q is no number that can be sent", s)
		}
	}
	if !strings.Contains(s, ".") {
		return s, nil
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), "."), nil
}

// minorText gives minor units as decimal.Decimal writes them in whole ones.
func minorText(n int64, digits int) string {
	var room [32]byte
	b := room[:0]
	if n < 0 {
		b = append(b, '-')
	}
	whole := strings.TrimPrefix(strconv.FormatInt(n, 10), "-")
	for len(whole) <= digits {
		whole = "0" + whole
	}
	point := len(whole) - digits
	b = append(b, whole[:point]...)
	if fraction := strings.TrimRight(whole[point:], "0"); fraction != "" {
		b = append(append(b, '.'), fraction...)
	}
	return string(b)
}
