// Package config holds the settings of a Partnersync process as one typed value:
// loaded from a YAML file and the environment, validated as a whole, printed
// without secrets, and passed on. It is never a global.
//
// The order is: built-in defaults, then the file, then environment variables
// (PARTNERSYNC_ and the key in capitals, dots as underscores). Every fault is
// reported at once, each with its key and the line or variable that it is in.
// docs/configuration.md describes every key.
package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/watch"
)

// DefaultPath is the file that is read when none is named. It may be absent.
const DefaultPath = "partnersync.yaml"

// EnvPrefix starts the name of every environment variable that is read.
const EnvPrefix = "PARTNERSYNC_"

// Embedded is the database.url that asks for a private Postgres server.
const Embedded = "embedded"

// NoGoLive is what company.go_live says when this ledger pays everything.
const NoGoLive = "none"

// On and Off are what a switch says; a schedule says Off when its stage is not to run
// by itself.
const (
	On  = "on"
	Off = "off"
)

// Config is everything that an operator decides. Paths are absolute or relative
// to the working directory once Load gives them back.
type Config struct {
	Company    Company    `yaml:"company" envPrefix:"COMPANY_"`
	Database   Database   `yaml:"database" envPrefix:"DATABASE_"`
	Salesforce Salesforce `yaml:"salesforce" envPrefix:"SALESFORCE_"`
	Mapping    Mapping    `yaml:"mapping" envPrefix:"MAPPING_"`
	Pull       Pull       `yaml:"pull" envPrefix:"PULL_"`
	Schedules  Schedules  `yaml:"schedules" envPrefix:"SCHEDULES_"`
	Push       Push       `yaml:"push" envPrefix:"PUSH_"`
	HTTP       HTTP       `yaml:"http" envPrefix:"HTTP_"`
	Log        Log        `yaml:"log" envPrefix:"LOG_"`
	Export     Export     `yaml:"export" envPrefix:"EXPORT_"`
	Limits     Limits     `yaml:"limits" envPrefix:"LIMITS_"`
	Alerts     Alerts     `yaml:"alerts" envPrefix:"ALERTS_"`

	// origins says of each key where its value was stated; a key that is not
	// in it has its default.
	origins map[string]origin
	// readFrom says of each key that a file of its own holds which file that is.
	readFrom map[string]string
	// file is the path of the file that was read, or "".
	file string
	// notices are what Load wants a person to know that is not a fault.
	notices []string
}

// Company is what is true of the company as a whole.
type Company struct {
	// Name stands at the head of what partners are sent; "" leaves it out.
	Name string `yaml:"name" env:"NAME"`
	// Zone is the one time zone in which days, months and CloseDates are meant.
	Zone string `yaml:"zone" env:"ZONE"`
	// Currency is the ISO 4217 code of amounts in an org that is not
	// multi-currency, and so does not state one on the record.
	Currency string `yaml:"currency" env:"CURRENCY"`
	// GoLive is the first day that this ledger pays, another system having paid what
	// came before (rule R4.5): a date, or NoGoLive. "" has not been decided.
	GoLive string `yaml:"go_live" env:"GO_LIVE"`
	// FourEyes is On, or Off in a company of one person: On, nobody approves what he
	// himself entered, decided or proposed (rule R8.5).
	FourEyes string `yaml:"four_eyes" env:"FOUR_EYES"`

	// location is Zone, once validated.
	location *time.Location
}

// GoLiveOn gives the decision on the go-live: its date, or no date if there is none.
// It is not decided where the settings don't say.
func (c Company) GoLiveOn() (on clock.Date, decided bool) {
	switch c.GoLive {
	case "":
		return clock.Date{}, false
	case NoGoLive:
		return clock.Date{}, true
	}
	on, err := clock.ParseDate(c.GoLive)
	return on, err == nil
}

// OneApproves says that four eyes are off: one person may approve what he himself
// entered, decided or proposed (rule R8.5). It is for companies of one person and for
// demos, and every page says so.
func (c Company) OneApproves() bool { return c.FourEyes == Off }

