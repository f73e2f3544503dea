package deal

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var (
	now   = at("2026-06-01")
	terms = Terms{Zone: time.UTC, AsOf: on("2026-05-31")}
)

// inTx runs f in a transaction that must succeed.
func inTx(t rapid.TB, db *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) error) {
	t.Helper()
	if err := pg.InTx(context.Background(), db, f); err != nil {
		t.Fatal(err)
	}
}

// partners keeps the partners of whom stories tell.
func partners(t rapid.TB, db *sqlx.DB) {
	t.Helper()
	inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		for _, p := range []ledger.Partner{
			{Key: "north", IDs: []string{"FG3877", "FG4001"}}, {Key: "south", IDs: []string{"AB1234"}},
			{Key: "west", IDs: []string{"CD5678"}, Domains: []string{"partner.example"}},
		} {
			p.Name, p.Kind, p.JoinedOn, p.Status = p.Key, ledger.KindConsulting, on("2019-01-01"), ledger.StatusActive
			if err := ledger.SavePartner(ctx, tx, p, "test", now); err != nil {
				return err
			}
		}
		return nil
	})
}

// opportunities keeps opportunities as revenue would.
func opportunities(ctx context.Context, tx *sqlx.Tx, os []opportunity) error {
	for _, o := range os {
		if _, err := tx.ExecContext(ctx, `
			insert into ledger.opportunity (id, name, account_id, first_account_id, customer_id, amount, currency, close_date,
				is_closed, is_won, created_at, registration_id, is_deleted, modstamp)
			values ($1, $2, $3, $3, $3, 1000, 'USD', $4, $5, $6, $7, $8, false, $7)`,
			o.id, o.name, o.customerID, o.closeDate, o.isClosed, o.isWon, o.createdAt, o.registrationID); err != nil {
			return err
		}
	}
	return nil
}

// keep writes a story into the ledger, in the order in which it is told.
func (s *story) keep(t rapid.TB, db *sqlx.DB) {
	t.Helper()
	inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		for id, a := range s.accounts {
			for _, version := range a.versions(id) {
				if _, err := ledger.SaveCustomers(ctx, tx, []ledger.Customer{version}); err != nil {
					return err
				}
			}
		}
		rs := make([]Registration, len(s.records))
		for i, r := range s.records {
			rs[i] = r.Registration
			rs[i].AccountID, rs[i].Modstamp = r.customerID, now
		}
		changed, err := SaveRegistrations(ctx, tx, rs, now)
		if err != nil {
			return err
		}
		if err := FindCustomers(ctx, tx, changed); err != nil {
			return err
		}
		return opportunities(ctx, tx, s.opportunities)
	})
}

// versions are those of an Account in the order of time: one for every website, and
// one for its merge.
func (a account) versions(id string) (cs []ledger.Customer) {
	stamps := []time.Time{}
	for _, s := range a.domains {
		stamps = append(stamps, s.at)
	}
	if a.survivor != "" {
		stamps = append(stamps, a.mergedAt)
	}
	slices.SortFunc(stamps, time.Time.Compare)
	for _, stamp := range slices.Compact(stamps) {
		c := ledger.Customer{AccountID: id, Name: id, Modstamp: stamp}
		for _, s := range a.domains {
			if !s.at.After(stamp) {
				c.Domain = s.domain
			}
		}
		if a.survivor != "" && !a.mergedAt.After(stamp) {
			c.MasterAccountID = a.survivor
		}
		cs = append(cs, c)
	}
	return cs
}

func clean(t rapid.TB, db *sqlx.DB) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), `
		begin;
		set local session_replication_role = replica; -- a journal is append only
		delete from ledger.registration_event;
		delete from ledger.registration;
		delete from ledger.opportunity;
		delete from ledger.customer;
		delete from ledger.customer_domain;
		commit`); err != nil {
		t.Fatal(err)
	}
}

func sourcesOf(os []opportunity) []commission.Source {
	out := make([]commission.Source, len(os))
	for i, o := range os {
		out[i].ID, out[i].NamedRegistration = o.id, o.registrationID
	}
	return out
}

// TestR7_7_WhateverTheBatch: the claims on an opportunity are those of the whole
// world, whether it is asked for alone, or with others, or with all.
func TestR7_7_WhateverTheBatch(t *testing.T) {
	db := pgtest.New(t)
	partners(t, db)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		clean(rt, db)
		s := drawStory(rt)
		s.keep(rt, db)
		for i := range s.records { // of one that was revoked, the ledger never saw the approval
			s.records[i].approvedAt = time.Time{}
		}
		w := s.world()
		for left := s.opportunities; len(left) > 0; {
			n := rapid.IntRange(1, len(left)).Draw(rt, "batch")
			sources := sourcesOf(left[:n])
			left = left[n:]
			if err := AddClaims(ctx, db, sources, s.terms); err != nil {
				rt.Fatal(err)
			}
			for _, source := range sources {
				if got, want := claimsText(source.Claims), claimsText(w.claimsOn(source.ID)); got != want {
					rt.Fatalf("claims on %s, in a batch of %d:\n%swant\n%s%+v", source.ID, n, got, want, s)
				}
			}
		}
		checkReach(rt, db, w)
	})
}

