package ledger

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// ParsePartnerID reads a Partner ID as it was typed (R1.1): trimmed and in
// capitals, it is two letters and four digits. A blank gives "" and true;
// anything else that is not a Partner ID gives the trimmed text and false, and
// is never guessed at.
func ParsePartnerID(raw string) (id string, ok bool) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return "", true
	}
	if len(raw) != 6 {
		return raw, false
	}
	for i := range 6 {
		c := raw[i] &^ 0x20 // capital of an ASCII letter
		isLetter, isDigit := c >= 'A' && c <= 'Z', raw[i] >= '0' && raw[i] <= '9'
		if i < 2 && !isLetter || i >= 2 && !isDigit {
			return raw, false
		}
	}
	return strings.ToUpper(raw), true
}

// What is longer is neither an address nor a host (RFC 5321, section 4.5.3.1.3; RFC 1035,
// section 2.3.4), and may be longer than an index of the database takes.
const (
	longestAddress = 254
	longestHost    = 253
)

// EmailKey gives the key by which an e-mail address is known (R1.2): trimmed,
// in lower case, its domain in ASCII. Plus-tags and dots are not folded. A blank
// gives "" and no error.
func EmailKey(raw string) (string, error) {
	s := strings.ToLower(strings.TrimSpace(raw))
	if s == "" {
		return "", nil
	}
	if len(s) > longestAddress {
		return "", fmt.Errorf("a text of %d bytes is not an e-mail address", len(s))
	}
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || strings.ContainsAny(s, " \t\r\n\x00") {
		return "", fmt.Errorf("%q is not an e-mail address", raw)
	}
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil {
		return "", fmt.Errorf("%q is not an e-mail address: its domain is not one (%w)", raw, err)
	}
	if len(domain) > longestHost {
		return "", fmt.Errorf("%q is not an e-mail address: its domain is too long", raw)
	}
	return s[:at+1] + domain, nil
}

// FoldEmailKey gives what two e-mail keys share that a person may have meant as
// one address: no plus-tag, no dots before the @ (R1.2). It only ever finds
// look-alikes to ask about; it identifies nobody.
func FoldEmailKey(key string) string {
	at := strings.LastIndexByte(key, '@')
	if at < 0 {
		return key
	}
	local, _, _ := strings.Cut(key[:at], "+")
	return strings.ReplaceAll(local, ".", "") + key[at:]
}

// RegistrableDomain gives the registrable domain of a web address or a bare
// host, in ASCII, such as client.example; "" where there is none.
func RegistrableDomain(address string) string {
	s := strings.ToLower(strings.TrimSpace(address))
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if i := strings.IndexAny(s, "/?#:"); i >= 0 {
		s = s[:i]
	}
	if len(s) > 4*longestHost { // in any script; converting takes the square of the time
		return ""
	}
	host, err := idna.Lookup.ToASCII(strings.TrimSuffix(s, "."))
	if err != nil || host == "" || len(host) > longestHost {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	return domain
}
