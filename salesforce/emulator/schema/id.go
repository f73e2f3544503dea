package schema

import "github.com/partnersync/partnersync/internal/sfid"

// idAlphabet counts in the order in which ids are compared: digits, capitals,
// small letters. So a later id is a greater one.
const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// idPod stands where the platform's ids name the instance.
const idPod = "5g0"

// MakeID writes the n-th id of a key prefix, 18 characters.
func MakeID(prefix string, n uint64) string {
	var b [15]byte
	copy(b[:], prefix)
	copy(b[3:], idPod)
	for i := 14; i >= 6; i-- {
		b[i] = idAlphabet[n%62]
		n /= 62
	}
	id, err := sfid.Parse(string(b[:]))
	if err != nil {
		panic(err) // a prefix in schema.yaml is not three letters or digits
	}
	return id
}