// Location is the company zone.
func (c Company) Location() *time.Location {
	if c.location == nil {
		return time.UTC
	}
	return c.location
}

// Database says where the ledger is kept.
type Database struct {
	// URL is "embedded" for a private server, or a postgres:// URL.
	URL DSN `yaml:"url" env:"URL"`
	// URLFile is a file that holds the URL, for secrets that are mounted.
	URLFile string `yaml:"url_file" env:"URL_FILE"`
	// DataDir is where the private server keeps its files.
	DataDir string `yaml:"data_dir" env:"DATA_DIR"`
	// PostgresBin is the directory of initdb and postgres; "" searches the
	// usual places.
	PostgresBin string `yaml:"postgres_bin" env:"POSTGRES_BIN"`
	// MaxConns bounds the connections of this process.
	MaxConns int `yaml:"max_conns" env:"MAX_CONNS"`
}

// IsEmbedded says whether the private server is meant.
func (d Database) IsEmbedded() bool { return d.URL.Reveal() == Embedded }

// The ways to log in to Salesforce.
const (
	FlowClientCredentials = "client_credentials"
	FlowJWT               = "jwt"
	FlowRefreshToken      = "refresh_token"
	FlowPassword          = "password"
)

// Salesforce says which org to read and write, and as whom.
type Salesforce struct {
	// LoginURL is the org's My Domain, such as https://acme.my.salesforce.com.
	LoginURL string `yaml:"login_url" env:"LOGIN_URL"`
	// Flow is how to log in: one of the Flow constants.
	Flow             string `yaml:"flow" env:"FLOW"`
	ClientID         string `yaml:"client_id" env:"CLIENT_ID"`
	ClientSecret     Secret `yaml:"client_secret" env:"CLIENT_SECRET"`
	ClientSecretFile string `yaml:"client_secret_file" env:"CLIENT_SECRET_FILE"`
	// PrivateKeyFile is the PEM file with the RSA key of the jwt flow.
	PrivateKeyFile string `yaml:"private_key_file" env:"PRIVATE_KEY_FILE"`
	// Audience of the jwt flow; "" is the login URL.
	Audience          string `yaml:"audience" env:"AUDIENCE"`
	Username          string `yaml:"username" env:"USERNAME"`
	Password          Secret `yaml:"password" env:"PASSWORD"`
	PasswordFile      string `yaml:"password_file" env:"PASSWORD_FILE"`
	SecurityToken     Secret `yaml:"security_token" env:"SECURITY_TOKEN"`
	SecurityTokenFile string `yaml:"security_token_file" env:"SECURITY_TOKEN_FILE"`
	RefreshToken      Secret `yaml:"refresh_token" env:"REFRESH_TOKEN"`
	// RefreshTokenFile holds the refresh token. Salesforce may rotate it; the
	// new one is then written back to this file.
	RefreshTokenFile string `yaml:"refresh_token_file" env:"REFRESH_TOKEN_FILE"`
	// APIVersion is the REST API's version, such as "62.0".
	APIVersion string `yaml:"api_version" env:"API_VERSION"`
	// Timeout bounds each request to Salesforce, its answer included.
	Timeout time.Duration `yaml:"timeout" env:"TIMEOUT"`
	// PlainHTTP allows http:// to other hosts than this machine: an emulator in
	// a private network. Never for a real org.
	PlainHTTP bool `yaml:"plain_http" env:"PLAIN_HTTP"`
	// Quota divides the requests that the org allows in 24 hours.
	Quota Quota `yaml:"quota" envPrefix:"QUOTA_"`
	// Emulator describes the org that `demo` and `emulator` make up.
	Emulator Emulator `yaml:"emulator" envPrefix:"EMULATOR_"`

	privateKey Secret
}

// PrivateKey is the content of PrivateKeyFile, in PEM.
func (s Salesforce) PrivateKey() Secret { return s.privateKey }

