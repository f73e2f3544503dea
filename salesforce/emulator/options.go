package emulator

import (
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"go.uber.org/zap"
)

// The two names under which versions of the License Management App keep the
// flag that says an install is in a sandbox.
const (
	SandboxFlag             = schema.SandboxFlag
	SandboxFlagOfSubscriber = schema.SandboxFlagOfSubscriber
)

// The documented credentials of every org that does not set its own. They open
// nothing but an emulator.
const (
	DemoClientID      = "partnersync-demo"
	DemoClientSecret  = "demo-secret"
	DemoUsername      = "integration@acme.example"
	DemoPassword      = "demo-password"
	DemoSecurityToken = "demo-token"
	DemoRefreshToken  = "demo-refresh"
)

// Options says what the org is like. The zero value is a good org.
type Options struct {
	// Clock is the org's clock; nil is the machine's.
	Clock clock.Clock
	// Logger gets a debug line for each request; nil logs nothing.
	Logger *zap.Logger

	// Without names objects ("Lead") and fields ("Space__c.Partner_ID__c") that
	// this org does not have, or that the integration user cannot see. Without a
	// history object, its changes are not tracked.
	Without []string
	// Bare leaves out what salesforce/package makes of an org: it has its standard
	// objects and those of the License Management App, until somebody deploys more.
	Bare bool
	// MultiCurrency adds CurrencyIsoCode to every object.
	MultiCurrency bool
	// Currencies are the org's active currencies, its own first; by default USD,
	// EUR, GBP, JPY, KWD.
	Currencies []string
	// SandboxField is SandboxFlag (the default) or SandboxFlagOfSubscriber.
	SandboxField string

	// ClientID, ClientSecret, Username, Password, SecurityToken and RefreshToken
	// are what logins have to show; by default the Demo values.
	ClientID, ClientSecret                          string
	Username, Password, SecurityToken, RefreshToken string
	// RotateRefreshToken gives a new refresh token at each use and refuses the
	// old one.
	RotateRefreshToken bool
	// NoHardDelete refuses Bulk API's hardDelete, as orgs do whose user was not
	// given the permission for it.
	NoHardDelete bool
	// NoSOAPLogin answers SOAP login() as orgs made since 2025 do: it is off.
	NoSOAPLogin bool
	// SessionTTL is how long a session lasts without a request; by default 2 h.
	SessionTTL time.Duration
	// InstanceURL is the address that logins give; by default the one that the
	// login came to.
	InstanceURL string

	// DailyLimit is the number of requests in 24 hours; by default 100,000.
	DailyLimit int
	// MaxCursors is how many query results a user can have open; by default 1,000,
	// to bound memory: the platform has had no limit since API version 56, and 10
	// before. One more takes the oldest away.
	MaxCursors int
	// CursorTTL is how long a query's further pages can be asked for; by default the
	// platform's 2 days.
	// https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-apicursors.html
	CursorTTL time.Duration
	// MaxLongRequests is how many requests may be at work for LongRequest or longer
	// before others are refused; by default 25 and 20 s, as in production orgs and
	// sandboxes (a Developer Edition has 5).
	// https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-api.html
	MaxLongRequests int
	LongRequest     time.Duration
	// MaxHead bounds URI and headers together, in bytes, and the URI alone; by
	// default the platform's 16,384.
	MaxHead int
	// MaxBody bounds a request's body, in bytes; by default 50 MB, the platform's
	// bound for what is not multipart. Uploads of Bulk jobs have a bound of their own.
	// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_insert_update_blob.htm
	MaxBody int64
	// WritesPerSecond bounds the rows that Collections calls and Bulk jobs write, together;
	// by default as many as this machine can. A real org takes some hundreds to a few thousand.
	WritesPerSecond int
	// Limits overrides the Max of limits by their names in the limits resource, such
	// as "DataStorageMB". It does not know DailyApiRequests, which is DailyLimit.
	Limits map[string]int
	// RequestLog is how many requests the org remembers; by default 1,000.
	RequestLog int
	// AdminAnyHost lets the endpoints under /emulator/ and the page answer for other
	// host names than those of this machine, and the API answer pages of such names.
	AdminAnyHost bool
	// NoCompression leaves answers unpacked, also to clients that take gzip: where
	// both are on one machine, packing costs more time than sending.
	NoCompression bool
	// MinBatch is the smallest page that a client may ask for; by default the
	// platform's 200. Tests make it 1, for small pages.
	MinBatch int
}

const (
	defaultSessionTTL = 2 * time.Hour
	defaultDailyLimit = 100_000
	defaultMaxCursors = 1000
	defaultCursorTTL  = 48 * time.Hour
	defaultMaxLong    = 25
	defaultLong       = 20 * time.Second
	defaultRequestLog = 1000
	minBatch          = 200
	maxBatch          = 2000
)

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if len(o.Currencies) == 0 {
		o.Currencies = []string{"USD", "EUR", "GBP", "JPY", "KWD"}
	}
	for _, d := range []struct {
		value *string
		def   string
	}{
		{&o.SandboxField, SandboxFlag}, {&o.ClientID, DemoClientID}, {&o.ClientSecret, DemoClientSecret},
		{&o.Username, DemoUsername}, {&o.Password, DemoPassword}, {&o.SecurityToken, DemoSecurityToken},
		{&o.RefreshToken, DemoRefreshToken},
	} {
		if *d.value == "" {
			*d.value = d.def
		}
	}
	if o.SessionTTL <= 0 {
		o.SessionTTL = defaultSessionTTL
	}
	if o.DailyLimit <= 0 {
		o.DailyLimit = defaultDailyLimit
	}
	if o.MaxCursors <= 0 {
		o.MaxCursors = defaultMaxCursors
	}
	if o.CursorTTL <= 0 {
		o.CursorTTL = defaultCursorTTL
	}
	if o.MaxLongRequests <= 0 {
		o.MaxLongRequests = defaultMaxLong
	}
	if o.LongRequest <= 0 {
		o.LongRequest = defaultLong
	}
	if o.MaxHead <= 0 {
		o.MaxHead = maxHead
	}
	if o.MaxBody <= 0 {
		o.MaxBody = maxBody
	}
	if o.RequestLog <= 0 {
		o.RequestLog = defaultRequestLog
	}
	if o.MinBatch <= 0 {
		o.MinBatch = minBatch
	}
	o.MinBatch = min(o.MinBatch, maxBatch)
	return o
}