func claimsText(cs []commission.Claim) string {
	var b strings.Builder
	for _, c := range cs {
		fmt.Fprintf(&b, "  %s by %s %v, share %v %s, %s, %s %s\n", claimText(c), c.PartnerID, c.Malformed, c.Share, c.ShareFault, c.Reason,
			c.SubmittedAt.UTC(), c.DecidedAt.UTC())
	}
	return b.String()
}

// checkReach: whatever claims a won opportunity reaches it, and so does its Account.
func checkReach(t rapid.TB, db *sqlx.DB, w *world) {
	t.Helper()
	for _, o := range w.opportunities {
		for _, c := range w.claimsOn(o.id) {
			if w.byID[c.RegistrationID] == nil {
				continue // nobody has seen it: it reaches what names it once it is saved
			}
			for _, r := range []Reached{{Registrations: []string{c.RegistrationID}}, {Opportunities: []string{o.id}}, {Accounts: []string{o.customerID}}} {
				got, _, err := Around(context.Background(), db, r)
				if err != nil {
					t.Fatal(err)
				}
				mine := w.byID[c.RegistrationID]
				isNear := slices.Contains(w.ofAccount(&o), mine) || slices.Contains(w.ofDomain(&o), mine)
				if (isNear || len(r.Accounts) == 0) && slices.Contains(got, o.id) != o.isWon {
					t.Fatalf("%+v reaches %v, and %s claims %s (won: %v)", r, got, c.RegistrationID, o.id, o.isWon)
				}
			}
		}
	}
}

// counting counts statements.
type counting struct {
	sqlx.QueryerContext
	n int
}

func (c *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.n++
	return c.QueryerContext.QueryContext(ctx, query, args...)
}

func (c *counting) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	c.n++
	return c.QueryerContext.QueryxContext(ctx, query, args...)
}

func (c *counting) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	c.n++
	return c.QueryerContext.QueryRowxContext(ctx, query, args...)
}

func TestNearlyFreeWhereNoRegistrationIsInReach(t *testing.T) {
	db := pgtest.New(t)
	s := tell().opp("O1", "C1", "2026-02-01", "2026-03-01", "won").opp("O2", "C2", "2026-02-01", "2026-03-01", "won")
	s.keep(t, db)
	ask := func() (claims, statements int) {
		c, sources := &counting{QueryerContext: db}, sourcesOf(s.opportunities)
		if err := AddClaims(t.Context(), c, sources, terms); err != nil {
			t.Fatal(err)
		}
		return len(sources[0].Claims) + len(sources[1].Claims), c.n
	}
	if claims, n := ask(); claims != 0 || n != 1 {
		t.Errorf("without any registration: %d claims, %d statements", claims, n)
	}
	inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := SaveRegistrations(ctx, tx, []Registration{{ID: "R9", Status: "Submitted", SubmittedAt: now, EmailDomain: "far.example", Modstamp: now}}, now)
		return err
	})
	if claims, n := ask(); claims != 0 || n != 2 {
		t.Errorf("with one out of reach: %d claims, %d statements", claims, n)
	}
}

func TestR7_7_VersionsComeInAnyOrder(t *testing.T) {
	share := decimal.RequireFromString("0.5")
	versions := []Registration{
		{ID: "R1", Key: "K1", PartnerID: " fg3877", EmailDomain: "Ana@Mail.C1.example", AccountID: "C1", Involvement: "Engaged", Status: "Submitted", SubmittedAt: at("2026-01-01"), Modstamp: at("2026-01-01")},
		{ID: "R1", Key: "K1", PartnerID: "FG3877", AccountID: "C1", Status: "Approved", SubmittedAt: at("2026-01-01"), DecidedAt: at("2026-01-05"), Share: &share, Modstamp: at("2026-01-05")},
		{ID: "R1", Key: "K1", PartnerID: "FG3877", AccountID: "C1", Status: "Revoked", SubmittedAt: at("2026-01-01"), DecidedAt: at("2026-02-05"), DecisionReason: "left", Modstamp: at("2026-02-05")},
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1, 2}} {
		db := pgtest.New(t)
		for i, n := range order {
			inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
				changed, err := SaveRegistrations(ctx, tx, []Registration{versions[n]}, now)
				if isNewest := !slices.ContainsFunc(order[:i], func(before int) bool { return before > n }); (len(changed) == 1) != isNewest {
					t.Errorf("%v: version %d changed %v", order, n, changed)
				}
				return err
			})
		}
		v, err := Get(t.Context(), db, "R1", terms)
		if err != nil {
			t.Fatal(err)
		}
		var journal []string
		for _, e := range v.Journal {
			journal = append(journal, fmt.Sprintf("%s by %s on %s %s", e.State, e.Actor, e.At.Format(time.DateOnly), e.Reason))
		}
		if got := strings.Join(journal, "; "); got != "submitted by Salesforce on 2026-01-01 ; approved by Salesforce on 2026-01-05 ; revoked by Salesforce on 2026-02-05 left" {
			t.Errorf("%v: journal %s", order, got)
		}
		if v.State != commission.Revoked || v.Share != nil || v.Reason != "left" || !v.ExclusiveUntil.Equal(at("2026-02-05")) {
			t.Errorf("%v: %+v", order, v)
		}
	}
}

