package pgtest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

func TestEachTestHasAMigratedDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			if err := migrations.Check(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), `insert into job.token (stage, value) values ('pull', 1)`); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := db.GetContext(t.Context(), &n, `select count(*) from job.token`); err != nil {
				t.Fatal(err)
			}
			if n != 1 {
				t.Errorf("%d rows: another test writes here", n)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		pgtest.DSN(b)
	}
}
