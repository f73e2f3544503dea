package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/stage"
)

// told is a ledger whose story is the same to the microsecond in every run, for
// goldens: instants are the test's, and ids are made up.
type told struct {
	t     *testing.T
	dsn   string
	db    *sqlx.DB
	clock *clock.Manual
}

func newTold(t *testing.T) *told {
	t.Helper()
	w := &told{t: t, dsn: pgtest.DSN(t), clock: clock.NewManual(moment("2026-11-01T06:00:00Z"))}
	db, err := pg.Open(context.Background(), pg.Config{DSN: w.dsn, MaxConns: 4, Name: "partnersync test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w.db = db
	t.Chdir(t.TempDir())
	return w
}

// run runs a command at the story's instant.
func (w *told) run(args ...string) outcome {
	w.t.Helper()
	var out, errOut bytes.Buffer
	a := &app{
		env: []string{"PARTNERSYNC_DATABASE_URL=" + w.dsn}, in: strings.NewReader(""), out: &out, err: &errOut, clock: w.clock,
	}
	root := a.command()
	root.SetArgs(args)
	c, err := root.ExecuteContextC(w.t.Context())
	if err != nil && !a.started {
		err = usage(c, err)
	}
	return outcome{code: a.finish(w.t.Context(), err), out: out.String(), err: errOut.String()}
}

func (w *told) in(f func(ctx context.Context, tx *sqlx.Tx, now time.Time) error) {
	w.t.Helper()
	w.clock.Advance(time.Second)
	if err := pg.InTx(context.Background(), w.db, func(ctx context.Context, tx *sqlx.Tx) error { return f(ctx, tx, w.clock.Now()) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *told) apply(text string) {
	w.t.Helper()
	f, err := apply.Read(strings.NewReader(text), "test")
	if err != nil {
		w.t.Fatal(err)
	}
	w.in(func(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
		_, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "test", Zone: time.UTC, Now: now, Alone: true})
		return err
	})
}

func (w *told) customer(id, name string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
		_, err := ledger.SaveCustomers(ctx, tx, []ledger.Customer{{AccountID: id, Name: name, Modstamp: now}})
		return err
	})
}

// space makes a Space that a pull saw with a Partner ID; its history is worked out.
func (w *told) space(id, key, account, created, partnerID string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
		s := attribution.Space{ID: id, Key: key, Name: "Acme", AccountID: account, CreatedVia: "Manual", CreatedAt: moment(created), Modstamp: now}
		if err := attribution.SaveSpaces(ctx, tx, []attribution.Space{s}, now); err != nil {
			return err
		}
		seen := []attribution.Observation{{RecordID: id, Raw: partnerID, Modstamp: moment(created)}}
		if err := attribution.SaveObservations(ctx, tx, attribution.KindSpace, seen, now); err != nil {
			return err
		}
		_, err := attribution.Replay(ctx, tx, 1000, now)
		return err
	})
}

// takeover tells of a change that Salesforce tracked.
func (w *told) takeover(row, space, at, from, to string) {
	w.t.Helper()
	w.in(func(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
		rows := []attribution.HistoryRow{{ID: row, RecordID: space, Old: from, New: to, At: moment(at)}}
		if err := attribution.SaveHistory(ctx, tx, attribution.KindSpace, rows, now); err != nil {
			return err
		}
		if _, err := attribution.Replay(ctx, tx, 1000, now); err != nil {
			return err
		}
		sources, err := revenue.OfSpaces(ctx, tx, []string{space})
		if err != nil {
			return err
		}
		return book.MarkDue(ctx, tx, sources, now)
	})
}

func (w *told) opportunity(o revenue.Opportunity) {
	w.t.Helper()
	o.Currency, o.Type, o.CreatedAt = "USD", "New Business", o.CloseDate.Start(time.UTC)
	w.in(func(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
		o.Modstamp = now
		if _, err := revenue.SaveOpportunities(ctx, tx, []revenue.Opportunity{o}); err != nil {
			return err
		}
		if err := revenue.FindCustomers(ctx, tx, []string{o.ID}); err != nil {
			return err
		}
		return book.MarkDue(ctx, tx, []string{o.ID}, now)
	})
}

func (w *told) registration(r deal.Registration) {
	w.t.Helper()
	r.Origin = deal.OriginSalesforce
	w.in(func(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
		r.Modstamp = now
		if _, err := deal.SaveRegistrations(ctx, tx, []deal.Registration{r}, now); err != nil {
			return err
		}
		return deal.FindCustomers(ctx, tx, []string{r.ID})
	})
}

