package statement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/statement"
)

// figures writes a statement's figures in one line.
func figures(s statement.Statement) string {
	return fmt.Sprintf("opening %s transferred %s accrued %s adjusted %s clawed back %s brought in %s imported %s approved %s exported %s paid %s closing %s (%s, %s, %s)",
		s.Opening, s.Transferred, s.Accrued, s.Adjusted, s.ClawedBack, s.BroughtIn, s.Imported, s.Approved, s.Exported, s.Paid, s.Closing,
		s.ClosingAccrued, s.ClosingPayable, s.ClosingInPayment)
}

func (w *world) wants(partner, period, want string) statement.Statement {
	w.t.Helper()
	s := w.of(partner, "USD", period)
	if got := figures(s); got != want {
		w.t.Errorf("%s in %s\ngot  %s\nwant %s", partner, period, got, want)
	}
	return s
}

// Worked example 12, in small, and a line that goes its way to the bank.
func TestR8_4_AStatementTellsAccrualsAdjustmentsAndClawbacksApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877")
	w.opportunity("006A", "Acme renewal", "Acme")
	w.expect("006A", "FG3877", sep, "USD", 10192)
	w.expect("006A", "FG3877", oct, "USD", 9205)
	w.expect("006B", "FG3877", sep, "USD", 500)
	day := clock.NewDate(2026, 10, 5)
	w.move(book.KindApprove, key("FG3877", "006B", sep), "USD", 500, day)
	w.move(book.KindExport, key("FG3877", "006B", sep), "USD", 500, day)
	w.move(book.KindPay, key("FG3877", "006B", sep), "USD", 500, clock.NewDate(2026, 11, 2))
	w.close(sep)
	w.expect("006A", "FG3877", sep, "USD", 5096) // halved: the closed month's half is taken back in October
	w.expect("006B", "FG3877", sep, "USD", 800)  // grew after it was paid

	w.wants("FG3877", sep, "opening 0.00 transferred 0.00 accrued 106.92 adjusted 0.00 clawed back 0.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing 106.92 (106.92, 0.00, 0.00)")
	s := w.wants("bluefin", oct, "opening 106.92 transferred 0.00 accrued 92.05 adjusted 3.00 clawed back -50.96 brought in 0.00 imported 0.00 approved 5.00 exported 5.00 paid 0.00 closing 151.01 (146.01, 0.00, 5.00)")
	w.wants("bluefin", nov, "opening 151.01 transferred 0.00 accrued 0.00 adjusted 0.00 clawed back 0.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 5.00 closing 146.01 (146.01, 0.00, 0.00)")

	var lines []string
	for _, l := range s.Lines {
		lines = append(lines, fmt.Sprint(l.Key, " ", l.Accrued, " ", l.Adjusted, " ", l.ClawedBack, " ", l.Approved, " ", l.Exported, " ", l.Status, " adjusts ", l.Adjusts, " corrects ", l.Corrects))
	}
	want := []string{
		"FG3877/space/006A/referral/2026-10 92.05 0.00 0.00 0.00 0.00 accrued adjusts  corrects ",
		"FG3877/space/006A/referral~adj:2026-09/2026-10 0.00 0.00 -50.96 0.00 0.00 accrued adjusts 2026-09 corrects FG3877/space/006A/referral/2026-09#1",
		"FG3877/space/006B/referral/2026-09 0.00 0.00 0.00 5.00 5.00 paid adjusts  corrects ",
		"FG3877/space/006B/referral~adj:2026-09/2026-10 0.00 3.00 0.00 0.00 0.00 accrued adjusts 2026-09 corrects FG3877/space/006B/referral/2026-09#1",
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if l := s.Lines[0]; l.Opportunity != "Acme renewal" || l.Account != "Acme" || l.Sentence != "It is 92.05 USD for the days of 2026-10." {
		t.Errorf("%+v", l)
	}
	if !strings.HasPrefix(s.Lines[1].Sentence, "This adjusts referral of 2026-09") {
		t.Errorf("it explains itself with %q", s.Lines[1].Sentence)
	}
	if sep := w.of("FG3877", "USD", sep); !sep.IsClosed || sep.ClosedAt.IsZero() || s.IsClosed {
		t.Errorf("closed: %v at %v, and October %v", sep.IsClosed, sep.ClosedAt, s.IsClosed)
	}
}

