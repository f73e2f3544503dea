package salesforce

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-json"
)

// Quota is how much of a quota is used, and how much there is.
type Quota struct{ Used, Max int }

// Usage is what the org said last about its API quotas, in the header
// Sforce-Limit-Info of any answer.
type Usage struct {
	// Daily counts requests in the rolling 24 hours.
	Daily Quota
	// Bursts counts requests in a short window, where the org reports them.
	Bursts Quota
	// App counts the requests of our own app, where the org has given it a
	// quota, and AppName is the app.
	App     Quota
	AppName string
	// At is the org's clock when it said so; zero: nothing was heard yet.
	At time.Time
}

// Usage gives the quotas as the latest answer reported them. It sends nothing.
func (c *Client) Usage() Usage {
	if u := c.usage.Load(); u != nil {
		return *u
	}
	return Usage{}
}

// noteUsage keeps the quotas of an answer, failed ones included. Of answers that
// overtake each other, the one that the org dated later counts.
func (c *Client) noteUsage(h http.Header) {
	u, ok := ParseUsage(strings.Join(h.Values("Sforce-Limit-Info"), ";"))
	if !ok {
		return
	}
	if u.At = serverDate(h); u.At.IsZero() {
		u.At = c.cfg.Clock.Now()
	}
	for {
		old := c.usage.Load()
		if old != nil && old.At.After(u.At) || c.usage.CompareAndSwap(old, &u) {
			return
		}
	}
}

// ParseUsage reads a Sforce-Limit-Info header, such as
// "api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)". Unknown keys
// and broken parts are passed over; ok says that the daily quota was there.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
func ParseUsage(header string) (u Usage, ok bool) {
	for _, part := range splitLimits(header) {
		key, value, found := strings.Cut(part, "=")
		if !found {
			continue
		}
		value, suffix, _ := strings.Cut(value, "(")
		q, valid := parseQuota(value)
		if !valid {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "api-usage":
			u.Daily, ok = q, true
		case "api-bursts":
			u.Bursts = q
		case "per-app-api-usage":
			name, isName := strings.CutPrefix(strings.TrimSpace(suffix), "appName=")
			if isName {
				name = strings.TrimSuffix(name, ")")
			} else {
				name = ""
			}
			u.App, u.AppName = q, name
		}
	}
	return u, ok
}

// splitLimits cuts at semicolons and commas, but not inside parentheses: an
// app's name may have them.
func splitLimits(header string) []string {
	depth := 0
	return strings.FieldsFunc(header, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth = max(0, depth-1)
		}
		return depth == 0 && (r == ';' || r == ',')
	})
}

// parseQuota reads "25/5000". A quota is never negative.
func parseQuota(s string) (Quota, bool) {
	used, limit, found := strings.Cut(strings.TrimSpace(s), "/")
	u, err1 := strconv.ParseUint(strings.TrimSpace(used), 10, 31)
	m, err2 := strconv.ParseUint(strings.TrimSpace(limit), 10, 31)
	if !found || err1 != nil || err2 != nil {
		return Quota{}, false
	}
	return Quota{Used: int(u), Max: int(m)}, true
}

// Limit is one of the org's limits.
type Limit struct{ Max, Remaining int }

// Limits asks for all limits of the org, by the platform's names, such as
// DailyApiRequests. It needs the permission View Setup and Configuration.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
func (c *Client) Limits(ctx context.Context) (map[string]Limit, error) {
	var limits map[string]Limit
	_, err := c.do(ctx, request{
		method: http.MethodGet, path: c.data("limits"),
		decode: func(b []byte) error { return json.Unmarshal(b, &limits) },
	})
	if err != nil {
		return nil, err
	}
	return limits, nil
}
