package wholeway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/bill"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/brought"
	"github.com/partnersync/partnersync/ledger/statement"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/verify"
)

// inBook does something to the book as a person would, today.
func (w *way) inBook(f func(ctx context.Context, tx *sqlx.Tx, c book.Context) error) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	now := w.clock.Now()
	must(w.t, pg.InTx(context.Background(), w.db, func(ctx context.Context, tx *sqlx.Tx) error {
		return f(ctx, tx, book.Context{AsOf: clock.DateIn(now, time.UTC), Actor: "ana", Now: now})
	}))
}

func (w *way) approve(f book.Filter) {
	w.t.Helper()
	w.inBook(func(ctx context.Context, tx *sqlx.Tx, c book.Context) error {
		_, err := book.Approve(ctx, tx, book.Selection{Filter: f}, nil, c)
		return err
	})
}

// lived is a company whose book has everything in it that a book can have: lines of
// every status, months that are closed, adjustments, bills that were paid and that
// failed, holds, and what was brought in.
func lived(t *testing.T) *way {
	t.Helper()
	w := newWay(t, "2026-10-15T06:00:00Z")
	w.apply(generatedPartners)
	must(t, w.org.Generate(emulator.GenerateOptions{Opportunities: 60, Seed: 42, Now: instant("2026-10-15T05:00:00Z")}))
	late, _ := acme(w, "TR0942")
	w.insert("Opportunity", sale(late, "5000", "2026-09-15")) // of who joined too late: a zero line
	w.inBook(func(ctx context.Context, tx *sqlx.Tx, c book.Context) error {
		f, err := brought.Read(strings.NewReader("kind,partner_id,currency,amount,period,reference\nopening,AB1234,USD,123.45,2025-12,OLD-1\n"), "old.csv")
		if err == nil {
			_, err = brought.Bring(ctx, tx, f, brought.Context{Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: c.Actor, Now: c.Now})
		}
		return err
	})
	w.run()
	w.mustClose("2026-07", "2026-08")
	w.approve(book.Filter{Through: month("2026-06")})
	var made bill.Result
	w.inBook(func(ctx context.Context, tx *sqlx.Tx, c book.Context) (err error) {
		if made, err = bill.Export(ctx, tx, month("2026-09"), c); err != nil {
			return err
		}
		_, err = bill.File(ctx, tx, month("2026-09"), made.Number, bill.CSV, bill.Settings{}, c)
		return err
	})
	if len(made.Bills) < 3 {
		t.Fatalf("only %d bills", len(made.Bills))
	}
	w.inBook(func(ctx context.Context, tx *sqlx.Tx, c book.Context) error {
		_, err := bill.Confirm(ctx, tx, []bill.Confirmation{
			{Bill: made.Bills[0].Number, Outcome: bill.Paid, On: c.AsOf, Reference: "bank 1"},
			{Bill: made.Bills[1].Number, Outcome: bill.Failed, On: c.AsOf, Reference: "no account"},
		}, c)
		return err
	})
	w.approve(book.Filter{Through: month("2026-07")})
	held := fetch[string](t, w.db, `select max(key) from ledger.line where status = 'accrued' and amount_minor > 0 and period > '2026-08'`)
	w.inBook(func(ctx context.Context, tx *sqlx.Tx, c book.Context) error {
		_, err := book.Hold(ctx, tx, []string{held}, "asked the partner", c)
		return err
	})
	// Late news of what is closed and paid.
	for _, id := range fetchAll[string](w, `select distinct l.source_id from ledger.line l join ledger.opportunity o on o.id = l.source_id
		where l.status in ('accrued', 'paid', 'exported') and o.amount > 1000 and l.period <= '2026-08' order by 1 limit 6`) {
		w.clock.Advance(time.Minute)
		must(t, w.org.Update("Opportunity", id, map[string]any{"Amount": "1000"}, w.clock.Now()))
	}
	keys := []outbox.Key{} // as the commands do
	for _, key := range fetchAll[string](w, `select key from ledger.line`) {
		keys = append(keys, outbox.Key{Key: key, Parent: key[:6]})
	}
	w.inBook(func(ctx context.Context, tx *sqlx.Tx, c book.Context) error {
		return outbox.Mark(ctx, tx, outbox.Commission, keys, c.Now)
	})
	w.run()
	return w
}