// R8.7: an un-won deal is clawed back, also in its own month, and carries forward
// against what comes next.
func TestR8_7_WhatIsTakenBackCarriesForwardBelowZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877")
	w.expect("006A", "FG3877", oct, "USD", 10000)
	for _, kind := range []string{book.KindApprove, book.KindExport, book.KindPay} {
		w.move(kind, key("FG3877", "006A", oct), "USD", 10000, clock.NewDate(2026, 10, 28))
	}
	w.close(oct)
	w.expect("006A", "FG3877", oct, "USD", 0)
	w.wants("bluefin", oct, "opening 0.00 transferred 0.00 accrued 100.00 adjusted 0.00 clawed back 0.00 brought in 0.00 imported 0.00 approved 100.00 exported 100.00 paid 100.00 closing 0.00 (0.00, 0.00, 0.00)")
	w.wants("bluefin", nov, "opening 0.00 transferred 0.00 accrued 0.00 adjusted 0.00 clawed back -100.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing -100.00 (-100.00, 0.00, 0.00)")
	w.wants("bluefin", dec, "opening -100.00 transferred 0.00 accrued 0.00 adjusted 0.00 clawed back 0.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing -100.00 (-100.00, 0.00, 0.00)")

	w.expect("006B", "FG3877", dec, "USD", 7000)
	w.expect("006B", "FG3877", dec, "USD", 4000)
	w.wants("bluefin", dec, "opening -100.00 transferred 0.00 accrued 70.00 adjusted 0.00 clawed back -30.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing -60.00 (-60.00, 0.00, 0.00)")
}

// TestR8_7_ARefundAfterPaymentCarriesOverThreeStatements until what is earned has made
// up for it.
func TestR8_7_ARefundAfterPaymentCarriesOverThreeStatements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877")
	w.expect("006A", "FG3877", oct, "USD", 10000)
	for _, kind := range []string{book.KindApprove, book.KindExport, book.KindPay} {
		w.move(kind, key("FG3877", "006A", oct), "USD", 10000, clock.NewDate(2026, 10, 28))
	}
	w.close(oct)
	w.expect("006A", "FG3877", oct, "USD", 0)
	const row = "opening %s transferred 0.00 accrued %s adjusted 0.00 clawed back %s brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing %s (%[4]s, 0.00, 0.00)"
	w.wants("bluefin", nov, fmt.Sprintf(row, "0.00", "0.00", "-100.00", "-100.00"))
	w.close(nov)
	w.expect("006B", "FG3877", dec, "USD", 4000)
	w.wants("bluefin", dec, fmt.Sprintf(row, "-100.00", "40.00", "0.00", "-60.00"))
	w.close(dec)
	const january, february = "2027-01", "2027-02"
	w.expect("006C", "FG3877", january, "USD", 3000)
	w.wants("bluefin", january, fmt.Sprintf(row, "-60.00", "30.00", "0.00", "-30.00"))
	w.close(january)
	w.expect("006D", "FG3877", february, "USD", 5000)
	w.wants("bluefin", february, fmt.Sprintf(row, "-30.00", "50.00", "0.00", "20.00"))
	w.wants("bluefin", nov, fmt.Sprintf(row, "0.00", "0.00", "-100.00", "-100.00"))
}

func TestR8_9_WhatWasBroughtInIsOwedAndWhatWasImportedIsNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877")
	w.expect("006A", "FG3877", oct, "USD", 100)
	on := clock.NewDate(2026, 10, 1)
	w.move(book.KindOpening, key("FG3877", "006A", oct), "USD", 5000, on)
	w.move(book.KindOpening, key("FG3877", "006A", oct), "USD", -700, on)
	w.move(book.KindImport, key("FG3877", "006A", oct), "USD", 900, on)
	w.wants("bluefin", oct, "opening 0.00 transferred 0.00 accrued 1.00 adjusted 0.00 clawed back 0.00 brought in 43.00 imported 9.00 approved 0.00 exported 0.00 paid 0.00 closing 44.00 (1.00, 43.00, 0.00)")
}

// R1.1, R8.4: whose a closed month is does not change; the balance that comes with an ID
// is shown where it comes.
func TestR8_4_AClosedStatementIsTheSameAfterAMergeOfPartners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877")
	w.partner("ember", "Ember", "AB1234")
	w.expect("006A", "FG3877", oct, "USD", 10000)
	w.expect("006B", "AB1234", oct, "USD", 4000)
	w.expect("006B", "AB1234", nov, "USD", 300)
	w.close(oct)
	before := mustJSON(t, w.of("bluefin", "USD", oct)) + mustJSON(t, w.of("ember", "USD", oct)) + mustJSON(t, w.list(oct))
	w.merge("ember", "bluefin")
	if after := mustJSON(t, w.of("bluefin", "USD", oct)) + mustJSON(t, w.of("ember", "USD", oct)) + mustJSON(t, w.list(oct)); after != before {
		t.Errorf("before the merge\n%s\nafter\n%s", before, after)
	}
	s := w.wants("bluefin", nov, "opening 100.00 transferred 40.00 accrued 3.00 adjusted 0.00 clawed back 0.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing 143.00 (143.00, 0.00, 0.00)")
	if got := strings.Join(s.IDs, " "); got != "AB1234 FG3877" || s.PrimaryID != "FG3877" {
		t.Errorf("it is of %s, primary %s", got, s.PrimaryID)
	}
	w.wants("ember", nov, "opening 40.00 transferred -40.00 accrued 0.00 adjusted 0.00 clawed back 0.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing 0.00 (0.00, 0.00, 0.00)")
	w.wants("AB1234", dec, "opening 143.00 transferred 0.00 accrued 0.00 adjusted 0.00 clawed back 0.00 brought in 0.00 imported 0.00 approved 0.00 exported 0.00 paid 0.00 closing 143.00 (143.00, 0.00, 0.00)")
	if got := w.keys(oct) + "; " + w.keys(nov) + "; " + w.keys(dec); got != "bluefin/2026-10/USD ember/2026-10/USD; bluefin/2026-11/USD ember/2026-11/USD; bluefin/2026-12/USD" {
		t.Errorf("there are %s", got)
	}
	_, err := statement.Of(t.Context(), w.db, "ember", "USD", month(t, dec))
	if errs.KindOf(err) != errs.NotFound || !strings.Contains(errs.HintOf(err), "bluefin") {
		t.Errorf("of a partner that merged: %v, hint %q", err, errs.HintOf(err))
	}
}

