// Package push is the last stage: it makes Salesforce hold what the ledger says,
// partners first, then their statements, then their commissions.
//
// It works off the outbox. Rows are composed: what the ledger says of them now is
// compared with what Salesforce last confirmed, and what differs is sent, by Collections
// calls or, where there is much, by Bulk jobs. What came of each record is noted.
//
//	next ─▶ compose ─┬─ same as confirmed ──────────▶ confirmed
//	                 └─ differs ─▶ launched ─▶ sent ─┬─ written ──▶ confirmed
//	                                                 ├─ a link refused ─▶ without it ─▶ confirmed, and tomorrow again
//	                                                 ├─ later ────▶ waits, with backoff
//	                                                 ├─ refused ──▶ quarantined, with the reason
//	                                                 └─ in doubt ─▶ Salesforce is asked
//
// # Flights
//
// Salesforce has no compare-and-set, so at most one write of a key may be in flight, over
// all replicas and crashes. Before anything is sent, it is committed which keys are sent,
// and in which state (outbox.Launch); nobody else sends a key that is in a flight. A change
// of the ledger does not wait: the flight confirms what it sent, and the row stays unsent.
//
// A flight of calls is held (outbox.Hold) by a transaction while its calls are made. A
// pass that finds one that nobody holds knows that its pass is dead: the lock went with
// the connection, or, of a process that was frozen in a call, the database ended its
// transaction a little after sendTimeout. It reads the records back by their keys: those
// that are as the ledger has them are written, the others are sent again.
//
//	(none) ──Launch──▶ launched ──Hold──▶ held ──calls, answers──▶ landed ──▶ (none)
//	                      │                 │
//	                      └────── dead ─────┴──▶ read back ──▶ landed or released ──▶ (none)
//
// A job lasts for minutes, so no transaction is held for it. Who may do what is decided by
// Salesforce, of which the state of a job is asked, and by the row of the flight:
//
//	          step of the pass        what is left if it dies behind it    what the next pass does
//	launched  first rows committed    a flight without a job               releases: nothing was sent
//	created   the job is made         the same, and an empty job           the same; Salesforce removes the job
//	noted     its id is committed     an Open job                          aborts it, then releases: a job that
//	uploaded  further rows committed  the same, with data                  was not closed has done nothing, and
//	          before they are sent                                         aborted it can't be closed any more
//	closed                            a job that Salesforce works on       waits for it, and reads what became
//	over                              a finished job                       of each row
//	landed    in steps                the rest of the flight               the same for the rest
//
// A job that is gone (deleted, or older than seven days) says nothing any more: its records
// are sent again, whatever Salesforce confirmed before. A job that is never over is left
// in flight after Patience, told of in every run, and aborted after a day.
//
// A pass that was frozen and wakes finds that its token or its flight is gone before it
// sends anything: every transaction checks the token, and a job is closed only by the pass
// whose flight noted it.
//
// # Parts
//
// What is much is shared with other replicas if it can be (part.go): a part is some parents,
// so that two never write below one parent, and a lane of Bulk jobs or a worker of calls. All
// have the pass's token. If a worker dies over a part, another takes what it has not sent,
// and the leader settles what it left in flight when all parts are over.
//
// # What goes wrong
//
//   - A call that fails as a whole because of what is in it (a value with which no request
//     is read, one on which Salesforce breaks down, too much) is made again in halves, down to
//     the one record, which is quarantined with the reason. Five such in a row with nothing
//     written between them are hardly the records' fault, and stop the pass.
//   - A call of which nobody knows whether it was done (the connection dropped, a gateway
//     answered) is settled by reading back. What is not there as it was sent is put off, and
//     its confirmed state forgotten: it is sent even if the ledger returns to that.
//   - A job that fails as a whole keeps what it wrote; the next jobs are smaller, until
//     calls find what it breaks down over. An upload that breaks off is made again.
//   - A row that a job refuses because of a link goes once more by a call, which can
//     leave the link out.
//
// # How it is fast
//
// What is unsent is shared out by ranges of parents (outbox.Split), each read by one lane in
// the order of an index. A lane makes records up by the thousands, writes them down in one
// row, and sends them while it makes up the next; while Salesforce works on a job, the next
// one is made up, and the outcome of the one before is noted. A line is read together with
// its row, and texts of the database become texts of the request (record.Reader). Each record
// costs the database one read of its row, one of its line, and one update; where most of what
// there is lands (outbox.IsDense), rows are not looked up for that but merged.
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
// it doesn't, nothing is written anew. How much of the book is written, and whether by
// line or by source, is the Shape: what it leaves out and Salesforce holds comes to zero,
// with the reason.
package push
