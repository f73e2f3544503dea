// Package rehearsal shows what the whole way would do, and does none of it: the
// stages run on a private copy of the ledger, and what they come to there is told as a
// diff, by record and by line.
//
//	ledger ──one read-only snapshot──▶ copy ──pull, reconcile, accrue, push──▶ diff ──▶ a person
//	Salesforce ──queries only──────────────────▲                       │        ▲
//	                                                                 Sink ──────┘
//
// Nothing is left behind, because nothing can be: the ledger is read in one transaction
// that Postgres itself keeps from writing; the stages know no database but the copy,
// which is a private server's and goes with it; and the client of Salesforce lets no
// request through that could write (salesforce.ReadOnly). What the copy's push would send
// ends in a Sink, which compares it with what Salesforce has and says that it was written. What a rehearsal costs is the
// copy: time and room on this machine's disk in proportion to the ledger, whatever
// there is to do, and the requests by which Salesforce is read. In memory are single
// rows of the copy and one batch of what differs.
//
// Left out of the copy are the run history and the jobs, what closed months keep of
// their facts, and of staging what is reconciled and lies behind what the next pull
// reads: no stage of the way asks for them.
package rehearsal
