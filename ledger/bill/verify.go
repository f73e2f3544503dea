package bill

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
)

// Checks compare bills with themselves and with the entries (R8.2, R8.6).
func Checks() []book.Check {
	return []book.Check{
		{
			Name: "bills", Unit: "bills", Run: verifyBills,
			Compares: "every bill with its lines, its number and what became of it, and the file that was handed over with the bills",
		},
		{
			Name: "billed", Unit: "lines on bills", Run: verifyBilled,
			Compares: "what is on bills and paid with the entries that exported and paid it, and with the lines",
		},
	}
}

const billWrittenPast = "Partnersync rewrites no bill, so it was written to the database directly. Compare it with the file that was handed over, and with a backup."

// query is a SELECT of what differs, and what that means.
type query struct{ object, meaning, text string }

func run(ctx context.Context, tx *sqlx.Tx, check string, all []query, report book.Report) error {
	for _, q := range all {
		like := book.Difference{Check: check, Object: q.object, Sentence: q.meaning}
		if err := book.DifferencesOf(ctx, tx, report, like, q.text); err != nil {
			return err
		}
	}
	return nil
}

func count(ctx context.Context, tx *sqlx.Tx, query string) (n int64, err error) {
	err = tx.GetContext(ctx, &n, query)
	return n, err
}

// verifyBills holds bills against themselves.
func verifyBills(ctx context.Context, tx *sqlx.Tx, report book.Report) (int64, error) {
	if err := run(ctx, tx, "bills", []query{
		{"bill", "The bill's number does not say its month, its payee, its currency and its place among them (R8.6). " + billWrittenPast, `
			select number, 'number', expected, number from (
				select number, concat_ws('-', period, payee_id, currency) || case when nth > 1 then '-' || nth else '' end as expected from ledger.bill) as b
			where number <> expected order by number`},
		{"bill", "The bill is not the sum of its lines, in minor units. " + billWrittenPast, `
			select b.number, 'amount_minor', coalesce(sum(l.amount_minor), 0) || ' in ' || count(l.line_key) || ' lines', b.amount_minor || ' in ' || b.lines || ' lines'
			from ledger.bill b left join ledger.bill_line l on l.bill = b.number
			group by b.number having b.amount_minor <> coalesce(sum(l.amount_minor), 0) or b.lines <> count(l.line_key) order by b.number`},
		{"bill", "Bills of this payee, month and currency are missing, or numbered twice. " + billWrittenPast, `
			select concat_ws('-', period, payee_id, currency), 'nth', '1 to ' || count(*), min(nth) || ' to ' || max(nth)
			from ledger.bill group by period, payee_id, currency having min(nth) <> 1 or max(nth) <> count(*)
			order by concat_ws('-', period, payee_id, currency) collate "C"`},
		{"bill", "The partner of the bill is not one to whom its Partner ID is paid (R1.1). " + billWrittenPast, `
			select b.number, 'partner_key', coalesce(i.partner_key, 'none'), b.partner_key
			from ledger.bill b left join ledger.partner_id i on i.id = b.payee_id
			where b.partner_key <> coalesce(i.partner_key, '')
			and not exists (select from ledger.partner_merge m where m.merged_into = b.partner_key and i.id is not null)
			and not (b.partner_key = '' and i.id is not null and exists (
				select from ledger.partner p where p.key = i.partner_key and p.applied_at > (
					select x.exported_at from ledger.export x where x.period = b.period and x.number = b.export)))
			order by b.number`},
		{"export", "The export has no bills, or exports of its month are missing. " + billWrittenPast, `
			select x.period || ' no. ' || x.number, 'number', 'bills, and no. 1 to ' || x.number, case when x.has then 'bills' else 'no bills' end || ', ' || x.before || ' before it'
			from (
				select period, number, exists (select from ledger.bill b where b.period = e.period and b.export = e.number) as has,
					row_number() over (partition by period order by number) - 1 as before
				from ledger.export e) as x
			where not x.has or x.before <> x.number - 1 order by x.period, x.number`},
	}, report); err != nil {
		return 0, err
	}
	if err := verifyEvents(ctx, tx, report); err != nil {
		return 0, err
	}
	if err := verifyFiles(ctx, tx, report); err != nil {
		return 0, err
	}
	return count(ctx, tx, `select count(*) from ledger.bill`)
}

