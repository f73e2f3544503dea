package salesforce

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
)

func TestEachRequestHasAKind(t *testing.T) {
	for name, want := range map[string]string{
		"POST services/oauth2/token": KindLogin, "POST services/Soap/u/62.0": KindLogin,
		"GET services/data": KindVersions, "GET services/data/v62.0/limits": KindLimits,
		"GET services/data/v62.0/query": KindQuery, "GET services/data/v62.0/queryAll": KindQuery, "GET services/data/v62.0/query/01gxx-2000": KindPage,
		"GET services/data/v62.0/sobjects": KindDescribe, "GET services/data/v62.0/sobjects/Account/describe": KindDescribe,
		"GET services/data/v62.0/sobjects/Account/001": KindRecord, "PATCH services/data/v62.0/composite/sobjects/A__c/Key__c": KindCollection,
		"POST services/data/v62.0/jobs/query": KindBulkQuery, "GET services/data/v62.0/jobs/query/750": KindBulkQuery,
		"GET services/data/v62.0/jobs/query/750/results": KindBulkResults, "PUT services/data/v62.0/jobs/ingest/750/batches": KindBulkIngest,
		"GET services/data/v62.0": KindOther, "GET services/data/v62.0/jobs": KindOther, "GET elsewhere": KindOther, "": KindOther,
	} {
		if got := KindOfRequest(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// shut is a Gate that counts, and lets only so many requests pass.
type shut struct {
	mu    sync.Mutex
	left  int
	kinds []string
}

func (g *shut) Pass(_ context.Context, kind string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kinds = append(g.kinds, kind)
	if g.left--; g.left < 0 {
		return Withhold("this job has had its share")
	}
	return nil
}

func TestAGateHearsOfEveryAttemptAndHoldsBackWithoutARequest(t *testing.T) {
	o := newOrg(t, replies(reply{status: 503, body: `[{"errorCode":"SERVER_UNAVAILABLE"}]`}, reply{body: `{}`}, reply{body: `{}`}))
	c := o.client(t)
	g := &shut{left: 3}
	ctx := WithGate(t.Context(), g)
	if _, err := c.Limits(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{KindLogin, KindLimits, KindLimits}, g.kinds); diff != "" {
		t.Error(diff)
	}
	_, err := c.Limits(ctx)
	if !IsQuotaUsedUp(err) || ClassOf(err) != ClassDefer || errs.KindOf(err) != errs.Limit {
		t.Errorf("%v: %s, %s", err, ClassOf(err), errs.KindOf(err))
	}
	if n := len(o.received("limits")); n != 2 || len(g.kinds) != 4 {
		t.Errorf("%d requests, %v", n, g.kinds)
	}
	if _, err := c.Limits(t.Context()); err != nil {
		t.Errorf("without a gate: %v", err)
	}
}
