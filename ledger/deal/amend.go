package deal

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Amend replaces what a draft says by d. ID, Key, Origin, Status, its dates and its
// shares are not taken from d. What was submitted stays as its partner submitted it.
// The journal says who did it, since whoever enters a registration approves none of
// its lines (R8.5).
func Amend(ctx context.Context, tx *sqlx.Tx, id string, d Registration, by By) (err error) {
	defer errs.Wrap(&err, "amend the registration %s", id)
	c, _, err := owned(ctx, tx, id, by)
	if err != nil {
		return err
	}
	if c.base != commission.Draft {
		return errs.New(errs.Conflict, "it is %s, and no draft any more", c.base).
			WithHint("Connect it with an Account or an opportunity (`partnersync registrations connect %s`), or withdraw it and register again.", id)
	}
	if err := d.refuseLong(); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		update ledger.registration set
			partner_id = $2, customer_name = $3, stated_domain = $4, email_domain = $5, account_id = $6, first_account_id = $6,
			customer_id = $6, opportunity_id = $7, space_id = $8, involvement = $9, project = $10, key_people = $11, use_case = $12,
			business_outcome = $13, timeframe = $14, priority = $15, speculative = $16, modstamp = $17, payee_id = $18
		where id = $1`,
		id, strings.TrimSpace(d.PartnerID), d.CustomerName, d.EmailDomain, customerDomain(d.EmailDomain), d.AccountID,
		d.OpportunityID, d.SpaceID, d.Involvement, d.Project, d.KeyPeople, d.UseCase, d.BusinessOutcome, d.Timeframe,
		d.Priority, d.Speculative, by.Now, payeeID(d.PartnerID))
	if err != nil {
		return err
	}
	return journal(ctx, tx, []entry{by.entry(id, commission.Draft, "it was changed")})
}

// Connect says which Account, opportunity and Space a registration is about, once
// that is known (R5.1, R5.5); a blank leaves what is there. It is for staff, and the
// journal says who did it.
func Connect(ctx context.Context, tx *sqlx.Tx, id, account, opportunity, space string, by By) (err error) {
	defer errs.Wrap(&err, "connect the registration %s", id)
	c, _, err := owned(ctx, tx, id, by)
	if err != nil {
		return err
	}
	if !c.isLive() && c.base != commission.Draft {
		return errs.New(errs.Conflict, "it is %s", c.base).WithHint("Only a registration that may still earn is connected with anything.")
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.registration set
			account_id = case $2 when '' then account_id else $2 end,
			first_account_id = case first_account_id when '' then $2 else first_account_id end,
			opportunity_id = case $3 when '' then opportunity_id else $3 end,
			space_id = case $4 when '' then space_id else $4 end, modstamp = $5
		where id = $1`, id, account, opportunity, space, by.Now); err != nil {
		return err
	}
	if err := FindCustomers(ctx, tx, []string{id}); err != nil {
		return err
	}
	var says []string
	for _, it := range []struct{ what, id string }{{"Account", account}, {"opportunity", opportunity}, {"Space", space}} {
		if it.id != "" {
			says = append(says, fmt.Sprintf("the %s %s", it.what, it.id))
		}
	}
	if len(says) == 0 {
		return errs.New(errs.Invalid, "nothing is named to connect it with").WithHint("Name its Account, its opportunity or its Space.")
	}
	w, err := worldOf(ctx, tx, id, by.Terms)
	if err != nil {
		return err
	}
	return journal(ctx, tx, []entry{by.entry(id, w.state(w.byID[id]), "it is about "+strings.Join(says, ", "))})
}
