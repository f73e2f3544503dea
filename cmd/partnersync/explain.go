package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
)

// explainFlags are those of `explain`.
type explainFlags struct {
	opportunity, space string
	on, known          string
	text               bool
}

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use: "explain {KEY | --opportunity ID | --space KEY}", GroupID: groupLook,
		Short: "Say why a line, an opportunity or a Space is what it is",
		Args: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("opportunity") || c.Flags().Changed("space") {
				return aloneWithItsFlag(c, args)
			}
			if len(args) == 0 {
				return fmt.Errorf("%s wants one KEY of a commission line, or --opportunity ID, or --space KEY, and none was given", c.CommandPath())
			}
			return exactlyOne("KEY", "the key of a commission line")(c, args)
		},
		Long: `Say of one commission line why it is what it is: the facts with their Salesforce
ids, the days that were held, the rule, the arithmetic; and beside it the entries
that the book has for it. KEY is the line's key, as Salesforce shows it in
Commission_Key__c: PAYEE_ID/regime/source id/slice/period.

With --opportunity, say it of all lines of an opportunity, and of everybody who
claimed it: registrations that won it and that lost it, with why, and whoever held
its Space, with the days.

With --space, tell the history of a Space's Partner ID, with what caused each
change: as the ledger believes it now or, with --known, as it believed it at an
earlier instant. --on asks who held the Space on one day.`,
		Example: "  partnersync explain FG3877/space/0065g00000XyZAbAAN/referral/2026-10\n" +
			"  partnersync explain --opportunity 0065g00000XyZAb\n" +
			"  partnersync explain --space S-ACME --on 2026-07-01 --known 2026-07-15T12:00:00Z",
		RunE: func(c *cobra.Command, args []string) error { return a.explain(c, args, f) },
	}
	c.Flags().StringVar(&f.opportunity, "opportunity", "", "an opportunity's Salesforce `ID`, of 15 or 18 characters, instead of a line's key")
	c.Flags().StringVar(&f.space, "space", "", "a Space's `KEY` or Salesforce id, instead of a line's key")
	c.Flags().StringVar(&f.on, "on", "", "who held the Space on this `DATE` of the company zone")
	c.Flags().StringVar(&f.known, "known", "", "what the ledger believed of the Space at this `INSTANT`, such as 2026-07-15T12:00:00Z, or at the end of a date")
	c.Flags().BoolVar(&f.text, "text", false, "plain text, as one would send it to a partner")
	return c
}

// aloneWithItsFlag refuses a KEY beside a flag that names what is to be explained.
func aloneWithItsFlag(c *cobra.Command, args []string) error {
	if c.Flags().Changed("opportunity") && c.Flags().Changed("space") {
		return fmt.Errorf("%s explains one thing: --opportunity and --space were both given", c.CommandPath())
	}
	if len(args) > 0 {
		return fmt.Errorf("%s explains one thing: %s was given beside a flag that names another", c.CommandPath(), strings.Join(args, " "))
	}
	return nil
}

func (a *app) explain(c *cobra.Command, args []string, f explainFlags) error {
	switch isSpace := c.Flags().Changed("space"); {
	case !isSpace && (f.on != "" || f.known != ""):
		return errs.New(errs.Invalid, "--on and --known ask about a Space").WithHint("name it with --space KEY")
	case isSpace && f.text:
		return errs.New(errs.Invalid, "--text is for the explanations of lines").WithHint("leave it out with --space")
	case f.text && a.output == outputJSON:
		return errs.New(errs.Invalid, "--text and --output json exclude each other").WithHint("JSON has the same explanations as data")
	case isSpace:
		return a.explainSpace(c, f)
	case c.Flags().Changed("opportunity"):
		return a.explainOpportunity(c, f)
	}
	return a.explainLine(c, strings.TrimSpace(args[0]), f.text)
}
