package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

// kindUnreadable is the discrepancy of a record that states no fact.
const kindUnreadable = "unreadable_record"

// batch is some staged records of one kind, each of them once.
type batch struct {
	*pass
	tx      *sqlx.Tx
	kind    mapping.Kind
	object  string
	records []staging.Record
	found   []ledger.Discrepancy
	opened  int64 // discrepancies of registrations that were opened
}

// reconcile keeps the batch's facts and settles which of its records are
// unreadable. It gives how many discrepancies were opened.
func (b *batch) reconcile(ctx context.Context) (opened int64, err error) {
	defer errs.Wrap(&err, "reconcile %s", b.object)
	save := map[mapping.Kind]func(context.Context) error{
		mapping.Customer:       b.customers,
		mapping.Install:        b.installs,
		mapping.Connection:     b.connections,
		mapping.Space:          b.spaces,
		mapping.Profile:        b.profiles,
		mapping.Invitation:     b.invitations,
		mapping.SpaceHistory:   b.history(attribution.KindSpace),
		mapping.ProfileHistory: b.history(attribution.KindProfile),
		mapping.Opportunity:    b.opportunities,
		mapping.Registration:   b.registrations,
		mapping.Engagement:     b.engagements,
	}[b.kind]
	if save == nil {
		return 0, errs.New(errs.Unknown, "nothing keeps facts of the kind %s", b.kind)
	}
	back, err := b.thereAgain(ctx)
	if err != nil {
		return 0, err
	}
	if err := b.holdVanished(ctx); err != nil {
		return 0, err
	}
	if err := save(ctx); err != nil {
		return 0, err
	}
	if err := b.relink(ctx, back); err != nil {
		return 0, err
	}
	ids := make([]string, len(b.records))
	for i, r := range b.records {
		ids[i] = r.ID
	}
	opened, err = ledger.SettleDiscrepancies(ctx, b.tx, []string{kindUnreadable, ledger.KindVanished}, ids, b.found, b.now)
	return opened + b.opened, err
}

// read decodes a record. When a value cannot be read, or one that the fact cannot
// do without is not there, the record becomes a discrepancy and ok is false: the
// fact stays what it was before.
func (b *batch) read(r staging.Record, needed ...string) (f mapping.Record, ok bool) {
	f, problems := b.Mapping.Decode(b.kind, r.Payload)
	var wrong []string
	for _, p := range problems {
		wrong = append(wrong, p.Error())
	}
	if len(problems) == 0 {
		for _, field := range needed {
			if !f.Has(field) {
				wrong = append(wrong, b.path(field)+" is blank")
			}
		}
	}
	if len(wrong) > 0 {
		b.unreadable(r, strings.Join(wrong, "; "))
	}
	return f, len(wrong) == 0
}

// rulesOf says which rule names what a kind of fact has to state.
var rulesOf = map[mapping.Kind]string{
	mapping.Opportunity: "R3.1", mapping.Registration: "R5.1", mapping.Engagement: "R5.7",
}

func (b *batch) unreadable(r staging.Record, why string) {
	rule := rulesOf[b.kind]
	if rule == "" {
		rule = "R2.6"
	}
	b.found = append(b.found, ledger.Discrepancy{
		Kind: kindUnreadable, Subject: r.ID, Object: b.object, Rule: rule, IsHold: b.kind == mapping.Opportunity,
		Detail: fmt.Sprintf("This record cannot be used: %s. Correct it in Salesforce; the next pull reads it again.", why),
	})
}

// path is the Salesforce name of a fact's field, for people.
func (b *batch) path(field string) string {
	if f, ok := b.Mapping.Fact(b.kind); ok {
		for _, m := range f.Fields {
			if m.Name == field {
				return strings.Join(m.Paths, " or ")
			}
		}
	}
	return field
}

// email gives the e-mail key of a text as received; one that is none makes the
// record's discrepancy, and "".
func (b *batch) email(r staging.Record, raw string) string {
	key, err := ledger.EmailKey(raw)
	if err != nil {
		b.unreadable(r, "its e-mail address is not one")
		return ""
	}
	return key
}
