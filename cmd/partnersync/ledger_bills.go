package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/bill"
)

func (a *app) ledgerBills() *cobra.Command {
	var filter bill.Filter
	var period, currency string
	c := &cobra.Command{
		Use:   "bills [BILL]",
		Short: "List bills, or show one with its lines and what became of it",
		Args:  cobra.MaximumNArgs(1),
		Example: "  partnersync ledger bills --period 2026-10 --state exported\n" +
			"  partnersync ledger bills 2026-10-FG3877-USD",
		RunE: func(c *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				return a.showBill(c, billNumber(args[0]))
			}
			if err := atLeastOne(filter.Limit); err != nil {
				return err
			}
			if period != "" {
				if filter.Period, err = parseMonth(period); err != nil {
					return err
				}
			}
			if currency != "" {
				if filter.Currency, err = money.ParseCurrency(strings.ToUpper(currency)); err != nil {
					return errs.New(errs.Invalid, "--currency: %w", err)
				}
			}
			if states := []string{bill.Exported, bill.Paid, bill.Failed, bill.Returned}; filter.State != "" && !slices.Contains(states, filter.State) {
				return errs.New(errs.Invalid, "--state %q is none of %s", filter.State, strings.Join(states, ", "))
			}
			if id, ok := ledger.ParsePartnerID(filter.Partner); ok {
				filter.Partner = id
			}
			return a.listBills(c, filter)
		},
	}
	c.Flags().StringVar(&period, "period", "", "only those of this month")
	c.Flags().StringVar(&filter.Partner, "partner", "", "only those of a partner, by its key, or named by this Partner ID")
	c.Flags().StringVar(&currency, "currency", "", "only those in this currency")
	c.Flags().StringVar(&filter.State, "state", "", "only those that are exported, paid, failed or returned")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most so many")
	return c
}

// billNumber gives a bill's number as it is kept.
func billNumber(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

// billOut is a bill as --output json gives it.
type billOut struct {
	Bill       string `json:"bill"`
	Period     string `json:"period"`
	Export     int    `json:"export"`
	PayeeID    string `json:"payee_id"`
	PartnerKey string `json:"partner_key"`
	Partner    string `json:"partner"`
	amountOut
	Lines      int    `json:"lines"`
	ExportedOn string `json:"exported_on"`
	State      string `json:"state"`
	StateOn    string `json:"state_on"`
	Reference  string `json:"reference"`
}

func billOutOf(b bill.Bill) billOut {
	return billOut{
		Bill: b.Number, Period: b.Period.String(), Export: b.Export, PayeeID: b.PayeeID, PartnerKey: b.PartnerKey, Partner: b.PartnerName,
		amountOut: amountOut{b.Amount().StringFixed(b.Currency.Digits()), string(b.Currency)},
		Lines:     b.LineCount, ExportedOn: b.ExportedOn.String(), State: b.State, StateOn: b.StateOn.String(), Reference: b.Reference,
	}
}

func billOuts(bills []bill.Bill) []billOut {
	out := make([]billOut, len(bills))
	for i, b := range bills {
		out[i] = billOutOf(b)
	}
	return out
}

func (p *page) bills(bills []billOut) {
	g := grid{heads: []string{"BILL", "#EXPORT", "PARTNER", "#AMOUNT", "#LINES", "STATE", "ON", "REFERENCE"}, wrap: []int{2, 7}}
	for _, b := range bills {
		g.add(b.Bill, thousands(int64(b.Export)), b.PayeeID+" "+b.Partner, grouped(b.Amount)+" "+b.Currency, thousands(int64(b.Lines)), b.State, b.StateOn, b.Reference)
	}
	p.table(g)
}

func (a *app) listBills(c *cobra.Command, filter bill.Filter) error {
	return a.withLedger(c, func(d *database) error {
		found, err := bill.List(c.Context(), d, filter)
		if err != nil {
			return err
		}
		bills := billOuts(found)
		return a.show(map[string]any{"bills": bills}, func(p *page) {
			p.bills(bills)
			said := counted(int64(len(bills)), "bill")
			if len(bills) == filter.Limit {
				said += "; the list stops at --limit " + thousands(int64(filter.Limit))
			}
			p.line("%s", said)
		})
	})
}

// billLineOut is a line on a bill as --output json gives it.
type billLineOut struct {
	Line     string `json:"line"`
	Customer string `json:"customer"`
	Base     string `json:"base"`
	Rate     string `json:"rate"`
	amountOut
}

// billEventOut is what became of a bill as --output json gives it.
type billEventOut struct {
	Outcome    string `json:"outcome"`
	On         string `json:"on"`
	Reference  string `json:"reference"`
	RecordedBy string `json:"recorded_by"`
	RecordedAt string `json:"recorded_at"`
}

func (a *app) showBill(c *cobra.Command, number string) error {
	return a.withLedger(c, func(d *database) error {
		b, err := bill.Get(c.Context(), d, number)
		if err != nil {
			return err
		}
		lines, err := bill.Lines(c.Context(), d, []string{number})
		if err != nil {
			return err
		}
		events, err := bill.Events(c.Context(), d, []string{number})
		if err != nil {
			return err
		}
		document := struct {
			billOut
			OnIt   []billLineOut  `json:"on_it"`
			Events []billEventOut `json:"events"`
		}{billOutOf(b), make([]billLineOut, len(lines)), make([]billEventOut, len(events))}
		for i, l := range lines {
			document.OnIt[i] = billLineOut{
				Line: l.Key, Customer: l.CustomerName, Base: l.Base.String(), Rate: l.Rate.String(),
				amountOut: amountOut{b.Currency.FromMinor(l.AmountMinor).StringFixed(b.Currency.Digits()), string(b.Currency)},
			}
		}
		for i, e := range events {
			document.Events[i] = billEventOut{e.Outcome, e.On.String(), e.Reference, e.RecordedBy, instant(e.RecordedAt)}
		}
		return a.show(document, func(p *page) {
			p.bills([]billOut{document.billOut})
			p.billDetails(document.OnIt, document.Events)
		})
	})
}

func (p *page) billDetails(lines []billLineOut, events []billEventOut) {
	g := grid{heads: []string{"LINE", "CUSTOMER", "#BASE", "#RATE", "#AMOUNT"}, wrap: []int{1}}
	for _, l := range lines {
		g.add(l.Line, l.Customer, grouped(l.Base), l.Rate, grouped(l.Amount))
	}
	p.table(g)
	g = grid{heads: []string{"OUTCOME", "ON", "REFERENCE", "RECORDED BY", "AT"}, wrap: []int{2}}
	for _, e := range events {
		g.add(e.Outcome, e.On, e.Reference, e.RecordedBy, e.RecordedAt)
	}
	p.table(g)
}
