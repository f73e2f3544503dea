// Package wholeway holds the tests and benchmarks that drive the data its whole
// way: an emulated org over HTTP, a real Postgres, and the four stages between
// them. It has no code of its own.
package wholeway
