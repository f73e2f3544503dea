package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// validation gathers the faults of values that were read well.
type validation struct {
	config *Config
	skip   map[string]bool // keys that already have a fault
	faults []Fault
}

// validate checks every value, and what belongs together. Keys in skip already
// have a fault and are left alone.
func (c *Config) validate(skip map[string]bool) []Fault {
	v := &validation{config: c, skip: skip}
	v.company()
	v.database()
	v.salesforce()
	v.pull()
	v.quota()
	v.schedules()
	v.push()
	v.listen("http.listen", c.HTTP.Listen)
	v.hosts()
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "console", "json")
	v.export()
	v.durations()
	v.limits()
	v.alerts()
	return v.faults
}

func (v *validation) add(key, format string, args ...any) {
	if !v.skip[key] {
		v.faults = append(v.faults, v.config.fault(key, fmt.Sprintf(format, args...)))
	}
}

func (v *validation) company() {
	c := &v.config.Company
	// "Local" would mean another zone on another machine, and with it other days.
	zone, err := time.LoadLocation(c.Zone)
	if err != nil || c.Zone == "Local" || c.Zone == "" {
		v.add("company.zone", "%q is not a time zone like Europe/Berlin or UTC", c.Zone)
	} else {
		c.location = zone
	}
	if _, err := money.ParseCurrency(c.Currency); err != nil {
		v.add("company.currency", "%v", err)
	}
	if _, decided := c.GoLiveOn(); c.GoLive != "" && !decided {
		v.add("company.go_live", `%q is neither a date like 2026-10-31 nor "none"`, c.GoLive)
	}
	v.oneOf("company.four_eyes", c.FourEyes, On, Off)
}

func (v *validation) database() {
	d := v.config.Database
	if !d.IsEmbedded() {
		v.databaseURL(d.URL.Reveal())
	}
	if d.DataDir == "" {
		v.add("database.data_dir", "is empty; it is the directory of the private Postgres")
	}
	if d.PostgresBin != "" {
		if info, err := os.Stat(d.PostgresBin); err != nil || !info.IsDir() {
			v.add("database.postgres_bin", "%s is not a directory; leave it out to search the usual places", d.PostgresBin)
		}
	}
}

func (v *validation) databaseURL(dsn string) {
	const want = `write "embedded", or a URL like postgres://user@host:5432/partnersync`
	if !strings.Contains(dsn, "://") {
		switch {
		case !onlyPairs.MatchString(dsn):
			v.add("database.url", "is not a database address; %s", want)
		case strings.Contains(pairOf(dsn, "host"), ";"): // as other libraries write them
			v.add("database.url", "has its parts between semicolons, which Postgres does not know; %s", want)
		case !strings.Contains(dsn, "host") && !strings.Contains(dsn, "dbname"):
			v.add("database.url", "names neither a host nor a database; %s", want)
		}
		return
	}
	// The parser's own message repeats the URL, and with it the password.
	u, err := url.Parse(dsn)
	switch {
	case err != nil:
		v.add("database.url", "can't be read as a URL (a special character in the password has to be percent-encoded); %s", want)
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		v.add("database.url", "starts with %s://; %s", u.Scheme, want)
	case strings.Trim(u.Path, "/") == "" && u.Query().Get("dbname") == "":
		v.add("database.url", "names no database; %s", want)
	}
}

var apiVersion = regexp.MustCompile(`^[1-9][0-9]\.0$`)

func (v *validation) salesforce() {
	s := v.config.Salesforce
	v.oneOf("salesforce.flow", s.Flow, FlowClientCredentials, FlowJWT, FlowRefreshToken, FlowPassword)
	if !apiVersion.MatchString(s.APIVersion) {
		v.add("salesforce.api_version", "%q is not an API version like 62.0", s.APIVersion)
	}
	if s.LoginURL != "" {
		v.httpURL("salesforce.login_url", s.LoginURL)
	}
	if s.Audience != "" {
		v.httpURL("salesforce.audience", s.Audience)
	}
	v.listen("salesforce.emulator.listen", s.Emulator.Listen)
	if s.Emulator.Opportunities < 1 || s.Emulator.Opportunities > 5_000_000 {
		v.add("salesforce.emulator.opportunities", "has to be from 1 to 5000000")
	}
	if s.Emulator.FaultSeed < 0 {
		v.add("salesforce.emulator.fault_seed", "has to be 0 or more")
	}
	if s.IsSet() {
		v.login(s)
	}
}

func (v *validation) pull() {
	p := v.config.Pull
	v.oneOf("pull.api", p.API, APIAuto, APIREST, APIBulk)
	if p.Window < 200 || p.Window > 10_000_000 {
		v.add("pull.window", "%d has to be from 200 to 10000000", p.Window)
	}
	if p.BulkAbove < 1 || p.BulkAbove > 100_000_000 {
		v.add("pull.bulk_above", "%d has to be from 1 to 100000000; to do without Bulk, write pull.api: rest", p.BulkAbove)
	}
}