// verifyEvents looks whether what became of bills can have come one after the other.
func verifyEvents(ctx context.Context, tx *sqlx.Tx, report book.Report) error {
	return run(ctx, tx, "bills", []query{
		{"bill", "What became of the bill did not begin with the export that made it. " + billWrittenPast, `
			select b.number, 'exported', concat_ws(' ', 'exported', x.exported_on, x.exported_by, x.exported_at at time zone 'UTC'),
				coalesce(concat_ws(' ', e.outcome, e.on_date, e.recorded_by, e.recorded_at at time zone 'UTC'), 'nothing')
			from ledger.bill b
			left join ledger.export x on x.period = b.period and x.number = b.export
			left join ledger.bill_event e on e.bill = b.number and e.nth = 1
			where (e.outcome, e.on_date, e.recorded_by, e.recorded_at) is distinct from ('exported', x.exported_on, x.exported_by, x.exported_at)
			order by b.number`},
		{"bill", "One outcome of the bill cannot follow the other, or one between them is missing. " + billWrittenPast, `
			select bill, 'outcome', 'one after ' || coalesce(was, 'nothing') || ' on ' || coalesce(was_on::text, 'no day'), 'no. ' || nth || ', ' || outcome || ' on ' || on_date
			from (
				select bill, nth, outcome, on_date, lag(outcome) over w as was, lag(on_date) over w as was_on, row_number() over w as place
				from ledger.bill_event window w as (partition by bill order by nth)) as e
			where nth <> place or nth > 1 and ((was, outcome) not in (('exported', 'paid'), ('exported', 'failed'), ('paid', 'returned')) or on_date < was_on)
			order by bill, nth`},
	}, report)
}

