// Package siege holds the tests that try to break the sync from outside: the real
// program, as processes of their own, over a real Postgres and an emulated org,
// with networks that fail, processes that are killed or frozen, and databases that
// go away. It has no code of its own.
//
// A case does its worst, lets quiet return, and ends with the same oracle:
//
//   - every record of the org is accounted for: a fact, a tombstone or a discrepancy;
//   - the book agrees with itself and with the facts (`ledger verify`);
//   - what stands in Salesforce is what the book says, by key, asked by a query of
//     the test's own, and no key is there twice;
//   - the history of runs tells the truth: no "ok" over a failure or a gap;
//   - one more run changes nothing, in no table and no record.
//
// Where a case's org was left alone meanwhile, book and Salesforce are also
// compared with those of an undisturbed run.
//
// Nothing in the program helps with that. A process is killed at a step that can
// be seen from outside: a request of it that the org does not answer, or a lock of
// the test's that it waits for. docs/faults.md lists what is broken, fault by fault.
package siege
