// Package staging keeps Salesforce records as they were received, until they
// are reconciled, and how far each object has been read.
//
// A row of staging.record is one version of a record: an object, an id and a
// stamp (SystemModstamp, or CreatedDate of a history row). Its states:
//
//	        Put                MarkReconciled             MarkReconciled of a later one
//	(none) ─────▶ unreconciled ───────────────▶ reconciled ─────────────▶ (deleted)
//	                   ▲                            │
//	                   └────────────────────────────┘
//	                    Put of the same version with another payload
//
// A newest version can also be marked as vanished (MarkVanished), or as deleted
// after that (MarkDeleted); either makes it unreconciled again.
//
// While it waits a version is in the index of the order in which versions are reconciled,
// and from then on in that of records, so that what is new is entered into one only.
//
// So reading a record again is harmless: the same version with the same payload
// changes nothing. The newest version of every record stays, which is what makes
// that so, and what another reading of the org is compared with.
package staging
