// Package outbox lists what has to reach Salesforce: partners, statements
// and commission lines, by key. A row is never a stored event. Push reads what the ledger says
// when it sends, so the newest state is what arrives, however often it changed.
//
// The states of a row, each with how it is told:
//
//	settled      wanted = confirmed: Salesforce has what the ledger said at the last Mark
//	unsent       wanted > confirmed
//	in flight    named in the manifest of a flight: it is on its way at this moment
//	waiting      unsent, and put off until not_before: by a failure, or because
//	             Salesforce has all but a link that it refused
//	quarantined  unsent, and Salesforce refused the record for a reason that stays
//
//	settled ──Mark──▶ unsent ──Launch──▶ in flight ──Land──▶ settled
//	                                     in flight ──Release──▶ unsent
//	                                     in flight ──Ground, or Land with Again──▶ waiting ──(time)──▶ unsent
//	                                     in flight ──Ground──▶ quarantined ──Retry or Mark──▶ unsent
//	                                                           quarantined ──Drop──▶ settled
//	                  unsent ──Confirm, when nothing had to be sent──▶ settled
//
// # Flights
//
// A flight is a set of records on their way: one batch of Collections calls, or one Bulk
// job. What is in it is written down (Launch) and committed before anything is sent, each
// key with what was wanted and the hash of the state that is sent: in manifests, of which
// one row has thousands of records, because a row for each would cost more than all else.
// The view outbox.flown shows them record by record. So
//
//   - nobody sends a key twice at a time: who writes a manifest down takes turns with others
//     who do (a trigger takes an advisory lock until the transaction ends), and is refused if
//     a manifest has one of his keys; afterwards manifests only lose keys. Next passes over
//     the keys that manifests have;
//   - a change of the ledger never waits for Salesforce: Mark raises wanted, the flight
//     lands what was wanted when it was launched, and the row stays unsent;
//   - a process that dies leaves behind what it was about to say, and whoever finds the
//     flight settles it: Land, Ground or Release, each of which takes records out of the
//     flight in the transaction in which it notes what became of them. Whoever takes some out
//     of a manifest has the flight to himself until his transaction ends; manifests as a
//     whole (LandNext) are landed side by side.
package outbox
