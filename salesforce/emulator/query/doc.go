// Package query runs a SOQL query over a store: it resolves names, picks an
// index, groups, and prints what is selected as the REST API does.
//
//	text ──New──▶ Plan ──RLock, Find──▶ Result ──AppendPage──▶ pages of JSON
//	               │
//	               └──RLock, Run──▶ records, of which Columns gives the values
//
// A Plan is for one run at a time. What it gives is the store's own records and
// not copies, so whoever reads them holds the lock.
package query
