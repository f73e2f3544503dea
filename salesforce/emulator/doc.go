// Package emulator is a Salesforce org in a process: the fake that the tests,
// the demo and the benchmarks talk to, and a program of its own.
//
// An Org is a store of records behind the platform's HTTP surface: its Handler
// answers OAuth and SOAP logins, SOQL queries with pages and locators, describe,
// limits, single records, sObject Collections and bulk jobs with the platform's
// bodies, error codes and wording. Serve puts it on a port. Tests reach behind the
// HTTP surface with Insert, Update, Delete, Merge, Purge and Records, and make
// it misbehave with Fail and FailRow. LoadDir fills an org from CSV files,
// Generate with a plausible company.
//
// The rooms: schema (objects and fields), store (records), soql (the language),
// query (the language over the records), bulk (Bulk API 2.0), company (the generator).
package emulator
