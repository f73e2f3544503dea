package pg_test

import (
	"context"
	"fmt"
	"os"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// A private server, a pool, a transaction.
func ExampleEmbedded_Start() {
	ctx := context.Background()
	server, err := pg.Embedded{Dir: ".partnersync/postgres"}.Start(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err, errs.HintOf(err))
		return
	}
	defer func() {
		if err := server.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	db, err := pg.Open(ctx, pg.Config{DSN: server.DSN(pg.Database)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err, errs.HintOf(err))
		return
	}
	err = pg.InTx(ctx, db, func(ctx context.Context, tx *sqlx.Tx) error {
		rows := func(yield func([]any, error) bool) {
			_ = yield([]any{"pull", 1}, nil) && yield([]any{"push", 1}, nil)
		}
		_, err := pg.CopyIn(ctx, tx, "job.token", []string{"stage", "value"}, rows)
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err, errs.HintOf(err))
	}
}
