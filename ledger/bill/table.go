package bill

import (
	"encoding/csv"
	"io"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/tabular"
)

// table writes CSV as RFC 4180 has it: commas, CRLF, UTF-8 without a mark.
type table struct{ w *csv.Writer }

func newTable(w io.Writer) *table {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return &table{out}
}

// cell is what stands in a table. What is text comes through one of the functions that
// make cells, so that no text is written that a spreadsheet would take for a formula.
type cell struct{ s string }

func (t *table) heading(names ...string) error { return t.w.Write(names) }

func (t *table) row(cells ...cell) error {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = c.s
	}
	return t.w.Write(out)
}

func (t *table) end() error {
	t.w.Flush()
	return t.w.Error()
}

// text makes a cell of words that somebody else has chosen, such as a name.
func text(s string) cell { return cell{tabular.Text(s)} }

// amount makes a cell of an amount in minor units, a bare number with the decimals of
// its currency: "-50.96".
func amount(c money.Currency, minor int64) cell {
	return cell{c.FromMinor(minor).StringFixed(c.Digits())}
}

// exact makes a cell of an exact number.
func exact(d decimal.Decimal) cell { return cell{d.String()} }

// whole makes a cell of digits.
func whole(digits string) cell { return cell{digits} }

// layouts are the ways of writing days, as time.Format has them.
var layouts = map[string]string{DayFirst: "02/01/2006", MonthFirst: "01/02/2006", YearFirst: "2006-01-02"}

// day makes a cell of a day; none is empty.
func day(d clock.Date, way string) cell {
	if d.IsZero() {
		return cell{}
	}
	return cell{d.Start(time.UTC).Format(layouts[way])}
}

// way is how a format writes days: as the company decided, or as it is used to.
func (s Settings) way(usual string) string {
	if s.Dates != "" {
		return s.Dates
	}
	return usual
}
