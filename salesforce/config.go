package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// Flow is a way to log in.
type Flow string

// The flows. The first is the default; the last is for old orgs only.
const (
	// FlowClientCredentials is OAuth 2.0 client credentials against the org's My
	// Domain. It needs ClientID and ClientSecret.
	FlowClientCredentials Flow = "client_credentials"
	// FlowJWTBearer signs an assertion with a private key whose certificate the
	// org's app knows. It needs ClientID, Username and PrivateKeyPEM.
	FlowJWTBearer Flow = "jwt_bearer"
	// FlowRefreshToken uses a token that a person granted once. It needs ClientID
	// and RefreshToken, and StoreRefreshToken where the org rotates them.
	FlowRefreshToken Flow = "refresh_token"
	// FlowPassword is the SOAP login() call with Username, Password and
	// SecurityToken. Salesforce switches it off by default in new orgs, left it
	// out of API 65 and retires it in Summer '27.
	FlowPassword Flow = "password"
)

// Defaults of what a Config leaves at zero.
const (
	DefaultAPIVersion     = "v62.0"
	DefaultLoginURL       = "https://login.salesforce.com"
	DefaultRequestTimeout = 2 * time.Minute
	DefaultMaxBody        = 64 << 20
	DefaultMaxAttempts    = 5
	DefaultRetryInitial   = 500 * time.Millisecond
	DefaultRetryMax       = 30 * time.Second
	DefaultJobPatience    = time.Hour
	// DefaultMaxConcurrent stays well below the platform's bound of 25
	// long-running requests, which is shared by all of an org's integrations.
	DefaultMaxConcurrent = 8
)

// Config says how to reach an org. The zero value of a field means its default;
// New refuses a Config with which nothing could work, naming all its faults.
type Config struct {
	// Flow is the way to log in; FlowClientCredentials by default.
	Flow Flow
	// LoginURL is the org's My Domain (https://acme.my.salesforce.com). The
	// other flows also work against
	// https://login.salesforce.com (the default) or https://test.salesforce.com.
	LoginURL string
	// APIVersion is "v62.0" or "62.0".
	APIVersion string

	ClientID     string
	ClientSecret string
	Username     string
	Password     string
	// SecurityToken is appended to Password; it may be empty where the org
	// trusts this machine's address.
	SecurityToken string
	// PrivateKeyPEM is an RSA key in PEM form.
	PrivateKeyPEM string
	// Audience is the JWT's audience; the LoginURL by default.
	Audience     string
	RefreshToken string
	// StoreRefreshToken is called with a refresh token that the org gave in
	// place of the last one, before the session is used. An error fails the
	// login, since the next start of the program could not log in any more.
	StoreRefreshToken func(ctx context.Context, token string) error

	// RequestTimeout bounds one HTTP request, its body included.
	RequestTimeout time.Duration
	// MaxBody bounds one answer in bytes, after decompression.
	MaxBody int64
	// MaxAttempts bounds the tries of one call, the first included.
	MaxAttempts int
	// RetryInitial and RetryMax bound the pause between tries; it doubles from
	// one to the other, give or take a random half.
	RetryInitial, RetryMax time.Duration
	// JobPatience bounds how long a Bulk job may show no progress.
	JobPatience time.Duration
	// MaxConcurrent bounds the requests in flight.
	MaxConcurrent int
	// RequestsPerSecond bounds the rate of requests; 0 leaves it unbounded.
	RequestsPerSecond float64

	// PlainHTTP allows http:// for hosts other than this machine: an emulator
	// on a private network. Never set it for a real org.
	PlainHTTP bool
	// Transport is what requests go through; nil makes one for this client.
	Transport http.RoundTripper
	// Clock dates the JWT; the machine's by default.
	Clock clock.Clock
	// Log gets retries, logins and oddities; nothing by default.
	Log *zap.Logger
}

// String gives what identifies the connection and none of its secrets.
func (c Config) String() string {
	flow := c.Flow
	if flow == "" {
		flow = FlowClientCredentials
	}
	return fmt.Sprintf("salesforce{%s %s %s}", c.LoginURL, flow, c.APIVersion)
}

// GoString keeps secrets out of %#v too.
func (c Config) GoString() string { return c.String() }

