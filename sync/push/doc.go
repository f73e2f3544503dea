// Package push is the last stage: it makes Salesforce hold what the ledger says,
// partners first and then their commissions.
//
// It works off the outbox in batches, each in one transaction: claim rows, which
// locks them; read what the ledger says of them now; compare with what Salesforce
// last confirmed; upsert what differs; note for each row what came of it.
//
//	claim ─▶ compose ─┬─ same as confirmed ──────────────▶ unchanged
//	                  └─ differs ─▶ upsert ─┬─ written ──▶ confirmed
//	                                        ├─ a link refused ─▶ without it ─▶ confirmed, and tomorrow again
//	                                        ├─ later ────▶ waits, with backoff
//	                                        └─ refused ──▶ quarantined, with the reason
//
// # Why the transaction stays open during the call
//
// Salesforce has no compare-and-set, so at most one write of a key may be in
// flight. The locks of the claim see to that: another worker passes the rows over,
// and a change of the ledger waits with its mark until the call is over, and is
// then sent by itself. The call is bounded by sendTimeout, and the database ends
// the transaction of a worker that was frozen in it a little later, so nobody
// waits for ever. A worker that dies between the upsert and the commit leaves its
// rows unsent, and the next one upserts the same state again, which changes
// nothing.
//
// # What is written
//
// The fields of the targets of the mapping. Rate is in per cent, as Salesforce's
// percent fields are: 10 is ten per cent. Amounts are exact numbers. A line that
// was sent and is no longer expected is not deleted: it comes to zero, with the
// reason "withdrawn". A link to a record that Salesforce no longer lets us link
// to, a deleted opportunity say, is left out rather than keeping the money's
// record from arriving, and is counted. The record is tried with its links again
// once a day, until Salesforce takes them or somebody drops the row; as long as
// it doesn't, nothing is written anew.
package push
