package main

import (
	"math"
	"os"
	"runtime/debug"
)

// How the runtime collects garbage, where GOGC and GOMEMLIMIT say nothing else.
const (
	// garbage is how much may gather, in per cent of what is in use, before it is
	// collected. Stages hold one small batch and make much that is gone with it: at Go's
	// own 100 per cent a third of an accrual's processor time went into collecting.
	garbage = 200

	// softLimit is the memory, in bytes, from which on it is collected sooner. No stage
	// comes near it with what it holds. But while Postgres works on all processors,
	// collecting lags behind, and the process grew with every such moment: to 256 MB in
	// a pass over a million sources, of which 6 MB were in use.
	softLimit = 64 << 20
)

func boundMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
}

// holdOrg lifts the limit: an org is about to live in memory, whatever its size.
func holdOrg() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(math.MaxInt64)
	}
}
