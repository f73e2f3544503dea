package apply_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/deal"
)

// day is an instant of a day of 2026.
func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 9, 0, 0, 0, time.UTC) }

// known keeps customers and registrations, and says what there is to say of them.
func known(t *testing.T, db *sqlx.DB, cs []ledger.Customer, rs ...deal.Registration) {
	t.Helper()
	if err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := ledger.SaveCustomers(ctx, tx, cs); err != nil {
			return err
		}
		ids := make([]string, len(rs))
		for i := range rs {
			rs[i].Modstamp, rs[i].Involvement, ids[i] = now, "Referred", rs[i].ID
		}
		if _, err := deal.SaveRegistrations(ctx, tx, rs, now); err != nil {
			return err
		}
		_, err := deal.SettleFindings(ctx, tx, ids, time.UTC, nil, now)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// registered puts a registration that names its opportunity, and a customer of a
// domain whose opportunity closed won, into the ledger.
func registered(t *testing.T, db *sqlx.DB) {
	t.Helper()
	if _, err := db.Exec(`
		insert into ledger.opportunity (id, currency, account_id, first_account_id, customer_id, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		values ('006-named', 'USD', '', '', '', '2026-10-10', true, true, now(), false, now()),
			('006-found', 'USD', '001-found', '001-found', '001-found', '2026-10-10', true, true, now(), false, now())`); err != nil {
		t.Fatal(err)
	}
	known(t, db, []ledger.Customer{{AccountID: "001-found", Name: "Found", Domain: "found.example", Modstamp: day(1, 1)}},
		deal.Registration{ID: "a01-named", PartnerID: "\u00a0aa0001\t", OpportunityID: "006-named", Status: "Approved", SubmittedAt: day(9, 1), DecidedAt: day(9, 1)},
		deal.Registration{ID: "a01-found", PartnerID: "CC0003", EmailDomain: "found.example", Status: "Approved", SubmittedAt: day(9, 1), DecidedAt: day(9, 1)})
}

func TestR2_9_APartnerMarksWhatItsRegistrationsReach(t *testing.T) {
	db := pgtest.New(t)
	registered(t, db)
	// The customer has another website by now, and the opportunity goes by the old one.
	known(t, db, []ledger.Customer{{AccountID: "001-found", Name: "Found", Domain: "found-group.example", Modstamp: day(11, 1)}})
	for _, c := range []struct{ name, text, want string }{
		{"an ID that was unknown is issued", stated("a"), "006-named"},
		{"another kind", stated("a:, kinds: [{kind: registered}, {kind: consulting, from: 2026-10-10}]"), "006-named"},
		{"a survivor", stated("b", "a:, kinds: [{kind: registered}, {kind: consulting, from: 2026-10-10}], merged_into: b, merged_on: 2026-10-01"), "006-named"},
		{"a survivor that is suspended", stated("b:, status: suspended"), "006-named"},
		{"the customer's domain becomes a partner's", stated("b:, status: suspended, domains: [found.example]"), "006-found 006-named"},
		{"and ceases to be", stated("b:, status: suspended"), "006-found 006-named"},
		{"nothing", stated("b:, status: suspended"), ""},
	} {
		apply1(t, db, c.text)
		if got := due(t, db); got != c.want {
			t.Errorf("%s: due are %q, want %q", c.name, got, c.want)
		}
	}
}

// found gives what is open of registrations: "a01-1 unknown_partner_id".
func found(t *testing.T, db *sqlx.DB) string {
	t.Helper()
	ds, err := ledger.Discrepancies(context.Background(), db, ledger.DiscrepancyFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range ds {
		out = append(out, d.Subject+" "+d.Kind)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func wantFound(t *testing.T, db *sqlx.DB, when, want string) {
	t.Helper()
	if got := found(t, db); got != want {
		t.Errorf("%s: open are %q, want %q", when, got, want)
	}
}

// What was said of a registration is said anew when what it rests on is applied.
func TestR2_8_APartnerThatIsAddedSettlesItsRegistrations(t *testing.T) {
	db := pgtest.New(t)
	registered(t, db)
	wantFound(t, db, "before", "a01-found unknown_partner_id, a01-named unknown_partner_id")
	apply1(t, db, stated("a"))
	wantFound(t, db, "with one of two", "a01-found unknown_partner_id")
	apply1(t, db, stated("c"))
	wantFound(t, db, "with both", "")
}

func TestR5_4_ADomainThatBecomesAPartnersSettlesConflicts(t *testing.T) {
	db := pgtest.New(t)
	apply1(t, db, stated("a", "c"))
	known(t, db, nil,
		deal.Registration{ID: "a01-1", PartnerID: "AA0001", EmailDomain: "found.example", Status: "Submitted", SubmittedAt: day(9, 1)},
		deal.Registration{ID: "a01-2", PartnerID: "CC0003", EmailDomain: "found.example", Status: "Submitted", SubmittedAt: day(9, 2)})
	wantFound(t, db, "at first", "a01-2 registration_conflict")
	apply1(t, db, stated("b:, domains: [found.example]"))
	wantFound(t, db, "the domain is a partner's", "")
	apply1(t, db, stated("b"))
	wantFound(t, db, "and is not any more", "a01-2 registration_conflict")
	apply1(t, db, stated("a", "c:, merged_into: a, merged_on: 2026-10-01"))
	wantFound(t, db, "the partners are one", "")
}

// A conflict within a window that another plan version shortens is none any more
// (R5.3).
func TestR5_3_AnotherWindowSettlesConflicts(t *testing.T) {
	db := pgtest.New(t)
	apply1(t, db, stated("a", "c")+"plans:\n  - {effective_from: 2010-01-01, space: {referral_rate: 10%}}\n")
	known(t, db, nil,
		deal.Registration{ID: "a01-1", PartnerID: "AA0001", EmailDomain: "found.example", Status: "Approved", SubmittedAt: day(9, 1), DecidedAt: day(9, 2)},
		deal.Registration{ID: "a01-2", PartnerID: "CC0003", EmailDomain: "found.example", Status: "Submitted", SubmittedAt: day(11, 1)})
	wantFound(t, db, "within 90 days", "a01-2 registration_conflict")
	apply1(t, db, "plans:\n  - {effective_from: 2026-08-01, space: {referral_rate: 10%}, registration: {window_days: 30}}\n")
	wantFound(t, db, "after 30 days", "")
}
