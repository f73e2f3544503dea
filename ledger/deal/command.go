package deal

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Create makes a draft of a registration that is owned here and gives its id. ID,
// Key, Origin, Status, its dates and its shares are not taken from d. A draft may
// be incomplete; Submit wants the rest.
func Create(ctx context.Context, tx *sqlx.Tx, d Registration, by By) (id string, err error) {
	defer errs.Wrap(&err, "create a registration")
	if err := by.check(); err != nil {
		return "", err
	}
	if err := d.refuseLong(); err != nil {
		return "", err
	}
	if err := tx.GetContext(ctx, &id, `
		insert into ledger.registration
			(id, origin, registration_key, partner_id, customer_name, stated_domain, email_domain, account_id, first_account_id,
			 customer_id, opportunity_id, space_id, involvement, status, project, key_people, use_case, business_outcome,
			 timeframe, priority, speculative, modstamp, payee_id)
		select n.id, 'portal', n.id, $1, $2, $3, $4, $5, $5, $5, $6, $7, $8, 'draft', $9, $10, $11, $12, $13, $14, $15, $16, $17
		from (select 'REG-' || case when v < 1000000 then lpad(v::text, 6, '0') else v::text end as id
		      from nextval('ledger.registration_number') as v) as n
		returning id`,
		strings.TrimSpace(d.PartnerID), d.CustomerName, d.EmailDomain, customerDomain(d.EmailDomain), d.AccountID,
		d.OpportunityID, d.SpaceID, d.Involvement, d.Project, d.KeyPeople, d.UseCase, d.BusinessOutcome, d.Timeframe,
		d.Priority, d.Speculative, by.Now, payeeID(d.PartnerID)); err != nil {
		return "", err
	}
	err = journal(ctx, tx, []entry{by.entry(id, commission.Draft, "")})
	return id, err
}

// Submit hands a draft in. It needs a Partner ID, a customer's name with a domain or
// an Account, and an involvement (R5.1). Within another partner's exclusivity it is
// in conflict from the start (R5.4); state says so.
func Submit(ctx context.Context, tx *sqlx.Tx, id string, by By) (state commission.State, err error) {
	defer errs.Wrap(&err, "submit the registration %s", id)
	c, _, err := command(ctx, tx, id, by, commission.Submitted)
	if err != nil {
		return "", err
	}
	if lacks := c.lacks(); len(lacks) > 0 {
		return "", errs.New(errs.Invalid, "it lacks %s", strings.Join(lacks, ", ")).WithHint("Complete the draft with `partnersync registrations amend %s`, then submit it (R5.1).", id)
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.registration set status = 'submitted', submitted_at = $2, modstamp = $2 where id = $1`, id, by.Now); err != nil {
		return "", err
	}
	events := []entry{by.entry(id, commission.Submitted, "")}
	w, err := worldOf(ctx, tx, id, by.Terms)
	if err != nil {
		return "", err
	}
	if state = w.state(w.byID[id]); state == commission.Conflict {
		events = append(events, by.entry(id, commission.Conflict, w.reason(w.byID[id])))
	}
	err = journal(ctx, tx, events)
	return state, err
}

// lacks names what a draft lacks to be submitted (R5.1).
func (c *claimant) lacks() []string {
	var out []string
	if c.malformed {
		out = append(out, "a Partner ID such as FG3877")
	}
	if strings.TrimSpace(c.CustomerName) == "" {
		out = append(out, "the customer's name")
	}
	if c.customerID == "" && ledger.RegistrableDomain(c.EmailDomain[strings.LastIndexByte(c.EmailDomain, '@')+1:]) == "" {
		out = append(out, "the customer's e-mail domain or Account")
	}
	if s := strings.ToLower(strings.TrimSpace(c.Involvement)); s != string(commission.Referred) && s != string(commission.Engaged) {
		out = append(out, "an involvement, referred or engaged")
	}
	return out
}

// Reject turns a registration down, for a reason (R5.2).
func Reject(ctx context.Context, tx *sqlx.Tx, id, reason string, by By) (err error) {
	defer errs.Wrap(&err, "reject the registration %s", id)
	return decide(ctx, tx, id, commission.Rejected, reason, true, by)
}

// Withdraw takes a registration back for its partner (R5.2).
func Withdraw(ctx context.Context, tx *sqlx.Tx, id, reason string, by By) (err error) {
	defer errs.Wrap(&err, "withdraw the registration %s", id)
	return decide(ctx, tx, id, commission.Withdrawn, reason, false, by)
}

// Revoke takes an approval back, for a reason; what it earned is reversed (R5.2).
func Revoke(ctx context.Context, tx *sqlx.Tx, id, reason string, by By) (err error) {
	defer errs.Wrap(&err, "revoke the registration %s", id)
	return decide(ctx, tx, id, commission.Revoked, reason, true, by)
}

func decide(ctx context.Context, tx *sqlx.Tx, id string, to commission.State, reason string, needsReason bool, by By) error {
	if needsReason && strings.TrimSpace(reason) == "" {
		return errs.New(errs.Invalid, "a registration is %s for a reason, and none is given", to).WithHint("Say why with --reason (R5.2); the partner reads it.")
	}
	if err := refuseLong(stated{"reason", reason, longestText}); err != nil {
		return err
	}
	_, _, err := command(ctx, tx, id, by, to)
	if err != nil {
		return err
	}
	return keepDecision(ctx, tx, id, to, reason, by)
}

// keepDecision writes a decision and its journal.
func keepDecision(ctx context.Context, tx *sqlx.Tx, id string, to commission.State, reason string, by By) error {
	if _, err := tx.ExecContext(ctx, `
		update ledger.registration set status = $2, decided_at = $3, decision_reason = $4, modstamp = $3 where id = $1`,
		id, string(to), by.Now, reason); err != nil {
		return err
	}
	return journal(ctx, tx, []entry{by.entry(id, to, reason)})
}

// command locks a registration with all that it has to do with, and refuses what may
// not happen to it now.
func command(ctx context.Context, tx *sqlx.Tx, id string, by By, to commission.State) (*claimant, *world, error) {
	c, w, err := owned(ctx, tx, id, by)
	if err != nil {
		return nil, nil, err
	}
	if from := w.state(c); !MayFollow(from, to) {
		return nil, nil, errs.New(errs.Conflict, "it is %s, and cannot become %s", from, to).
			WithHint("%s", mayBecome(from))
	}
	if latest := latest(c); by.Now.Before(latest) {
		return nil, nil, errs.New(errs.Invalid, "that would be at %s, before what happened to it at %s",
			by.Now.Format(time.RFC3339), latest.Format(time.RFC3339)).
			WithHint("What happens to a registration happens in the order of time.")
	}
	return c, w, nil
}

// mayBecome says what may happen to a registration in a state.
func mayBecome(from commission.State) string {
	var words []string
	for _, s := range after[from] {
		if s != commission.Won && s != commission.Lost && s != commission.Expired && s != commission.Conflict {
			words = append(words, string(s))
		}
	}
	if len(words) == 0 {
		return fmt.Sprintf("A registration that is %s stays so (R5.2).", from)
	}
	return fmt.Sprintf("A registration that is %s may become %s (R5.2).", from, strings.Join(words, " or "))
}
