package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// write puts a file into a directory of the test's own and gives its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func faultsOf(t *testing.T, err error) Faults {
	t.Helper()
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("want Faults, got %v", err)
	}
	if errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
		t.Errorf("want an invalid error with a hint, got %s, hint %q", errs.KindOf(err), errs.HintOf(err))
	}
	return faults
}

func TestDefaultsAreValid(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.File() != "" || !c.Database.IsEmbedded() || c.Company.Location() != time.UTC {
		t.Errorf("unexpected defaults: %+v", c)
	}
	if err := c.NeedSalesforce(); errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
		t.Errorf("a missing org is %v", err)
	}
}

func TestNamedFileHasToBeThere(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil)
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("got %v", err)
	}
}

// The sample says every key, and loads once its secret is there.
func TestExampleLoads(t *testing.T) {
	text, err := os.ReadFile("partnersync.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, "partnersync.yaml", string(text))
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "client-secret"), []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Salesforce.ClientSecret.Reveal(); got != "hush" {
		t.Errorf("the secret of the file is %q", got)
	}
	for _, key := range Keys() {
		name := key[strings.LastIndex(key, ".")+1:]
		if !strings.Contains(string(text), name+":") {
			t.Errorf("the sample does not show %s", key)
		}
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		if !strings.Contains(string(text), "`"+key+"`") {
			t.Errorf("docs/configuration.md does not describe %s", key)
		}
	}
}

// Every key can be overridden by the variable that its name promises.
func TestEveryKeyHasItsVariable(t *testing.T) {
	for _, key := range Keys() {
		c := Default()
		c.origins = map[string]origin{}
		value := "7"
		switch {
		case strings.HasSuffix(key, "timeout"), strings.HasSuffix(key, "_every"), strings.HasSuffix(key, "_after"):
			value = "7s"
		case key == "salesforce.plain_http", key == "alerts.webhook_private":
			value = "true"
		}
		if faults := c.override([]string{EnvName(key) + "=" + value}); len(faults) > 0 {
			t.Errorf("%s: %v", key, faults)
		}
		walk(reflect.ValueOf(c), "", func(k string, v reflect.Value) {
			if k != key {
				return
			}
			got := text(v)
			switch x := v.Interface().(type) {
			case Secret:
				got = x.Reveal()
			case DSN:
				got = x.Reveal()
			}
			if got != value {
				t.Errorf("%s gives %q", EnvName(key), got)
			}
		})
	}
}

