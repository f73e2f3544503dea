package verify

import (
	"context"
	"fmt"
	"io"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/period"
)

// CheckAnchors is the name of the check of what closes kept.
const CheckAnchors = "anchors"

// anchors works the anchor of every closed month out again (R8.3), and the month itself
// from the facts and terms that its close kept, to the byte. A month that another
// version of the engine closed need not come to the same bytes: it is left out if it
// does not.
func (s *Stage) anchors(ctx context.Context, tx *sqlx.Tx, c *Checked, report book.Report) error {
	c.LeftOutUnit, c.Why = "months", "another version of the program closed them, and explains the same lines in other words"
	closes, err := period.Closes(ctx, tx)
	if err != nil {
		return err
	}
	for i := len(closes) - 1; i >= 0; i-- { // the earliest first
		c.Looked++
		if err := s.closed(ctx, tx, closes[i], c, report); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) closed(ctx context.Context, tx *sqlx.Tx, is period.Close, c *Checked, report book.Report) error {
	like := book.Difference{Check: CheckAnchors, Object: "month", Subject: is.Period.String()}
	kept, now, err := period.AnchorOf(ctx, tx, is.Period)
	if err != nil {
		return err
	}
	if string(kept) != string(now) {
		d := like
		d.Field, d.Expected, d.Found = "anchor", now.String(), kept.String()
		d.Sentence = "The anchor of this month is not the hash of the chains' ends that were kept with it: one of them was changed. " +
			"Compare it with the anchor that was written down when the month was closed, and the database with a backup of then."
		if err := report(d); err != nil {
			return err
		}
	}
	again, err := period.Reproduce(ctx, tx, is.Period, io.Discard)
	switch {
	case err != nil:
		like.Field, like.Expected, like.Found = "facts", "facts that can be read", err.Error()
	case again.Agrees():
		return nil
	case again.Engine != again.EngineNow:
		c.LeftOut++
		return nil
	default:
		like.Field, like.Expected, like.Found = "digest", again.Digest.String(), again.Is.String()
	}
	like.Sentence = fmt.Sprintf("The facts and terms that were kept when %s was closed do not come to what they came to then: one of them was changed. "+
		"Compare them with a backup of then; what is posted stays as it is (R8.4).", is.Period)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return report(like)
}
