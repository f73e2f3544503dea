// Package statement gives what a partner was owed in a month, and by which
// movements it came to be that: the statement of one holder, one currency, one
// period (R8.2). It reads entries only; a line adds its name, its status and its
// explanation, and never a figure.
//
// # Whose it is
//
// A statement is of a partner over all its Partner IDs, those of partners that
// merged into it included (R1.1). An ID that was issued to nobody, and the payee id
// of an individual, stand for themselves. For a closed month it is the partner whose
// ID it was when the month was closed (ledger.period_payee), so a later merge changes
// no statement of a closed month; for an open month, the one whose it is now.
//
// # Figures
//
// Owed is what the accounts accrued, payable and in_payment hold together. All
// figures are in minor units of the currency, and
//
//		opening + transferred + accrued + adjusted + clawed back + brought in − paid = closing
//
//	  - opening is what the statement of the month before closed with: what all entries
//	    of earlier periods left owed on the IDs that were the partner's in that month.
//	  - transferred is what came, less what went, with IDs that changed hands by a
//	    merge of partners between that month and this. Opening and transferred together
//	    are all entries of earlier periods on the IDs that are the partner's this month.
//
// What accrued between commission_expense and accrued is told apart by entry; each is
// exactly one of
//
//   - clawed back: it takes back, from accrued to commission_expense, on whatever line
//     (R8.7: a difference with a negative result). It is never positive.
//   - adjusted: it adds, on a line whose slice adjusts an earlier one (R8.4; see book.Adjusts).
//   - accrued: it adds, on any other line.
//
// and of what is no accrual
//
//   - brought in is of kind opening: owed before this ledger began (R8.9).
//   - paid is of kind pay: confirmed payments less those that were taken back.
//   - approved and exported are of the kinds approve and export, less what was taken
//     back. They move what is owed from one account to the next, and add nothing.
//   - imported is of kind import: it was worked out and paid before this ledger began
//     (R8.9), and neither is owed nor was.
//
// An entry belongs to the month that it names (ledger.entry.period): an accrual to its
// line's, an approval, an export and a payment to the one in which it took place (R8.4).
package statement