// TestR8_3_ALivedBookAgrees: whatever finance has done to it, nothing differs.
func TestR8_3_ALivedBookAgrees(t *testing.T) {
	t.Parallel()
	w := lived(t)
	if d := w.differences(); len(d) > 0 {
		t.Errorf("%d differences, such as %+v", len(d), d[:min(len(d), 4)])
	}
	got := fetchAll[string](w, `select distinct status from ledger.line order by status`)
	if want := []string{"accrued", "approved", "exported", "on_hold", "paid", "zero"}; !slices.Equal(intersection(got, want), want) {
		t.Errorf("only lines that are %v", got)
	}
	if n := fetch[int](t, w.db, `select count(*) from ledger.line where slice like '%~adj%'`); n == 0 {
		t.Error("nothing was adjusted")
	}
}

// TestR8_2_WhatTheIDsOfAPartnerOweEachOtherNeedsNoStatement: two IDs of one partner that
// hold the same with opposite signs come to a statement of zeros, which is not made and not
// missed; a third that makes them differ has one.
func TestR8_2_WhatTheIDsOfAPartnerOweEachOtherNeedsNoStatement(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-10-15T06:00:00Z")
	w.apply(generatedPartners)
	bring := func(rows string) {
		w.inBook(func(ctx context.Context, tx *sqlx.Tx, c book.Context) error {
			f, err := brought.Read(strings.NewReader("kind,partner_id,currency,amount,period,reference\n"+rows), "old "+rows[8:14]+".csv")
			if err == nil {
				_, err = brought.Bring(ctx, tx, f, brought.Context{Zone: time.UTC, GoLive: book.GoLive{Decided: true}, Actor: c.Actor, Now: c.Now})
			}
			return err
		})
	}
	bring("opening,AB1234,KWD,0.103,2025-12,OLD-1\nopening,CW1589,KWD,-0.103,2025-12,OLD-2\n")
	w.clock.Advance(40 * 24 * time.Hour)
	list := func() []statement.Statement {
		all, err := statement.List(t.Context(), w.db, month("2026-11"))
		must(t, err)
		return all
	}
	if all := list(); len(all) != 0 {
		t.Errorf("statements of zeros: %+v", all)
	}
	missed := func() []book.Difference {
		return slices.DeleteFunc(w.differences(), func(d book.Difference) bool { return d.Check != verify.CheckStatements })
	}
	if d := missed(); len(d) > 0 {
		t.Errorf("%d differences, such as %+v", len(d), d[0])
	}
	bring("opening,KM5521,KWD,0.103,2025-12,OLD-3\n")
	if all, d := list(), missed(); len(all) != 1 || len(d) > 0 {
		t.Errorf("%d statements, %v", len(all), d)
	}
}

