package accrue

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// oldDays is how old a line may be before a company that has not decided on a
// go-live is asked (R4.5).
const oldDays = 90

// decideGoLive keeps what the settings say of the go-live. Without a word of theirs
// and without a decision of before, the first pass that would post something old asks.
func (p *pass) decideGoLive(ctx context.Context, tx *sqlx.Tx) error {
	if p.GoLive.Decided {
		_, err := book.KeepGoLive(ctx, tx, p.GoLive.On, p.actor, p.now)
		return err
	}
	known, err := book.ReadGoLive(ctx, tx)
	p.asks = !known.Decided
	return err
}

// askGoLive refuses to post what is old while nobody has said whether another
// system paid it.
func (p *pass) askGoLive(ctx context.Context, q sqlx.QueryerContext, w work) error {
	oldest := p.days.AsOf.AddDays(-oldDays)
	for _, x := range w.expected {
		for _, l := range x.Lines {
			if l.Status == commission.Accrued && l.Period.Last().Before(oldest) {
				return p.question(ctx, q, oldest)
			}
		}
	}
	return nil
}

// question says what is old, and how to answer.
func (p *pass) question(ctx context.Context, q sqlx.QueryerContext, before clock.Date) error {
	var old struct {
		N     int64      `db:"n"`
		First clock.Date `db:"first"`
	}
	if err := sqlx.GetContext(ctx, q, &old, `
		select count(*) as n, min(close_date) as first from ledger.opportunity
		where is_won and not is_deleted and close_date < $1`, before); err != nil {
		return err
	}
	return errs.New(errs.Conflict, "this would be the first accrual to post commissions of more than %d days ago (won opportunities that closed before %s: %d, the first on %s)",
		oldDays, before, old.N, old.First).
		WithHint("Say whether another system has paid them: set company.go_live to the first day that Partnersync pays, such as %s, or to none if it pays everything (R4.5).",
			p.days.AsOf.AddDays(1).Month().First())
}
