// Package brought lets a company begin in the middle of its life (R8.9). It reads a file
// of what another system had worked out, checks every row of it, and brings it into the
// book: opening balances, which the next bill has, and commissions that were paid before,
// so that accrue posts only what is expected less what was paid.
//
//	file ──Read──▶ rows ──check: partners, opportunities, what accrue expects──▶ lines, entries
//	                 └──────────────────▶ faults, and nothing is written ◀──────────┘
//
// The file is CSV in UTF-8. Its first line names the columns, in any order; without such
// a line they come in the order of Columns:
//
//	kind            opening, or paid
//	partner_id      to whom it is owed or was paid
//	currency        ISO 4217
//	amount          1234.50; a balance that the partner owes back is negative
//	period          2026-09: at whose end the balance stood, or for which month it was paid
//	reference       what the other system calls it
//	note            whatever is to be remembered; may be blank
//	opportunity_id  of what was paid: 15 or 18 characters
//	paid_on         of what was paid: 2026-10-15
//	regime, slice   of what was paid; blank where one line alone is expected
//
// What is in the book already is passed over, so that the same file again is no change.
// The room owns the table ledger.brought, which keeps what each row said.
package brought
