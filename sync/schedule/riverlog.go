package schedule

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

const (
	// quietFor is for how long a message of River's is not logged again. With
	// the database down it has some ten errors a second to tell.
	quietFor = 30 * time.Second
	// maxMessages bounds how many messages are told apart.
	maxMessages = 200
)

// slogOf lets River log what is worth a person's attention; its account of its
// own doings (every start, stop and election at info) is not, nor are the stacks
// of its loops, nor the same message many times in half a minute, nor anything while the
// database is known to be away.
func slogOf(log *zap.Logger, isAway func() bool) *slog.Logger {
	core := &sparse{Core: log.Core(), told: &told{at: map[string]*telling{}}, isAway: isAway}
	return slog.New(zapslog.NewHandler(core, zapslog.WithName("river"), zapslog.AddStacktraceAt(math.MaxInt)))
}

// sparse is a core that logs warnings and errors, each message at most once in
// quietFor, with the number of those that were left out since.
type sparse struct {
	zapcore.Core
	told   *told // shared with what With makes
	isAway func() bool
}

// told is what has been logged, by message.
type told struct {
	mu sync.Mutex
	at map[string]*telling
}

type telling struct {
	last    time.Time
	leftOut int
}

// Enabled leaves out what is less than a warning.
func (s *sparse) Enabled(l zapcore.Level) bool {
	return l >= zapcore.WarnLevel && s.Core.Enabled(l)
}

// With gives a core with more fields that counts with this one.
func (s *sparse) With(fields []zapcore.Field) zapcore.Core {
	return &sparse{Core: s.Core.With(fields), told: s.told, isAway: s.isAway}
}

// Check adds this core for an entry that it is to write.
func (s *sparse) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !s.Enabled(e.Level) {
		return ce
	}
	return ce.AddCore(e, s)
}

// Write logs the entry unless its message was logged a little while ago.
func (s *sparse) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if s.isAway() {
		return nil
	}
	leftOut, ok := s.told.next(e.Message, e.Time)
	if !ok {
		return nil
	}
	if leftOut > 0 {
		fields = append(fields, zap.Int("left_out", leftOut))
	}
	return s.Core.Write(e, fields)
}

// next says whether a message is to be logged now, and how many like it were not
// since the last that was.
func (t *told) next(message string, now time.Time) (leftOut int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.at[message]
	if before != nil && now.Sub(before.last) < quietFor {
		before.leftOut++
		return 0, false
	}
	if before != nil {
		leftOut = before.leftOut
	} else if len(t.at) >= maxMessages {
		clear(t.at)
	}
	t.at[message] = &telling{last: now}
	return leftOut, true
}
