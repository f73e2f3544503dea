// Package company makes a company up: what its Salesforce org would hold after
// some years of selling through partners. It writes straight into a store, with
// instants, ids and history of its own choosing.
package company
