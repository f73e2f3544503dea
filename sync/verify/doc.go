// Package verify is the stage that compares, and mends nothing: the book with
// itself, the lines with the facts, and Salesforce with the book (R8.3).
//
//	book ──chains, balances, lines, closed months──▶ book
//	facts ──commission.Engine──▶ expected ──────────▶ posted
//	Salesforce ──query, page by page──▶ record ◀──── book
//
// What differs is a discrepancy, which resolves by itself when a later pass does not
// find it any more. The comparisons within the database see one state of it, so that
// work that goes on meanwhile is no difference. Those with Salesforce read what
// changes under them: what is on its way there is left out, and what seems to differ
// is looked at a second time before it is believed.
//
// In memory are a batch of what is compared and the first differences of each check,
// whose number is bounded; the rest is counted.
package verify
