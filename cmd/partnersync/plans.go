package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

func (a *app) plansCommand() *cobra.Command {
	c := parent(&cobra.Command{
		Use: "plans", GroupID: groupWork,
		Short: "List plan versions with their history, and approve what is proposed",
		Long: `List the versions of the plan, those that wait for approval with what they would
change. Apply proposes a version; it governs nothing until a second person approves
it. What became of a version stays on record.`,
		Example: "  partnersync plans\n  partnersync plans approve 4 --actor bea",
	}, a.plansShow(), a.plansApprove(), a.plansRefuse(), a.plansWithdraw())
	c.RunE = func(c *cobra.Command, _ []string) error { return a.listPlans(c) }
	return c
}

// planDocument is a plan version as --output json gives it.
type planDocument struct {
	Version       int64          `json:"version"`
	Plan          string         `json:"plan"`
	EffectiveFrom string         `json:"effective_from"`
	State         book.PlanState `json:"state"`
	ProposedBy    string         `json:"proposed_by"`
	ProposedAt    time.Time      `json:"proposed_at"`
	ApprovedBy    string         `json:"approved_by,omitempty"`
	ApprovedAt    time.Time      `json:"approved_at,omitzero"`
	// ApprovedAlone: whoever proposed it, with four eyes off.
	ApprovedAlone bool      `json:"approved_alone,omitempty"`
	RefusedBy     string    `json:"refused_by,omitempty"`
	RefusedAt     time.Time `json:"refused_at,omitzero"`
	RefusalReason string    `json:"refusal_reason,omitempty"`
	SupersededBy  string    `json:"superseded_by,omitempty"`
	SupersededAt  time.Time `json:"superseded_at,omitzero"`
	// Beside names the version in force that governs its first day now, "" if none
	// does; Changes are the terms in which it differs from that, or all that it has.
	Beside  string   `json:"beside,omitempty"`
	Changes []string `json:"changes"`
}

func planDocumentOf(v book.PlanVersion, inForce []commission.Plan) planDocument {
	d := planDocument{
		Version: v.Number, Plan: v.Plan.Name, EffectiveFrom: v.Plan.EffectiveFrom.String(), State: v.State(),
		ProposedBy: v.AppliedBy, ProposedAt: v.AppliedAt.UTC(), ApprovedBy: v.ApprovedBy, ApprovedAt: v.ApprovedAt.UTC(), ApprovedAlone: v.Alone,
		RefusedBy: v.RefusedBy, RefusedAt: v.RefusedAt.UTC(), RefusalReason: v.RefusalReason,
		SupersededBy: v.SupersededBy, SupersededAt: v.SupersededAt.UTC(),
	}
	var was *commission.Plan
	if p, governed := commission.PlanOn(inForce, v.Plan.EffectiveFrom); governed {
		was, d.Beside = &p, p.String()
	}
	d.Changes = orEmpty(apply.PlanChanges(was, v.Plan))
	return d
}

// readPlans gives all versions with the documents of them.
func readPlans(ctx context.Context, q sqlx.QueryerContext) (history []book.PlanVersion, documents []planDocument, err error) {
	if history, err = book.PlanHistory(ctx, q, book.DefaultPlan); err != nil {
		return nil, nil, err
	}
	inForce, err := book.Plans(ctx, q, book.DefaultPlan)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range history {
		documents = append(documents, planDocumentOf(v, inForce))
	}
	return history, documents, nil
}

func (a *app) listPlans(c *cobra.Command) error {
	return a.withLedger(c, func(d *database) error {
		_, documents, err := readPlans(c.Context(), d)
		if err != nil {
			return err
		}
		document := map[string]any{"four_eyes": d.cfg.Company.FourEyes, "versions": orEmpty(documents)}
		return a.show(document, func(p *page) {
			g := grid{heads: []string{"#VERSION", "FROM", "STATE", "PROPOSED BY", "AT", "WHAT BECAME OF IT"}, wrap: []int{3, 5}}
			for _, v := range documents {
				g.add(strconv.FormatInt(v.Version, 10), v.EffectiveFrom, string(v.State), v.ProposedBy, instant(v.ProposedAt), v.became())
			}
			p.table(g)
			if len(documents) == 0 {
				p.line("no plan version yet: `partnersync apply -f FILE` proposes one, and docs/partners-and-plans.md says how")
			}
			for _, v := range documents {
				if v.State == book.PlanProposed {
					p.proposal(v)
				}
			}
		})
	})
}

