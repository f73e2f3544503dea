package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/tame"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
)

// maxRegistration bounds a file that states a registration, in bytes.
const maxRegistration = 1 << 20

// registrationFile is what a file states of a registration (R5.1).
type registrationFile struct {
	PartnerID       string       `yaml:"partner_id"`
	Customer        string       `yaml:"customer"`
	Domain          string       `yaml:"domain"`
	Account         string       `yaml:"account"`
	Involvement     string       `yaml:"involvement"`
	Opportunity     string       `yaml:"opportunity"`
	Space           string       `yaml:"space"`
	Project         string       `yaml:"project"`
	KeyPeople       []personFile `yaml:"key_people"`
	UseCase         string       `yaml:"use_case"`
	BusinessOutcome string       `yaml:"business_outcome"`
	Timeframe       string       `yaml:"timeframe"`
	Priority        string       `yaml:"priority"`
	Speculative     bool         `yaml:"speculative"`
}

// personFile is one of the key people.
type personFile struct {
	Name     string `yaml:"name"`
	Role     string `yaml:"role"`
	Relation string `yaml:"relation"` // to the opportunity
}

// String gives "Ana García, CFO: decides".
func (p personFile) String() string {
	out := p.Name
	if p.Role != "" {
		out += ", " + p.Role
	}
	if p.Relation != "" {
		out += ": " + p.Relation
	}
	return out
}

func (a *app) registrationsCreate() *cobra.Command {
	var path string
	var submit bool
	var given registrationFile
	c := &cobra.Command{
		Use: "create", Args: cobra.NoArgs,
		Short: "Draft a registration, from flags or a YAML file",
		Long: `Draft a registration. The flags state what it needs; a file can state all that there
is to say, and a flag beside it counts more:

  partner_id: FG3877
  customer: Acme
  domain: acme.example
  account: 0015g00000XyZAbAAN
  involvement: engaged
  opportunity: 0065g00000XyZAbAAN
  space: a015g00000XyZAbAAN
  project: Replace the old CRM
  key_people:
    - {name: Ana García, role: CFO, relation: decides}
  use_case: Quoting
  business_outcome: Quotes in a day
  timeframe: 6 months
  priority: high
  speculative: false

A draft may be incomplete. It claims nothing until it is submitted.`,
		Example: "  partnersync registrations create --partner-id FG3877 --customer Acme --domain acme.example --involvement referred --submit",
		RunE: func(c *cobra.Command, _ []string) error {
			file, err := a.readRegistration(path)
			if err != nil {
				return err
			}
			draft, err := given.over(file, c).registration()
			if err != nil {
				return err
			}
			if draft == (deal.Registration{}) {
				return errs.New(errs.Invalid, "nothing is stated of the registration").
					WithHint("state at least whose it is and for which customer, with --partner-id and --customer; `partnersync registrations create --help` lists the rest")
			}
			return a.createRegistration(c, draft, submit)
		},
	}
	given.flags(c, &path)
	c.Flags().BoolVar(&submit, "submit", false, "submit it as well")
	return c
}

// flags are those that state what a registration says, and the one that names a file.
func (f *registrationFile) flags(c *cobra.Command, path *string) {
	flags := c.Flags()
	flags.StringVarP(path, "file", "f", "", "a YAML file; - is standard input")
	flags.StringVar(&f.PartnerID, "partner-id", "", "the Partner ID of the partner whose it is")
	flags.StringVar(&f.Customer, "customer", "", "the customer's name")
	flags.StringVar(&f.Domain, "domain", "", "the customer's web or e-mail domain")
	flags.StringVar(&f.Account, "account", "", "the customer's Account in Salesforce, once it is known")
	flags.StringVar(&f.Involvement, "involvement", "", "referred or engaged")
	flags.StringVar(&f.Opportunity, "opportunity", "", "the opportunity in Salesforce, if there is one")
	flags.BoolVar(&f.Speculative, "speculative", false, "there is no opportunity yet")
}

