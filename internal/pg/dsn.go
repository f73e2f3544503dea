package pg

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// parseDSN reads a DSN of either form. A parser's error may quote the DSN, and
// with it the password, so its text is used only where it can't.
func parseDSN(dsn string) (pq.Config, error) {
	if strings.TrimSpace(dsn) == "" {
		return pq.Config{}, errs.New(errs.Invalid, "the database's DSN is empty").
			WithHint("Give one, such as postgres://user:password@host/partnersync.")
	}
	cfg, err := pq.NewConfig(dsn)
	if err == nil {
		return cfg, nil
	}
	cause := err
	var u *url.Error
	if errors.As(err, &u) {
		cause = u.Err
	}
	return pq.Config{}, errs.New(errs.Invalid, "the database's DSN can't be read: %s", withoutSecrets(dsn, cause.Error())).
		WithHint("Write it as postgres://user:password@host/db, with %%-escapes in the password, or as key=value pairs.")
}

// quoted is what a parser quotes of its input, as fmt's %q writes it.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// withoutSecrets gives a parser's message without what it quotes of the DSN,
// which may be a password or half of one; names of parameters may stay.
func withoutSecrets(dsn, message string) string {
	return quoted.ReplaceAllStringFunc(message, func(q string) string {
		if name := strings.Trim(q, `"`); name != "" && strings.Contains(dsn, name+"=") {
			return q
		}
		return `"…"`
	})
}

// Target says which database a DSN means, for people and logs, without its
// password: `"partnersync" at db.example:5432 as "sync"`.
func Target(dsn string) string {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		return "(unreadable DSN)"
	}
	host := cfg.Host
	if host == "" {
		host = "localhost"
	}
	if !strings.HasPrefix(host, "/") {
		host += ":" + strconv.Itoa(int(cfg.Port))
	}
	name := cfg.Database
	if name == "" {
		name = cfg.User
	}
	return strconv.Quote(name) + " at " + host + " as " + strconv.Quote(cfg.User)
}

// WithDatabase gives the DSN of another database on the same server.
func WithDatabase(dsn, name string) (string, error) {
	if _, err := parseDSN(dsn); err != nil {
		return "", err
	}
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + quoteValue(name), nil // the last one counts
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errs.New(errs.Invalid, "the database's DSN can't be read")
	}
	q := u.Query()
	q.Del("dbname")
	u.Path, u.RawPath, u.RawQuery = "/"+name, "", q.Encode()
	return u.String(), nil
}

// quoteValue writes a value of a key=value DSN.
func quoteValue(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
