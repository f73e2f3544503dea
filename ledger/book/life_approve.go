package book

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Hands says of sources who entered, decided or confirmed what lies underneath them, by
// source id (R8.5).
type Hands func(ctx context.Context, sources []string) (map[string][]string, error)

// Approve approves lines for payment (R8.5): what stands in `accrued` for each moves to
// `payable`. Of a filter, lines that are accrued are approved, and those on hold are
// refused with the others that may not be: a line that is not accrued, whose holding
// days are not over (R6.7), or underneath which the actor had a hand. A nil hands does
// not ask for that (four_eyes: off).
//
// c.AsOf is today in the company zone. The lines that changed have to be sent on.
func Approve(ctx context.Context, tx *sqlx.Tx, s Selection, hands Hands, c Context) (out Outcome, err error) {
	defer errs.Wrap(&err, "approve lines")
	if err := begin(ctx, tx, c); err != nil {
		return Outcome{}, err
	}
	holding, err := readHolding(ctx, tx)
	if err != nil {
		return Outcome{}, err
	}
	err = s.each(ctx, tx, []string{statusAccrued, statusOnHold}, &out, func(lines []*Line) error {
		a := approval{Context: c, holding: holding, hands: map[string][]string{}}
		var err error
		if hands != nil {
			if a.hands, err = hands(ctx, sourcesOf(lines)); err != nil {
				return err
			}
		}
		if a.standing, err = Standing(ctx, tx, lines); err != nil {
			return err
		}
		if a.open, err = openAgain(ctx, tx, lines); err != nil {
			return err
		}
		return a.approve(ctx, tx, lines, &out)
	})
	return out, err
}

// begin starts a step of lines' lives: nobody else takes one until the transaction ends.
func begin(ctx context.Context, tx *sqlx.Tx, c Context) error {
	if strings.TrimSpace(c.Actor) == "" {
		return errs.New(errs.Invalid, "nobody is named who does this").WithHint("Say who acts with --actor.")
	}
	return HoldTerms(ctx, tx)
}

// approval approves a batch of lines.
type approval struct {
	Context
	holding  map[string]int      // holding days by plan version
	hands    map[string][]string // by source
	standing map[string]Stands   // by line
	open     map[ofSource]string // lines that are to take their differences themselves again
}

// ofSource is a family of one source.
type ofSource struct {
	source string
	family
}

func (l *Line) ofSource() ofSource { return ofSource{l.SourceID, l.family()} }

// openAgain finds, for lines that adjust, those that they adjust and that were
// unapproved: the next accrue gives these their differences back, so the adjustment is
// not to be approved before it.
func openAgain(ctx context.Context, q sqlx.QueryerContext, lines []*Line) (map[ofSource]string, error) {
	adjustments := slices.DeleteFunc(slices.Clone(lines), func(l *Line) bool { return !strings.Contains(l.Slice, adjustment) })
	if len(adjustments) == 0 {
		return nil, nil
	}
	closed, err := Closed(ctx, q)
	if err != nil {
		return nil, err
	}
	sources, err := linesOfSources(ctx, q, sourcesOf(adjustments))
	if err != nil {
		return nil, err
	}
	out := map[ofSource]string{}
	for _, byKey := range sources {
		for key, l := range byKey {
			if !strings.Contains(l.Slice, adjustment) && !(fixity{closed}).fixes(&l) {
				out[l.ofSource()] = key
			}
		}
	}
	return out, nil
}

func (a approval) approve(ctx context.Context, tx *sqlx.Tx, lines []*Line, out *Outcome) error {
	var steps []Step
	var keys []string
	for _, l := range lines {
		if reason, hint := a.refuses(l); reason != "" {
			out.refuse(l.Key, hint, reason)
			continue
		}
		if a.open[l.ofSource()] == l.Key {
			delete(a.open, l.ofSource()) // from now on it takes no difference
		}
		stands := a.standing[l.Key]
		steps, keys = append(steps, stands.steps(l, AccountAccrued, false)...), append(keys, l.Key)
		out.Done = append(out.Done, Taken{Key: l.Key, PayeeID: l.PayeeID, Status: StatusApproved, Amounts: stands.amounts(AccountAccrued)})
	}
	if err := Move(ctx, tx, KindApprove, steps, a.Context); err != nil {
		return err
	}
	return SetStatus(ctx, tx, keys, StatusApproved)
}

