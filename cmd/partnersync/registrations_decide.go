package main

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
)

// aRegistration wants one registration's id.
var aRegistration = exactlyOne("REGISTRATION", "the id of a registration, such as REG-000001")

// decideOn changes a registration and shows where it stands then.
func (a *app) decideOn(c *cobra.Command, id string, change dealChange) error {
	return a.withLedger(c, func(d *database) error {
		v, due, err := a.changeDeal(c, d, id, change)
		if err != nil {
			return err
		}
		remarks, err := remarksOn(c.Context(), d, v)
		if err != nil {
			return err
		}
		document := struct {
			Registration registrationDocument `json:"registration"`
			Due          int                  `json:"opportunities_due"`
			Remarks      []string             `json:"remarks,omitempty"`
		}{registrationDocumentOf(v), due, remarks}
		return a.show(document, func(p *page) {
			p.line("%s is %s", v.ID, inState(v))
			if v.State == commission.Conflict {
				p.sentence("%s; `partnersync registrations conflicts` shows both side by side", v.Reason)
			}
			if due > 0 {
				p.line("%s worked out anew by the next accrue", isOrAre(due, "opportunity"))
			}
			p.remarks(remarks)
		})
	})
}

// remarks writes what is in order and probably not meant.
func (p *page) remarks(remarks []string) {
	for _, r := range remarks {
		p.sentence("%s %s", p.app.paint(p.w, yellow, "note:"), r)
	}
}

// inState says where a registration is, behind "is".
func inState(v deal.View) string {
	switch v.State {
	case commission.Draft:
		return "a draft"
	case commission.Conflict:
		return "in conflict"
	}
	return stateOf(v)
}

// isOrAre gives "1 opportunity is" and "2 opportunities are".
func isOrAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return thousands(int64(n)) + " " + plural(noun, int64(n)) + " are"
}

func (a *app) registrationsSubmit() *cobra.Command {
	return &cobra.Command{
		Use: "submit REGISTRATION", Args: aRegistration,
		Short:   "Submit a draft: from now on it keeps other partners off its customer",
		Example: "  partnersync registrations submit REG-000001",
		RunE: func(c *cobra.Command, args []string) error {
			id := dealID(args[0])
			return a.decideOn(c, id, func(ctx context.Context, tx *sqlx.Tx, by deal.By) (string, error) {
				_, err := deal.Submit(ctx, tx, id, by)
				return id, err
			})
		},
	}
}

func (a *app) registrationsApprove() *cobra.Command {
	var given []string
	var reason string
	c := &cobra.Command{
		Use: "approve REGISTRATION", Args: aRegistration,
		Short: "Approve a registration; beside another partner's, with shares",
		Long: `Approve a registration. Where another partner's registration stands beside it for the
same customer, every one of them needs its share, and the shares come to 100 %.`,
		Example: "  partnersync registrations approve REG-000002\n" +
			"  partnersync registrations approve REG-000002 --share REG-000001=60% --share REG-000002=40%",
		RunE: func(c *cobra.Command, args []string) error {
			id := dealID(args[0])
			shares, err := readShares(given)
			if err != nil {
				return err
			}
			return a.decideOn(c, id, func(ctx context.Context, tx *sqlx.Tx, by deal.By) (string, error) {
				return id, deal.Approve(ctx, tx, id, shares, reason, by)
			})
		},
	}
	c.Flags().StringArrayVar(&given, "share", nil, "REGISTRATION=PERCENT%, once for each that shares")
	c.Flags().StringVar(&reason, "reason", "", "why; the partner reads it")
	return c
}

// readShares reads shares as they are typed, REG-000001=60%, as fractions by
// registration. Whether they come to 100 % the deal room says.
func readShares(given []string) (map[string]decimal.Decimal, error) {
	shares := map[string]decimal.Decimal{}
	for _, g := range given {
		name, text, _ := strings.Cut(g, "=")
		id := dealID(name)
		number, isPercent := strings.CutSuffix(strings.TrimSpace(text), "%")
		percent, err := decimal.NewFromString(strings.TrimSpace(number))
		if id == "" || !isPercent || err != nil || strings.ContainsAny(number, "eE") {
			return nil, errs.New(errs.Invalid, "--share %q is no share", g).WithHint("write --share REG-000001=60%%, with the percent sign")
		}
		if _, twice := shares[id]; twice {
			return nil, errs.New(errs.Invalid, "--share names %s twice", id)
		}
		shares[id] = percent.Shift(-2)
	}
	return shares, nil
}

// ending is a decision that ends a registration.
type ending func(ctx context.Context, tx *sqlx.Tx, id, reason string, by deal.By) error

// ends makes a command of a decision that ends a registration.
func (a *app) ends(c *cobra.Command, end ending, why string) *cobra.Command {
	var reason string
	c.Args = aRegistration
	c.RunE = func(c *cobra.Command, args []string) error {
		id := dealID(args[0])
		return a.decideOn(c, id, func(ctx context.Context, tx *sqlx.Tx, by deal.By) (string, error) {
			return id, end(ctx, tx, id, reason, by)
		})
	}
	c.Flags().StringVar(&reason, "reason", "", why)
	return c
}

func (a *app) registrationsReject() *cobra.Command {
	return a.ends(&cobra.Command{
		Use: "reject REGISTRATION", Short: "Turn a registration down, for a reason",
		Example: `  partnersync registrations reject REG-000002 --reason "we already talk to this customer"`,
	}, deal.Reject, "why; the partner reads it (needed)")
}

func (a *app) registrationsWithdraw() *cobra.Command {
	return a.ends(&cobra.Command{Use: "withdraw REGISTRATION", Short: "Take a registration back for its partner",
		Example: "  partnersync registrations withdraw REG-000002"},
		deal.Withdraw, "why")
}

func (a *app) registrationsRevoke() *cobra.Command {
	return a.ends(&cobra.Command{
		Use: "revoke REGISTRATION", Short: "Take an approval back, for a reason; what it earned is reversed",
		Example: `  partnersync registrations revoke REG-000002 --reason "another firm did the work"`,
	}, deal.Revoke, "why; the partner reads it (needed)")
}
