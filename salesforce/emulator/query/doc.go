// Package query runs a SOQL query over a store: it resolves names, picks an
// index, and prints what is selected as the REST API does.
package query
