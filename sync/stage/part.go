package stage

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
)

// Part is a piece of a pass that any replica can do by itself: one window of a large
// reading, say.
type Part struct {
	// What it is, for people: "Opportunity from 2026-01-01 to 2026-02-03".
	What string
	// Args is what the stage's RunPart has to know, in JSON.
	Args json.RawMessage
}

// Outcome is what came of a part.
type Outcome struct {
	// Report has the part's own counts and problems; the pass adds it to its own.
	Report Report
	// Result is what the pass goes on with, in JSON, as the stage's RunPart made it.
	Result json.RawMessage
	// Worker is who did it, and Attempt how often it had been begun then.
	Worker  string
	Attempt int
}

// Share has parts of a pass done by whichever replicas are there, and returns when all
// are over, or one has failed: its error is then given, and those that were not over are
// taken from whoever had them. What came of the parts that were done is given either way.
// All of them check the pass's token. heard, if not nil, is told now and then how many
// rows the parts have done together.
type Share func(ctx context.Context, t Token, parts []Part, heard func(done int64)) ([]Outcome, error)

// Parted is a stage whose large passes can be shared.
type Parted interface {
	Stage
	// RunPart does one part of a pass. It checks the part's token in every transaction that
	// writes, and can be stopped at any moment and begun again, here or elsewhere. What it
	// gives is the part's outcome, unless the part was ended with its last writes.
	RunPart(ctx context.Context, p *Held) (Outcome, error)
}

// ErrElsewhere says that this replica can't do a part because its settings are others than
// those of the replica that leads the pass, or its version is. Another may.
var ErrElsewhere = errors.New("only another replica can do this part")

// Held is a part in the hands of a worker.
type Held struct {
	// Token is the right to write for the part: the pass's, and the hold on the part.
	Token Token
	Args  json.RawMessage
	// Report is what earlier workers have noted of the part, with their last writes.
	Report Report
	// Progress is told of work done.
	Progress Progress

	isOver    bool
	kept      atomic.Pointer[Report]
	finishing func(*Report)
}

// OnEnd lets f fill in the report before it is stored.
func (h *Held) OnEnd(f func(*Report)) { h.finishing = f }

// IsOver says whether the part was ended.
func (h *Held) IsOver() bool { return h.isOver }

// Committed says that the transaction was committed in which the part was ended.
func (h *Held) Committed() { h.isOver = true }

// Keep lets what the part's report says by now be stored with the next sign of life.
func (h *Held) Keep(r Report) {
	r.Counts = slices.Clone(r.Counts)
	h.kept.Store(&r)
}

// Kept is the report that was kept last, or nil.
func (h *Held) Kept() *Report { return h.kept.Load() }

// Note stores in a transaction what the part's report says if it commits, so that
// nothing of it is lost with the worker.
func (h *Held) Note(ctx context.Context, tx *sqlx.Tx, r Report) error {
	return h.Token.store(ctx, tx, PartRunning, Outcome{Report: r})
}

// End ends the part in the transaction of its last writes, so that whoever takes it up
// after a death finds either both or neither. Committed has to be called behind it.
func (h *Held) End(ctx context.Context, tx *sqlx.Tx, o Outcome) error {
	if h.finishing != nil {
		h.finishing(&o.Report)
	}
	return h.Token.store(ctx, tx, PartDone, o)
}
