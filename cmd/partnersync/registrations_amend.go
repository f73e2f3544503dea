package main

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/deal"
)

func (a *app) registrationsAmend() *cobra.Command {
	var path string
	var given registrationFile
	c := &cobra.Command{
		Use: "amend REGISTRATION", Args: aRegistration,
		Short: "Complete or correct a draft, from flags or a YAML file",
		Long: `Complete or correct a draft, by the flags and the file with which create makes one.
What they don't state stays as it is. What was submitted stays as its partner
submitted it: connect says what it turned out to be about.`,
		Example: "  partnersync registrations amend REG-000001 --domain acme.example --involvement referred",
		RunE: func(c *cobra.Command, args []string) error {
			file, err := a.readRegistration(path)
			if err != nil {
				return err
			}
			stated, err := given.over(file, c).registration()
			if err != nil {
				return err
			}
			speculative := c.Flags().Changed("speculative") || stated.Speculative
			if stated == (deal.Registration{}) && !speculative {
				return errs.New(errs.Invalid, "nothing is stated to change").WithHint("`partnersync registrations amend --help` lists what can be stated")
			}
			id := dealID(args[0])
			return a.decideOn(c, id, func(ctx context.Context, tx *sqlx.Tx, by deal.By) (string, error) {
				v, err := deal.Get(ctx, tx, id, by.Terms)
				if err != nil {
					return "", err
				}
				return id, deal.Amend(ctx, tx, id, amended(v.Registration, stated, speculative), by)
			})
		},
	}
	given.flags(c, &path)
	return c
}

// amended gives what a draft says with what was stated in its place; speculative says
// whether that was stated too.
func amended(was, stated deal.Registration, speculative bool) deal.Registration {
	for _, field := range [][2]*string{
		{&was.PartnerID, &stated.PartnerID}, {&was.CustomerName, &stated.CustomerName}, {&was.EmailDomain, &stated.EmailDomain},
		{&was.AccountID, &stated.AccountID}, {&was.OpportunityID, &stated.OpportunityID}, {&was.SpaceID, &stated.SpaceID},
		{&was.Involvement, &stated.Involvement}, {&was.Project, &stated.Project}, {&was.KeyPeople, &stated.KeyPeople},
		{&was.UseCase, &stated.UseCase}, {&was.BusinessOutcome, &stated.BusinessOutcome}, {&was.Timeframe, &stated.Timeframe},
		{&was.Priority, &stated.Priority},
	} {
		if *field[1] != "" {
			*field[0] = *field[1]
		}
	}
	if speculative {
		was.Speculative = stated.Speculative
	}
	return was
}

func (a *app) registrationsConnect() *cobra.Command {
	var account, opportunity, space string
	c := &cobra.Command{
		Use: "connect REGISTRATION", Args: aRegistration,
		Short: "Say which Account, opportunity or Space a registration is about, once that is known",
		Example: "  partnersync registrations connect REG-000001 --opportunity 0065g00000XyZAbAAN\n" +
			"  partnersync registrations connect REG-000001 --account 0015g00000XyZAbAAN",
		RunE: func(c *cobra.Command, args []string) error {
			for name, id := range map[string]*string{"--account": &account, "--opportunity": &opportunity, "--space": &space} {
				full, err := salesforceID(name, *id)
				if err != nil {
					return err
				}
				*id = full
			}
			if account+opportunity+space == "" {
				return errs.New(errs.Invalid, "nothing is named to connect it with").WithHint("name its Account, its opportunity or its Space, with --account, --opportunity or --space")
			}
			id := dealID(args[0])
			return a.decideOn(c, id, func(ctx context.Context, tx *sqlx.Tx, by deal.By) (string, error) {
				return id, deal.Connect(ctx, tx, id, account, opportunity, space, by)
			})
		},
	}
	c.Flags().StringVar(&account, "account", "", "the customer's Account in Salesforce")
	c.Flags().StringVar(&opportunity, "opportunity", "", "the opportunity in Salesforce")
	c.Flags().StringVar(&space, "space", "", "the Space in Salesforce")
	return c
}
