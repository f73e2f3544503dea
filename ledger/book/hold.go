package book

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// ReasonHeldByHand is the reason of a line that a person has put on hold (R8.5).
const ReasonHeldByHand = "held_by_hand"

// heldOfSources gives the lines that persons have put on hold, with their reasons.
func heldOfSources(ctx context.Context, q sqlx.QueryerContext, sources []string) (map[string]string, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	var rows []struct {
		Key    string `db:"line_key"`
		Reason string `db:"reason"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select line_key, held_by || ': ' || reason as reason from ledger.line_hold
		where source_id = any((select $1::text[])::text[]) and released_at is null`, pq.Array(sources)); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.Key] = r.Reason
	}
	return out, nil
}

// holdBack puts a line on hold that a person holds, if it would accrue, or give back
// what it has: a hold posts nothing, neither way (R8.1).
func (s *settlement) holdBack(l *Line) error {
	if len(s.held) == 0 {
		return nil
	}
	gone := s.givesBack(l)
	if l.Status != statusAccrued && !gone {
		return nil
	}
	why := s.heldThrough(l)
	if reason, held := s.held[l.Key]; held {
		why = whyHeldByHand(reason)
	}
	if why == "" {
		return nil
	}
	if gone {
		*l = s.before[l.SourceID][l.Key]
	}
	// A line that is as it was still says of itself that it is held.
	if err := l.unhold(why); err != nil {
		return err
	}
	return l.hold(ReasonHeldByHand, why, s.now)
}

// givesBack says whether a line comes to nothing that has something posted.
func (s *settlement) givesBack(l *Line) bool {
	comesToNothing := l.Status == StatusVoid || l.Status == string(commission.Zero)
	return comesToNothing && !s.fixity.fixes(l) && s.posted[l.Key].stands()
}

// heldThrough says why a line is on hold on which something would be posted for another
// of its family that a person holds: what is held may come on another line once its
// month is closed, or what it adjusts is approved no more. "" if it is not.
func (s *settlement) heldThrough(l *Line) string {
	if s.fixity.fixes(l) || len(differences(l, s.posted[l.Key])) == 0 {
		return ""
	}
	lines := s.before[l.SourceID]
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		o := lines[key]
		if reason, held := s.held[key]; held && !o.isSettled() && o.family() == l.family() {
			return "A person holds " + key + ": " + strings.TrimRight(reason, ".") + "."
		}
	}
	return ""
}

// whyHeldByHand says who holds a line and why.
func whyHeldByHand(reason string) string {
	return "A person holds it: " + strings.TrimRight(reason, ".") + "."
}

// heldSentence is what the explanation of a line on hold begins with.
func heldSentence(why string) string {
	return "This is on hold. " + why + " Until then it stays as it was: "
}

// unhold takes off the line's explanation what hold has put before it.
func (l *Line) unhold(why string) error {
	var ex commission.Explanation
	if err := json.Unmarshal(l.Explanation, &ex); err != nil {
		return errs.New(errs.Unknown, "explanation of %s: %w", l.Key, err)
	}
	sentence, held := strings.CutPrefix(ex.Sentence, heldSentence(why))
	if !held {
		return nil
	}
	ex.Sentence = sentence
	raw, err := json.Marshal(ex)
	l.Explanation = raw
	return err
}

