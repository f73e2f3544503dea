// Package recount is the stage that counts everything again. Pulls read what has
// changed; a recount reads the id, the stamp and the deleted flag of every record
// there is, in Salesforce and in staging, both in the order of ids, and walks along the
// two:
//
//	Salesforce ──ids by page──▶ ┌─────────┐ ──missed, changed, back──▶ read again, staged
//	                            │ compare │
//	staging ────ids by cursor──▶└─────────┘ ──only here──▶ looked for again ──▶ vanished
//
// It moves no cursor. What it finds it writes where a pull would have written it, and
// reconcile and accrue follow.
//
// # What it finds
//
// Missed: behind the pull's cursor, and not staged. A commit that took longer than the
// overlap that pulls read again; a record that the integration user could not see then.
//
// Changed: staged with another stamp, or with another deleted flag. A stamp that is
// older than the one that is staged means that the org went back to a former state; what
// it says now counts, and is staged as if it were of the later stamp.
//
// What is not yet behind the cursor is left to the next pull, and only counted.
//
// Vanished: staged, and neither in Salesforce nor in its recycle bin, though nobody saw
// it deleted (R9.1). Recycle bins are purged after 15 days, sooner when they are full or
// emptied. Absence proves little, because a permission that is lost looks the same. So
// each record is looked for once more by its id; and when more of an object would have
// vanished than is plausible, nothing of it is held, and the pass says so and fails. What
// has vanished is held until it is back, which a later recount sees, or until a person
// confirms that it is gone (Confirm); then it posts like a deletion.
//
// Rows of a history that Salesforce has purged have not vanished: once pulled they are
// kept for ever (R2.6).
//
// In memory are a page, a batch of what is to be read again, and the ids of what seems
// to have vanished, whose number is bounded.
package recount