func (w *world) keys(period string) string {
	w.t.Helper()
	var out []string
	for _, s := range w.list(period) {
		out = append(out, s.Key)
	}
	return strings.Join(out, " ")
}

func TestAStatementIsOfAllIDsOfAPartnerAndEachCurrencyByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877", "FG0001")
	w.partner("AB1234", "A partner whose key looks like an ID", "CD5678")
	w.expect("006A", "FG3877", oct, "USD", 100)
	w.expect("006B", "FG0001", oct, "USD", 200)
	w.expect("006C", "FG0001", oct, "JPY", 123456)
	w.expect("006D", "AB1234", oct, "USD", 7)     // issued to nobody
	w.expect("006E", "R123456", oct, "KWD", 1234) // an individual
	if got := w.keys(oct); got != "AB1234/2026-10/USD R123456/2026-10/KWD bluefin/2026-10/JPY bluefin/2026-10/USD" {
		t.Errorf("there are %s", got)
	}
	if s := w.of("fg0001", "USD", oct); s.Closing.String() != "3.00" || len(s.Lines) != 2 || strings.Join(s.IDs, " ") != "FG0001 FG3877" {
		t.Errorf("%+v", s)
	}
	all, err := statement.OfPartner(t.Context(), w.db, "bluefin", month(t, oct))
	if err != nil || len(all) != 2 || all[0].Currency != "JPY" || all[0].Closing.String() != "123,456" || len(all[0].Lines) != 1 || len(all[1].Lines) != 2 {
		t.Errorf("%v: %+v", err, all)
	}
	if s := w.of("r123456", "KWD", oct); s.Closing.String() != "1.234" || s.HolderName() != "R123456" || s.Partner != "" {
		t.Errorf("%+v", s)
	}
	w.expect("006F", "CD5678", oct, "USD", 9)
	if s := w.of("CD5678", "USD", oct); s.Key != "partner:AB1234/2026-10/USD" || s.Closing.Minor != 9 {
		t.Errorf("a partner is taken for an ID: %+v", s)
	}
	for _, partner := range []string{"nobody", "ZZ9999"} {
		if _, err := statement.OfPartner(t.Context(), w.db, partner, month(t, oct)); errs.KindOf(err) != errs.NotFound || errs.HintOf(err) == "" {
			t.Errorf("%s: %v", partner, err)
		}
	}
	if _, err := statement.OfPartner(t.Context(), w.db, "bluefin", month(t, jan)); errs.KindOf(err) != errs.NotFound {
		t.Errorf("before anything was posted: %v", err)
	}
}

// What is streamed is what is read one by one, to the byte, however often it is asked for.
func TestAllGivesWhatOfGives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877", "FG0001")
	w.partner("ember", "Ember", "AB1234")
	w.partner("idle", "Idle", "EF0001")
	for i, payee := range []string{"FG3877", "FG0001", "AB1234", "ZZ0001"} {
		for n := range 3 {
			source := fmt.Sprintf("006-%d-%d", i, n)
			w.expect(source, payee, oct, "USD", int64(100+i+n))
			w.expect(source, payee, sep, "EUR", int64(100+i+n))
		}
	}
	for _, period := range []string{sep, oct, nov} {
		var got []string
		if err := pg.InSnapshot(t.Context(), w.db, func(ctx context.Context, tx *sqlx.Tx) error {
			for s, err := range statement.All(ctx, tx, month(t, period)) {
				if err != nil {
					return err
				}
				got = append(got, mustJSON(t, s))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, s := range w.list(period) {
			want = append(want, mustJSON(t, w.of(s.IDs[0], s.Currency, period)))
		}
		if d := cmp.Diff(want, got); d != "" || len(want) == 0 {
			t.Errorf("%s: -of +all:\n%s", period, d)
		}
	}
	// Who stops in the midst of it leaves nothing open.
	for _, err := range statement.All(t.Context(), w.db, month(t, oct)) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