// Hold puts lines on hold for a reason, until somebody releases them (R8.5). Only what
// is accrued or on hold can be held; a line that was accrued is on hold at once, and
// one that waits for something else stays so when that has come.
func Hold(ctx context.Context, tx *sqlx.Tx, keys []string, reason string, c Context) (out Outcome, err error) {
	defer errs.Wrap(&err, "hold lines")
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return Outcome{}, errs.New(errs.Invalid, "a line is held for a reason").WithHint("Give it with --reason.")
	}
	if err := begin(ctx, tx, c); err != nil {
		return Outcome{}, err
	}
	err = Selection{Keys: keys}.each(ctx, tx, nil, &out, func(lines []*Line) error {
		held, err := heldOfSources(ctx, tx, sourcesOf(lines))
		if err != nil {
			return err
		}
		var changed []*Line
		for _, l := range lines {
			by, isHeld := held[l.Key]
			switch {
			case isHeld:
				out.refuse(l.Key, "`partnersync ledger release` ends that.", "it is held already, "+by)
				continue
			case l.Status != statusAccrued && l.Status != statusOnHold:
				out.refuse(l.Key, "Only what is accrued or on hold can be held; an approval can be taken back first.", "it is "+l.Status)
				continue
			}
			if err := keepHold(ctx, tx, l, reason, c); err != nil {
				return err
			}
			if l.Status == statusAccrued {
				if err := l.hold(ReasonHeldByHand, whyHeldByHand(c.Actor+": "+reason), changedAt(l.ComputedAt, c.Now, false)); err != nil {
					return err
				}
				changed = append(changed, l)
			}
			out.Done = append(out.Done, Taken{Key: l.Key, PayeeID: l.PayeeID, Status: l.Status, Amounts: []Amount{}})
		}
		return saveChanged(ctx, tx, changed)
	})
	return out, err
}

func keepHold(ctx context.Context, tx *sqlx.Tx, l *Line, reason string, c Context) error {
	_, err := tx.ExecContext(ctx, `
		insert into ledger.line_hold (line_key, source_id, reason, held_by, held_at) values ($1, $2, $3, $4, $5)`,
		l.Key, l.SourceID, reason, c.Actor, c.Now)
	return err
}

// Release ends what Hold began. The line's source is due, because its facts may have
// changed meanwhile; a line on which everything is posted is accrued at once.
func Release(ctx context.Context, tx *sqlx.Tx, keys []string, c Context) (out Outcome, err error) {
	defer errs.Wrap(&err, "release lines")
	if err := begin(ctx, tx, c); err != nil {
		return Outcome{}, err
	}
	err = Selection{Keys: keys}.each(ctx, tx, nil, &out, func(lines []*Line) error {
		sources := sourcesOf(lines)
		held, err := heldOfSources(ctx, tx, sources)
		if err != nil {
			return err
		}
		posted, err := postedOfSources(ctx, tx, sources)
		if err != nil {
			return err
		}
		var changed, released []*Line
		for _, l := range lines {
			reason, isHeld := held[l.Key]
			if !isHeld && l.Reason == ReasonHeldByHand {
				out.refuse(l.Key, "`partnersync explain "+l.Key+"` names it; release that one.", "a person holds another line, which it would adjust or replace")
				continue
			}
			if !isHeld {
				out.refuse(l.Key, "What waits for a fact is released by that fact; `partnersync explain "+l.Key+"` says for which.", "no person holds it; it is "+l.Status)
				continue
			}
			released = append(released, l)
			if l.Reason == ReasonHeldByHand && posted[l.Key].equals(l) {
				if err := l.unhold(whyHeldByHand(reason)); err != nil {
					return err
				}
				l.Status, l.Reason, l.ComputedAt = statusAccrued, "", changedAt(l.ComputedAt, c.Now, false)
				changed = append(changed, l)
			}
			out.Done = append(out.Done, Taken{Key: l.Key, PayeeID: l.PayeeID, Status: l.Status, Amounts: []Amount{}})
		}
		if err := endHolds(ctx, tx, released, c.Actor, c.Now); err != nil {
			return err
		}
		return saveChanged(ctx, tx, changed)
	})
	return out, err
}

func endHolds(ctx context.Context, tx *sqlx.Tx, lines []*Line, actor string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		update ledger.line_hold set released_by = $2, released_at = $3
		where line_key = any((select $1::text[])::text[]) and released_at is null`, pq.Array(keysOf(lines)), actor, now); err != nil {
		return err
	}
	return MarkDue(ctx, tx, sourcesOf(lines), now)
}

// equals says whether all of a line, and nothing else, is posted on it.
func (p posted) equals(l *Line) bool {
	for c, minor := range p.minor {
		if c != l.Currency && minor != 0 {
			return false
		}
	}
	return p.minor[l.Currency] == l.AmountMinor
}
