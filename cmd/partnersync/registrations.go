package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
)

func (a *app) registrationsCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "registrations", GroupID: groupWork,
		Short: "Register opportunities for partners, and decide on them",
		Long: `A registration says that a partner has a part in an opportunity. It is made here or
in Salesforce; its origin owns what it says and decides on it. Those of Salesforce
are shown here, and changed there.`,
	}, a.registrationsList(), a.registrationsShow(), a.registrationsConflicts(), a.registrationsCreate(), a.registrationsAmend(),
		a.registrationsConnect(), a.registrationsSubmit(),
		a.registrationsApprove(), a.registrationsReject(), a.registrationsWithdraw(), a.registrationsRevoke())
}

// registrationStates are those in which a registration may be, in the order in which
// it goes through them.
var registrationStates = []commission.State{
	commission.Draft, commission.Submitted, commission.Conflict, commission.Approved, commission.Won, commission.Lost,
	commission.Expired, commission.Rejected, commission.Withdrawn, commission.Revoked,
}

func stateNames() string {
	names := make([]string, len(registrationStates))
	for i, s := range registrationStates {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

func (a *app) registrationsList() *cobra.Command {
	var filter deal.Filter
	var state string
	c := &cobra.Command{
		Use: "list", Args: cobra.NoArgs,
		Short:   "List registrations, drafts and the latest first",
		Example: "  partnersync registrations list --state submitted\n  partnersync registrations list --partner-id FG3877 --output json",
		RunE: func(c *cobra.Command, _ []string) error {
			filter.State = commission.State(strings.ToLower(state))
			if err := checkFilter(&filter); err != nil {
				return err
			}
			return a.listRegistrations(c, filter)
		},
	}
	c.Flags().StringVar(&state, "state", "", "only those in this state: "+stateNames())
	c.Flags().StringVar(&filter.Partner, "partner-id", "", "only those of this Partner ID")
	c.Flags().StringVar(&filter.Account, "account", "", "only those of the customer that has this Account")
	c.Flags().StringVar(&filter.Origin, "origin", "", "only those that were made in salesforce, or here: portal")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most so many")
	return c
}

func checkFilter(f *deal.Filter) (err error) {
	if err := atLeastOne(f.Limit); err != nil {
		return err
	}
	if f.State != "" && !slices.Contains(registrationStates, f.State) {
		return errs.New(errs.Invalid, "--state %q is none of %s", f.State, stateNames())
	}
	if f.Origin != "" && f.Origin != deal.OriginSalesforce && f.Origin != deal.OriginPortal {
		return errs.New(errs.Invalid, "--origin %q is neither %s nor %s", f.Origin, deal.OriginSalesforce, deal.OriginPortal)
	}
	id, ok := ledger.ParsePartnerID(f.Partner)
	if !ok {
		return errs.New(errs.Invalid, "--partner-id %q is no Partner ID", f.Partner).WithHint("a Partner ID is two letters and four digits, such as FG3877")
	}
	f.Partner = id
	f.Account, err = salesforceID("--account", f.Account)
	return err
}

func (a *app) listRegistrations(c *cobra.Command, filter deal.Filter) error {
	return a.aboutDeals(c, func(d *database, terms deal.Terms) error {
		found, err := deal.List(c.Context(), d, filter, terms)
		if err != nil {
			return err
		}
		ids := make([]string, len(found))
		documents := make([]registrationDocument, len(found))
		for i, v := range found {
			ids[i], documents[i] = v.PartnerID, registrationDocumentOf(v)
		}
		name, err := namesOfPartners(c.Context(), d, ids...)
		if err != nil {
			return err
		}
		return a.show(map[string]any{"registrations": documents}, func(p *page) {
			g := grid{heads: []string{"REGISTRATION", "KEY", "STATE", "PARTNER", "CUSTOMER", "SUBMITTED", "UNTIL", "#SHARE", "OPPORTUNITY"}, wrap: []int{3, 4, 8}}
			for _, v := range found {
				g.add(v.ID, ownKey(v), stateOf(v), name(v.PartnerID), customerOf(v), dayIn(v.SubmittedAt, terms.Zone), v.WindowEnd.String(), shareText(v.Share), linkedTo(v))
			}
			p.table(g)
			p.sentence("%s", listSummary(len(found), filter.Limit))
		})
	})
}

func listSummary(n, limit int) string {
	s := counted(int64(n), "registration")
	if n == limit {
		s += "; the list stops at --limit " + thousands(int64(limit))
	}
	return s
}

func (a *app) registrationsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show REGISTRATION", Args: exactlyOne("REGISTRATION", "the id of a registration"),
		Short:   "Show one registration: what it says, where it stands and why, what happened to it",
		Example: "  partnersync registrations show REG-000001\n  partnersync registrations show a055g00000XyZAbAAN",
		RunE: func(c *cobra.Command, args []string) error {
			return a.aboutDeals(c, func(d *database, terms deal.Terms) error {
				v, err := deal.Get(c.Context(), d, dealID(args[0]), terms)
				if err != nil {
					return err
				}
				name, err := namesOfPartners(c.Context(), d, v.PartnerID)
				if err != nil {
					return err
				}
				return a.show(registrationDocumentOf(v), func(p *page) { p.registration(v, name(v.PartnerID), terms) })
			})
		},
	}
}

