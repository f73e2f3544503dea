package main

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
)

// whichLines are the flags that say which lines are meant.
type whichLines struct {
	partner, through, currency, regime, source, most string
}

func (w *whichLines) flags(c *cobra.Command) {
	c.Flags().StringVar(&w.partner, "partner", "", "those of a partner, by its key, or of one Partner ID")
	c.Flags().StringVar(&w.through, "through", "", "those of this month and before, such as 2026-10")
	c.Flags().StringVar(&w.currency, "currency", "", "those in this currency")
	c.Flags().StringVar(&w.regime, "regime", "", "those under this regime: space, registration, program")
	c.Flags().StringVar(&w.source, "source", "", "those of this opportunity or conversion")
	c.Flags().StringVar(&w.most, "most", "", "those of at most this amount, which needs --currency")
}

func (w *whichLines) isEmpty() bool { return *w == whichLines{} }

// filter reads the flags; errs.Invalid if one is wrong.
func (w *whichLines) filter(ctx context.Context, q sqlx.QueryerContext) (f book.Filter, err error) {
	if f.Payees, err = payeesOf(ctx, q, w.partner); err != nil {
		return f, err
	}
	if w.through != "" {
		if f.Through, err = parseMonth(w.through); err != nil {
			return f, err
		}
	}
	if w.currency != "" {
		if f.Currency, err = money.ParseCurrency(strings.ToUpper(w.currency)); err != nil {
			return f, errs.New(errs.Invalid, "--currency: %w", err)
		}
	}
	if regimes := []string{commission.RegimeSpace, commission.RegimeRegistration, commission.RegimeProgram}; w.regime != "" && !slices.Contains(regimes, w.regime) {
		return f, errs.New(errs.Invalid, "--regime %q is none of %s", w.regime, strings.Join(regimes, ", "))
	}
	f.Regime, f.SourceID = w.regime, w.source
	if w.most != "" {
		f.MostMinor, err = atMost(w.most, f.Currency)
	}
	return f, err
}

func atMost(text string, c money.Currency) (int64, error) {
	if c == "" {
		return 0, errs.New(errs.Invalid, "--most says no currency").WithHint("say which with --currency")
	}
	d, err := decimal.NewFromString(text)
	if err != nil || len(text) > 30 || strings.ContainsAny(text, "eE") || !d.IsPositive() {
		return 0, errs.New(errs.Invalid, "--most %q is not an amount such as 500.00", text)
	}
	minor, err := c.Minor(d.Truncate(c.Digits()))
	if err != nil {
		return 0, errs.New(errs.Invalid, "--most: %w", err)
	}
	return max(minor, 1), nil
}

func (a *app) ledgerApprove() *cobra.Command {
	var which whichLines
	var dryRun bool
	c := &cobra.Command{
		Use:   "approve [KEY...]",
		Short: "Approve lines for payment, by their keys or by what they have in common",
		Long: `Approve lines: what accrued is owed for good, and the next export bills it. Lines are
named by their keys, or all that are accrued and meet every flag are approved; those
that may not be are listed with the reason. Whoever entered, decided or confirmed the
registration or engagement underneath a line cannot approve it (company.four_eyes), and
a plan may hold lines for some days after their month (payout.holding_days).`,
		Example: "  partnersync ledger approve FG3877/space/006000000000001AAA/referral/2026-10 --actor ana\n" +
			"  partnersync ledger approve --through 2026-10 --currency USD --most 500 --dry-run",
		RunE: func(c *cobra.Command, keys []string) error {
			if len(keys) > 0 && !which.isEmpty() {
				return errs.New(errs.Invalid, "lines are named by their keys or by flags, not by both")
			}
			if len(keys) == 0 && which.isEmpty() {
				return errs.New(errs.Invalid, "it is not said which lines").WithHint("name their keys, or say --through MONTH for all up to a month")
			}
			return a.withLedger(c, func(d *database) error { return a.approveLines(c, d, keys, which, dryRun) })
		},
	}
	which.flags(c)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be approved, approve nothing")
	return c
}

func (a *app) approveLines(c *cobra.Command, d *database, keys []string, which whichLines, dryRun bool) error {
	filter, err := which.filter(c.Context(), d)
	if err != nil {
		return err
	}
	var out book.Outcome
	err = a.inBook(c, d, dryRun, func(ctx context.Context, tx *sqlx.Tx, by book.Context) ([]book.Taken, error) {
		hands, err := a.hands(ctx, d, tx)
		if err != nil {
			return nil, err
		}
		out, err = book.Approve(ctx, tx, book.Selection{Keys: keys, Filter: filter}, hands, by)
		return out.Done, err
	})
	if err != nil {
		return err
	}
	return a.showOutcome(out, distinct(keys), "approved", dryRun)
}

// hands asks who had a hand in what lies underneath lines, unless one person may do
// everything (R8.5).
func (a *app) hands(ctx context.Context, d *database, tx *sqlx.Tx) (book.Hands, error) {
	if d.cfg.Company.OneApproves() {
		return nil, nil
	}
	terms, err := a.dealTerms(ctx, d, tx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, sources []string) (map[string][]string, error) {
		return deal.Hands(ctx, tx, sources, terms)
	}, nil
}

func distinct(keys []string) int {
	sorted := slices.Sorted(slices.Values(keys))
	return len(slices.Compact(sorted))
}

func (a *app) ledgerUnapprove() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "unapprove KEY...", Args: needsKeys,
		Short: "Take the approval of lines back that are on no bill yet, for a reason",
		Long: `Take approvals back. The lines are accrued again, and the next accrue works them out
anew. What is on a bill cannot be taken back; a payment that failed is confirmed as
failed first.`,
		Example: `  partnersync ledger unapprove FG3877/space/006000000000001AAA/referral/2026-10 --reason "wrong customer"`,
		RunE: func(c *cobra.Command, keys []string) error {
			return a.stepLines(c, keys, "accrued again", func(ctx context.Context, tx *sqlx.Tx, by book.Context) (book.Outcome, error) {
				return book.Unapprove(ctx, tx, keys, reason, by)
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why (needed)")
	return c
}

// stepLines lets named lines go one step and shows what became of them.
func (a *app) stepLines(c *cobra.Command, keys []string, done string, step func(context.Context, *sqlx.Tx, book.Context) (book.Outcome, error)) error {
	return a.withLedger(c, func(d *database) error {
		var out book.Outcome
		err := a.inBook(c, d, false, func(ctx context.Context, tx *sqlx.Tx, by book.Context) (taken []book.Taken, err error) {
			out, err = step(ctx, tx, by)
			return out.Done, err
		})
		if err != nil {
			return err
		}
		return a.showOutcome(out, distinct(keys), done, false)
	})
}
