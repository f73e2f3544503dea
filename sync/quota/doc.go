// Package quota spends Salesforce's daily requests with care. The org allows so many
// in 24 hours, for all who use it; a part of them is a reserve for the others, which
// no job of ours touches, and each job may be given a share of its own.
//
//	   requests used ──▶
//	0 ├──────────────── open ───────────────┼──── slow ────┼──── held ────┤ allowed
//	                                        │◀──  band  ──▶│◀── reserve ─▶│
//
// A Governor puts itself before every request of the stages that it guards
// (salesforce.Gate) and counts it. In the band above the reserve it spreads them; at
// the reserve, or when the job's share of the last 24 hours is spent, it holds them
// back, and the pass is deferred: what it has done stays, the rest is for a later
// run. Nothing fails, and nothing is lost.
//
// How the quota stands is known from the header of any answer. When the last one is
// old, the org is asked before the first request of a pass. What was spent is kept by
// stage, kind and hour, so that all replicas and the command line have one account.
package quota