// registration writes a registration for a person.
func (p *page) registration(v deal.View, partner string, t deal.Terms) {
	p.line("%s %s", p.app.paint(p.w, bold, v.ID), stateOf(v))
	if v.Reason != "" {
		p.sentence("%s", v.Reason)
	}
	p.write("\n")
	p.stated(registrationFacts(v, partner, t))
	if len(v.Journal) > 0 {
		p.title("What happened")
		g := grid{heads: []string{"STATE", "AT", "BY", "REASON"}, wrap: []int{3}}
		for _, e := range v.Journal {
			g.add(string(e.State), instant(e.At), e.Actor, e.Reason)
		}
		p.table(g)
	}
	if len(v.Engagements) > 0 {
		p.title("Engagements")
		g := grid{heads: []string{"ENGAGEMENT", "ON", "KIND", "RECORDED BY", "CONFIRMED BY", "NOTES"}, wrap: []int{5}}
		for _, e := range v.Engagements {
			g.add(e.ID, e.On.String(), e.Kind, strings.TrimSpace(e.RecordedBy+" "+e.Actor), e.ConfirmedBy, e.Notes)
		}
		p.table(g)
	}
}

// registrationFacts are what a registration says and what follows from it, each with
// the name by which people know it.
func registrationFacts(v deal.View, partner string, t deal.Terms) [][2]string {
	return [][2]string{
		{"partner", partner}, {"key", ownKey(v)}, {"origin", v.Origin}, {"customer", v.CustomerName}, {"e-mail domain", v.EmailDomain},
		{"Account", v.AccountID}, {"Space", v.SpaceID}, {"names opportunity", v.OpportunityID}, {"involvement", strings.ToLower(v.Involvement)},
		{"submitted", instantOf(v.SubmittedAt)}, {"decided", instantOf(v.DecidedAt)}, {"exclusive", exclusive(v, t)},
		{"finds its opportunity until", v.WindowEnd.String()}, {"covers", covers(v)}, {"share", shareText(v.Share)}, {"wrong", v.ShareFault},
		{"unreadable", map[bool]string{true: "its latest version could not be read; `partnersync discrepancies` says why"}[v.IsUnreadable]},
		{"project", v.Project}, {"key people", v.KeyPeople}, {"use case", v.UseCase}, {"business outcome", v.BusinessOutcome},
		{"timeframe", v.Timeframe}, {"priority", v.Priority}, {"speculative", map[bool]string{true: "yes: there is no opportunity yet"}[v.Speculative]},
	}
}

// stated writes names and values as pairs does, without those that have no value, and
// with long values wrapped.
func (p *page) stated(rows [][2]string) {
	rows = slices.DeleteFunc(rows, func(r [2]string) bool { return r[1] == "" })
	widest := 0
	for _, r := range rows {
		widest = max(widest, len(r[0]))
	}
	width := widthOf(p.w)
	for i, r := range rows {
		if width != unlimited {
			rows[i][1] = text.WrapSoft(r[1], max(width-widest-2, narrowest))
		}
	}
	p.pairs(rows...)
}

// covers says which opportunity a registration is linked to, and by what.
func covers(v deal.View) string {
	if v.Linked == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s)", linkedTo(v), v.How)
}

// exclusive says between which instants it keeps other partners off its customer.
func exclusive(v deal.View, t deal.Terms) string {
	switch {
	case v.ExclusiveFrom.IsZero():
		return ""
	case v.ExclusiveUntil.IsZero():
		return "from " + dayIn(v.ExclusiveFrom, t.Zone) + ", without an end yet"
	case !v.ExclusiveUntil.After(v.ExclusiveFrom):
		return "never"
	}
	// It ends with an instant; a day that is only begun then counts.
	return "from " + dayIn(v.ExclusiveFrom, t.Zone) + " to " + dayIn(v.ExclusiveUntil.Add(-1), t.Zone)
}
