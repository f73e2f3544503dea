// Package peer holds the emulator to account with a client that nobody here
// wrote: go-salesforce, through its public functions only. It has no code, only
// tests.
//
// A test here says what a stranger's program sees; where the library and the
// platform's documentation leave no doubt of an answer, the test wants that
// answer. The describe tests take the org at its word: whatever describe says of
// a field has to hold when records are written and queries are asked.
// The same is done with the Salesforce CLI and jsforce by scripts/clients.
//
// https://pkg.go.dev/github.com/k-capehart/go-salesforce/v3
package peer