// readRegistration reads the file, if one is named.
func (a *app) readRegistration(path string) (f registrationFile, err error) {
	if path == "" {
		return f, nil
	}
	var r io.Reader = a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return f, errs.New(errs.Invalid, "read the file: %w", err).WithHint("-f wants the path of a YAML file, or - for standard input")
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		r = file
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxRegistration+1))
	if err != nil {
		return f, errs.New(errs.Invalid, "read %s: %w", path, err)
	}
	if len(raw) > maxRegistration {
		return f, errs.New(errs.Invalid, "%s is larger than %d MB", path, maxRegistration>>20).WithHint("it states one registration")
	}
	if err := tame.YAML(raw); err != nil {
		return f, errs.New(errs.Invalid, "%s: %w", path, err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return f, errs.New(errs.Invalid, "%s:\n%s", path, tame.Said(strings.TrimSpace(yaml.FormatError(err, false, true)))).
			WithHint("`partnersync registrations create --help` shows such a file")
	}
	return f, nil
}

// over gives what a file states with what the flags of a command state instead.
func (f registrationFile) over(file registrationFile, c *cobra.Command) registrationFile {
	for flag, value := range map[string][2]*string{
		"partner-id": {&file.PartnerID, &f.PartnerID}, "customer": {&file.Customer, &f.Customer}, "domain": {&file.Domain, &f.Domain},
		"account": {&file.Account, &f.Account}, "involvement": {&file.Involvement, &f.Involvement},
		"opportunity": {&file.Opportunity, &f.Opportunity},
	} {
		if c.Flags().Changed(flag) {
			*value[0] = *value[1]
		}
	}
	if c.Flags().Changed("speculative") {
		file.Speculative = f.Speculative
	}
	return file
}

// registration checks what is stated, and makes a draft of it.
func (f registrationFile) registration() (deal.Registration, error) {
	id, ok := ledger.ParsePartnerID(f.PartnerID)
	if !ok {
		return deal.Registration{}, errs.New(errs.Invalid, "partner_id %q is no Partner ID", f.PartnerID).
			WithHint("a Partner ID is two letters and four digits, such as FG3877")
	}
	involvement := strings.ToLower(strings.TrimSpace(f.Involvement))
	if involvement != "" && involvement != string(commission.Referred) && involvement != string(commission.Engaged) {
		return deal.Registration{}, errs.New(errs.Invalid, "involvement %q is neither referred nor engaged", f.Involvement)
	}
	domain := strings.TrimSpace(f.Domain)
	if domain != "" && ledger.RegistrableDomain(domain[strings.LastIndexByte(domain, '@')+1:]) == "" {
		return deal.Registration{}, errs.New(errs.Invalid, "domain %q is not a domain", f.Domain).WithHint("write it like acme.example; a web or an e-mail address will do")
	}
	var people []string
	for _, p := range f.KeyPeople {
		if strings.TrimSpace(p.Name) == "" {
			return deal.Registration{}, errs.New(errs.Invalid, "one of the key people has no name").WithHint("write {name: ..., role: ..., relation: ...}")
		}
		people = append(people, p.String())
	}
	out := deal.Registration{
		PartnerID: id, CustomerName: strings.TrimSpace(f.Customer), EmailDomain: domain, Involvement: involvement,
		Project: f.Project, KeyPeople: strings.Join(people, "\n"), UseCase: f.UseCase, BusinessOutcome: f.BusinessOutcome,
		Timeframe: f.Timeframe, Priority: f.Priority, Speculative: f.Speculative,
	}
	for name, field := range map[string]struct {
		stated string
		into   *string
	}{"account": {f.Account, &out.AccountID}, "opportunity": {f.Opportunity, &out.OpportunityID}, "space": {f.Space, &out.SpaceID}} {
		id, err := salesforceID(name, field.stated)
		if err != nil {
			return deal.Registration{}, err
		}
		*field.into = id
	}
	return out, nil
}

// createRegistration drafts a registration and, in the same transaction, submits it if
// that was asked for.
func (a *app) createRegistration(c *cobra.Command, draft deal.Registration, submit bool) error {
	return a.decideOn(c, "", func(ctx context.Context, tx *sqlx.Tx, by deal.By) (string, error) {
		id, err := deal.Create(ctx, tx, draft, by)
		if err != nil || !submit {
			return id, err
		}
		_, err = deal.Submit(ctx, tx, id, by)
		return id, unsubmitted(err)
	})
}

// unsubmitted says why a registration that was to be created and submitted could not
// be. The draft goes with the transaction, so nobody has to hear its number.
func unsubmitted(err error) error {
	cause, is := errors.AsType[*errs.Error](err)
	if !is || cause.Kind != errs.Invalid {
		return err
	}
	return errs.New(errs.Invalid, "submit the registration: %w", cause.Err).
		WithHint("nothing was kept: state what is missing, or leave --submit out to keep a draft of it")
}
