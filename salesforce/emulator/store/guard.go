package store

import (
	"sync"
	"sync/atomic"
)

// guard is the lock of a store. What was written under it reaches the store's file
// before the lock is given back, and so before anybody is told.
type guard struct {
	rw     sync.RWMutex
	before func() // nil without a file
	// outer is the lock that the guard of a transaction's store stands for. While
	// the transaction has it, held is true and nothing has to be locked.
	outer *guard
	held  atomic.Bool
}

// Lock takes the lock for writing.
func (g *guard) Lock() {
	switch {
	case g.held.Load():
	case g.outer != nil:
		g.outer.Lock()
	default:
		g.rw.Lock()
	}
}

// Unlock gives the lock for writing back.
func (g *guard) Unlock() {
	switch {
	case g.held.Load():
	case g.outer != nil:
		g.outer.Unlock()
	default:
		if g.before != nil {
			g.before()
		}
		g.rw.Unlock()
	}
}

// release gives the lock for writing back after nothing was written.
func (g *guard) release() {
	switch {
	case g.held.Load():
	case g.outer != nil:
		g.outer.release()
	default:
		g.rw.Unlock()
	}
}

// RLock takes the lock for reading.
func (g *guard) RLock() {
	switch {
	case g.held.Load():
	case g.outer != nil:
		g.outer.RLock()
	default:
		g.rw.RLock()
	}
}

// RUnlock gives the lock for reading back.
func (g *guard) RUnlock() {
	switch {
	case g.held.Load():
	case g.outer != nil:
		g.outer.RUnlock()
	default:
		g.rw.RUnlock()
	}
}
