package attribution

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// Holding is an interval [From, To) during which a profile or a Space held a
// Partner ID or nothing, as it was or is believed: with why, and with when the
// ledger learned of it and when it came to believe otherwise.
type Holding struct {
	From      time.Time  `json:"from"`
	To        *time.Time `json:"to,omitempty"` // the next change; none so far if nil
	PartnerID string     `json:"partner_id"`   // "" if nobody's; the raw text if malformed
	Malformed bool       `json:"malformed,omitempty"`
	Cause     Cause      `json:"cause"`
	Rules     []string   `json:"rules"` // by which it came, nearest first
	Why       string     `json:"why"`   // the cause in a sentence, without anybody's address
	// LearnedAt is the instant of the pass that came to believe it.
	LearnedAt time.Time `json:"learned_at"`
	// SupersededAt is the instant of the pass that came to believe otherwise.
	SupersededAt *time.Time `json:"superseded_at,omitempty"`
}

// HistoryAsKnown gives the history of a subject as the ledger believed it at an
// instant; the zero instant means now. It is empty if nothing was known by then.
func HistoryAsKnown(ctx context.Context, q sqlx.QueryerContext, s Subject, known time.Time) (_ []Holding, err error) {
	defer errs.Wrap(&err, "read the history of a %s as known", s.Kind)
	rows, err := readHoldings(ctx, q, `
		select `+holdingColumns+` from ledger.holding
		where subject_kind = $1 and subject = $2
			and case when $3::timestamptz is null then superseded_at is null
				else learned_at <= $3 and (superseded_at is null or superseded_at > $3) end
		order by at`, s.Kind, s.ID, pg.OrNull(known))
	if err != nil {
		return nil, err
	}
	for i := 1; i < len(rows); i++ {
		rows[i-1].To = &rows[i].From
	}
	return rows, nil
}

// Beliefs gives every change point that was ever believed of a subject, those
// that were given up included, in the order in which they were learned. An
// interval's end depends on what else is believed at the time, so To is nil.
func Beliefs(ctx context.Context, q sqlx.QueryerContext, s Subject) (_ []Holding, err error) {
	defer errs.Wrap(&err, "read all that was believed of a %s", s.Kind)
	return readHoldings(ctx, q, `
		select `+holdingColumns+` from ledger.holding
		where subject_kind = $1 and subject = $2 order by learned_at, at`, s.Kind, s.ID)
}

// HolderOn gives the interval that decides about a day of a zone: the one at the
// last instant before the next midnight, so that a takeover day belongs to the new
// holder (R3.4); ok is false if the subject came to be after that day.
func HolderOn(history []Holding, day clock.Date, zone *time.Location) (_ Holding, ok bool) {
	end := day.End(zone)
	for _, h := range slices.Backward(history) {
		if h.From.Before(end) {
			return h, true
		}
	}
	return Holding{}, false
}
