package fault

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// match reads `when`.
func (d *decoder) match(key string, n *node, m *Match) {
	var glob string
	var re *regexp.Regexp
	seen := d.fields(key, n, fields{
		"method":      func(key string, n *node) { d.methods(key, n, m) },
		"path":        d.text(&glob),
		"regexp":      d.pattern(&re),
		"kind":        func(key string, n *node) { d.kinds(key, n, m) },
		"object":      d.names(&m.Objects),
		"page":        d.number(&m.Page, 1, 1_000_000),
		"from":        d.instant(&m.From),
		"until":       d.instant(&m.Until),
		"every":       d.number(&m.Every, 1, 1_000_000_000),
		"first":       d.number(&m.First, 1, 1_000_000_000),
		"after":       d.number(&m.After, 1, 1_000_000_000),
		"between":     func(key string, n *node) { d.between(key, n, m) },
		"probability": d.share(&m.Probability),
	})
	m.IsRandom = seen["probability"]
	if m.Path = re; glob != "" {
		m.Path = compileGlob(glob)
	}
	if seen["path"] && seen["regexp"] {
		d.fault(key, n, "path and regexp are two ways to say the same; give one of them")
	}
	bothFixed := m.From.IsSet && m.Until.IsSet && m.From.IsRelative == m.Until.IsRelative
	if bothFixed && !m.Until.instant(time.Time{}).After(m.From.instant(time.Time{})) {
		d.fault(key, n, "until has to be later than from")
	}
}

// compileGlob makes a regular expression of a glob over paths: * is anything but
// a slash, ** anything at all, ? one character.
func compileGlob(glob string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s)^")
	for rest := glob; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
			continue
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		default:
			end := strings.IndexAny(rest, "*?")
			if end < 0 {
				end = len(rest)
			}
			b.WriteString(regexp.QuoteMeta(rest[:end]))
			rest = rest[end:]
			continue
		}
		rest = rest[1:]
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

func (d *decoder) methods(key string, n *node, m *Match) {
	for _, v := range d.texts(key, n) {
		method := strings.ToUpper(v.text)
		if !slices.Contains(methods, method) {
			d.fault(key, v, "expected one of %s", strings.Join(methods, ", "))
			continue
		}
		m.Methods = append(m.Methods, method)
	}
}

func (d *decoder) kinds(key string, n *node, m *Match) {
	for _, v := range d.texts(key, n) {
		var k Kind
		oneOf(d, &k, Kinds()...)(key, v)
		if k != "" {
			m.Kinds = append(m.Kinds, k)
		}
	}
}

func (d *decoder) between(key string, n *node, m *Match) {
	if n.kind != list || len(n.values) != 2 {
		d.fault(key, n, "expected two counts, as in [3, 9]")
		return
	}
	d.number(&m.Between[0], 1, 1_000_000_000)(key, n.values[0])
	d.number(&m.Between[1], 1, 1_000_000_000)(key, n.values[1])
	if m.Between[1] != 0 && m.Between[0] > m.Between[1] {
		d.fault(key, n, "the first count has to be the lower one")
	}
}

func (d *decoder) instant(into *Instant) func(string, *node) {
	return func(key string, n *node) {
		if after, ok := strings.CutPrefix(n.text, "+"); ok && n.kind == scalar {
			if t, err := time.ParseDuration(after); err == nil && t >= 0 && t <= maxDuration {
				*into = Instant{Since: t, IsRelative: true, IsSet: true}
				return
			}
		}
		t, err := time.Parse(time.RFC3339, n.text)
		if n.kind != scalar || err != nil {
			d.fault(key, n, "expected an instant like 2026-11-27T09:00:00Z, or a while after the plan's beginning like +10m")
			return
		}
		*into = Instant{At: t.UTC(), IsSet: true}
	}
}
