package commission_test

import "testing"

// BenchmarkLines works out a term of a year with one takeover, which is what most
// sources are.
func BenchmarkLines(b *testing.B) {
	e := dealEngine("2027-01-31")
	s := term(source("12000", "2025-12-20", held("2020-01-01", "FG3877", "2026-07-01", "AB1234")), "2026-01-01", "2026-12-31")
	b.ReportAllocs()
	for b.Loop() {
		e.Lines(s)
	}
}
