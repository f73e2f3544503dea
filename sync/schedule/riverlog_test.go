package schedule

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestRiverSaysTheSameOnlyOnceInAWhile(t *testing.T) {
	core, seen := observer.New(zap.DebugLevel)
	handler := slogOf(zap.New(core), never).With("client", "a").Handler()
	at := instant(t, "2026-11-20T10:00:00Z")
	say := func(level slog.Level, message string) {
		t.Helper()
		r := slog.NewRecord(at, level, message, 0)
		r.Add("error", errors.New("connection refused"))
		if !handler.Enabled(t.Context(), level) {
			return
		}
		if err := handler.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	say(slog.LevelInfo, "elected")
	for range 300 { // thirty seconds and a little
		say(slog.LevelError, "no database")
		at = at.Add(101 * time.Millisecond)
	}
	say(slog.LevelWarn, "a slow job")
	say(slog.LevelError, "no database")

	var got []string
	for _, e := range seen.All() {
		if e.Stack != "" || e.LoggerName != "river" {
			t.Errorf("%q comes from %q with the stack %q", e.Message, e.LoggerName, e.Stack)
		}
		got = append(got, e.Message)
	}
	want := []string{"no database", "no database", "a slow job"}
	if len(got) != len(want) {
		t.Fatalf("logged %q, want %q", got, want)
	}
	if n := seen.All()[1].ContextMap()["left_out"]; n != int64(297) {
		t.Errorf("%v are said to have been left out", n)
	}
}

func TestRiverLogsNoMoreThanTheLoggerDoes(t *testing.T) {
	core, seen := observer.New(zap.ErrorLevel)
	log := slogOf(zap.New(core, zap.ErrorOutput(forbidden{t})), never)
	log.Warn("a slow job")
	log.Error("no database")
	if seen.Len() != 1 {
		t.Errorf("logged %v", seen.All())
	}
}

// forbidden is where nothing may be written.
type forbidden struct{ t *testing.T }

func (f forbidden) Write(p []byte) (int, error) {
	f.t.Errorf("zap complains: %s", p)
	return len(p), nil
}

func (forbidden) Sync() error { return nil }

var _ zapcore.WriteSyncer = forbidden{}

func never() bool { return false }
