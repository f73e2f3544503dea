package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// masked is what stands in the place of a secret, wherever one is printed.
const masked = "•••"

// Secret is text that prints as ••• in every way that Go, JSON and YAML have of
// printing. Only Reveal gives the text.
type Secret struct{ text string }

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal gives the secret itself, for whoever has to send it.
func (s Secret) Reveal() string { return s.text }

// IsZero says whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

// String gives ••• for a secret and nothing for none.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return masked
}

// GoString is String: %#v shows no more than %v does.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format prints String for every verb, so that %s, %q, %x and %d are all safe.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		fmt.Fprint(f, s.GoString())
		return
	}
	fmt.Fprint(f, s.String())
}

// MarshalText makes JSON, YAML and everything else that writes text mask it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives "•••".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML gives •••.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(b []byte) error {
	s.text = string(b)
	return nil
}

// DSN is a database address. It prints without its password.
type DSN struct{ text string }

// NewDSN makes an address of a text: "embedded", a postgres:// URL, or
// key=value pairs.
func NewDSN(text string) DSN { return DSN{text: text} }

// Reveal gives the address with its password, for whoever connects.
func (d DSN) Reveal() string { return d.text }

// IsZero says whether there is no address.
func (d DSN) IsZero() bool { return d.text == "" }

// pair is one key=value of a DSN, as libpq reads it: quoted, or without blanks that are
// not escaped. https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
const pair = `([A-Za-z_]+)(\s*=\s*)('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|)`

var (
	pairs     = regexp.MustCompile(pair)
	onlyPairs = regexp.MustCompile(`^\s*(?:` + pair + `(?:\s+|$))+$`)
)

// pairOf gives the value of a key of a DSN of pairs, as it is written.
func pairOf(dsn, key string) string {
	for _, m := range pairs.FindAllStringSubmatch(dsn, -1) {
		if m[1] == key {
			return m[3]
		}
	}
	return ""
}

// plainParameters are those whose values are shown. Of any other nobody can say that it
// is no secret, least of all of one that is misspelt.
var plainParameters = []string{
	"host", "hostaddr", "port", "dbname", "user", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslsni", "application_name",
	"connect_timeout", "target_session_attrs", "load_balance_hosts", "search_path", "timezone", "statement_timeout",
}

// String gives the address with ••• for its password. An address that can't be
// read is masked whole, since nobody can tell where its password is.
func (d DSN) String() string {
	switch {
	case d.text == "" || d.text == Embedded:
		return d.text
	case strings.Contains(d.text, "://"):
		return maskedURL(d.text)
	case !onlyPairs.MatchString(d.text):
		return masked
	}
	return pairs.ReplaceAllStringFunc(d.text, func(p string) string {
		m := pairs.FindStringSubmatch(p)
		return m[1] + m[2] + maskedValue(m[1], m[3])
	})
}

// maskedURL is built by hand, because url.URL would write the dots as %E2%80%A2.
func maskedURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return masked
	}
	var b strings.Builder
	b.WriteString(u.Scheme + "://")
	if u.User != nil {
		b.WriteString(url.User(u.User.Username()).String())
		if _, has := u.User.Password(); has {
			b.WriteString(":" + masked)
		}
		b.WriteString("@")
	}
	b.WriteString(u.Host + u.EscapedPath())
	between := "?"
	for parameter := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' }) {
		name, value, _ := strings.Cut(parameter, "=")
		b.WriteString(between + name + "=" + maskedValue(name, value))
		between = "&"
	}
	return b.String()
}

// maskedValue gives the value of a parameter as it may be shown.
func maskedValue(name, value string) string {
	if value == "" || slices.Contains(plainParameters, strings.ToLower(name)) {
		return value
	}
	return masked
}

// GoString is String, quoted.
func (d DSN) GoString() string { return fmt.Sprintf("%q", d.String()) }

// Format prints String for every verb.
func (d DSN) Format(f fmt.State, verb rune) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		fmt.Fprint(f, d.GoString())
		return
	}
	fmt.Fprint(f, d.String())
}

// MarshalText makes whatever writes text mask the password.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalYAML gives the masked address.
func (d DSN) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalText takes the text as it is.
func (d *DSN) UnmarshalText(b []byte) error {
	d.text = strings.TrimSpace(string(b))
	return nil
}
