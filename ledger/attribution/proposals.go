package attribution

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
)

// kindToConfirm notes a Space whose customer a domain proposes (R1.4).
const kindToConfirm = "customer_to_confirm"

// Limits: Spaces whose customers are proposed in one go, and Accounts that a note names.
const (
	proposalsInABatch = 5000
	proposalsNamed    = 5
)

// unconfirmed is a Space that neither an Account nor an org gives a customer.
type unconfirmed struct {
	ID      string `db:"id"`
	Creator string `db:"creator_key"`
	domain  string // registrable domain of its creator's e-mail; "" if it can propose nothing
}

// proposeCustomers settles which Spaces without a customer have one proposed by
// the e-mail domain of their creator: the Accounts whose website has that domain
// (R1.4). Public mail domains and the domains of partners propose nothing. Nothing
// but the note follows from a proposal: a person confirms it by naming the Account
// on the Space. It gives how many discrepancies were opened.
func proposeCustomers(ctx context.Context, tx *sqlx.Tx, now time.Time) (opened int64, err error) {
	defer errs.Wrap(&err, "propose customers by domain")
	if _, err := tx.ExecContext(ctx, `
		update ledger.discrepancy d set resolved_at = $2
		where d.kind = $1 and d.resolved_at is null and not exists (
			select from ledger.space s
			where s.id = d.subject and s.customer_id = '' and s.creator_key <> '' and not s.is_deleted)`,
		kindToConfirm, now); err != nil {
		return 0, err
	}
	ofPartners, err := domainsOfPartners(ctx, tx)
	if err != nil {
		return 0, err
	}
	for after := ""; ; {
		spaces, err := unconfirmedSpaces(ctx, tx, after)
		if err != nil || len(spaces) == 0 {
			return opened, err
		}
		after = spaces[len(spaces)-1].ID
		n, err := propose(ctx, tx, spaces, ofPartners, now)
		if err != nil {
			return opened, err
		}
		opened += n
	}
}

// unconfirmedSpaces gives the next Spaces without a customer, in the order of
// their ids, that are worth a look: some Account's website has the host of the
// creator's e-mail or a domain above it, or something was proposed before.
func unconfirmedSpaces(ctx context.Context, tx *sqlx.Tx, after string) (out []unconfirmed, err error) {
	err = tx.SelectContext(ctx, &out, `
		select s.id, s.creator_key from ledger.space s
		where s.customer_id = '' and s.creator_key <> '' and not s.is_deleted and s.id > $1
		  and (exists (
				select from string_to_array(split_part(s.creator_key, '@', -1), '.') as host (labels)
				cross join lateral generate_subscripts(host.labels, 1) as i
				join ledger.customer c on c.domain <> '' and c.domain = array_to_string(host.labels[i:], '.'))
			or exists (
				select from ledger.discrepancy d
				where d.subject = s.id and d.kind = $2 and d.resolved_at is null))
		order by s.id limit $3`, after, kindToConfirm, proposalsInABatch)
	return out, err
}

// propose settles the notes on some Spaces.
func propose(ctx context.Context, tx *sqlx.Tx, spaces []unconfirmed, ofPartners map[string]bool, now time.Time) (int64, error) {
	ids := make([]string, len(spaces))
	var domains []string
	for i := range spaces {
		s := &spaces[i]
		ids[i] = s.ID
		domain := ledger.RegistrableDomain(s.Creator[strings.LastIndexByte(s.Creator, '@')+1:])
		if domain != "" && !ofPartners[domain] && !ledger.IsPublicMailDomain(domain) {
			s.domain = domain
			domains = append(domains, domain)
		}
	}
	proposed, err := ledger.CustomersByDomain(ctx, tx, domains)
	if err != nil {
		return 0, err
	}
	var found []ledger.Discrepancy
	for _, s := range spaces {
		if accounts := proposed[s.domain]; len(accounts) > 0 {
			found = append(found, discrepancy("Space", s.ID, kindToConfirm, "R1.4", false,
				"The Space has no Account, and no org that gives one. %s, the e-mail domain of its creator, is that of %s. "+
					"If that is the customer, name the Account on the Space.", s.domain, named(accounts)))
		}
	}
	return ledger.SettleDiscrepancies(ctx, tx, []string{kindToConfirm}, ids, found, now)
}

// named lists Accounts for a person, the first few by name.
func named(accounts []ledger.Customer) string {
	var out []string
	for _, a := range accounts[:min(len(accounts), proposalsNamed)] {
		out = append(out, fmt.Sprintf("Account %q (%s)", a.Name, a.AccountID))
	}
	if more := len(accounts) - len(out); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(out, ", "), more)
	}
	if last := len(out) - 1; last > 0 {
		return strings.Join(out[:last], ", ") + " and " + out[last]
	}
	return out[0]
}

// domainsOfPartners gives the registrable domains of all partners, which never
// identify a customer (R1.4).
func domainsOfPartners(ctx context.Context, q sqlx.QueryerContext) (map[string]bool, error) {
	var domains []string
	if err := sqlx.SelectContext(ctx, q, &domains, `
		select distinct unnest(domains) from ledger.partner`); err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(domains))
	for _, d := range domains {
		out[ledger.RegistrableDomain(d)] = true
	}
	return out, nil
}
