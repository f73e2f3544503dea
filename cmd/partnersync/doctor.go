package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/migrations"
	"github.com/partnersync/partnersync/portal"
	"github.com/partnersync/partnersync/salesforce"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", GroupID: groupSetUp, Args: cobra.NoArgs,
		Short: "Check everything that has to be right, and say what to do about what isn't",
		Long: `Check the settings, the database and its schema, the login to Salesforce, its
clock and quota, the mapping against what the org has, and the web address. All
checks are made, whatever fails. Salesforce and a database of yours are only read;
a private Postgres is made ready, as by every other command.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.doctor(c.Context()) },
	}
}

// The outcomes of a check.
const (
	outcomeOK      = "ok"
	outcomeWarning = "warning" // it works, and a person should know
	outcomeFailed  = "failed"
	outcomeSkipped = "skipped" // something that it needs failed, or is not configured
)

// check is one thing that doctor looked at.
type check struct {
	Name    string `json:"check"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
	Hint    string `json:"hint,omitempty"`

	err error
}

// examination is the round of a doctor through the rooms.
type examination struct {
	app    *app
	cfg    config.Config
	log    *zap.Logger
	checks []check
}

func (e *examination) ok(name, format string, args ...any) {
	e.checks = append(e.checks, check{Name: name, Outcome: outcomeOK, Detail: fmt.Sprintf(format, args...)})
}

func (e *examination) warn(name, hint, format string, args ...any) {
	e.checks = append(e.checks, check{Name: name, Outcome: outcomeWarning, Detail: fmt.Sprintf(format, args...), Hint: hint})
}

func (e *examination) skip(name, why string) {
	e.checks = append(e.checks, check{Name: name, Outcome: outcomeSkipped, Detail: why})
}

func (e *examination) fail(name string, err error) {
	e.checks = append(e.checks, check{Name: name, Outcome: outcomeFailed, Detail: err.Error(), Hint: errs.HintOf(err), err: err})
}

// failure is the first check that failed, as the command's error; or nil.
func (e *examination) failure() error {
	var failed []string
	var first error
	for _, c := range e.checks {
		if c.err != nil {
			failed = append(failed, c.Name)
			if first == nil {
				first = c.err
			}
		}
	}
	if first == nil {
		return nil
	}
	kind := errs.KindOf(first)
	return errs.New(kind, "%s failed: %s", counted(int64(len(failed)), "check"), strings.Join(failed, ", "))
}

