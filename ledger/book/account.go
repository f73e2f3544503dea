package book

// The accounts of a payee, in each currency (R8.2). A liability is what is owed: what
// accrued, what was approved, what was sent to be paid. Settled is what was paid.
const (
	AccountExpense   = "commission_expense" // what it cost
	AccountAccrued   = "accrued"            // owed, and may still change
	AccountPayable   = "payable"            // owed, and approved
	AccountInPayment = "in_payment"         // owed, and on a bill
	AccountSettled   = "settled"            // paid
	AccountBroughtIn = "brought_in"         // what another system had worked out (R8.9)
)

// The kinds of entries. Each moves an amount between two accounts; a negative amount,
// and what takes a step back, moves it the other way.
const (
	KindAccrue  = "accrue"  // expense to accrued
	KindApprove = "approve" // accrued to payable
	KindExport  = "export"  // payable to in payment
	KindPay     = "pay"     // in payment to settled
	KindOpening = "opening" // brought in to payable: what was owed before this ledger
	KindImport  = "import"  // brought in to settled: what was paid before this ledger
)

// move is the pair of accounts between which a kind of entry moves a positive amount.
type move struct{ debit, credit string }

var moves = map[string]move{
	KindAccrue:  {AccountExpense, AccountAccrued},
	KindApprove: {AccountAccrued, AccountPayable},
	KindExport:  {AccountPayable, AccountInPayment},
	KindPay:     {AccountInPayment, AccountSettled},
	KindOpening: {AccountBroughtIn, AccountPayable},
	KindImport:  {AccountBroughtIn, AccountSettled},
}

// Owed are the accounts that together are what is owed to a payee.
func Owed() []string { return []string{AccountAccrued, AccountPayable, AccountInPayment} }
