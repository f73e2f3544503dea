package bill

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
)

// Format is how a file of bills is written.
type Format string

// The formats.
const (
	CSV        Format = "csv"        // every line with all that is known of it
	Xero       Format = "xero"       // Xero's import of bills
	QuickBooks Format = "quickbooks" // QuickBooks Online's import of bills
	Payroll    Format = "payroll"    // one amount for each payee, for a payroll run
)

// Formats lists the formats.
func Formats() []Format { return []Format{CSV, Xero, QuickBooks, Payroll} }

// How days are written in the files for accounting programs, which read them as their
// company does. Each has its own default.
const (
	DayFirst   = "dd/mm/yyyy"
	MonthFirst = "mm/dd/yyyy"
	YearFirst  = "yyyy-mm-dd"
)

// Settings are what a company decides about its files.
type Settings struct {
	AccountCode string `json:"account_code"` // the expense account that commissions are booked on
	TaxType     string `json:"tax_type"`     // as the accounting program calls the tax rate
	DueDays     int    `json:"due_days"`     // after the day of the export
	EarningCode string `json:"earning_code"` // as the payroll program calls commissions
	Dates       string `json:"dates"`        // DayFirst, MonthFirst, YearFirst or "" for what the format is used to
	// Namesakes are the numbers of the bills whose payee has another one's name. Nobody
	// decides them: they are what was known when the file was made, and kept with it.
	Namesakes []string `json:"namesakes,omitempty"`
}

// document is an export as files are made of it.
type document struct {
	period clock.Month
	number int
	bills  []Bill
	lines  map[string][]Line // by bill
}

// vendor is the name by which an accounting program knows a bill's payee. It knows no
// other: two of one name would be one to it, and be paid to one account, so each of them
// has its id behind it.
func (s Settings) vendor(b Bill) string {
	if slices.Contains(s.Namesakes, b.Number) {
		return strings.TrimSpace(b.PartnerName) + " (" + b.PayeeID + ")"
	}
	return b.Payee()
}

// formats has, for each format, what it needs and how it is written.
var formats = map[Format]struct {
	check func(Settings) error
	write func(*table, document, Settings) error
}{
	CSV:        {func(Settings) error { return nil }, writeCSV},
	Xero:       {Settings.needAccounts, writeXero},
	QuickBooks: {Settings.needAccount, writeQuickBooks},
	Payroll:    {Settings.needEarningCode, writePayroll},
}

// Check refuses a format that there is not, and settings with which it cannot be
// written, so that nothing is exported for which there would be no file; errs.Invalid.
func (f Format) Check(s Settings) error {
	how, is := formats[f]
	if !is {
		names := make([]string, 0, len(formats))
		for _, f := range Formats() {
			names = append(names, string(f))
		}
		return errs.New(errs.Invalid, "there is no format %q", f).WithHint("The formats are %s.", strings.Join(names, ", "))
	}
	return how.check(s)
}

func need(format, what, value, key string) error {
	if value != "" {
		return nil
	}
	return errs.New(errs.Invalid, "%s wants %s, and none is set", format, what).WithHint("Set %s.", key)
}

func (s Settings) needAccount() error {
	return need("QuickBooks Online", "the account that commissions are booked on", s.AccountCode, "export.account_code")
}

func (s Settings) needAccounts() error {
	if err := need("Xero", "the code of the account that commissions are booked on", s.AccountCode, "export.account_code"); err != nil {
		return err
	}
	return need("Xero", "the name of a tax rate", s.TaxType, "export.tax_type")
}

func (s Settings) needEarningCode() error {
	return need("payroll", "the code by which it knows commissions", s.EarningCode, "export.earning_code")
}

// File gives the file of an export. It is made when it is asked for first, with the
// settings of then, and kept: the same export and format give the same bytes for ever.
// errs.NotFound if there is no such export.
func File(ctx context.Context, tx *sqlx.Tx, period clock.Month, n int, f Format, s Settings, c book.Context) (_ []byte, err error) {
	defer errs.Wrap(&err, "file of the export %s no. %d as %s", period, n, f)
	if err := begin(ctx, tx, c); err != nil {
		return nil, err
	}
	if n > math.MaxInt32 { // more than there can be
		return nil, noExport(period, n)
	}
	var content []byte
	err = tx.GetContext(ctx, &content, `
		select content from ledger.export_file where period = $1 and number = $2 and format = $3`, period, n, string(f))
	if !errors.Is(err, sql.ErrNoRows) {
		return content, err
	}
	if err := f.Check(s); err != nil {
		return nil, err
	}
	d, err := readDocument(ctx, tx, period, n)
	if err != nil {
		return nil, err
	}
	if s.Namesakes, err = readNamesakes(ctx, tx, period, n); err != nil {
		return nil, err
	}
	if content, err = f.render(d, s); err != nil {
		return nil, err
	}
	settings, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.export_file (period, number, format, settings, content, made_by, made_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		period, n, string(f), string(settings), content, c.Actor, c.Now)
	return content, err
}

func readDocument(ctx context.Context, q sqlx.QueryerContext, period clock.Month, n int) (document, error) {
	d := document{period: period, number: n, lines: map[string][]Line{}}
	if n < 1 { // which would ask for all of them
		return d, noExport(period, n)
	}
	var err error
	if d.bills, err = List(ctx, q, Filter{Period: period, Export: n}); err != nil {
		return d, err
	}
	if len(d.bills) == 0 {
		return d, noExport(period, n)
	}
	numbers := make([]string, len(d.bills))
	for i, b := range d.bills {
		numbers[i] = b.Number
	}
	lines, err := Lines(ctx, q, numbers)
	for _, l := range lines {
		d.lines[l.Bill] = append(d.lines[l.Bill], l)
	}
	return d, err
}

// readNamesakes finds the bills of an export whose partner has a name that another one
// has too, whose own bill may be on another export. Capitals and blanks around a name
// make no difference. A partner that merged is paid under its survivor's name.
func readNamesakes(ctx context.Context, q sqlx.QueryerContext, period clock.Month, n int) (numbers []string, err error) {
	err = sqlx.SelectContext(ctx, q, &numbers, `
		with billed as (select number, partner_key, partner_name from ledger.bill where period = $1 and export = $2),
		paid (key, name) as (
			select p.key, p.name from ledger.partner p
			where not exists (select from ledger.partner_merge m where m.partner_key = p.key and m.superseded_at is null)
			union
			select partner_key, partner_name from billed)
		select b.number from billed b
		where b.partner_key <> '' and exists (
			select from paid o where o.key <> b.partner_key and lower(btrim(o.name)) = lower(btrim(b.partner_name)))
		order by b.number`, period, n)
	return numbers, err
}

func noExport(period clock.Month, n int) error {
	return errs.New(errs.NotFound, "there is no export no. %d of %s", n, period).
		WithHint("`partnersync ledger bills --period %s` lists the bills, each with the number of its export.", period)
}

func (f Format) render(d document, s Settings) ([]byte, error) {
	var b bytes.Buffer
	t := newTable(&b)
	if err := formats[f].write(t, d, s); err != nil {
		return nil, err
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// rows calls f for every line of every bill, in order.
func (d document) rows(f func(b Bill, l Line) error) error {
	for _, b := range d.bills {
		for _, l := range d.lines[b.Number] {
			if err := f(b, l); err != nil {
				return err
			}
		}
	}
	return nil
}