// notePlans tells whoever accrues of plan versions that govern nothing yet.
func (a *app) notePlans(ctx context.Context, q sqlx.QueryerContext) error {
	waiting, err := book.ProposedPlans(ctx, q, book.DefaultPlan)
	if err == nil && len(waiting) > 0 {
		a.note("%s for a second person, and so far nothing goes by what is proposed: `partnersync plans`", waits(len(waiting)))
	}
	return err
}

// became says in the order of time what became of a version since it was proposed.
func (v planDocument) became() string {
	var out []string
	add := func(what, who string, at time.Time, why string) {
		if at.IsZero() {
			return
		}
		if why != "" {
			why = ": " + why
		}
		out = append(out, fmt.Sprintf("%s by %s on %s%s", what, who, at.Format(time.DateOnly), why))
	}
	approver := v.ApprovedBy
	if v.ApprovedAlone {
		approver += " alone"
	}
	add("approved", approver, v.ApprovedAt, "")
	refused := "refused"
	if v.State == book.PlanWithdrawn {
		refused = "withdrawn"
	}
	add(refused, v.RefusedBy, v.RefusedAt, v.RefusalReason)
	add("superseded", v.SupersededBy, v.SupersededAt, "")
	return strings.Join(out, "; ")
}

// proposal writes what a version that waits would change.
func (p *page) proposal(v planDocument) {
	p.title(fmt.Sprintf("Version %d waits for a second person", v.Version))
	p.terms(v)
	p.line("`partnersync plans approve %d` puts it in force; %s proposed it", v.Version, v.ProposedBy)
}

// terms writes a version's terms beside those in force.
func (p *page) terms(v planDocument) {
	sign, how, beside := "+", green, ""
	if v.Beside != "" {
		sign, how, beside = "~", yellow, ", beside "+v.Beside
	}
	p.line("%s plan %s from %s%s", p.app.paint(p.w, how, sign), v.Plan, v.EffectiveFrom, beside)
	for _, change := range v.Changes {
		p.line("    %s", change)
	}
	if len(v.Changes) == 0 {
		p.line("    the same terms")
	}
}

// aVersion wants one version's number.
var aVersion = exactlyOne("VERSION", "the number of a plan version")

// someVersions wants the numbers of versions.
func someVersions(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s wants the number of at least one VERSION, and none was given", c.CommandPath())
	}
	return nil
}

// versionNumber reads the number by which `plans` names a version.
func versionNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 1 {
		return 0, errs.New(errs.Invalid, "%q is not a version's number", text).WithHint("`partnersync plans` lists them: the first column is the number")
	}
	return n, nil
}

func (a *app) plansShow() *cobra.Command {
	return &cobra.Command{
		Use: "show VERSION", Args: aVersion,
		Short:   "Show one version: its terms, and what became of it",
		Example: "  partnersync plans show 4",
		RunE: func(c *cobra.Command, args []string) error {
			n, err := versionNumber(args[0])
			if err != nil {
				return err
			}
			return a.withLedger(c, func(d *database) error { return a.showPlan(c.Context(), d, n) })
		},
	}
}

func (a *app) showPlan(ctx context.Context, d *database, number int64) error {
	history, documents, err := readPlans(ctx, d)
	if err != nil {
		return err
	}
	for i, v := range documents {
		if v.Version != number {
			continue
		}
		document := struct {
			planDocument
			Terms []string `json:"terms"`
		}{v, apply.PlanChanges(nil, history[i].Plan)}
		return a.show(document, func(p *page) {
			p.line("%s %s", p.app.paint(p.w, bold, fmt.Sprintf("version %d", v.Version)), v.State)
			p.sentence("proposed by %s at %s%s", v.ProposedBy, instant(v.ProposedAt), prefixed("; ", v.became()))
			p.title("Terms")
			p.line("plan %s from %s", v.Plan, v.EffectiveFrom)
			for _, term := range document.Terms {
				p.line("    %s", term)
			}
			if v.Beside != "" && v.State != book.PlanInForce {
				p.title("Beside what is in force")
				p.terms(v)
			}
		})
	}
	return errs.New(errs.NotFound, "there is no plan version %d", number).WithHint("List them with: partnersync plans")
}