func TestEnvironmentBeatsTheFile(t *testing.T) {
	path := write(t, "p.yaml", "log:\n  level: warn\n  format: json\n")
	c, err := Load(path, []string{"PARTNERSYNC_LOG_LEVEL=debug", "PARTNERSYNC_LOG_FORMAT=", "HOME=/", "PARTNERSYNC_PORT_8080_TCP=tcp://10.0.0.1", "PARTNERSYNC_LOG_LEVLE=warn"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Level != "debug" || c.Log.Format != "json" {
		t.Errorf("got %+v", c.Log)
	}
	want := []string{"the environment variable PARTNERSYNC_LOG_LEVLE is not one of ours; did you mean PARTNERSYNC_LOG_LEVEL?"}
	if diff := cmp.Diff(want, c.Notices()); diff != "" {
		t.Error(diff)
	}
	from := map[string]string{}
	for _, s := range c.Redacted() {
		from[s.Key] = s.From
	}
	if from["log.level"] != "PARTNERSYNC_LOG_LEVEL" || from["log.format"] != path+":3:11" || from["company.zone"] != "default" {
		t.Errorf("origins: %v", from)
	}
}

// What a file of its own holds is no default: its path is where it comes from.
func TestAFileOfItsOwnIsWhereASecretComesFrom(t *testing.T) {
	secret := write(t, "secret", "hunter2\n")
	c, err := Load(write(t, "p.yaml", "salesforce:\n  client_secret_file: "+secret+"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Redacted() {
		if s.Key == "salesforce.client_secret" && (s.From != secret || s.Value != masked) {
			t.Errorf("got %+v", s)
		}
	}
}

func TestTheSourceOfTheSettingsIsSaid(t *testing.T) {
	path, env := write(t, "p.yaml", "log: {level: warn}\n"), []string{"PARTNERSYNC_LOG_FORMAT=json"}
	t.Chdir(t.TempDir())
	for _, tc := range []struct {
		path string
		env  []string
		want string
	}{
		{"", nil, "defaults (there is no partnersync.yaml)"},
		{"", env, "1 variable of the environment (there is no partnersync.yaml)"},
		{"", append(env, "PARTNERSYNC_COMPANY_NAME=Acme"), "2 variables of the environment (there is no partnersync.yaml)"},
		{path, nil, path},
		{path, env, path + " and 1 variable of the environment"},
	} {
		c, err := Load(tc.path, tc.env)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Source(); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

// All faults come at once, each with its key and its line.
func TestAllFaultsAtOnce(t *testing.T) {
	path := write(t, "p.yaml", `company:
  zone: Mars/Olympus
  currency: usd
  go_live: 2026-02-29
salesfroce: {}
salesforce:
  login_url: http://acme.my.salesforce.com
  flow: client_credential
  timeout: 0s
  api_version: 62
http:
  lisen: 127.0.0.1:8080
  listen: nowhere
schedules:
  pull: every minute
  push: "*/5 * * *"
limits:
  stop_timeout: [1, 2]
log: loud
database:
  url: mysql://root:hunter2@db/x
  max_conns: many
`)
	_, err := Load(path, []string{"PARTNERSYNC_LOG_FORMAT=xml"})
	var got []string
	for _, f := range faultsOf(t, err) {
		if f.Line == 0 {
			f.Line = -1
		}
		got = append(got, fmt.Sprintf("%d %s: %s", f.Line, f.Key, f.Message))
	}
	for _, want := range []string{
		`2 company.zone: "Mars/Olympus" is not a time zone`,
		`3 company.currency: "usd" is not a currency`,
		`4 company.go_live: "2026-02-29" is neither a date like 2026-10-31 nor "none"`,
		`5 salesfroce: unknown key; did you mean salesforce?`,
		`7 salesforce.login_url: "http://acme.my.salesforce.com" would send credentials unencrypted`,
		`8 salesforce.flow: "client_credential" is not one of client_credentials, jwt, refresh_token, password; did you mean client_credentials?`,
		`9 salesforce.timeout: 0s has to be more than 0s`,
		`10 salesforce.api_version: "62" is not an API version like 62.0`,
		`12 http.lisen: unknown key; did you mean http.listen?`,
		`13 http.listen: "nowhere" is not host:port`,
		`15 schedules.pull: "every minute" is not a cron line`,
		`16 schedules.push: "*/5 * * *" is not a cron line`,
		`18 limits.stop_timeout: expected one plain value`,
		`19 log: expected keys and values here`,
		`21 database.url: starts with mysql://`,
		`22 database.max_conns: "many" is not a whole number`,
		`-1 log.format: "xml" is not one of console, json`,
	} {
		found := false
		for _, g := range got {
			found = found || strings.HasPrefix(g, want)
		}
		if !found {
			t.Errorf("no fault %q", want)
		}
	}
	if t.Failed() || len(got) != 17 {
		t.Errorf("%d faults:\n%s", len(got), strings.Join(got, "\n"))
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the error shows the password")
	}
}

func TestR4_5_GoLiveIsADateOrNoneOrUndecided(t *testing.T) {
	for text, want := range map[string]struct {
		on      clock.Date
		decided bool
	}{
		"":                               {},
		"company: {go_live: }":           {},
		`company: {go_live: ""}`:         {},
		"company: {go_live: none}":       {decided: true},
		"company: {go_live: 2026-01-31}": {on: clock.NewDate(2026, 1, 31), decided: true},
	} {
		c, err := Load(write(t, "p.yaml", text), nil)
		if on, decided := c.Company.GoLiveOn(); err != nil || on != want.on || decided != want.decided {
			t.Errorf("%q gives %q, %v (%v)", text, on, decided, err)
		}
	}
	c, err := Load(write(t, "p.yaml", "company: {go_live: none}"), []string{"PARTNERSYNC_COMPANY_GO_LIVE=2026-01-31"})
	if on, decided := c.Company.GoLiveOn(); err != nil || !decided || on.String() != "2026-01-31" {
		t.Errorf("the variable gives %q, %v (%v)", on, decided, err)
	}
}

// Only a plain "off" lets one person do both.
func TestR8_5_FourEyesAreOnUnlessTurnedOff(t *testing.T) {
	for text, off := range map[string]bool{
		"": false, "company: {four_eyes: }": false, "company: {four_eyes: on}": false, "company: {four_eyes: off}": true,
	} {
		c, err := Load(write(t, "p.yaml", text), nil)
		if err != nil || c.Company.OneApproves() != off {
			t.Errorf("%q: one person approves: %v (%v)", text, c.Company.OneApproves(), err)
		}
	}
	c, err := Load(write(t, "p.yaml", ""), []string{"PARTNERSYNC_COMPANY_FOUR_EYES=off"})
	if err != nil || !c.Company.OneApproves() {
		t.Errorf("the variable says off: %v (%v)", c.Company.OneApproves(), err)
	}
	for _, odd := range []string{"false", "of", "OFF", `""`} {
		_, err := Load(write(t, "p.yaml", "company:\n  four_eyes: "+odd), nil)
		if f := faultsOf(t, err)[0]; f.Key != "company.four_eyes" || f.Line != 2 || !strings.Contains(f.Message, "is not one of on, off") {
			t.Errorf("%s: %+v", odd, f)
		}
	}
	if (Company{}).OneApproves() {
		t.Error("settings that say nothing let one person approve")
	}
}

func TestMalformedYAMLShowsTheLine(t *testing.T) {
	for name, text := range map[string]string{
		"indent":    "http:\n  listen: 127.0.0.1:8080\n listen: x\n",
		"tab":       "http:\n\tlisten: 127.0.0.1:8080\n",
		"bracket":   "http: {listen: 127.0.0.1:8080\n",
		"duplicate": "http:\n  listen: a:1\n  listen: a:2\n",
		"list":      "- a\n- b\n",
		"text":      "just text\n",
		"documents": "http:\n  listen: a:1\n---\nhttp:\n  listen: a:2\n",
		"alias":     "http: &h\n  listen: a:1\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "p.yaml", text)
			_, err := Load(path, nil)
			f := faultsOf(t, err)[0]
			if f.Line == 0 || !strings.HasPrefix(f.Where, path+":") || !strings.Contains(f.Excerpt, "^") {
				t.Errorf("no place in %q", f.String())
			}
		})
	}
}

func TestEmptyFilesAreDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "http:\n", "http: # nothing\nlog:\n"} {
		if _, err := Load(write(t, "p.yaml", text), nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A fault never shows a secret, whichever way the file is broken.
func TestFaultsShowNoSecret(t *testing.T) {
	for name, text := range map[string]string{
		"value":   "salesforce:\n  client_secret: [hunter2]\n",
		"typo":    "salesforce:\n  client_secrte: hunter2\n",
		"syntax":  "salesforce:\n  password: \"hunter2\n",
		"block":   "salesforce:\n  client_secret: |\n hunter2\n",
		"dsn":     "database:\n  url: postgres://u:hunter2%@h/d\n",
		"flow":    "salesforce: {client_secret: hunter2, nonsense: 1}\n",
		"both":    "salesforce:\n  client_secret: hunter2\n  client_secret_file: x\n",
		"control": "database:\n  url: \"postgres://u:hunter2@h/d\\x01\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, "p.yaml", text), nil)
			if err == nil {
				t.Fatal("no fault")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("shows the secret:\n%v", err)
			}
		})
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	c := Default()
	c.Salesforce.ClientSecret = NewSecret("hunter2")
	c.Database.URL = NewDSN("postgres://u:hunter2@h:5432/d?sslmode=disable&sslpassword=hunter2")
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out = append(out, fmt.Sprintf(verb, c), fmt.Sprintf(verb, c.Salesforce.ClientSecret), fmt.Sprintf(verb, &c.Salesforce), fmt.Sprintf(verb, c.Database.URL))
	}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, string(j), string(y), fmt.Sprint(c.Redacted()))
	for _, o := range out {
		if strings.Contains(o, "hunter2") || strings.Contains(o, "68756e74657232") {
			t.Errorf("shows the secret: %s", o)
		}
	}
}

func TestDSNPrintsWithoutItsPassword(t *testing.T) {
	for in, want := range map[string]string{
		"embedded":                             "embedded",
		"":                                     "",
		"postgres://u:p@h:1/d?sslmode=disable": "postgres://u:•••@h:1/d?sslmode=disable",
		"postgres://h/d":                       "postgres://h/d",
		"postgres://u@h/d?port=1&password=p&user=d": "postgres://u@h/d?port=1&password=•••&user=d",
		"host=h password='a b' dbname=d":            "host=h password=••• dbname=d",
		"host=h password=p%%":                       "host=h password=•••",
		"postgres://u:p%zz@h/d":                     masked,
		"p":                                         masked,
		// Written wrongly, and read by a person who looks for what is wrong.
		"postgres:/u:p@h/d?sslmode=disable":           masked,
		"u:p@h/d?host=x":                              masked,
		"host=h password=my secret dbname=d":          masked,
		`host=h password=my\ secret dbname=d`:         "host=h password=••• dbname=d",
		`host=h password='it\'s' dbname=d`:            "host=h password=••• dbname=d",
		"host=h pass=p dbname=d":                      "host=h pass=••• dbname=d",
		"host=h PASSWORD = p dbname=d":                "host=h PASSWORD = ••• dbname=d",
		"postgres://h/d?user=u&p%61ssword=p":          "postgres://h/d?user=u&p%61ssword=•••",
		"postgres://h/d?password=a%20b c&sslmode=off": "postgres://h/d?password=•••&sslmode=off",
		"postgres://h/d?passwd=p&options=-c%20x%3Dp":  "postgres://h/d?passwd=•••&options=•••",
		"postgres://h/d?&password=p":                  "postgres://h/d?password=•••",
		"postgres://u@h/d#p":                          "postgres://u@h/d",
	} {
		if got := NewDSN(in).String(); got != want {
			t.Errorf("%q prints as %q, want %q", in, got, want)
		}
	}
}

// What is no address is a fault before anybody connects to half of a password.
func TestWhatIsNoDatabaseAddressIsRefused(t *testing.T) {
	for dsn, isRight := range map[string]bool{
		"host=h dbname=d password=a;b":              true,
		"host=/run/postgresql user=u":               true,
		"dbname=d":                                  true,
		"host=h password='a b;c' dbname=d":          true,
		"postgres:/u:hunter2@h/d?host=x":            false,
		"u:hunter2@h/d?dbname=x":                    false,
		"host=h password=my hunter2 dbname=d":       false,
		"host=h;password=hunter2;dbname=d":          false,
		"Server=h;Database=d;User=u;Pwd=hunter2":    false,
		"user=u password=hunter2":                   false,
		"jdbc:postgresql:h?user=u&password=hunter2": false,
	} {
		_, err := Load(write(t, "p.yaml", ""), []string{"PARTNERSYNC_DATABASE_URL=" + dsn})
		if (err == nil) != isRight {
			t.Errorf("%q: %v", dsn, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the fault shows the secret: %v", dsn, err)
		}
	}
}

// A device says that it is empty, and never ends.
func TestSettingsAreBounded(t *testing.T) {
	if _, err := Load("/dev/zero", nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("/dev/zero: %v", err)
	}
	path := write(t, "p.yaml", "company: "+strings.Repeat("[", 200_000))
	if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "more than 64 things") {
		t.Errorf("brackets: %v", err)
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	path := write(t, "p.yaml", "mapping:\n  file: m.yaml\ndatabase:\n  data_dir: data\n")
	c, err := Load(path, []string{"PARTNERSYNC_DATABASE_DATA_DIR=elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Mapping.File != filepath.Join(filepath.Dir(path), "m.yaml") || c.Database.DataDir != "elsewhere" {
		t.Errorf("got %q and %q", c.Mapping.File, c.Database.DataDir)
	}
}

func TestExportIsWithinItsBounds(t *testing.T) {
	path := write(t, "p.yaml", "export: {due_days: 366, dates: dd.mm.yyyy, account_code: \"0478\"}\n")
	_, err := Load(path, nil)
	var got []string
	for _, f := range faultsOf(t, err) {
		got = append(got, f.Key)
	}
	if diff := cmp.Diff([]string{"export.due_days", "export.dates"}, got); diff != "" {
		t.Error(diff)
	}
	c, err := Load(write(t, "q.yaml", "export: {due_days: 0, dates: mm/dd/yyyy, account_code: \"0478\"}\n"), nil)
	if err != nil || c.Export != (Export{AccountCode: "0478", Dates: "mm/dd/yyyy"}) {
		t.Errorf("got %+v %v", c.Export, err)
	}
}

func TestFlowsSayWhatTheyNeed(t *testing.T) {
	for flow, want := range map[string][]string{
		FlowClientCredentials: {"salesforce.client_id", "salesforce.client_secret"},
		FlowJWT:               {"salesforce.client_id", "salesforce.username", "salesforce.private_key_file"},
		FlowRefreshToken:      {"salesforce.client_id", "salesforce.refresh_token"},
		FlowPassword:          {"salesforce.username", "salesforce.password"},
	} {
		t.Run(flow, func(t *testing.T) {
			t.Chdir(t.TempDir())
			_, err := Load("", []string{"PARTNERSYNC_SALESFORCE_FLOW=" + flow, "PARTNERSYNC_SALESFORCE_LOGIN_URL=https://acme.my.salesforce.com"})
			var got []string
			for _, f := range faultsOf(t, err) {
				got = append(got, f.Key)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	for _, s := range []string{"http:\n  listen: a:1\n", "a: [", "salesforce: {flow: jwt}", "x: &a b\ny: *a\n", "? a\n: b\n", "http: !!str x", "<<: {a: b}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := Default()
		origins, faults := decode(source{path: "p.yaml", text: text}, &c)
		c.origins = origins
		for _, fault := range append(faults, c.validate(faultyKeys(faults))...) {
			if fault.String() == "" {
				t.Error("an empty fault")
			}
		}
	})
}