func (a *app) doctor(ctx context.Context) error {
	e := &examination{app: a}
	e.settings()
	if e.failure() == nil {
		e.database(ctx)
		e.salesforce(ctx)
		e.web(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := a.show(map[string]any{"ok": e.failure() == nil, "checks": e.checks}, e.write)
	return errors.Join(err, e.failure())
}

func (e *examination) write(p *page) {
	paint := map[string]string{
		outcomeOK:      p.app.paint(p.w, green, "ok     "),
		outcomeWarning: p.app.paint(p.w, yellow, "warning"),
		outcomeFailed:  p.app.paint(p.w, red, "FAILED "),
		outcomeSkipped: p.app.paint(p.w, faint, "skipped"),
	}
	name := 0
	for _, c := range e.checks {
		name = max(name, len(c.Name))
	}
	indent := len("warning  ") + name + len("  ")
	say := func(begin, s string) {
		if width := widthOf(p.w); width > indent+narrowest {
			s = text.WrapSoft(s, width-indent)
		}
		p.write(begin + hanging(s, indent) + "\n")
	}
	for _, c := range e.checks {
		say(fmt.Sprintf("%s  %-*s  ", paint[c.Outcome], name, c.Name), c.Detail)
		if c.Hint != "" {
			say(strings.Repeat(" ", indent), "→ "+c.Hint)
		}
	}
}

func (e *examination) settings() {
	cfg, err := e.app.settings()
	if err == nil {
		e.log, err = e.app.quiet(cfg.Log)
	}
	if err != nil {
		e.fail("settings", err)
		return
	}
	e.cfg = cfg
	e.ok("settings", "%s; zone %s, currency %s", cfg.Source(), cfg.Company.Zone, cfg.Company.Currency)
}

// database starts or reaches Postgres, and compares the schema.
func (e *examination) database(ctx context.Context) {
	d, err := e.app.openDatabase(ctx, e.cfg, e.log, schemaAny)
	if err != nil {
		e.fail("database", err)
		e.skip("schema", "no database")
		return
	}
	defer func() {
		if err := d.close(context.WithoutCancel(ctx)); err != nil {
			e.warn("database", "", "closing it: %v", err)
		}
	}()
	var version string
	if err := d.GetContext(ctx, &version, `select current_setting('server_version')`); err != nil {
		e.fail("database", err)
		return
	}
	where := e.cfg.Database.URL.String()
	if e.cfg.Database.IsEmbedded() {
		where = d.place()
	}
	e.ok("database", "Postgres %s, %s", version, where)
	if err := migrations.Check(ctx, d.DB); err != nil {
		e.fail("schema", err)
		return
	}
	e.ok("schema", "is this program's")
}

// maxSkew is how far the clocks may be apart. A pull ends its window behind the
// org's own clock, so a skew loses nothing; it makes instants hard to compare.
const maxSkew = 30 * time.Second

// salesforce logs in, then compares clocks, quota and mapping.
func (e *examination) salesforce(ctx context.Context) {
	m, mappingErr := loadMapping(e.cfg.Mapping)
	if !e.cfg.Salesforce.IsSet() {
		e.skip("salesforce", "no org is named (salesforce.login_url)")
		if mappingErr != nil {
			e.fail("mapping", mappingErr)
		}
		return
	}
	client, err := newClient(e.cfg, e.app.clock, e.log)
	if err == nil {
		defer client.Close()
		err = client.Login(ctx)
	}
	if err != nil {
		e.fail("salesforce", err)
		e.skip("mapping", "no session")
		return
	}
	e.ok("salesforce", "logged in at %s (%s)", e.cfg.Salesforce.LoginURL, e.cfg.Salesforce.Flow)
	e.skew(ctx, client)
	if mappingErr != nil {
		e.fail("mapping", mappingErr)
	} else {
		e.mapping(ctx, client, m)
	}
	e.quota(client.Usage())
}

func (e *examination) skew(ctx context.Context, client *salesforce.Client) {
	there, err := client.ServerTime(ctx)
	if err != nil {
		e.fail("clock", err)
		return
	}
	// The org's clock comes to the second.
	skew := e.app.clock.Now().Sub(there).Round(time.Second)
	if skew.Abs() > maxSkew {
		e.warn("clock", "let this machine's clock follow a time server (NTP)", "this machine and Salesforce are %s apart", skew.Abs())
		return
	}
	e.ok("clock", "agrees with Salesforce's to %s", max(skew.Abs(), time.Second))
}

// quota warns when little of the day's requests is left.
func (e *examination) quota(u salesforce.Usage) {
	if u.Daily.Max == 0 {
		e.skip("quota", "the org has not said how many requests are left")
		return
	}
	const format = "%s of %s requests used in 24 hours"
	used, most := thousands(int64(u.Daily.Used)), thousands(int64(u.Daily.Max))
	if u.Daily.Used > u.Daily.Max*9/10 {
		e.warn("quota", "when it is used up, runs wait for it by themselves; a slower schedule uses less", format, used, most)
		return
	}
	e.ok("quota", format, used, most)
}

// mapping compares what the mapping names with what the org has.
func (e *examination) mapping(ctx context.Context, client *salesforce.Client, m *mapping.Mapping) {
	r, err := m.Resolve(ctx, client)
	if err != nil {
		e.fail("mapping", err)
	} else {
		e.resolution(r)
	}
	for _, t := range mapping.Targets() {
		name := "writes " + m.Target(t).Object
		if _, err := m.ResolveTarget(ctx, client, t); err != nil {
			e.fail(name, err)
			continue
		}
		e.ok(name, "has every field that is written")
	}
}

// resolution tells of each fact kind whether the org has what it reads.
func (e *examination) resolution(r mapping.Resolution) {
	for _, stopped := range r.Stopped {
		e.fail("reads "+stopped.Object, stopped.Err)
	}
	if len(r.Readings) > 0 {
		var objects []string
		for _, reading := range r.Readings {
			object := reading.Object
			if len(reading.Absent) > 0 {
				// Optional: a single-currency org has no CurrencyIsoCode, for one.
				object += " (the org has no " + strings.Join(reading.Absent, ", ") + ")"
			}
			objects = append(objects, object)
		}
		e.ok("mapping", "reads %s", strings.Join(objects, ", "))
	}
	for _, n := range r.Notices {
		e.warn("mapping", "", "%s", n)
	}
}

// web tries the address of the web pages. One of ours that answers there is as it
// should be.
func (e *examination) web(ctx context.Context) {
	l, err := portal.Listen(ctx, e.cfg.HTTP.Listen)
	switch {
	case err == nil:
		if err := l.Close(); err != nil {
			e.fail("web", err)
			return
		}
		e.ok("web", "%s is free", e.cfg.HTTP.Listen)
	case errs.KindOf(err) == errs.Conflict && e.answers(ctx):
		e.ok("web", "partnersync answers on %s", e.cfg.HTTP.Listen)
	default:
		e.fail("web", err)
	}
}

// answers says whether a partnersync serves its pages on http.listen.
func (e *examination) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.cfg.HTTP.Listen+"/healthz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return errors.Join(err, res.Body.Close()) == nil && res.StatusCode == http.StatusOK && bytes.Contains(body, []byte(`"alive"`))
}
