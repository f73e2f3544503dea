package salesforce

import (
	"testing"
	"time"
)

// TestAJobIsLookedAtWhenItShouldBeOverByTheLastOne: but not of few rows, of whose time most
// is not for them.
func TestAJobIsLookedAtWhenItShouldBeOverByTheLastOne(t *testing.T) {
	t.Parallel()
	c := &Client{cfg: Config{RetryInitial: 800 * time.Millisecond}}
	look := func(rows int64, want time.Duration) {
		t.Helper()
		if got := c.firstLook(rows); got != want {
			t.Errorf("%d rows are looked at after %s, not %s", rows, got, want)
		}
	}
	look(50_000, 800*time.Millisecond) // nothing is known yet
	c.ingestPace.Store(int64(time.Millisecond))
	look(50_000, 50*time.Second)
	look(100, 800*time.Millisecond)
	c.ingestPace.Store(int64(time.Microsecond))
	look(20_000, 50*time.Millisecond)
}
