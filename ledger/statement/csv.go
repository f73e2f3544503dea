package statement

import (
	"encoding/csv"
	"io"

	"github.com/partnersync/partnersync/internal/tabular"
)

// The values of the first column of a CSV: what a row is.
const (
	rowOpening     = "opening"
	rowTransferred = "transferred"
	rowLine        = "line"
	rowClosing     = "closing"
)

var csvHeads = []string{
	"record", "statement", "partner", "name", "month", "currency", "line", "partner_id", "source", "opportunity", "account",
	"slice", "line_month", "adjusts", "corrects", "accrued", "adjusted", "clawed_back", "brought_in", "imported", "approved",
	"exported", "paid", "balance", "status", "explanation",
}

// CSV writes statements as one table.
type CSV struct {
	w     *csv.Writer
	begun bool
}

// NewCSV makes a table that is written to w.
func NewCSV(w io.Writer) *CSV { return &CSV{w: csv.NewWriter(w)} }

// Write writes a statement: a row of its opening balance, one of what was transferred if
// anything was, one for each line, and one of its closing balance with the sums of the
// lines. Amounts are bare numbers with the currency's decimals. Text that a spreadsheet
// would take for a formula has an apostrophe before it.
func (c *CSV) Write(s *Statement) error {
	if err := c.begin(); err != nil {
		return err
	}
	begins := func(record string) []string {
		return []string{record, tabular.Text(s.Key), tabular.Text(s.Partner), tabular.Text(s.Name), s.Period.String(), string(s.Currency)}
	}
	blank := Movements{}
	balance := func(record string, m Movements, a Amount) error {
		row := append(begins(record), "", "", "", "", "", "", "", "", "")
		return c.w.Write(append(append(row, m.cells()...), a.Plain(), "", ""))
	}
	if err := balance(rowOpening, blank, s.Opening); err != nil {
		return err
	}
	if !s.Transferred.IsZero() {
		if err := balance(rowTransferred, blank, s.Transferred); err != nil {
			return err
		}
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		row := append(begins(rowLine), tabular.Text(l.Key), tabular.Text(l.PayeeID), tabular.Text(l.SourceID), tabular.Text(l.Opportunity),
			tabular.Text(l.Account), tabular.Text(l.Slice), l.Period.String(), l.Adjusts, tabular.Text(l.Corrects))
		if err := c.w.Write(append(append(row, l.cells()...), "", l.Status, tabular.Text(l.Sentence))); err != nil {
			return err
		}
	}
	return balance(rowClosing, s.Movements, s.Closing)
}

// Flush writes what is still held back; a table of no statement has its heads.
func (c *CSV) Flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

func (c *CSV) begin() error {
	if c.begun {
		return nil
	}
	c.begun = true
	return c.w.Write(csvHeads)
}

// cells are the movements as cells; those of no currency are blank.
func (m Movements) cells() []string {
	all := []Amount{m.Accrued, m.Adjusted, m.ClawedBack, m.BroughtIn, m.Imported, m.Approved, m.Exported, m.Paid}
	out := make([]string, len(all))
	for i, a := range all {
		if a.Currency != "" {
			out[i] = a.Plain()
		}
	}
	return out
}
