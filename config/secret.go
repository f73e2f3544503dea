package config

import (
	"fmt"
	"net/url"
	"regexp"
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

// pairs finds values in a DSN of key=value pairs that are secret: quoted or not.
var pairs = regexp.MustCompile(`(?i)\b(password|sslpassword|passphrase)\s*=\s*('(?:[^'\\]|\\.)*'?|\S+)`)

// String gives the address with ••• for its password. An address that can't be
// read is masked whole, since nobody can tell where its password is.
func (d DSN) String() string {
	if d.text == "" || d.text == Embedded {
		return d.text
	}
	if !strings.Contains(d.text, "://") {
		if !strings.Contains(d.text, "=") {
			return masked
		}
		return pairs.ReplaceAllString(d.text, "${1}="+masked)
	}
	u, err := url.Parse(d.text)
	if err != nil {
		return masked
	}
	// Built by hand, because url.URL would write the dots as %E2%80%A2.
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
	if u.RawQuery != "" {
		b.WriteString("?" + pairs.ReplaceAllString(strings.ReplaceAll(u.RawQuery, "&", " &"), "${1}="+masked))
	}
	return strings.ReplaceAll(b.String(), " &", "&")
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
