package attribution

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/goccy/go-json"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// What points and readHoldings read of ledger.holding.
const (
	pointColumns   = `subject, at, partner_id, is_malformed, cause`
	holdingColumns = pointColumns + `, learned_at, superseded_at`
)

// points reads change points by subject. Accrue reads them by the thousand, so rows
// are scanned by hand.
func points(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) (_ map[string][]Point, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := map[string][]Point{}
	var subject string
	var cause sql.RawBytes
	for rows.Next() {
		var p Point
		if err := rows.Scan(&subject, &p.At, &p.PartnerID, &p.Malformed, &cause); err != nil {
			return nil, err
		}
		p.At = p.At.UTC()
		if p.Cause, err = parseCause(cause); err != nil {
			return nil, errs.New(errs.Unknown, "cause of %s at %s: %w", subject, p.At, err)
		}
		out[subject] = append(out[subject], p)
	}
	return out, rows.Err()
}

// readHoldings reads change points of one subject with when they were believed.
func readHoldings(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) (_ []Holding, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []Holding
	var subject string
	var cause sql.RawBytes
	for rows.Next() {
		var h Holding
		var superseded *time.Time
		if err := rows.Scan(&subject, &h.From, &h.PartnerID, &h.Malformed, &cause, &h.LearnedAt, &superseded); err != nil {
			return nil, err
		}
		if h.Cause, err = parseCause(cause); err != nil {
			return nil, errs.New(errs.Unknown, "cause at %s: %w", h.From, err)
		}
		h.From, h.LearnedAt = h.From.UTC(), h.LearnedAt.UTC()
		if superseded != nil {
			at := superseded.UTC()
			h.SupersededAt = &at
		}
		h.Rules, h.Why = h.Cause.Rules(), h.Cause.String()
		out = append(out, h)
	}
	return out, rows.Err()
}

// noCause is the cause of most points that hold nothing.
const noCause = `{"kind":"none"}`

func parseCause(raw []byte) (c Cause, err error) {
	if string(raw) == noCause {
		return Cause{Kind: CauseNone}, nil
	}
	err = json.Unmarshal(raw, &c)
	return c, err
}