// refuses says why a line may not be approved, and what to do; "" if it may.
func (a approval) refuses(l *Line) (reason, hint string) {
	switch l.Status {
	case statusAccrued:
	case statusOnHold:
		return "it is on hold: " + l.Reason, "`partnersync explain " + l.Key + "` says what it waits for; a hold of a person's ends with `partnersync ledger release`."
	case string(commission.Zero):
		return "it came to nothing: " + l.Reason, "There is nothing to approve."
	case StatusVoid:
		return "nothing is due under it any more", "There is nothing to approve."
	case StatusApproved:
		return "it is approved already", "`partnersync ledger export` puts it on a bill."
	default:
		return "it is " + l.Status + " already", "`partnersync ledger bills` shows on which bill it is."
	}
	if days := a.holding[l.Plan]; days > 0 {
		if from := l.Period.Last().AddDays(days + 1); a.AsOf.Before(from) {
			return fmt.Sprintf("its %d holding days after %s are not over", days, l.Period), fmt.Sprintf("It may be approved from %s on (R6.7).", from)
		}
	}
	if base := a.open[l.ofSource()]; base != "" && base != l.Key {
		return "what it adjusts is not approved any more: " + base, "Approve that one with it, or let the next accrue give it the difference back."
	}
	for _, hand := range a.hands[l.SourceID] {
		if ledger.IsSameActor(hand, a.Actor) {
			return a.Actor + " entered, decided or confirmed what lies underneath it", "Somebody else has to approve it (R8.5)."
		}
	}
	if len(a.standing[l.Key].Minor[AccountAccrued]) == 0 {
		return "nothing is accrued on it", "What stands on it was paid before, or came to nothing."
	}
	return "", ""
}

// readHolding gives the holding days of the plan versions that have any, by version.
func readHolding(ctx context.Context, q sqlx.QueryerContext) (map[string]int, error) {
	plans, err := Plans(ctx, q, DefaultPlan)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, p := range plans {
		if p.Payout.HoldingDays > 0 {
			out[p.String()] = p.Payout.HoldingDays
		}
	}
	return out, nil
}

// Unapprove takes the approval of lines back, for a reason: what stands in `payable`
// moves back to `accrued`, and the lines' sources are due, because differences that
// went elsewhere while they were approved may be theirs again (R8.5). Refused is a line
// that is not approved, is on a bill, or that an approved line adjusts: the later one
// has to be taken back first.
func Unapprove(ctx context.Context, tx *sqlx.Tx, keys []string, reason string, c Context) (out Outcome, err error) {
	defer errs.Wrap(&err, "take approvals back")
	if strings.TrimSpace(reason) == "" {
		return Outcome{}, errs.New(errs.Invalid, "an approval is taken back for a reason").WithHint("Give it with --reason.")
	}
	if err := begin(ctx, tx, c); err != nil {
		return Outcome{}, err
	}
	err = Selection{Keys: keys}.each(ctx, tx, nil, &out, func(lines []*Line) error {
		standing, err := Standing(ctx, tx, lines)
		if err != nil {
			return err
		}
		sources, err := linesOfSources(ctx, tx, sourcesOf(lines))
		if err != nil {
			return err
		}
		var steps []Step
		var back []*Line
		for _, l := range lines {
			if reason, hint := l.keepsApproval(sources[l.SourceID], keys); reason != "" {
				out.refuse(l.Key, hint, reason)
				continue
			}
			stands := standing[l.Key]
			steps, back = append(steps, stands.steps(l, AccountPayable, true)...), append(back, l)
			out.Done = append(out.Done, Taken{Key: l.Key, PayeeID: l.PayeeID, Status: statusAccrued, Amounts: stands.amounts(AccountPayable)})
		}
		return unapprove(ctx, tx, back, steps, reason, c)
	})
	return out, err
}

func unapprove(ctx context.Context, tx *sqlx.Tx, lines []*Line, steps []Step, reason string, c Context) error {
	if err := Move(ctx, tx, KindApprove, steps, c); err != nil {
		return err
	}
	if err := SetStatus(ctx, tx, keysOf(lines), statusAccrued); err != nil {
		return err
	}
	for _, l := range lines {
		if _, err := tx.ExecContext(ctx, `
			insert into ledger.unapproval (line_key, reason, unapproved_by, unapproved_at) values ($1, $2, $3, $4)`,
			l.Key, strings.TrimSpace(reason), c.Actor, c.Now); err != nil {
			return err
		}
	}
	return MarkDue(ctx, tx, sourcesOf(lines), c.Now)
}

// keepsApproval says why a line's approval stays, of a source with its lines; ""
// if it may be taken back together with the keys.
func (l *Line) keepsApproval(lines map[string]Line, keys []string) (reason, hint string) {
	if l.Status != StatusApproved {
		return "it is " + strings.ReplaceAll(l.Status, "_", " ") + ", not approved", "Only what is approved and not yet on a bill is taken back."
	}
	if l.Regime == RegimeOpening {
		return "it was brought in as owed and approved", "An opening balance is corrected by importing another one (R8.9)."
	}
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		o := lines[key]
		goesToo := o.Status == StatusApproved && slices.Contains(keys, key)
		if o.isSettled() && o.family() == l.family() && o.follows(l) && !goesToo {
			return "it was adjusted since by " + key + ", which is " + o.Status, "Take that one back first, or both at once."
		}
	}
	return "", ""
}

// follows says whether a line of the same family adjusts another.
func (l *Line) follows(o *Line) bool {
	_, nth, _ := Adjusts(l.Slice)
	_, other, _ := Adjusts(o.Slice)
	return nth > other
}
