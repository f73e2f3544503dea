package main

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// explainedSpace is the history of a Space's Partner ID as --output json gives it.
type explainedSpace struct {
	ID   string `json:"id"`
	Key  string `json:"key"`
	Name string `json:"name"`
	// Known is the instant as of which the ledger's belief is shown; none for now.
	Known *time.Time `json:"known,omitempty"`
	// Pending: Partner ID histories are still to be worked out from what was pulled.
	Pending bool             `json:"pending"`
	History []explainedSpell `json:"history"`
	// GivenUp is what the ledger believed once and no longer does; only without Known.
	GivenUp       []explainedSpell     `json:"given_up,omitempty"`
	On            *explainedDay        `json:"on,omitempty"`
	Discrepancies []ledger.Discrepancy `json:"discrepancies"`
}

// explainedSpell is an interval of a history with the partner's name.
type explainedSpell struct {
	attribution.Holding
	Partner string `json:"partner,omitempty"`
}

// explainedDay says who held a Space on a day (R3.4).
type explainedDay struct {
	Date string `json:"date"`
	// Existed: the Space was there by the end of the day, as far as was known.
	Existed   bool            `json:"existed"`
	PartnerID string          `json:"partner_id"` // "" for nobody's; the raw text if malformed
	Partner   string          `json:"partner,omitempty"`
	Interval  *explainedSpell `json:"interval,omitempty"`
}

// spaceQuestion is what was asked of a Space.
type spaceQuestion struct {
	key   string
	on    clock.Date
	known time.Time // zero for now
	zone  *time.Location
}

func (a *app) explainSpace(c *cobra.Command, f explainFlags) error {
	return a.withLedger(c, func(d *database) error {
		ask := spaceQuestion{key: f.space, zone: d.cfg.Company.Location()}
		var err error
		if ask.on, err = parseDay("on", f.on); err != nil {
			return err
		}
		if ask.known, err = parseKnown(f.known, a.clock.Now(), ask.zone); err != nil {
			return err
		}
		var out explainedSpace
		err = pg.InSnapshot(c.Context(), d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			out, err = spaceOf(ctx, tx, ask)
			return err
		})
		if err != nil {
			return err
		}
		return a.show(out, func(p *page) { p.space(out) })
	})
}

// parseDay reads a flag's date; none if it is not given.
func parseDay(flag, text string) (clock.Date, error) {
	if text == "" {
		return clock.Date{}, nil
	}
	day, err := clock.ParseDate(text)
	if err != nil {
		return clock.Date{}, errs.New(errs.Invalid, "--%s %w", flag, err)
	}
	return day, nil
}

// parseKnown reads --known: an instant with its zone, as RFC 3339 or as the tables
// write it; or a date, which means its end in the company zone. What lies ahead is
// not known yet.
func parseKnown(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at := time.Time{}
	if day, err := clock.ParseDate(text); err == nil {
		at = day.End(zone).Add(-time.Microsecond) // Postgres' finest
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			at = t.UTC()
		}
	}
	switch {
	case at.IsZero():
		return at, errs.New(errs.Invalid, "--known %q is neither an instant like 2026-07-15T12:00:00Z nor a date like 2026-07-15", text)
	case at.After(now):
		return at, errs.New(errs.Invalid, "--known %s lies ahead", text).WithHint("leave it out to see what the ledger believes now")
	}
	return at, nil
}

// spaceOf reads what there is to say of a Space.
func spaceOf(ctx context.Context, q sqlx.QueryerContext, ask spaceQuestion) (out explainedSpace, err error) {
	s, err := attribution.FindSpace(ctx, q, ask.key)
	if err != nil {
		return out, err
	}
	out = explainedSpace{ID: s.ID, Key: s.Key, Name: s.Name}
	if !ask.known.IsZero() {
		out.Known = &ask.known
	}
	if out.Pending, err = attribution.IsPending(ctx, q); err != nil {
		return out, err
	}
	history, err := attribution.HistoryAsKnown(ctx, q, s, ask.known)
	if err != nil {
		return out, err
	}
	beliefs, err := attribution.Beliefs(ctx, q, s)
	if err != nil {
		return out, err
	}
	names, err := holderNames(ctx, q, beliefs)
	if err != nil {
		return out, err
	}
	out.History = spells(history, names)
	if ask.known.IsZero() {
		for _, h := range beliefs {
			if h.SupersededAt != nil {
				out.GivenUp = append(out.GivenUp, explainedSpell{h, names[h.PartnerID]})
			}
		}
	}
	if !ask.on.IsZero() {
		out.On = heldOn(history, names, ask)
	}
	out.Discrepancies, err = ledger.Discrepancies(ctx, q, ledger.DiscrepancyFilter{Subject: s.ID})
	out.Discrepancies = orEmpty(out.Discrepancies)
	return out, err
}

// heldOn says who held a Space on a day.
func heldOn(history []attribution.Holding, names map[string]string, ask spaceQuestion) *explainedDay {
	out := &explainedDay{Date: ask.on.String()}
	h, existed := attribution.HolderOn(history, ask.on, ask.zone)
	if out.Existed = existed; existed {
		out.PartnerID, out.Partner = h.PartnerID, names[h.PartnerID]
		out.Interval = &explainedSpell{h, names[h.PartnerID]}
	}
	return out
}

func spells(history []attribution.Holding, names map[string]string) []explainedSpell {
	out := make([]explainedSpell, len(history))
	for i, h := range history {
		out[i] = explainedSpell{h, names[h.PartnerID]}
	}
	return out
}

func holderNames(ctx context.Context, q sqlx.QueryerContext, all []attribution.Holding) (map[string]string, error) {
	var ids []string
	for _, h := range all {
		ids = append(ids, h.PartnerID)
	}
	return namesOf(ctx, q, ids)
}
