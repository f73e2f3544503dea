package main

import "github.com/spf13/cobra"

func (a *app) ledgerCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "ledger", GroupID: groupWork,
		Short: "Keep the book: approve, close, export, settle, verify",
		Long: `The book holds what is owed. A line accrues, a person approves it, an export puts it on
a bill, and the payment is confirmed. Months are closed one after the other; what
changes afterwards comes as a line of an open month. Nothing is ever rewritten.`,
	}, a.ledgerChildren()...)
}

// ledgerChildren are the commands on the book, in the order in which finance uses them.
func (a *app) ledgerChildren() []*cobra.Command {
	return []*cobra.Command{
		a.ledgerApprove(),
		a.ledgerUnapprove(),
		a.ledgerHold(),
		a.ledgerRelease(),
		a.ledgerClose(),
		a.ledgerReproduce(),
		a.ledgerImport(),
		a.ledgerStatement(),
		a.ledgerExport(),
		a.ledgerBills(),
		a.ledgerPaid(),
		a.ledgerVerify(),
	}
}
