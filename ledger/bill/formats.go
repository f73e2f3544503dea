package bill

import (
	"strconv"

	"github.com/partnersync/partnersync/ledger/book"
)

// rateClass says what earned a line: its slice without what it adjusts, and its rate.
// Lines of one class are amortised alike.
func (l Line) rateClass() string {
	of, _, _ := book.Adjusts(l.Slice)
	if l.Rate.IsZero() {
		return of
	}
	return of + " " + l.Rate.Shift(2).String() + "%"
}

// adjusts is the month that a line corrects, "" if it corrects none (R8.4).
func (l Line) adjusts() string {
	_, _, month := book.Adjusts(l.Slice)
	return month.String()
}

// writeCSV writes every line with all that is known of it. The last columns are what the
// cost of a commission has to be spread by where it is capitalised as the cost of
// obtaining a contract (ASC 340-40, IFRS 15.91): the contract's first and last day, what
// kind of sale it was, since renewals are spread otherwise, and the class of the rate.
func writeCSV(t *table, d document, s Settings) error {
	if err := t.heading("bill", "export", "exported_on", "due_on", "partner", "partner_name", "partner_id", "currency", "bill_amount",
		"line", "payee_id", "regime", "source", "slice", "period", "adjusts", "base", "rate", "amount", "account", "customer",
		"contract_start", "contract_end", "sale", "rate_class"); err != nil {
		return err
	}
	export := d.period.String() + "/" + strconv.Itoa(d.number)
	return d.rows(func(b Bill, l Line) error {
		return t.row(text(b.Number), text(export), day(b.ExportedOn, YearFirst), day(b.ExportedOn.AddDays(s.DueDays), YearFirst),
			text(b.PartnerKey), text(b.PartnerName), text(b.PayeeID), text(string(b.Currency)), amount(b.Currency, b.AmountMinor),
			text(l.Key), text(l.PayeeID), text(l.Regime), text(l.SourceID), text(l.Slice), text(l.Period.String()), text(l.adjusts()),
			exact(l.Base), exact(l.Rate), amount(b.Currency, l.AmountMinor), text(l.AccountID), text(l.CustomerName),
			day(l.TermStart, YearFirst), day(l.TermEnd, YearFirst), text(l.Sale), text(l.rateClass()))
	})
}

// description says what a line is for, where there is one cell for it.
func (l Line) description() string {
	said := "Commission " + l.Key
	if l.CustomerName != "" {
		said += ", " + l.CustomerName
	}
	return said
}

// writeXero writes the columns of the template that Xero offers for importing bills
// (Business, Bills to pay, Import), in its order and with its asterisks: Xero wants the
// headings as they are. Rows of one InvoiceNumber are the lines of one bill. Days are
// DD/MM/YYYY unless the organisation is a US one; TaxType is the display name of a tax
// rate, and Total and TaxAmount are left to Xero. It takes 500 bills from a file.
// https://central.xero.com/s/article/Import-bills-and-credit-notes
func writeXero(t *table, d document, s Settings) error {
	if err := t.heading("*ContactName", "EmailAddress", "POAddressLine1", "POAddressLine2", "POAddressLine3", "POAddressLine4",
		"POCity", "PORegion", "POPostalCode", "POCountry", "*InvoiceNumber", "*InvoiceDate", "*DueDate", "Total", "InventoryItemCode",
		"Description", "*Quantity", "*UnitAmount", "*AccountCode", "*TaxType", "TaxAmount", "TrackingName1", "TrackingOption1",
		"TrackingName2", "TrackingOption2", "Currency"); err != nil {
		return err
	}
	none, way := cell{}, s.way(DayFirst)
	return d.rows(func(b Bill, l Line) error {
		return t.row(text(s.vendor(b)), none, none, none, none, none, none, none, none, none,
			text(b.Number), day(b.ExportedOn, way), day(b.ExportedOn.AddDays(s.DueDays), way), none, none,
			text(l.description()), whole("1"), amount(b.Currency, l.AmountMinor), text(s.AccountCode), text(s.TaxType), none,
			none, none, none, none, text(string(b.Currency)))
	})
}

// writeQuickBooks writes the fields that QuickBooks Online asks for when bills are
// imported (Settings, Import data, Bills), under its own names: the columns are mapped
// there, and the format of days is chosen. Rows of one Bill No. are the lines of one
// bill; a Bill No. has 21 characters at most, which is what the longest number here has.
// Account is the account's name as it stands in the chart.
// https://quickbooks.intuit.com/learn-support/ ("Import bills"); the fields and their
// limits: https://developer.intuit.com/app/developer/qbo/docs/api/accounting/all-entities/bill
func writeQuickBooks(t *table, d document, s Settings) error {
	if err := t.heading("Bill No.", "Vendor", "Bill Date", "Due Date", "Memo", "Account", "Line Description", "Line Amount",
		"Line Tax Code", "Currency"); err != nil {
		return err
	}
	way := s.way(MonthFirst)
	return d.rows(func(b Bill, l Line) error {
		return t.row(text(b.Number), text(s.vendor(b)), day(b.ExportedOn, way), day(b.ExportedOn.AddDays(s.DueDays), way),
			text("Commissions through "+d.period.String()), text(s.AccountCode), text(l.description()),
			amount(b.Currency, l.AmountMinor), text(s.TaxType), text(string(b.Currency)))
	})
}

// writePayroll writes one row for each bill: what payroll programs want to know of a
// variable payment. Each calls the columns otherwise and has them mapped; the bill's
// number is the reference by which the payment is confirmed.
func writePayroll(t *table, d document, s Settings) error {
	if err := t.heading("Employee ID", "Name", "Earning Code", "Amount", "Currency", "Period Start", "Period End", "Pay Date", "Reference"); err != nil {
		return err
	}
	for _, b := range d.bills {
		if err := t.row(text(b.PayeeID), text(b.Payee()), text(s.EarningCode), amount(b.Currency, b.AmountMinor), text(string(b.Currency)),
			day(d.period.First(), YearFirst), day(d.period.Last(), YearFirst), day(b.ExportedOn.AddDays(s.DueDays), YearFirst),
			text(b.Number)); err != nil {
			return err
		}
	}
	return nil
}