// IsSet says whether an org was named at all.
func (s Salesforce) IsSet() bool { return s.LoginURL != "" }

// Emulator describes the org in a process that `demo` and `emulator` serve.
type Emulator struct {
	Listen        string `yaml:"listen" env:"LISTEN"`
	Opportunities int    `yaml:"opportunities" env:"OPPORTUNITIES"`
	Seed          int64  `yaml:"seed" env:"SEED"`
	// Faults is a file with a fault plan; "" is an org that behaves. FaultSeed
	// decides what the plan leaves to chance.
	Faults    string `yaml:"faults" env:"FAULTS"`
	FaultSeed int64  `yaml:"fault_seed" env:"FAULT_SEED"`
}

// Mapping says how Salesforce records become facts.
type Mapping struct {
	// File is a mapping in YAML; "" is the one that is built in.
	File string `yaml:"file" env:"FILE"`
}

// The ways to read records.
const (
	APIAuto = "auto"
	APIREST = "rest"
	APIBulk = "bulk"
)

// Pull says how an org is read.
type Pull struct {
	// API is one of the API constants: by REST, by Bulk API 2.0, or by number.
	API string `yaml:"api" env:"API"`
	// BulkAbove is up to how many records of an object auto reads by REST.
	BulkAbove int `yaml:"bulk_above" env:"BULK_ABOVE"`
	// Window is how many records of a large object are read at a time, by one replica.
	Window int `yaml:"window" env:"WINDOW"`
	// RefreshEvery is how often objects are read as a whole of which fields are mapped
	// that change without their record's stamp: formulas, and fields of a parent.
	RefreshEvery time.Duration `yaml:"refresh_every" env:"REFRESH_EVERY"`
	// DescribeEvery is how long a description of an object is believed.
	DescribeEvery time.Duration `yaml:"describe_every" env:"DESCRIBE_EVERY"`
}

// Schedules are cron lines (five fields, company zone), or "off". A stage
// without a line of its own follows All.
type Schedules struct {
	All       string `yaml:"all" env:"ALL"`
	Pull      string `yaml:"pull" env:"PULL"`
	Reconcile string `yaml:"reconcile" env:"RECONCILE"`
	Accrue    string `yaml:"accrue" env:"ACCRUE"`
	Push      string `yaml:"push" env:"PUSH"`
	// Recount and Verify are not among All: they look at everything there is, so a
	// night's quiet suits them.
	Recount string `yaml:"recount" env:"RECOUNT"`
	Verify  string `yaml:"verify" env:"VERIFY"`
}

// Push says how much of the book is kept in Salesforce, and which way it goes there.
type Push struct {
	// API is by which of Salesforce's interfaces records go: auto, collections, bulk.
	API string `yaml:"api" env:"API"`
	// BulkAbove is above how many unsent records of a kind auto makes Bulk jobs.
	BulkAbove int `yaml:"bulk_above" env:"BULK_ABOVE"`
	// Part is how many records of a large push a replica sends at a time.
	Part int `yaml:"part" env:"PART"`
	// Since is the first month whose lines are kept in Salesforce; "" is all.
	Since string `yaml:"since" env:"SINCE"`
	// Grain is what a commission record stands for: line, source.
	Grain string `yaml:"grain" env:"GRAIN"`
}

// SinceMonth is Since; no month if there is none.
func (p Push) SinceMonth() clock.Month {
	m, _ := clock.ParseMonth(p.Since) // validated
	return m
}

// HTTP is the web side of `serve`.
type HTTP struct {
	// Listen is host:port.
	Listen string `yaml:"listen" env:"LISTEN"`
	// Hosts are further names under which the status page may be asked for,
	// separated by commas: that of a proxy in front, for one.
	Hosts string `yaml:"hosts" env:"HOSTS"`
}

// HostNames are the names in Hosts, one by one.
func (h HTTP) HostNames() []string {
	return strings.FieldsFunc(h.Hosts, func(r rune) bool { return r == ',' || r == ' ' })
}