func intersection(a, b []string) (out []string) {
	for _, s := range a {
		if slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// notOfTheBook are tables of the ledger that are facts, terms, or work to be done, each
// with what holds them together instead. A new table has to be named here, or all its
// columns be verified.
var notOfTheBook = map[string]string{
	"changed_partner": "work to be done", "due_source": "work to be done", "relinked": "work to be done", "replay": "work to be done",
	"source_schedule": "work to be done", "statement_given": "work to be done", "statement_mark": "work to be done",
	"install_check": "work to be done", "account_change": "work to be done", "domain_change": "work to be done",
	"discrepancy": "what asks a person to look; worked out again by every pass",

	"partner": "terms; what lines rest on of them is verified by the lines", "partner_id": "as partner", "partner_kind": "as partner",
	"partner_merge": "as partner", "plan_version": "as partner", "exchange_rate": "as partner", "go_live": "as partner",

	"connection": "facts; what lines rest on of them is verified by the lines", "customer": "as connection", "engagement": "as connection",
	"customer_domain": "as connection", "holding": "as connection", "history_horizon": "as connection", "install": "as connection", "invitation": "as connection",
	"opportunity": "as connection, and by TestR8_3_AFactThatWasChangedIsFound", "profile": "as connection", "profile_alias": "as connection", "profile_record": "as connection",
	"registration": "as connection", "registration_event": "as connection", "space": "as connection", "statement_of_id": "as connection", "account_history": "as connection", "vanished": "as connection",
}

// notVerified are columns of the book that nothing says what they have to be, each with
// the reason.
var notVerified = map[string]string{
	"period_close.closed_by": "who closed is said nowhere else; it decides nothing", "period_close.closed_at": "when is said nowhere else; it decides nothing",
	"period_close.engine": "the version is said nowhere else; that the month comes to the same bytes is verified",
	"as_of.posted_by":     "who ran accrue last is said nowhere else; it decides nothing", "as_of.posted_at": "as posted_by",
	"as_of.explicit": "a later one only says that nothing is due sooner", "as_of.only_row": "it is true, or the row is not there",
	"line_hold.id": "a number that nothing refers to", "line_hold.held_at": "when is said nowhere else; it decides nothing",
	"line_hold.released_by": "who released is said nowhere else; it decides nothing", "line_hold.released_at": "that it is released is verified by the line, not when",
	"unapproval.id": "a number that nothing refers to", "unapproval.reason": "the entries say what moved, and not why",
	"unapproval.unapproved_by": "the entries say who", "unapproval.unapproved_at": "the entries say when",
	"bill_event.reference":   "what the bank said is said nowhere else",
	"bill_event.recorded_by": "the entries say who, of what moved anything", "bill_event.recorded_at": "the entries say when, of what moved anything",
	"bill_event.on_date":  "the day is the bank's; only that days follow each other is verified",
	"export_file.made_by": "who asked for the file first decides nothing", "export_file.made_at": "as made_by",
	"brought.kind":      "the database itself refuses another, for the form of the source",
	"brought.reference": "of the file, whose hash is kept; the line's explanation has it", "brought.note": "as reference", "brought.paid_on": "as reference",
	"brought.file": "as reference", "brought.file_line": "as reference", "brought.file_hash": "whoever has the file can hash it again",
}

// notVerifiedOfZero are those of a line that came to nothing.
var notVerifiedOfZero = map[string]string{
	"line.amount_minor": "the database itself refuses another", "line.computed_at": "nothing was posted from it, so when it was worked out decides nothing",
}

// column is a column of the book.
type column struct {
	Table string `db:"table_name"`
	Name  string `db:"column_name"`
	Type  string `db:"data_type"`
}

func (c column) String() string { return c.Table + "." + c.Name }

// flips are SQL expressions for other values of a column, of which the first counts that
// its constraints allow.
func (c column) flips() []string {
	switch c.Type {
	case "bigint", "integer", "numeric":
		return []string{c.Name + " + 1", c.Name + " + 1000"}
	case "date":
		return []string{fmt.Sprintf("coalesce(%s, '2026-01-01') - 1", c.Name)}
	case "timestamp with time zone":
		return []string{fmt.Sprintf("coalesce(%s, '2026-01-01') - interval '1 hour'", c.Name)}
	case "bytea":
		return []string{fmt.Sprintf(`case when length(%[1]s) > 0 then set_byte(%[1]s, 0, get_byte(%[1]s, 0) # 1) else '\x01' end`, c.Name)}
	case "json":
		// A digit of the last number: of what an amount was worked out from, or of the result.
		return []string{fmt.Sprintf(`regexp_replace(%[1]s::text, '([0-9])([^0-9]*)$', case when %[1]s::text ~ '1[^0-9]*$' then '2\2' else '1\2' end)::json`, c.Name)}
	case "boolean":
		return []string{"not " + c.Name}
	}
	return []string{
		fmt.Sprintf("regexp_replace(%[1]s, '^.', case when %[1]s like 'Q%%' then 'Z' else 'Q' end)", c.Name), c.Name + " || 'x'", "'exported'", "'paid'", "'accrued'", "'space'",
		"'registration'", "'approve'", "'accrue'", "'settled'", "'payable'", "'EUR'", "'JPY'", "'2026-05'", "'2026-04'", "'AB9999'",
	}
}

// TestR8_3_AFlippedValueInAnyColumnIsFound alters one value in every column of every
// table of the book, past the database's own triggers, and expects verify to find it.
func TestR8_3_AFlippedValueInAnyColumnIsFound(t *testing.T) {
	t.Parallel()
	w := lived(t)
	v := verify.New(verify.Config{DB: w.db, Clock: w.clock, Zone: time.UTC})
	columns := fetchAll[column](w, `
		select c.table_name, c.column_name, c.data_type from information_schema.columns c
		join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
		where c.table_schema = 'ledger' order by c.table_name, c.ordinal_position`)
	must(t, tampered(w, `create schema spare`))
	saved := map[string]bool{}
	for _, c := range columns {
		if notOfTheBook[c.Table] != "" || notVerified[c.String()] != "" {
			continue
		}
		if !saved[c.Table] {
			must(t, tampered(w, fmt.Sprintf(`create table spare.%[1]s as table ledger.%[1]s`, c.Table)))
			saved[c.Table] = true
		}
		t.Run(c.String(), func(t *testing.T) { w.flip(t, v, c) })
	}
	for _, table := range []string{"entry", "line", "chain", "balance", "period_close", "period_head", "period_facts", "period_payee", "bill", "bill_line"} {
		if !saved[table] {
			t.Errorf("no column of %s was altered", table)
		}
	}
}

// rowsOf are the rows of which a value is altered: one, and of lines one of each
// status that finance goes by.
func rowsOf(c column) []string {
	switch c.Table {
	case "line":
		return []string{
			"status = 'accrued' and amount_minor > 0 and period > '2026-08'", "status = 'accrued' and amount_minor > 0 and period <= '2026-08' and slice not like '%~adj%'",
			"status = 'approved' and regime <> 'opening'", "status = 'exported'", "status = 'paid' and regime <> 'opening'", "status = 'zero' and period > '2026-08'",
		}
	case "line_hold":
		return []string{"released_at is null"}
	}
	return []string{"true"}
}

func (w *way) flip(t *testing.T, v *verify.Stage, c column) {
	for _, of := range rowsOf(c) {
		if strings.Contains(of, "zero") && notVerifiedOfZero[c.String()] != "" {
			continue
		}
		if n := fetch[int](t, w.db, fmt.Sprintf(`select count(*) from ledger.%s where %s`, c.Table, of)); n == 0 {
			if c.Table == "unapproval" {
				continue
			}
			t.Errorf("there is no row where %s", of)
			continue
		}
		flipped := false
		for _, to := range c.flips() {
			if err := tampered(w, fmt.Sprintf(`
				update ledger.%[1]s set %[2]s = %[3]s where ctid = (select ctid from ledger.%[1]s where %[4]s order by 1 limit 1)
				and %[2]s::text is distinct from (%[3]s)::text`, c.Table, c.Name, to, of)); err != nil {
				continue
			}
			if fetch[bool](t, w.db, fmt.Sprintf(`select exists (select x::text from ledger.%[1]s x except select x::text from spare.%[1]s x)`, c.Table)) {
				flipped = true
				break
			}
		}
		if !flipped {
			t.Errorf("%s could not be altered where %s", c, of)
			continue
		}
		r, err := v.Verify(context.Background(), nil)
		must(t, tampered(w, fmt.Sprintf(`delete from ledger.%[1]s`, c.Table), fmt.Sprintf(`insert into ledger.%[1]s overriding system value select * from spare.%[1]s`, c.Table)))
		if err != nil {
			t.Errorf("it was altered where %s, and nothing can be verified: %v", of, err)
			continue
		}
		if r.Differences() == 0 {
			t.Errorf("it was altered where %s, and nothing differs", of)
		} else if d, _ := r.First(); d.Subject == "" || d.Sentence == "" || d.Expected == d.Found {
			t.Errorf("the first difference does not say what and where: %+v", d)
		}
	}
}

// tampered runs statements past the triggers, as whoever owns the database can.
func tampered(w *way, statements ...string) error {
	return pg.InTx(context.Background(), w.db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `set local session_replication_role = replica`); err != nil {
			return err
		}
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestR8_3_AFactThatWasChangedIsFound, if a line rests on it.
func TestR8_3_AFactThatWasChangedIsFound(t *testing.T) {
	t.Parallel()
	w, _, id := one(t)
	for _, set := range []string{
		"amount = amount + 1", "currency = 'EUR'", "close_date = close_date + 1", "is_won = false", "is_deleted = true", "space_id = '0015g0000000009AAA'",
		"service_start = '2026-03-15', service_end = '2026-06-30'", "customer_id = ''", "account_id = ''",
	} {
		before := fetch[string](t, w.db, `select o::text from ledger.opportunity o where id = $1`, id)
		must(t, tampered(w, `create table ledger.spare as table ledger.opportunity`, `update ledger.opportunity set `+set))
		d := w.differences()
		if len(d) == 0 || d[0].Check != verify.CheckFacts {
			t.Errorf("%s: found %+v", set, d)
		}
		must(t, tampered(w, `delete from ledger.opportunity`, `insert into ledger.opportunity select * from ledger.spare`, `drop table ledger.spare`))
		if after := fetch[string](t, w.db, `select o::text from ledger.opportunity o where id = $1`, id); after != before {
			t.Fatalf("%s, not %s", after, before)
		}
	}
	must(t, tampered(w, `delete from ledger.opportunity`))
	if d := w.differences(); len(d) != 1 || d[0].Field != "source" {
		t.Errorf("the source is gone, and found is %+v", d)
	}
}