// prefixed puts something before a text, unless that is empty.
func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func (a *app) plansApprove() *cobra.Command {
	return &cobra.Command{
		Use: "approve VERSION...", Args: someVersions,
		Short: "Put versions in force that another person proposed",
		Long: `Put plan versions in force that wait for it; all that are named, or none. Whoever
proposed a version cannot approve it, unless company.four_eyes is off. A version that
would govern what is posted by now is refused, also if it was in order when it was
proposed.`,
		Example: "  partnersync plans approve 4\n  partnersync plans approve 4 5 --actor bea",
		RunE: func(c *cobra.Command, args []string) error {
			numbers := make([]int64, len(args))
			for i, text := range args {
				n, err := versionNumber(text)
				if err != nil {
					return err
				}
				numbers[i] = n
			}
			return a.decidePlans(c, func(ctx context.Context, tx *sqlx.Tx, o apply.Options) ([]book.PlanVersion, error) {
				return apply.Approve(ctx, tx, numbers, o)
			})
		},
	}
}

// planDecision decides on plan versions and gives them as they are then.
type planDecision func(ctx context.Context, tx *sqlx.Tx, o apply.Options) ([]book.PlanVersion, error)

// decidePlans decides on versions in one transaction, and shows what it came to: the
// changes are those of what was in force before.
func (a *app) decidePlans(c *cobra.Command, decide planDecision) error {
	return a.withLedger(c, func(d *database) error {
		var documents []planDocument
		err := pg.InTx(c.Context(), d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
			if err := book.HoldTerms(ctx, tx); err != nil {
				return err
			}
			before, err := book.Plans(ctx, tx, book.DefaultPlan)
			if err != nil {
				return err
			}
			versions, err := decide(ctx, tx, a.applying(d))
			documents = nil
			for _, v := range versions {
				documents = append(documents, planDocumentOf(v, before))
			}
			return err
		})
		if err != nil {
			return err
		}
		return a.show(map[string]any{"versions": documents}, func(p *page) {
			for _, v := range documents {
				p.terms(v)
				p.line("version %d is %s: %s", v.Version, v.State, v.became())
			}
			if documents[0].State == book.PlanInForce {
				p.line("the next accrue works out anew what is governed by it")
			}
		})
	})
}

// endsPlan makes a command of a decision that ends a proposal.
func (a *app) endsPlan(c *cobra.Command, why string,
	end func(ctx context.Context, tx *sqlx.Tx, number int64, actor, reason string, now time.Time) (book.PlanVersion, error),
) *cobra.Command {
	var reason string
	c.Args = aVersion
	c.RunE = func(c *cobra.Command, args []string) error {
		n, err := versionNumber(args[0])
		if err != nil {
			return err
		}
		return a.decidePlans(c, func(ctx context.Context, tx *sqlx.Tx, o apply.Options) ([]book.PlanVersion, error) {
			v, err := end(ctx, tx, n, o.Actor, reason, o.Now)
			return []book.PlanVersion{v}, err
		})
	}
	c.Flags().StringVar(&reason, "reason", "", why)
	return c
}

func (a *app) plansRefuse() *cobra.Command {
	return a.endsPlan(&cobra.Command{
		Use: "refuse VERSION", Short: "Turn down a version that another person proposed, for a reason",
		Example: `  partnersync plans refuse 4 --reason "the rate was to be 11%"`,
	}, "why; whoever proposed it reads it (needed)", book.RefusePlan)
}

func (a *app) plansWithdraw() *cobra.Command {
	return a.endsPlan(&cobra.Command{
		Use: "withdraw VERSION", Short: "Take back a version that you proposed",
		Example: "  partnersync plans withdraw 4",
	}, "why", book.WithdrawPlan)
}
