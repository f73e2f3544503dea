package portal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"
)

// answering is a database that answers, and knows nothing else.
type answering struct{ driver.Conn }

func (a answering) Connect(context.Context) (driver.Conn, error) { return a, nil }
func (a answering) Driver() driver.Driver                        { return nil }
func (answering) Close() error                                   { return nil }

// However many ask whether the replica is ready, the database is asked once at a time: its connections are
// for the stages.
func TestManyWhoAskForReadinessAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := sqlx.NewDb(sql.OpenDB(answering{}), "postgres")
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		var asked, ready atomic.Int64
		answer := make(chan struct{})
		s := &site{Config: Config{DB: db, Log: zap.NewNop(), Ready: func(context.Context) error {
			asked.Add(1)
			<-answer
			return nil
		}}}
		var all sync.WaitGroup
		ask := func(ctx context.Context) {
			w := httptest.NewRecorder()
			if s.readyz(w, httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil)); w.Code == 200 {
				ready.Add(1)
			}
		}
		first, leave := context.WithCancel(t.Context())
		all.Go(func() { ask(first) })
		synctest.Wait()
		for range 100 {
			all.Go(func() { ask(t.Context()) })
		}
		synctest.Wait()
		leave() // the others do not go with it
		synctest.Wait()
		close(answer)
		all.Wait()
		if asked.Load() != 1 || ready.Load() != 101 {
			t.Errorf("101 asked %d times, and %d heard that it is ready", asked.Load(), ready.Load())
		}
	})
}
