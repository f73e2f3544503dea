// Package record says what Salesforce is to hold: it makes of a key of the ledger (a
// Partner ID, a line's key) the record that push writes and verify looks for. Two
// stages share it, so that what is written and what is looked for cannot differ.
package record
