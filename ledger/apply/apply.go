package apply

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
)

// Options say who applies a file, or decides on plan versions, when and where.
type Options struct {
	Actor string
	// Zone is the company zone.
	Zone *time.Location
	Now  time.Time
	// Alone says that four eyes are off: plan versions that one person applies are in
	// force at once, and whoever proposed one may approve it (R8.5).
	Alone bool
}

// Apply writes what differs, in one transaction of the caller's, marks what has to
// be worked out anew because of it, and says anew what there is to say of the
// registrations that it bears on. It gives the changes. Plan versions are proposed,
// and govern nothing until a second person approves them, unless o.Alone (R8.5); one
// that waits already, in the same terms, is no change.
func Apply(ctx context.Context, tx *sqlx.Tx, f File, o Options) (_ []Change, err error) {
	defer errs.Wrap(&err, "apply")
	if err := book.HoldTerms(ctx, tx); err != nil {
		return nil, err
	}
	k, err := readKept(ctx, tx)
	if err != nil {
		return nil, err
	}
	a := &application{Options: o, tx: tx, file: f, kept: k, changes: f.changes(k)}
	for _, step := range []func(context.Context) error{a.partners, a.plans, a.rates, a.findings} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return a.changes, nil
}

// application is a file that is being applied.
type application struct {
	Options
	tx      *sqlx.Tx
	file    File
	kept    kept
	changes []Change
	// registrations are those of which there may be something else to say.
	registrations []string
}

func (a *application) differs(what string) bool {
	return slices.ContainsFunc(a.changes, func(c Change) bool { return c.What == what })
}

// partners saves the partners that differ, then their merges, which may name
// partners that stand further down. What they bear on is looked for before and
// after: a change may cut off what it bore on.
func (a *application) partners(ctx context.Context) error {
	var changing []ledger.Partner
	var merges []ledger.Merge
	var t touched
	for i, p := range a.file.Partners {
		if !a.differs(partnerName(p)) {
			continue
		}
		was, _ := a.kept.partner(p.Key)
		if err := keepsIDs(was, p); err != nil {
			return err
		}
		t.touch(was, p)
		changing, merges = append(changing, p), append(merges, a.file.Merges[i])
	}
	if len(changing) == 0 {
		return nil
	}
	before, err := t.around(ctx, a.tx, a.Now)
	if err != nil {
		return err
	}
	for _, p := range changing {
		if err := ledger.SavePartner(ctx, a.tx, p, a.Actor, a.Now); err != nil {
			return err
		}
	}
	if err := ledger.SaveMerges(ctx, a.tx, merges, a.Actor, a.Now); err != nil {
		return err
	}
	after, err := t.around(ctx, a.tx, a.Now)
	if err != nil {
		return err
	}
	a.registrations = slices.Concat(a.registrations, before.registrations, after.registrations)
	return book.MarkDue(ctx, a.tx, append(before.sources, after.sources...), a.Now)
}

// keepsIDs refuses to take an ID from a partner: it was issued for good (R1.1).
func keepsIDs(was, p ledger.Partner) error {
	for _, id := range was.IDs {
		if !slices.Contains(p.IDs, id) {
			return errs.New(errs.Conflict, "partner %s: Partner ID %s was issued to it, and the file leaves it out", p.Key, id).
				WithHint("An ID is issued for good (R1.1). Keep it in partner_ids, after the primary one.")
		}
	}
	return nil
}

// rates saves the exchange rates that differ.
func (a *application) rates(ctx context.Context) error {
	var earliest clock.Date
	for _, r := range a.file.Rates {
		if !a.differs(rateName(r)) {
			continue
		}
		if err := book.SaveExchangeRate(ctx, a.tx, r, a.Actor, a.Now); err != nil {
			return err
		}
		if earliest.IsZero() || r.On.Before(earliest) {
			earliest = r.On
		}
	}
	if earliest.IsZero() {
		return nil
	}
	return book.MarkConverted(ctx, a.tx, earliest, a.Now)
}