// login checks that a flow has what it needs. An org that isn't named needs
// nothing: many commands only read the ledger.
func (v *validation) login(s Salesforce) {
	need := func(key string, present bool) {
		if !present && !v.skip[key+"_file"] {
			v.add(key, "is missing; the flow %s needs it", s.Flow)
		}
	}
	switch s.Flow {
	case FlowClientCredentials:
		need("salesforce.client_id", s.ClientID != "")
		need("salesforce.client_secret", !s.ClientSecret.IsZero() || s.ClientSecretFile != "")
	case FlowJWT:
		need("salesforce.client_id", s.ClientID != "")
		need("salesforce.username", s.Username != "")
		need("salesforce.private_key_file", s.PrivateKeyFile != "")
	case FlowRefreshToken:
		need("salesforce.client_id", s.ClientID != "")
		need("salesforce.refresh_token", !s.RefreshToken.IsZero() || s.RefreshTokenFile != "")
	case FlowPassword:
		need("salesforce.username", s.Username != "")
		need("salesforce.password", !s.Password.IsZero() || s.PasswordFile != "")
	}
}

// httpURL wants an absolute URL; plain http is for the emulator on this machine
// only, since credentials travel in it.
func (v *validation) httpURL(key, raw string) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		v.add(key, "%q is not a URL like https://acme.my.salesforce.com", raw)
		return
	}
	if u.User != nil {
		v.add(key, "holds a user or password; those have keys of their own")
		return
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) && !v.config.Salesforce.PlainHTTP {
		v.add(key, "%q would send credentials unencrypted; use https", raw)
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (v *validation) listen(key, address string) {
	_, port, err := net.SplitHostPort(address)
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil || n < 0 || n > 65535 {
		v.add(key, "%q is not host:port, such as 127.0.0.1:8080 or :8080", address)
	}
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func (v *validation) hosts() {
	for _, name := range v.config.HTTP.HostNames() {
		if !hostName.MatchString(name) {
			v.add("http.hosts", "%q is not a host's name; write names without scheme and port, separated by commas", name)
		}
	}
}

func (v *validation) oneOf(key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	hint := ""
	if near := nearest(value, allowed); near != "" {
		hint = "; did you mean " + near + "?"
	}
	v.add(key, "%q is not one of %s%s", value, strings.Join(allowed, ", "), hint)
}

// durations refuses zero and negative ones, of every key: each bounds something.
func (v *validation) durations() {
	walk(reflect.ValueOf(*v.config), "", func(key string, field reflect.Value) {
		if d, ok := field.Interface().(time.Duration); ok && (d <= 0 || d > 24*time.Hour) {
			v.add(key, "%s has to be more than 0s and at most 24h", shortDuration(d))
		}
	})
}

func (v *validation) push() {
	p := v.config.Push
	v.oneOf("push.api", p.API, APIAuto, "collections", APIBulk)
	v.oneOf("push.grain", p.Grain, "line", "source")
	if p.Part < 200 || p.Part > 10_000_000 {
		v.add("push.part", "%d has to be from 200 to 10000000", p.Part)
	}
	if p.BulkAbove < 1 || p.BulkAbove > 1_000_000 {
		v.add("push.bulk_above", "%d has to be from 1 to 1000000", p.BulkAbove)
	}
	if _, err := clock.ParseMonth(p.Since); p.Since != "" && err != nil {
		v.add("push.since", "%q is not a month like 2026-01", p.Since)
	}
}

func (v *validation) export() {
	e := v.config.Export
	if e.DueDays < 0 || e.DueDays > 365 {
		v.add("export.due_days", "%d has to be from 0 to 365", e.DueDays)
	}
	if e.Dates != "" {
		v.oneOf("export.dates", e.Dates, "dd/mm/yyyy", "mm/dd/yyyy", "yyyy-mm-dd")
	}
}

func (v *validation) limits() {
	if n := v.config.Database.MaxConns; n < 4 || n > 500 {
		v.add("database.max_conns", "%d has to be from 4 to 500", n)
	}
	// Salesforce itself stops at 25 long requests, for all of an org's integrations.
	if n := v.config.Limits.ConcurrentRequests; n < 1 || n > 25 {
		v.add("limits.concurrent_requests", "%d has to be from 1 to 25", n)
	}
}

// NeedSalesforce gives an errs.Invalid when no org was named, for commands that
// can't do without one.
func (c Config) NeedSalesforce() error {
	if c.Salesforce.IsSet() {
		return nil
	}
	return errs.New(errs.Invalid, "no Salesforce org is configured: salesforce.login_url is not set").
		WithHint("set salesforce.login_url, client_id and client_secret_file in %s (config/partnersync.example.yaml shows how), or see it work first with `partnersync demo`", DefaultPath)
}
