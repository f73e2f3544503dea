package pg_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return &pq.Error{Code: pqerror.Code(code)} }
	for _, c := range []struct {
		err  error
		want errs.Kind
	}{
		{nil, ""},
		{io.ErrShortBuffer, errs.Unknown},
		{context.Canceled, errs.Unknown},
		{context.DeadlineExceeded, errs.Unknown},
		{sql.ErrNoRows, errs.NotFound},
		{driver.ErrBadConn, errs.Transient},
		{io.ErrUnexpectedEOF, errs.Transient},
		{os.ErrDeadlineExceeded, errs.Transient},
		{&net.OpError{Op: "dial", Err: context.DeadlineExceeded}, errs.Transient},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, errs.Transient},
		{state("08006"), errs.Transient},
		{state("40001"), errs.Transient},
		{state("40003"), errs.Unknown},
		{state("57P03"), errs.Transient},
		{state("28P01"), errs.Auth},
		{state("42501"), errs.Auth},
		{state("3D000"), errs.NotFound},
		{state("42P01"), errs.Conflict},
		{state("23505"), errs.Conflict},
		{state("23514"), errs.Invalid},
		{state("22P02"), errs.Invalid},
		{state("53100"), errs.Limit},
		{state("XX000"), errs.Unknown},
		{errs.New(errs.Limit, "quota: %w", state("23505")), errs.Limit},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("step: %w", err)
		}
		if got := pg.KindOf(err); got != c.want {
			t.Errorf("%v: %q, want %q", err, got, c.want)
		}
		if got := errs.KindOf(pg.Classify(err)); got != c.want {
			t.Errorf("classified, %v: %q, want %q", err, got, c.want)
		}
	}
	if hint := errs.HintOf(pg.Classify(state("42P01"))); hint == "" {
		t.Error("no hint for a missing table")
	}
}
