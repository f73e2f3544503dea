package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// remarksOn says what about a registration is in order, and probably not meant: a
// Partner ID that nobody has, a domain that identifies nobody, an opportunity that no
// pull has seen.
func remarksOn(ctx context.Context, q sqlx.QueryerContext, v deal.View) (out []string, err error) {
	if !isLive(v.State) && v.State != commission.Draft {
		return nil, nil
	}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if id, ok := ledger.ParsePartnerID(v.PartnerID); ok && id != "" {
		issued, err := ledger.PartnersByID(ctx, q, []string{id})
		if err != nil {
			return nil, err
		}
		if len(issued) == 0 {
			say("nobody has the Partner ID %s: what the registration earns waits until a partner with it is applied", id)
		}
	}
	domain := ledger.RegistrableDomain(v.EmailDomain[strings.LastIndexByte(v.EmailDomain, '@')+1:])
	if domain != "" && v.AccountID == "" && v.OpportunityID == "" {
		whose, err := whoseDomain(ctx, q, domain)
		if err != nil {
			return nil, err
		}
		if whose != "" {
			say("%s is %s, and identifies no customer: the registration finds no opportunity until it is connected with one, or with an Account", domain, whose)
		}
	}
	if v.OpportunityID != "" {
		if _, err := revenue.ReadRecord(ctx, q, v.OpportunityID); errs.KindOf(err) == errs.NotFound {
			say("no pull has seen the opportunity %s yet", v.OpportunityID)
		} else if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// whoseDomain says whose a domain is that identifies no customer (R1.4); "" of one
// that may.
func whoseDomain(ctx context.Context, q sqlx.QueryerContext, domain string) (string, error) {
	if ledger.IsPublicMailDomain(domain) {
		return "a public mail domain", nil
	}
	partners, err := ledger.Partners(ctx, q)
	if err != nil {
		return "", err
	}
	for _, p := range partners {
		if slices.Contains(p.Domains, domain) {
			return "a domain of the partner " + p.Name, nil
		}
	}
	return "", nil
}

// isLive says whether a registration in a state may still earn, or has earned.
func isLive(s commission.State) bool {
	return s == commission.Submitted || s == commission.Conflict || s == commission.Approved || s == commission.Won
}
