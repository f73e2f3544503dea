package statement_test

import (
	"context"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger/statement"
)

// TestR1_1_AMergeBeforeACloseTakesTheFormerStatementBack: between two passes of push two
// partners merge and the month is closed, as the survivor's. What was given out of the
// other one's month is touched, and so are its lines.
func TestR1_1_AMergeBeforeACloseTakesTheFormerStatementBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.partner("bluefin", "Bluefin", "FG3877")
	w.partner("ember", "Ember", "AB1234")
	w.expect("006A", "AB1234", oct, "USD", 10000)
	w.expect("006B", "FG3877", oct, "USD", 500)
	take := func() (out statement.Touched) {
		w.in(func(ctx context.Context, tx *sqlx.Tx) (err error) {
			out, err = statement.TakeTouched(ctx, tx, month(t, nov))
			return err
		})
		return out
	}
	take()
	w.merge("ember", "bluefin")
	w.close(oct)
	again := take()
	for _, key := range []string{"ember/2026-10/USD", "ember/2026-11/USD", "bluefin/2026-10/USD", "bluefin/2026-11/USD"} {
		if !slices.ContainsFunc(again.Statements, func(s statement.TouchedStatement) bool { return s.Key == key }) {
			t.Errorf("%s is not touched: %+v", key, again.Statements)
		}
	}
	if len(again.Lines) != 1 || again.Lines[0].Key != key("AB1234", "006A", oct) {
		t.Errorf("the lines are %+v", again.Lines)
	}
}
