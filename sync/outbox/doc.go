// Package outbox lists what has to reach Salesforce: partners, statements
// and commission lines, by key. A row is never a stored event. Push reads what the ledger says
// when it sends, so the newest state is what arrives, however often it changed.
//
// The states of a row, each with how it is told:
//
//	settled      wanted = confirmed: Salesforce has what the ledger said at the last Mark
//	unsent       wanted > confirmed
//	waiting      unsent, and put off until not_before: by a failure, or because
//	             Salesforce has all but a link that it refused
//	quarantined  unsent, and Salesforce refused the record for a reason that stays
//
//	settled ──Mark──▶ unsent ──Confirm──▶ settled
//	                  unsent ──Fail, or Confirm with Again──▶ waiting ──(time)──▶ unsent
//	                  unsent ──Quarantine──▶ quarantined ──Retry or Mark──▶ unsent
//	                                         quarantined ──Drop──▶ settled
//
// Nobody sends a row twice at a time: Claim locks the rows that it gives until
// its transaction ends, and passes over those that another has locked.
package outbox
