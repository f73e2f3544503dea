package bill

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// The bounds of a file of confirmations.
const (
	mostConfirmations     = 50_000
	mostConfirmationBytes = 16 << 20
)

// Columns of a file of confirmations. The first four have to be there; of the others the
// default is no reference, and paid.
var confirmationColumns = []string{"bill", "paid_on", "amount", "currency", "reference", "outcome"}

// ReadConfirmations reads a CSV file of confirmations. Its heading names the columns, in
// any order: bill, paid_on (2026-11-05), amount (1234.50, a bare number), currency, and
// if wanted reference and outcome (paid, failed or returned). All that is wrong is told
// at once, by row; errs.Invalid, or errs.Limit if there is too much of it.
func ReadConfirmations(r io.Reader) (_ []Confirmation, err error) {
	defer errs.Wrap(&err, "read confirmations")
	in := csv.NewReader(bufio.NewReader(&bounded{r: r, left: mostConfirmationBytes}))
	in.FieldsPerRecord = -1 // a row of another length is told of by its number
	at, err := heading(in)
	if err != nil {
		return nil, err
	}
	var out []Confirmation
	var faults []error
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvFault(err)
		}
		row, _ := in.FieldPos(0)
		if len(out)+len(faults) >= mostConfirmations {
			return nil, errs.New(errs.Limit, "there are more than %d rows", mostConfirmations).WithHint("Confirm them in parts.")
		}
		cf, err := at.confirmation(cells, row)
		if err != nil {
			faults = append(faults, atRow(row, err))
			continue
		}
		out = append(out, cf)
	}
	if len(out)+len(faults) == 0 {
		return nil, errs.New(errs.Invalid, "there is no row below the heading")
	}
	return out, together(faults, len(out)+len(faults))
}

// columns says at which place each column is.
type columns map[string]int

func heading(in *csv.Reader) (columns, error) {
	hint := "The heading names the columns: " + strings.Join(confirmationColumns, ",")
	names, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errs.New(errs.Invalid, "the file is empty").WithHint("%s", hint)
	}
	if err != nil {
		return nil, csvFault(err)
	}
	at := columns{"": len(names)}
	for i, name := range names {
		// Spreadsheets put a mark before what they save as UTF-8.
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		_, twice := at[name]
		switch {
		case !slices.Contains(confirmationColumns, name):
			return nil, errs.New(errs.Invalid, "there is no column %q", name).WithHint("%s", hint)
		case twice:
			return nil, errs.New(errs.Invalid, "the column %q is there twice", name)
		}
		at[name] = i
	}
	for _, name := range confirmationColumns[:4] {
		if _, is := at[name]; !is {
			return nil, errs.New(errs.Invalid, "the column %q is missing", name).WithHint("%s", hint)
		}
	}
	return at, nil
}

// confirmation reads one row.
func (at columns) confirmation(cells []string, row int) (cf Confirmation, err error) {
	if len(cells) != at[""] {
		return cf, errs.New(errs.Invalid, "it has %d cells, and the heading %d", len(cells), at[""])
	}
	if slices.ContainsFunc(cells, func(s string) bool { return !utf8.ValidString(s) || strings.ContainsRune(s, 0) }) {
		return cf, errs.New(errs.Invalid, "it has a character that is none of UTF-8").WithHint("Save the file as CSV in UTF-8.")
	}
	cell := func(name string) string {
		if i, is := at[name]; is {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	cf = Confirmation{Bill: cell("bill"), Outcome: strings.ToLower(cell("outcome")), Reference: cell("reference"), Row: row}
	if cf.Outcome == "" {
		cf.Outcome = Paid
	}
	if cf.On, err = clock.ParseDate(cell("paid_on")); err != nil {
		return cf, errs.New(errs.Invalid, "paid_on %q is not a date like 2026-11-05", cell("paid_on"))
	}
	if cf.Currency, err = money.ParseCurrency(cell("currency")); err != nil {
		return cf, errs.New(errs.Invalid, "currency: %w", err)
	}
	cf.AmountMinor, err = exactMinor(cell("amount"), cf.Currency)
	return cf, err
}

// exactMinor reads an amount as people write it, in minor units. It is refused rather
// than rounded.
func exactMinor(text string, c money.Currency) (int64, error) {
	const longest = 30
	bad := len(text) > longest || strings.ContainsAny(text, "eE") // an exponent could stand for more digits than memory holds
	var d decimal.Decimal
	if !bad {
		var err error
		d, err = decimal.NewFromString(text)
		bad = err != nil
	}
	if bad {
		return 0, errs.New(errs.Invalid, "amount %q is not a number like 1234.50", text).
			WithHint("Write it without a currency sign and without separators of thousands.")
	}
	if !d.Equal(d.Truncate(c.Digits())) {
		return 0, errs.New(errs.Invalid, "amount %s is finer than the %d decimals of %s", text, c.Digits(), c)
	}
	minor, err := c.Minor(d)
	if err != nil {
		return 0, errs.New(errs.Invalid, "amount: %w", err)
	}
	return minor, nil
}

func csvFault(err error) error {
	if parse, is := errors.AsType[*csv.ParseError](err); is {
		return errs.New(errs.Invalid, "line %d is no CSV: %w", parse.Line, parse.Err).WithHint("Save it as CSV with commas, in UTF-8.")
	}
	return err
}

// bounded reads so much and then refuses.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errs.New(errs.Limit, "the file is larger than %s", fmt.Sprintf("%d MB", mostConfirmationBytes>>20)).WithHint("Confirm it in parts.")
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