// verifyFiles writes the files again that were handed over, with the settings of then.
func verifyFiles(ctx context.Context, tx *sqlx.Tx, report book.Report) error {
	formats := make([]string, 0, len(Formats()))
	for _, f := range Formats() {
		formats = append(formats, string(f))
	}
	if err := book.DifferencesOf(ctx, tx, report, book.Difference{
		Check: "bills", Object: "export", Sentence: "The file is of a format in which none is handed over. " + billWrittenPast,
	}, `
		select period || ' no. ' || number, 'format', array_to_string($1::text[], ', '), format from ledger.export_file
		where format <> all($1) order by period, number, format`, pq.Array(formats)); err != nil {
		return err
	}
	var files []struct {
		Period   clock.Month     `db:"period"`
		Number   int             `db:"number"`
		Format   Format          `db:"format"`
		Settings json.RawMessage `db:"settings"`
		Content  []byte          `db:"content"`
	}
	if err := tx.SelectContext(ctx, &files, `
		select period, number, format, settings, sha256(content) as content from ledger.export_file
		where format = any($1) order by period, number, format`, pq.Array(formats)); err != nil {
		return err
	}
	for _, f := range files {
		d, err := readDocument(ctx, tx, f.Period, f.Number)
		if err != nil {
			return err
		}
		var then Settings
		if err := json.Unmarshal(f.Settings, &then); err != nil {
			return errs.New(errs.Unknown, "read the settings of %s no. %d: %w", f.Period, f.Number, err)
		}
		again, err := f.Format.render(d, then)
		if err != nil {
			return err
		}
		if hash := sha256.Sum256(again); !bytes.Equal(hash[:], f.Content) {
			if err := report(book.Difference{
				Check: "bills", Object: "export", Subject: fmt.Sprintf("%s no. %d as %s", f.Period, f.Number, f.Format), Field: "file",
				Expected: fmt.Sprintf("%x", hash), Found: fmt.Sprintf("%x", f.Content),
				Sentence: "The file that was handed over is not what the bills come to (SHA-256): it, a bill or one of its lines was changed. " + billWrittenPast,
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// billedLines are the lines on bills with where their bill stands now.
const billedLines = `
	select l.*, b.currency, e.outcome
	from ledger.bill_line l join ledger.bill b on b.number = l.bill
	join lateral (select outcome from ledger.bill_event where bill = b.number order by nth desc limit 1) as e on true`

// verifyBilled holds what is on bills against the entries and the lines.
func verifyBilled(ctx context.Context, tx *sqlx.Tx, report book.Report) (int64, error) {
	if err := run(ctx, tx, "billed", []query{
		{"line", "What is on bills for this line, and paid, is not what its entries exported and paid, in minor units. The entries are what counts: see what the check of chains says of them. " + billWrittenPast, `
			with b as (
				select line_key, currency, sum(amount_minor) filter (where outcome in ('exported', 'paid')) as exported,
					sum(amount_minor) filter (where outcome = 'paid') as paid
				from (` + billedLines + `) as l group by line_key, currency),
			e as (
				select line_key, currency,
					sum(case debit when '` + book.AccountPayable + `' then amount_minor else -amount_minor end) filter (where kind = '` + book.KindExport + `') as exported,
					sum(case debit when '` + book.AccountInPayment + `' then amount_minor else -amount_minor end) filter (where kind = '` + book.KindPay + `') as paid
				from ledger.entry where kind in ('` + book.KindExport + `', '` + book.KindPay + `') group by line_key, currency),
			d as (
				select coalesce(b.line_key, e.line_key) as key, coalesce(b.currency, e.currency) as currency,
					coalesce(e.exported, 0) as moved, coalesce(e.paid, 0) as settled, coalesce(b.exported, 0) as billed, coalesce(b.paid, 0) as paid
				from b full join e on e.line_key = b.line_key and e.currency = b.currency)
			select key, currency, moved || ' exported, ' || settled || ' paid', billed || ' exported, ' || paid || ' paid' from d
			where moved <> billed or settled <> paid order by key, currency`},
		{"bill", "The line on the bill is not the line of that key. " + billWrittenPast, `
			select bl.bill || ' ' || bl.line_key, 'line', coalesce(concat_ws('/', l.payee_id, l.regime, l.source_id, l.slice, l.period), 'no such line'),
				concat_ws('/', bl.payee_id, bl.regime, bl.source_id, bl.slice, bl.period)
			from ledger.bill_line bl left join ledger.line l on l.key = bl.line_key
			where (bl.payee_id, bl.regime, bl.source_id, bl.slice, bl.period) is distinct from (l.payee_id, l.regime, l.source_id, l.slice, l.period)
			order by bl.bill, bl.line_key`},
		{"bill", "The line does not say any more what it said when it was put on the bill. Nothing changes a line that is on a bill, so one of the two was changed in the database. " + billWrittenPast, `
			select bl.bill || ' ' || bl.line_key, 'line', concat_ws(', ', l.base, l.rate, l.account_id, l.sale, l.term_start, l.term_end),
				concat_ws(', ', bl.base, bl.rate, bl.account_id, bl.sale, bl.term_start, bl.term_end)
			from (` + billedLines + `) as bl join ledger.line l on l.key = bl.line_key
			where bl.outcome in ('exported', 'paid') and (bl.base, bl.rate, bl.account_id, bl.sale, bl.term_start, bl.term_end)
				is distinct from (l.base, l.rate, l.account_id, l.sale, l.term_start, l.term_end)
			order by bl.bill, bl.line_key`},
		{"line", "An approval that somebody took back names a line that is not there. " + billWrittenPast, `
			select t.line_key, 'unapproval', 'a line', 'none' from ledger.unapproval t
			where not exists (select from ledger.line l where l.key = t.line_key) order by t.line_key, t.id`},
	}, report); err != nil {
		return 0, err
	}
	return count(ctx, tx, `select count(*) from ledger.bill_line`)
}