func (w *told) accrue() {
	w.t.Helper()
	w.clock.Advance(time.Second)
	s := accrue.New(accrue.Config{DB: w.db, Clock: w.clock, Zone: time.UTC, GoLive: book.GoLive{Decided: true}})
	if _, err := s.Run(context.Background(), stage.Options{Actor: "test"}); err != nil {
		w.t.Fatal(err)
	}
}

func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func calendarDay(s string) clock.Date {
	d, err := clock.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func exactAmount(s string) *decimal.Decimal {
	d := decimal.RequireFromString(s)
	return &d
}

// The ids of Acme's story, as Salesforce makes them.
const (
	acmeAccount = "001000000000001AAA"
	acmeSpace   = "a01000000000001AAA"
	acmeTerm    = "006000000000001AAA"
	acmeAddOn   = "006000000000002AAA"
	acmeOpen    = "006000000000003AAA"
)

// acme is a customer whose Space was taken over within the term of an opportunity that
// two partners registered in vain, and whose add-on two others claim: one of them
// waits for a decision, the other lost.
func acme(t *testing.T) *told {
	t.Helper()
	w := newTold(t)
	w.apply(`
partners:
  - {key: north, name: Northwind, kind: registered, joined_on: 2016-05-01, partner_ids: [FG3877]}
  - {key: contoso, name: Contoso, kind: registered, joined_on: 2018-01-15, partner_ids: [AB1234]}
  - {key: tailspin, name: Tailspin, kind: consulting, joined_on: 2019-01-15, partner_ids: [CN0001]}
plans:
  - {effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}
`)
	w.customer(acmeAccount, "Acme Inc")
	w.space(acmeSpace, "S-ACME", acmeAccount, "2020-01-01T00:00:00Z", "FG3877")
	w.takeover("017000000000001AAA", acmeSpace, "2026-07-01T09:00:00Z", "FG3877", "AB1234")
	w.registration(deal.Registration{
		ID: "a05000000000001AAA", Key: "REG-1", PartnerID: "CN0001", AccountID: acmeAccount, OpportunityID: acmeTerm,
		Involvement: "engaged", Status: "Rejected", SubmittedAt: moment("2026-04-01T09:00:00Z"),
		DecidedAt: moment("2026-04-10T09:00:00Z"), DecisionReason: "the customer was ours before",
	})
	w.registration(deal.Registration{
		ID: "a05000000000002AAA", Key: "REG-2", PartnerID: "ab1234", OpportunityID: acmeTerm,
		Involvement: "referred", Status: "Approved", SubmittedAt: moment("2026-06-02T09:00:00Z"), DecidedAt: moment("2026-06-03T09:00:00Z"),
	})
	w.registration(deal.Registration{
		ID: "a05000000000003AAA", Key: "REG-3", PartnerID: "FG3877", AccountID: acmeAccount,
		Involvement: "referred", Status: "Submitted", SubmittedAt: moment("2026-08-10T09:00:00Z"),
	})
	w.registration(deal.Registration{
		ID: "a05000000000004AAA", Key: "REG-4", PartnerID: "CN0001", AccountID: acmeAccount,
		Involvement: "engaged", Status: "Submitted", SubmittedAt: moment("2026-08-12T09:00:00Z"),
	})
	w.in(func(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
		_, err := deal.SaveEngagements(ctx, tx, []deal.Engagement{{
			ID: "a06000000000001AAA", RegistrationID: "a05000000000004AAA", On: calendarDay("2026-08-20"), Kind: "workshop", Modstamp: now,
		}}, now)
		return err
	})
	won := revenue.Opportunity{AccountID: acmeAccount, Stage: "Closed Won", IsClosed: true, IsWon: true}
	term := won
	term.ID, term.Name, term.Amount, term.CloseDate = acmeTerm, "Acme subscription", exactAmount("9200"), calendarDay("2026-05-20")
	term.ServiceStart, term.ServiceEnd = calendarDay("2026-06-01"), calendarDay("2026-08-31")
	w.opportunity(term)
	addOn := won
	addOn.ID, addOn.Name, addOn.Amount, addOn.CloseDate = acmeAddOn, "Acme add-on", exactAmount("5000"), calendarDay("2026-09-15")
	w.opportunity(addOn)
	w.opportunity(revenue.Opportunity{
		ID: acmeOpen, Name: "Acme next", Stage: "Proposal", CloseDate: calendarDay("2027-01-15"), Amount: exactAmount("100"),
	})
	w.accrue()
	return w
}
