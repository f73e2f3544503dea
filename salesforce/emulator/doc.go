// Package emulator is a Salesforce org in a process: the fake that the tests,
// the demo and the benchmarks talk to, and a program of its own.
//
// An Org keeps objects in memory with the platform's types, external ids,
// lookups, audit fields, field history and recycle bin; its Handler answers
// OAuth and SOAP logins, SOQL queries with pages and locators, describe, limits,
// single records and sObject Collections upserts with the platform's bodies,
// error codes and wording. Serve puts it on a port. Tests reach behind the
// HTTP surface with Insert, Update, Delete, Merge, Purge and Records, and make
// it misbehave with Fail and FailRow. LoadDir fills an org from CSV files,
// Generate with a plausible company.
//
// A record's life:
//
//	            Insert                 Delete                    Purge
//	(nothing) ─────────▶ in the org ─────────▶ recycle bin ─────────▶ gone
//	                      ▲     │ Update          │
//	                      │     ▼                 │ Undelete
//	                      └─────┴─────────────────┘
//
// The recycle bin is seen by queryAll only; what is gone, by nobody. Instants
// are kept in whole seconds, as the platform keeps them, so that what a query
// compares is what it prints: many records share one instant.
package emulator