// withDefaults fills what is left at zero.
func (c Config) withDefaults() Config {
	setDefault(&c.Flow, FlowClientCredentials)
	setDefault(&c.LoginURL, DefaultLoginURL)
	setDefault(&c.APIVersion, DefaultAPIVersion)
	setDefault(&c.RequestTimeout, DefaultRequestTimeout)
	setDefault(&c.MaxBody, DefaultMaxBody)
	setDefault(&c.MaxAttempts, DefaultMaxAttempts)
	setDefault(&c.RetryInitial, DefaultRetryInitial)
	setDefault(&c.RetryMax, max(DefaultRetryMax, c.RetryInitial))
	setDefault(&c.JobPatience, DefaultJobPatience)
	setDefault(&c.MaxConcurrent, DefaultMaxConcurrent)
	c.LoginURL = strings.TrimRight(strings.TrimSpace(c.LoginURL), "/")
	c.APIVersion = strings.TrimPrefix(c.APIVersion, "v")
	setDefault(&c.Audience, c.LoginURL)
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

var apiVersion = regexp.MustCompile(`^v?([0-9]{2,3})\.0$`)

// Validate gives an errs.Invalid error that names every fault, or nil. It opens
// nothing.
func (c Config) Validate() error {
	c = c.withDefaults()
	faults := c.flowFaults()
	if _, err := baseURL(c.LoginURL, c.PlainHTTP); err != nil {
		faults = append(faults, fmt.Errorf("login URL: %w", err))
	}
	if c.Flow == FlowClientCredentials && sharedLoginHost(c.LoginURL) {
		faults = append(faults, errors.New("login URL: client_credentials needs the org's My Domain "+
			"(https://acme.my.salesforce.com), not the login host that all orgs share"))
	}
	if !apiVersion.MatchString(c.APIVersion) {
		faults = append(faults, fmt.Errorf(`API version %q is not like "v62.0"`, c.APIVersion))
	} else if v, err := strconv.Atoi(strings.TrimSuffix(c.APIVersion, ".0")); err != nil || v < oldestAPI {
		faults = append(faults, fmt.Errorf("API version %s is older than %d.0, which lacks Collections upsert", c.APIVersion, oldestAPI))
	}
	for _, bound := range []struct {
		name  string
		wrong bool
	}{
		{"request time-out", c.RequestTimeout < 0}, {"bound on answers", c.MaxBody < 0},
		{"number of attempts", c.MaxAttempts < 0}, {"first retry pause", c.RetryInitial < 0},
		{"longest retry pause", c.RetryMax < c.RetryInitial}, {"concurrency", c.MaxConcurrent < 0}, {"patience with jobs", c.JobPatience < 0}, {"patience with jobs", c.JobPatience < 0},
		{"requests per second", c.RequestsPerSecond < 0},
	} {
		if bound.wrong {
			faults = append(faults, fmt.Errorf("%s is too small", bound.name))
		}
	}
	if len(faults) > 0 {
		return &errs.Error{Kind: errs.Invalid, Op: "salesforce configuration", Err: errors.Join(faults...)}
	}
	return nil
}

// oldestAPI is the first version whose Collections upsert is generally
// available in every edition that has the API.
const oldestAPI = 46

// flowFaults says what the chosen flow lacks.
func (c Config) flowFaults() (faults []error) {
	need := func(name, value string) {
		if value == "" {
			faults = append(faults, fmt.Errorf("%s is needed for the %s login", name, c.Flow))
		}
	}
	switch c.Flow {
	case FlowClientCredentials:
		need("client id", c.ClientID)
		need("client secret", c.ClientSecret)
	case FlowJWTBearer:
		need("client id", c.ClientID)
		need("username", c.Username)
		need("private key", c.PrivateKeyPEM)
		if c.PrivateKeyPEM != "" {
			if _, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(c.PrivateKeyPEM)); err != nil {
				// The cause could quote the key.
				faults = append(faults, errors.New("private key is not an RSA key in PEM form"))
			}
		}
	case FlowRefreshToken:
		need("client id", c.ClientID)
		need("refresh token", c.RefreshToken)
	case FlowPassword:
		need("username", c.Username)
		need("password", c.Password)
		if strings.ContainsFunc(c.Username+c.Password+c.SecurityToken, unicode.IsControl) {
			// XML cannot carry them: the login would send other text.
			faults = append(faults, errors.New("username, password or security token holds a control character, such as a line break"))
		}
	default:
		faults = append(faults, fmt.Errorf("login flow %q is none of %s, %s, %s, %s", c.Flow,
			FlowClientCredentials, FlowJWTBearer, FlowRefreshToken, FlowPassword))
	}
	return faults
}

// sharedLoginHost says whether a URL is one of the hosts that serve all orgs.
func sharedLoginHost(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Hostname() == "login.salesforce.com" || u.Hostname() == "test.salesforce.com")
}

// baseURL checks an address that will get credentials or a session, and gives
// its scheme and host. A path, a query or user info is refused, and so is http
// except to this machine or where plain allows it.
func baseURL(raw string, plain bool) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "", errors.New("not an address like https://acme.my.salesforce.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", fmt.Errorf("%s://%s is wanted, without anything before or after the host", u.Scheme, u.Host)
	case u.Scheme == "https":
	case u.Scheme == "http" && (plain || loopback(u.Hostname())):
	default:
		return "", fmt.Errorf("%s://%s is not https, and would show the credentials to the network", u.Scheme, u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
