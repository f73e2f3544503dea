package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// maxFile bounds the file of settings, and each file that holds a secret.
const maxFile = 1 << 20

// Load reads the settings: the file at path (DefaultPath if path is "", and
// then it may be absent), then the variables of env that start with EnvPrefix.
// env is what os.Environ gives. Any fault makes the whole load fail with an
// errs.Invalid that wraps Faults; the Config then has the values that were right.
func Load(path string, env []string) (Config, error) {
	c := Default()
	c.origins, c.readFrom = map[string]origin{}, map[string]string{}
	src, err := read(path)
	if err != nil {
		return c, err
	}
	var faults []Fault
	if src.text != nil {
		c.file = src.path
		var stated map[string]origin
		stated, faults = decode(src, &c)
		maps.Copy(c.origins, stated)
	}
	faults = append(faults, c.override(env)...)
	c.resolvePaths()
	faults = append(faults, c.readSecrets()...)
	faults = append(faults, c.validate(faultyKeys(faults))...)
	if len(faults) == 0 {
		return c, nil
	}
	sortFaults(faults)
	return c, errs.New(errs.Invalid, "%w", Faults(faults)).
		WithHint("correct it and try `partnersync config check`; docs/configuration.md describes every key")
}

// read gives the file's text; nil when it is the default one and absent.
func read(path string) (source, error) {
	named := path != ""
	if !named {
		path = DefaultPath
	}
	text, err := readBounded(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return source{}, nil
	case errors.Is(err, fs.ErrNotExist):
		return source{}, errs.New(errs.Invalid, "read the settings: there is no file %s", path).
			WithHint("name another with --config, or copy config/partnersync.example.yaml there")
	case err != nil:
		return source{}, errs.New(errs.Invalid, "read the settings: %w", err).
			WithHint("the file has to be readable by the user that runs partnersync")
	}
	return source{path: path, text: text}, nil
}

// readBounded reads a whole file of at most maxFile bytes. What it is is asked once it is
// open, and how long it is found out by reading: a device says that it is empty.
func readBounded(path string) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, err
}

// pathKeys are the keys whose values are paths. Those of the file are relative
// to the file's directory, so that it means the same from everywhere.
var pathKeys = []string{
	"database.url_file", "database.data_dir", "database.postgres_bin", "mapping.file",
	"salesforce.client_secret_file", "salesforce.private_key_file", "salesforce.password_file",
	"salesforce.security_token_file", "salesforce.refresh_token_file",
	"alerts.webhook_url_file", "alerts.webhook_secret_file", "alerts.smtp_password_file",
}

func (c *Config) resolvePaths() {
	walk(reflect.ValueOf(c).Elem(), "", func(key string, v reflect.Value) {
		o, stated := c.origins[key]
		if !stated || o.variable != "" || !slices.Contains(pathKeys, key) {
			return
		}
		if p := v.String(); p != "" && !filepath.IsAbs(p) {
			v.SetString(filepath.Join(filepath.Dir(c.file), p))
		}
	})
}

// readSecrets reads the files that hold secrets. A secret may be stated once:
// in place or as a file, not both.
func (c *Config) readSecrets() []Fault {
	var faults []Fault
	s, a := &c.Salesforce, &c.Alerts
	for _, f := range []struct {
		key, path string
		stated    bool
		take      func(text string)
	}{
		{"salesforce.client_secret", s.ClientSecretFile, !s.ClientSecret.IsZero(), func(t string) { s.ClientSecret = NewSecret(t) }},
		{"salesforce.password", s.PasswordFile, !s.Password.IsZero(), func(t string) { s.Password = NewSecret(t) }},
		{"salesforce.security_token", s.SecurityTokenFile, !s.SecurityToken.IsZero(), func(t string) { s.SecurityToken = NewSecret(t) }},
		{"salesforce.refresh_token", s.RefreshTokenFile, !s.RefreshToken.IsZero(), func(t string) { s.RefreshToken = NewSecret(t) }},
		{"salesforce.private_key", s.PrivateKeyFile, false, func(t string) { s.privateKey = NewSecret(t) }},
		{"alerts.webhook_url", a.WebhookURLFile, !a.WebhookURL.IsZero(), func(t string) { a.WebhookURL = NewSecret(t) }},
		{"alerts.webhook_secret", a.WebhookSecretFile, !a.WebhookSecret.IsZero(), func(t string) { a.WebhookSecret = NewSecret(t) }},
		{"alerts.smtp_password", a.SMTPPasswordFile, !a.SMTPPassword.IsZero(), func(t string) { a.SMTPPassword = NewSecret(t) }},
		{"database.url", c.Database.URLFile, c.states("database.url"), func(t string) { c.Database.URL = NewDSN(t) }},
	} {
		key := f.key + "_file"
		if f.path == "" {
			continue
		}
		if f.stated {
			faults = append(faults, c.fault(key, fmt.Sprintf("stands beside %s; keep one of the two", f.key)))
			continue
		}
		text, err := readBounded(f.path)
		if err == nil && strings.TrimSpace(string(text)) == "" {
			err = fmt.Errorf("%s is empty", f.path)
		}
		if err != nil {
			faults = append(faults, c.fault(key, fmt.Sprintf("can't be read: %v", err)))
			continue
		}
		f.take(strings.TrimSpace(string(text)))
		c.readFrom[f.key] = f.path
	}
	return faults
}

func (c Config) states(key string) bool {
	_, ok := c.origins[key]
	return ok
}

// fault makes a fault of a key, with the place where it was stated.
func (c Config) fault(key, message string) Fault {
	f := Fault{Key: key, Message: message}
	if o, ok := c.origins[key]; ok {
		f.Where = o.where()
		if o.variable == "" {
			f.Line, f.Column, f.Excerpt = o.line, o.column, o.excerpt(key)
		}
	}
	return f
}

func faultyKeys(faults []Fault) map[string]bool {
	out := map[string]bool{}
	for _, f := range faults {
		out[f.Key] = true
	}
	return out
}

// sortFaults puts the faults in the order of the file; those without a line last.
func sortFaults(faults []Fault) {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		if (a.Line == 0) != (b.Line == 0) {
			return b.Line - a.Line
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}
