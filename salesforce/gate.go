package salesforce

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// The kinds of requests, as they are counted.
const (
	KindLogin       = "login"
	KindVersions    = "versions" // by which the org's clock is read
	KindLimits      = "limits"
	KindDescribe    = "describe"
	KindQuery       = "query"
	KindPage        = "page" // a further page of a query
	KindCollection  = "collection"
	KindRecord      = "record"
	KindBulkQuery   = "bulk-query"
	KindBulkResults = "bulk-results"
	KindBulkIngest  = "bulk-ingest"
	KindOther       = "other"
)

// IsCharged says whether the platform counts requests of a kind against the daily
// quota: all of them but the login and the list of API versions.
// https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm
func IsCharged(kind string) bool { return kind != KindLogin && kind != KindVersions }

// KindOfRequest gives the kind of a request by its method and path, such as
// "GET services/data/v62.0/query/01gxx-2000".
func KindOfRequest(name string) string {
	method, path, _ := strings.Cut(name, " ")
	path = strings.Trim(path, "/")
	rest, isData := strings.CutPrefix(path, "services/data")
	switch {
	case strings.HasPrefix(path, "services/oauth2/"), strings.HasPrefix(path, "services/Soap/"):
		return KindLogin
	case !isData:
		return KindOther
	case rest == "":
		return KindVersions
	}
	part := strings.Split(strings.TrimPrefix(rest, "/"), "/")[1:] // without the version
	if len(part) == 0 {
		return KindOther
	}
	switch part[0] {
	case "limits":
		return KindLimits
	case "query", "queryAll":
		if len(part) > 1 {
			return KindPage
		}
		return KindQuery
	case "composite":
		return KindCollection
	case "jobs":
		return kindOfJob(method, part[1:])
	case "sobjects":
		if len(part) == 1 || part[len(part)-1] == "describe" {
			return KindDescribe
		}
		return KindRecord
	}
	return KindOther
}

// kindOfJob gives the kind of a request of Bulk API 2.0 by its path after "jobs".
func kindOfJob(method string, part []string) string {
	switch {
	case len(part) == 0:
		return KindOther
	case part[0] == "ingest":
		return KindBulkIngest
	case part[0] == "query" && method == "GET" && part[len(part)-1] == "results":
		return KindBulkResults
	case part[0] == "query":
		return KindBulkQuery
	}
	return KindOther
}

// Gate is asked before each request: it counts them, slows them, or holds them back.
// It must be safe for concurrent use.
type Gate interface {
	// Pass waits until a request of a kind may be sent. Its error is why none may; one
	// that holds a Withheld puts the rest off to a later run.
	Pass(ctx context.Context, kind string) error
}

type gateKey struct{}

// WithGate has all requests that are sent in a context ask a Gate first, each attempt
// of one that is repeated too.
func WithGate(ctx context.Context, g Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// pass asks the context's Gate, if there is one.
func pass(ctx context.Context, name string) error {
	g, ok := ctx.Value(gateKey{}).(Gate)
	if !ok {
		return nil
	}
	if err := g.Pass(ctx, KindOfRequest(name)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Withheld says why a Gate did not let a request pass: the org's quota is not used up,
// but what is left of it is not for this job.
type Withheld struct{ Why string }

// Error gives the reason.
func (w *Withheld) Error() string { return w.Why }

// Withhold gives the error of a Gate that holds a request back. Its kind is errs.Limit.
func Withhold(format string, args ...any) error {
	return errs.New(errs.Limit, "%w", &Withheld{Why: fmt.Sprintf(format, args...)}).
		WithHint("What is left undone is for a later run; salesforce.quota says how much each job may spend.")
}

// isWithheld says whether a Gate held a request back.
func isWithheld(err error) bool {
	var w *Withheld
	return errors.As(err, &w)
}
