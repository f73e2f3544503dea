package record

// The kinds of discrepancies about records in Salesforce. Verify opens and resolves
// them; push repairs the first.
const (
	// KindDrift: Salesforce holds another record than the book says, or none. The
	// subject is its key, the object the outbox's name of what it is.
	KindDrift = "salesforce_drift"
	// KindExtra: Salesforce holds a record that the ledger knows nothing of.
	KindExtra = "salesforce_extra"
)

// AllRecords is the object of a drift that stands for more records than are named one by
// one; its subject is the outbox's name of what they are.
const AllRecords = "all records"
