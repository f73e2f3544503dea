package book_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// desk is where plan versions are proposed and decided on.
type desk struct {
	t  *testing.T
	db *sqlx.DB
}

func (d desk) propose(p commission.Plan, actor string) (number int64) {
	d.t.Helper()
	must(d.t, pg.InTx(d.t.Context(), d.db, func(ctx context.Context, tx *sqlx.Tx) error {
		numbers, err := book.ProposePlans(ctx, tx, []commission.Plan{p}, actor, morning)
		if err == nil {
			number = numbers[0]
		}
		return err
	}))
	return number
}

func (d desk) approve(number int64, actor string) error {
	return pg.InTx(d.t.Context(), d.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.ApprovePlan(ctx, tx, number, actor, false, morning)
		return err
	})
}

func (d desk) refuse(number int64, actor, reason string) error {
	return pg.InTx(d.t.Context(), d.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.RefusePlan(ctx, tx, number, actor, reason, morning)
		return err
	})
}

func (d desk) withdraw(number int64, actor string) error {
	return pg.InTx(d.t.Context(), d.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.WithdrawPlan(ctx, tx, number, actor, "", morning)
		return err
	})
}

// states writes where all versions stand: "1 in force, 2 refused".
func (d desk) states() string {
	d.t.Helper()
	history, err := book.PlanHistory(d.t.Context(), d.db, book.DefaultPlan)
	must(d.t, err)
	var out []string
	for _, v := range history {
		out = append(out, string(v.State()))
	}
	return strings.Join(out, ", ")
}

func (d desk) wantRefused(err error, says string) {
	d.t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) || errs.HintOf(err) == "" || errs.KindOf(err) == errs.Unknown {
		d.t.Errorf("got %v (hint %q), want a refusal that says %q", err, errs.HintOf(err), says)
	}
}

func TestR8_5_AProposalIsRefusedOrWithdrawnAndStaysOnRecord(t *testing.T) {
	d := desk{t, pgtest.New(t)}
	first := d.propose(version("2010-01-01", nil), "ada")
	d.wantRefused(d.refuse(first, "bob", " "), "for a reason, and none is given")
	d.wantRefused(d.refuse(first, "ada", "a slip"), "ada proposed it")
	d.wantRefused(d.withdraw(first, "bob"), "only ada withdraws it")
	d.wantRefused(d.approve(first, " "), "nobody is named")
	must(t, d.refuse(first, "bob", " too dear "))
	d.wantRefused(d.approve(first, "cem"), "was refused by bob")
	d.wantRefused(d.withdraw(first, "ada"), "was refused by bob")
	second := d.propose(version("2010-01-01", nil), "ada")
	must(t, d.withdraw(second, "ada"))
	d.wantRefused(d.approve(second, "bob"), "was withdrawn by ada")
	third := d.propose(version("2010-01-01", nil), "ada")
	must(t, d.approve(third, "bob"))
	d.wantRefused(d.refuse(third, "cem", "too late"), "is in force, approved by bob")
	if got := d.states(); got != "refused, withdrawn, in force" {
		t.Errorf("they are %s", got)
	}
	history, err := book.PlanHistory(t.Context(), d.db, book.DefaultPlan)
	must(t, err)
	if v := history[0]; v.RefusedBy != "bob" || v.RefusalReason != "too dear" || !v.RefusedAt.Equal(morning) || v.ApprovedBy != "" {
		t.Errorf("%+v", v)
	}
}

// Nothing rests on a version that is proposed: neither the engine's plans nor what a
// rate is for.
func TestR8_5_AProposalGovernsNothing(t *testing.T) {
	d := desk{t, pgtest.New(t)}
	must(t, save(d.db, version("2010-01-01", nil), "ada"))
	do(t, d.db, `insert into ledger.opportunity (id, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		values ('006A', 'USD', '2026-10-10', true, true, $1, false, $1)`, morning)
	number := d.propose(version("2026-10-01", func(p *commission.Plan) { p.PayoutCurrency, p.SpaceRate = "EUR", decimal.New(5, -1) }), "ada")
	converted := func() (n int) {
		t.Helper()
		do(t, d.db, `delete from ledger.due_source`)
		must(t, pg.InTx(t.Context(), d.db, func(ctx context.Context, tx *sqlx.Tx) error {
			return book.MarkConverted(ctx, tx, version("2026-01-01", nil).EffectiveFrom, morning)
		}))
		must(t, d.db.Get(&n, `select count(*) from ledger.due_source`))
		return n
	}
	if inForce, err := book.Plans(t.Context(), d.db, book.DefaultPlan); err != nil || len(inForce) != 1 || converted() != 0 {
		t.Errorf("while it is proposed, in force are %v, and a rate marks %d (%v)", inForce, converted(), err)
	}
	must(t, d.approve(number, "bob"))
	if inForce, err := book.Plans(t.Context(), d.db, book.DefaultPlan); err != nil || len(inForce) != 2 || converted() != 1 {
		t.Errorf("once it is approved, in force are %v, and a rate marks %d (%v)", inForce, converted(), err)
	}
}

// A window that is in order while another proposal stands beside it is looked at again
// without it.
func TestR8_5_AnApprovalGoesByWhatIsInForce(t *testing.T) {
	d := desk{t, pgtest.New(t)}
	must(t, save(d.db, version("2010-01-01", nil), "ada"))
	must(t, save(d.db, version("2026-10-01", nil), "ada"))
	posted(t, d.db, "006A", "2026-10-10")
	do(t, d.db, `insert into ledger.registration (id, origin, partner_id, submitted_at, modstamp)
		values ('a01', 'salesforce', 'AA0001', '2026-08-15', now())`)
	wider := func(p *commission.Plan) { p.Registration.WindowDays = 180 }
	later := d.propose(version("2026-07-01", nil), "ada")
	earlier := d.propose(version("2026-05-01", wider), "ada") // up to July, before the registration
	d.wantRefused(d.approve(earlier, "bob"), "another window")
	must(t, d.approve(later, "bob"))
	must(t, d.approve(earlier, "bob"))
}
