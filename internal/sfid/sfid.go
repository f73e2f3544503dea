// Package sfid completes and checks Salesforce record ids.
package sfid

import (
	"fmt"
	"strings"
)

const suffixAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// Parse gives the 18-character form of a 15- or 18-character Salesforce id
// (R1.3). The suffix says, five characters at a time, which of the fifteen are
// capitals. An 18-character id with a wrong suffix is refused: it was damaged
// by something that folds case.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
func Parse(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) != 15 && len(s) != 18 {
		return "", fmt.Errorf("%q is not a Salesforce id: it is %d long, not 15 or 18", s, len(s))
	}
	suffix, bad := suffixOf(s)
	if bad != 0 {
		return "", fmt.Errorf("%q is not a Salesforce id: %q is neither letter nor digit", s, bad)
	}
	full := s[:15] + string(suffix[:])
	if len(s) == 18 && s != full {
		return "", fmt.Errorf("%q is not a Salesforce id: its checksum should be %q", s, string(suffix[:]))
	}
	return full, nil
}

// suffixOf gives the last three characters of the id whose first 15 are those of s. bad is
// the first of these that is in no id; 0 if all are.
func suffixOf(s string) (suffix [3]byte, bad byte) {
	for block := range suffix {
		bits := 0
		for i := range 5 {
			c := s[block*5+i]
			switch {
			case c >= 'A' && c <= 'Z':
				bits |= 1 << i
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			default:
				return suffix, c
			}
		}
		suffix[block] = suffixAlphabet[bits]
	}
	return suffix, 0
}

// IsFull says whether a text is an id of 18 characters as Parse gives it.
func IsFull(s string) bool {
	if len(s) != 18 {
		return false
	}
	suffix, bad := suffixOf(s)
	return bad == 0 && s[15:] == string(suffix[:])
}