// Log says how much is logged, and how it looks. Logs go to standard error.
type Log struct {
	Level  string `yaml:"level" env:"LEVEL"`   // debug, info, warn, error
	Format string `yaml:"format" env:"FORMAT"` // console, json
}

// Export is what the files with bills say beside what the ledger knows.
type Export struct {
	// AccountCode is the expense account that commissions are booked on: its code in
	// Xero, its name in QuickBooks Online.
	AccountCode string `yaml:"account_code" env:"ACCOUNT_CODE"`
	// TaxType is a tax rate as the accounting program calls it.
	TaxType string `yaml:"tax_type" env:"TAX_TYPE"`
	// DueDays is how many days after the export a bill is due.
	DueDays int `yaml:"due_days" env:"DUE_DAYS"`
	// EarningCode is how the payroll program calls commissions.
	EarningCode string `yaml:"earning_code" env:"EARNING_CODE"`
	// Dates is how days are written for accounting programs: dd/mm/yyyy, mm/dd/yyyy,
	// yyyy-mm-dd, or "" for what each is used to.
	Dates string `yaml:"dates" env:"DATES"`
}

// Limits bound what one step may take.
type Limits struct {
	// StopTimeout is how long a process that was told to stop may take to
	// finish or roll back what it has in hand.
	StopTimeout time.Duration `yaml:"stop_timeout" env:"STOP_TIMEOUT"`
	// ConcurrentRequests bounds the requests to Salesforce that are in flight.
	ConcurrentRequests int `yaml:"concurrent_requests" env:"CONCURRENT_REQUESTS"`
}

// Default gives the settings of a process that was told nothing.
func Default() Config {
	return Config{
		Company:  Company{Zone: "UTC", Currency: "USD", FourEyes: On, location: time.UTC},
		Database: Database{URL: NewDSN(Embedded), DataDir: ".partnersync", MaxConns: 10},
		Salesforce: Salesforce{
			Flow: FlowClientCredentials, APIVersion: "62.0", Timeout: 2 * time.Minute,
			Quota:    Quota{Reserve: "20%", Slow: "10%"},
			Emulator: Emulator{Listen: "127.0.0.1:8081", Opportunities: 2000, Seed: 1, FaultSeed: 1},
		},
		Pull:      Pull{API: APIAuto, BulkAbove: 10_000, Window: 100_000, RefreshEvery: 24 * time.Hour, DescribeEvery: time.Hour},
		Push:      Push{API: APIAuto, BulkAbove: 2000, Part: 60_000, Grain: "line"},
		Schedules: Schedules{All: "*/5 * * * *", Recount: "15 1 * * *", Verify: "15 3 * * *"},
		HTTP:      HTTP{Listen: "127.0.0.1:8080"},
		Log:       Log{Level: "info", Format: "console"},
		Export:    Export{DueDays: 30},
		Limits:    Limits{StopTimeout: 20 * time.Second, ConcurrentRequests: 8},
		Alerts:    Alerts{SMTPTLS: alert.STARTTLS, RemindAfter: alert.DefaultRemind, LateAfter: watch.DefaultGrace},
	}
}

// File is the path of the file that was read, or "" when there was none.
func (c Config) File() string { return c.file }

// Source says for people where the settings come from: the file, the variables, or neither.
func (c Config) Source() string {
	variables := 0
	for _, o := range c.origins {
		if o.variable != "" {
			variables++
		}
	}
	from := "1 variable"
	if variables != 1 {
		from = fmt.Sprintf("%d variables", variables)
	}
	absent := " (there is no " + DefaultPath + ")"
	switch {
	case c.file == "" && variables == 0:
		return "defaults" + absent
	case c.file == "":
		return from + " of the environment" + absent
	case variables == 0:
		return c.file
	}
	return c.file + " and " + from + " of the environment"
}

// Notices are sentences for a person about what is not a fault, but probably
// not meant either: an environment variable that is nearly a key.
func (c Config) Notices() []string { return c.notices }