func TestR5_2_TheJournalIsAppendOnly(t *testing.T) {
	db := pgtest.New(t)
	tell().reg("R1", "FG3877", "2026-01-01", "").keep(t, db)
	for _, s := range []string{
		`update ledger.registration_event set actor = 'x'`, `delete from ledger.registration_event`, `truncate ledger.registration_event`,
	} {
		if _, err := db.ExecContext(t.Context(), s); err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestR9_2_ARegistrationFollowsItsCustomer(t *testing.T) {
	db := pgtest.New(t)
	s := tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).opp("O1", "C2", "2026-02-01", "2026-03-01", "won")
	s.keep(t, db)
	claims := func() int {
		sources := sourcesOf(s.opportunities)
		if err := AddClaims(t.Context(), db, sources, terms); err != nil {
			t.Fatal(err)
		}
		return len(sources[0].Claims)
	}
	merge := func(when string, moved string) {
		inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
			if _, err := ledger.SaveCustomers(ctx, tx, []ledger.Customer{{AccountID: "C1", MasterAccountID: "C2", IsDeleted: true, Modstamp: at(when)}}); err != nil {
				return err
			}
			// Salesforce moves the lookup of what named the loser.
			if _, err := SaveRegistrations(ctx, tx, []Registration{{
				ID: "R1", PartnerID: "FG3877", AccountID: moved, Status: "Approved", SubmittedAt: at("2026-01-01"), DecidedAt: at("2026-01-05"), Modstamp: now.Add(time.Hour),
			}}, now); err != nil {
				return err
			}
			ids, err := OfAccounts(ctx, tx, []string{"C1"})
			if err != nil || !slices.Equal(ids, []string{"R1"}) {
				t.Errorf("of C1: %v %v", ids, err)
			}
			return FindCustomers(ctx, tx, ids)
		})
	}
	if n := claims(); n != 0 {
		t.Errorf("%d claims before any merge", n)
	}
	merge("2026-03-02", "C2")
	if n := claims(); n != 0 {
		t.Errorf("%d claims after a merge behind the close", n)
	}
	if got, _, err := Around(t.Context(), db, Reached{Accounts: []string{"C1"}}); err != nil || !slices.Equal(got, []string{"O1"}) {
		t.Errorf("C1 reaches %v, %v", got, err)
	}
	merge("2026-04-01", "C2") // the same one, told again
	if n := claims(); n != 0 {
		t.Errorf("%d claims", n)
	}
}

func TestR1_1_FindingsOfRegistrations(t *testing.T) {
	db := pgtest.New(t)
	partners(t, db)
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "", of("C1")).
		reg("R2", "AB1234", "2026-01-02", "", domain("c1.example")).
		reg("R3", "FG-3877", "2026-01-01", "").
		reg("R4", "ZZ9999", "2026-01-01", "").
		reg("R5", "", "2026-01-01", "").
		reg("R6", "FG3877", "2026-01-01", "Pending").
		reg("R7", "FG3877", "", "Submitted", func(r *record) { r.Involvement = "maybe" }).
		reg("R8", "FG3877", "2026-01-01", "approved 2026-01-02", of("C2"), share("50")).
		reg("R9", "bad", "2026-01-01", "rejected 2026-01-02")
	s.keep(t, db)
	settle := func() (opened int64, open []string) {
		inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			opened, err = SettleFindings(ctx, tx, []string{"R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9"}, time.UTC, nil, now)
			return err
		})
		found, err := ledger.Discrepancies(t.Context(), db, ledger.DiscrepancyFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			open = append(open, fmt.Sprintf("%s %s %v", d.Subject, d.Kind, d.IsHold))
		}
		slices.Sort(open)
		return opened, open
	}
	want := []string{
		"R2 registration_conflict true", "R3 malformed_partner_id true", "R4 unknown_partner_id true", "R5 malformed_partner_id true",
		"R6 unknown_registration_status true", "R7 registration_without_date true", "R7 unknown_involvement false", "R8 shares_not_whole true",
	}
	if opened, open := settle(); opened != int64(len(want)) || !slices.Equal(open, want) {
		t.Errorf("%d opened:\n%s\nwant\n%s", opened, strings.Join(open, "\n"), strings.Join(want, "\n"))
	}
	// A decision on R1 ends nothing for R2, but its withdrawal does.
	inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := SaveRegistrations(ctx, tx, []Registration{{ID: "R2", PartnerID: "AB1234", Involvement: "referred", Status: "Withdrawn", SubmittedAt: at("2026-01-02"), DecidedAt: now, EmailDomain: "c1.example", Modstamp: now.Add(time.Hour)}}, now)
		return err
	})
	if opened, open := settle(); opened != 0 || !slices.Equal(open, want[1:]) {
		t.Errorf("%d opened: %v", opened, open)
	}
}

