package statement

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
)

// holders knows whose a payee id is, now and when months were closed.
type holders struct {
	now     map[string]Holder // by payee id, of those that were issued
	name    map[string]string // by partner key
	primary map[string]string // Partner ID by partner key
	closes  []closing         // in the order of their periods
	then    map[clock.Month]map[string]Holder
	of      map[clock.Month]map[Holder][]string // payee ids by holder; of no month: now
}

// closing is a month that was closed.
type closing struct {
	Period clock.Month `db:"period"`
	At     time.Time   `db:"closed_at"`
}

// readHolders reads whose the payee ids are now, and were in the closed months that
// govern the given periods. nil payees means all; otherwise only theirs are known.
func readHolders(ctx context.Context, q sqlx.QueryerContext, periods []clock.Month, payees []string) (_ *holders, err error) {
	defer errs.Wrap(&err, "read whose payee ids are")
	h := &holders{now: map[string]Holder{}, name: map[string]string{}, primary: map[string]string{}, then: map[clock.Month]map[string]Holder{}, of: map[clock.Month]map[Holder][]string{}}
	list, err := ledger.PartnersByID(ctx, q, payees)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		h.now[p.ID] = Holder{Partner: p.SurvivorKey}
		h.name[p.PartnerKey], h.name[p.SurvivorKey] = p.Name, p.SurvivorName
		if p.IsPrimary {
			h.primary[p.PartnerKey] = p.ID
		}
	}
	if err := sqlx.SelectContext(ctx, q, &h.closes, `select period, closed_at from ledger.period_close order by period`); err != nil {
		return nil, err
	}
	return h, h.readThen(ctx, q, periods, payees)
}

func (h *holders) readThen(ctx context.Context, q sqlx.QueryerContext, periods []clock.Month, payees []string) error {
	wanted := map[string]bool{}
	for _, p := range periods {
		if c, closed := h.closing(p); closed {
			wanted[c.Period.String()] = true
			h.then[c.Period] = map[string]Holder{}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var rows []struct {
		Period  clock.Month `db:"period"`
		Payee   string      `db:"payee_id"`
		Partner string      `db:"partner_key"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select period, payee_id, partner_key from ledger.period_payee
		where period = any($1) and ($2::text[] is null or payee_id = any($2))`,
		pq.Array(slices.Sorted(maps.Keys(wanted))), pq.Array(payees)); err != nil {
		return err
	}
	for _, r := range rows {
		h.then[r.Period][r.Payee] = standing(r.Partner, r.Payee)
	}
	return nil
}

// standing is a partner, or an ID that stands for itself.
func standing(partner, payee string) Holder {
	if partner == "" {
		return Holder{ID: payee}
	}
	return Holder{Partner: partner}
}

// closing gives the closed month that says whose an ID was in a period: the period
// itself or, of one that was never closed by itself, the first that was closed after it.
func (h *holders) closing(period clock.Month) (closing, bool) {
	for _, c := range h.closes {
		if !c.Period.Before(period) {
			return c, true
		}
	}
	return closing{}, false
}

// closed is the last closed month, none if no month is.
func (h *holders) closed() clock.Month {
	if len(h.closes) == 0 {
		return clock.Month{}
	}
	return h.closes[len(h.closes)-1].Period
}

// at gives whose a payee id was in a period.
func (h *holders) at(period clock.Month, payee string) Holder {
	if c, closed := h.closing(period); closed {
		if was, known := h.then[c.Period][payee]; known {
			return was
		}
	}
	return h.today(payee)
}

func (h *holders) today(payee string) Holder {
	if is, issued := h.now[payee]; issued {
		return is
	}
	return Holder{ID: payee}
}

// ids gives the payee ids that were a holder's in a period, in order.
func (h *holders) ids(period clock.Month, of Holder) []string {
	if of.Partner == "" {
		return []string{of.ID}
	}
	c, closed := h.closing(period)
	if h.of[c.Period] == nil {
		whose := h.now
		if closed {
			whose = h.then[c.Period]
		}
		by := map[Holder][]string{}
		for _, id := range slices.Sorted(maps.Keys(whose)) {
			by[whose[id]] = append(by[whose[id]], id)
		}
		h.of[c.Period] = by
	}
	return slices.Clone(h.of[c.Period][of])
}

// everHeld gives the payee ids that any of some holders has now or had when a month
// was closed.
func (h *holders) everHeld(ctx context.Context, q sqlx.QueryerContext, of []Holder) ([]string, error) {
	var partners []string
	ids := map[string]bool{}
	for _, o := range of {
		if o.Partner == "" {
			ids[o.ID] = true
		} else {
			partners = append(partners, o.Partner)
		}
	}
	for id, holder := range h.now {
		if slices.Contains(of, holder) {
			ids[id] = true
		}
	}
	var once []string
	if err := sqlx.SelectContext(ctx, q, &once, `
		select distinct payee_id from ledger.period_payee where partner_key = any($1)`, pq.Array(partners)); err != nil {
		return nil, err
	}
	for _, id := range once {
		ids[id] = true
	}
	return slices.Sorted(maps.Keys(ids)), nil
}

// find gives the holder that a person names: by a partner's key or one of its Partner
// IDs, or by the id of a payee that is no partner.
func (h *holders) find(period clock.Month, named string) Holder {
	named = strings.TrimSpace(named)
	if key, marked := strings.CutPrefix(named, ofPartner); marked {
		return Holder{Partner: key}
	}
	if _, known := h.name[named]; known {
		return Holder{Partner: named}
	}
	if id := strings.ToUpper(named); isPayeeID.MatchString(id) {
		return h.at(period, id)
	}
	return Holder{Partner: named}
}