func TestR5_7_EngagementsCome_WithTheirClaims(t *testing.T) {
	db := pgtest.New(t)
	partners(t, db)
	s := tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).reg("R2", "AB1234", "2026-01-02", "rejected 2026-01-05", of("C2")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	s.keep(t, db)
	save := func(want string, es ...Engagement) {
		inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
			ids, err := SaveEngagements(ctx, tx, es, now)
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("%+v touches %q, want %q", es, got, want)
			}
			return err
		})
	}
	e := Engagement{ID: "E1", RegistrationID: "R2", On: on("2026-02-10"), Kind: "workshop", RecordedBy: BySalesforce, Modstamp: at("2026-02-10")}
	save("R2", e)
	e.RegistrationID, e.Modstamp = "R1", at("2026-02-11")
	save("R1 R2", e)
	old := e
	old.RegistrationID, old.Modstamp = "R2", at("2026-02-09")
	save("", old)
	by := By{Actor: "ana", Now: now, Terms: terms}
	var logged string
	inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		logged, err = LogEngagement(ctx, tx, Engagement{RegistrationID: "R1", On: on("2026-02-10"), Kind: "call", RecordedBy: ByPartner}, by)
		return err
	})
	evidence := func() string {
		sources := sourcesOf(s.opportunities)
		if err := AddClaims(t.Context(), db, sources, terms); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range sources[0].Claims[0].Engagements {
			out = append(out, fmt.Sprintf("%s on %s: %s", e.ID, e.On, cmp.Or(e.WhyNot, fmt.Sprint(e.Counts))))
		}
		return strings.Join(out, "; ")
	}
	if got := evidence(); got != "E1 on 2026-02-10: true; ENG-000001 on 2026-02-10: the partner logged it and nobody of the staff has confirmed it" {
		t.Error(got)
	}
	refused(t, db, "cannot confirm it too", func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := ConfirmEngagement(ctx, tx, logged, by)
		return err
	})
	inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		registration, err := ConfirmEngagement(ctx, tx, logged, By{Actor: "bo", Now: now, Terms: terms})
		if registration != "R1" {
			t.Errorf("confirmed of %s", registration)
		}
		return err
	})
	e.IsDeleted, e.Modstamp = true, at("2026-02-12")
	save("R1", e)
	if got := evidence(); got != "ENG-000001 on 2026-02-10: true" {
		t.Error(got)
	}
	for says, e := range map[string]Engagement{
		"lies ahead":          {RegistrationID: "R1", On: on("2026-06-02"), Kind: "call", RecordedBy: ByStaff},
		"without its day":     {RegistrationID: "R1", Kind: "call", RecordedBy: ByStaff},
		"there is no":         {RegistrationID: "R7", On: on("2026-05-01"), Kind: "call", RecordedBy: ByStaff},
		"what kind":           {RegistrationID: "R1", On: on("2026-05-01"), RecordedBy: ByStaff},
		`not by "salesforce"`: {RegistrationID: "R1", On: on("2026-05-01"), Kind: "call", RecordedBy: BySalesforce},
	} {
		refused(t, db, says, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := LogEngagement(ctx, tx, e, by)
			return err
		})
	}
	for _, id := range []string{"E1", "ENG-000001", "ENG-000009"} {
		refused(t, db, "", func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := ConfirmEngagement(ctx, tx, id, By{Actor: "cy", Now: now, Terms: terms})
			return err
		})
	}
}

// refused runs what must be refused with an error that says something and a kind.
func refused(t *testing.T, db *sqlx.DB, says string, f func(ctx context.Context, tx *sqlx.Tx) error) {
	t.Helper()
	err := pg.InTx(context.Background(), db, f)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want a refusal that says %q", err, says)
	}
}
