package statement

import (
	"context"
	"iter"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Of gives one statement with its lines. partner is a partner's key, one of its Partner
// IDs, or the payee id of who is no partner; the statement is then of all the partner's
// IDs. Where the partner never had an entry in the currency up to the period, there is
// none, which is errs.NotFound. Whoever wants one state of the whole book calls it in
// pg.InSnapshot.
func Of(ctx context.Context, q sqlx.QueryerContext, partner string, c money.Currency, period clock.Month) (_ Statement, err error) {
	defer errs.Wrap(&err, "statement of %s in %s for %s", partner, c, period)
	all, err := read(ctx, q, partner, c, period)
	if err != nil {
		return Statement{}, err
	}
	return all[0], nil
}

// OfPartner gives a partner's statements with their lines, one for each currency in
// which it ever had an entry, in the order of currencies. Otherwise as Of.
func OfPartner(ctx context.Context, q sqlx.QueryerContext, partner string, period clock.Month) (_ []Statement, err error) {
	defer errs.Wrap(&err, "statements of %s for %s", partner, period)
	return read(ctx, q, partner, "", period)
}

func read(ctx context.Context, q sqlx.QueryerContext, partner string, c money.Currency, period clock.Month) ([]Statement, error) {
	h, err := readHolders(ctx, q, []clock.Month{period, previous(period)}, nil)
	if err != nil {
		return nil, err
	}
	holder := h.find(period, partner)
	ids, err := h.everHeld(ctx, q, []Holder{holder})
	if err != nil {
		return nil, err
	}
	f, err := readFigures(ctx, q, period, ids)
	if err != nil {
		return nil, err
	}
	var out []Statement
	for _, p := range f.places(h, period) {
		if p.holder != holder || c != "" && p.currency != c {
			continue
		}
		s, err := f.state(h, p, period)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, h.unknown(holder, c, period)
	}
	return out, withLines(ctx, q, out, c)
}

// unknown says why there is no statement.
func (h *holders) unknown(holder Holder, c money.Currency, period clock.Month) error {
	in := ""
	if c != "" {
		in = " in " + string(c)
	}
	err := errs.New(errs.NotFound, "nothing%s was posted for %s up to %s, so there is no statement", in, holder, period)
	switch id := h.primary[holder.Partner]; {
	case holder.Partner != "" && h.name[holder.Partner] == "":
		return errs.New(errs.NotFound, "there is no partner %s", holder).
			WithHint("Name a partner by its key or by one of its Partner IDs, such as FG3877.")
	case id != "" && h.today(id) != holder:
		return err.WithHint("It merged; its Partner IDs are paid to %s now.", h.today(id))
	}
	return err.WithHint("`partnersync ledger statement --all %s` shows who has one.", period)
}

// withLines reads the lines of statements of one holder.
func withLines(ctx context.Context, q sqlx.QueryerContext, all []Statement, c money.Currency) error {
	of := make(map[money.Currency]*Statement, len(all))
	for i := range all {
		of[all[i].Currency] = &all[i]
	}
	ids := all[0].IDs
	for r, err := range readLines(ctx, q, all[0].Period, c, ids, make([]int, len(ids))) {
		if err != nil {
			return err
		}
		s := of[r.Currency]
		s.Lines = append(s.Lines, r.line())
	}
	return nil
}

// List gives the statements of a period that are not blank, of every holder and
// currency, in the order of their keys and without their lines: every entry up to the
// period is read once.
func List(ctx context.Context, q sqlx.QueryerContext, period clock.Month) (_ []Statement, err error) {
	defer errs.Wrap(&err, "list the statements of %s", period)
	h, err := readHolders(ctx, q, []clock.Month{period, previous(period)}, nil)
	if err != nil {
		return nil, err
	}
	f, err := readFigures(ctx, q, period, nil)
	if err != nil {
		return nil, err
	}
	out := []Statement{}
	for _, p := range f.places(h, period) {
		s, err := f.state(h, p, period)
		if err != nil {
			return nil, err
		}
		if !s.IsBlank() {
			out = append(out, s)
		}
	}
	return out, nil
}

// All gives what List gives, one after the other and each with its lines, which are
// streamed: one statement is in memory at a time. q must be a transaction that sees one
// state (pg.InSnapshot), and nothing else may be asked of it meanwhile.
func All(ctx context.Context, q sqlx.QueryerContext, period clock.Month) iter.Seq2[*Statement, error] {
	return func(yield func(*Statement, error) bool) {
		heads, err := List(ctx, q, period)
		if err != nil {
			yield(nil, err)
			return
		}
		payees, places := payeesOf(heads)
		next, stop := iter.Pull2(readLines(ctx, q, period, "", payees, places))
		defer stop()
		row, rowErr, more := next()
		place := 0
		for i := range heads {
			s := &heads[i]
			if i > 0 && !isSameHolder(&heads[i-1], s) {
				place++
			}
			for more && rowErr == nil && row.Place == place && row.Currency == s.Currency {
				s.Lines = append(s.Lines, row.line())
				row, rowErr, more = next()
			}
			if more && rowErr != nil {
				yield(nil, rowErr)
				return
			}
			if !yield(s, nil) {
				return
			}
			s.Lines = nil
		}
		if more {
			yield(nil, errs.New(errs.Unknown, "line %s belongs to no statement of %s", row.Key, period))
		}
	}
}

// payeesOf gives the payee ids of statements, and with each the place of its holder
// in their order.
func payeesOf(heads []Statement) (payees []string, places []int) {
	place := 0
	for i := range heads {
		s := &heads[i]
		if i > 0 {
			if isSameHolder(&heads[i-1], s) {
				continue
			}
			place++
		}
		for _, id := range s.IDs {
			payees, places = append(payees, id), append(places, place)
		}
	}
	return payees, places
}

func isSameHolder(a, b *Statement) bool {
	return a.Partner == b.Partner && a.PrimaryID == b.PrimaryID
}

// HolderName is how a person is told whose the statement is: the partner's name, or
// the id that stands for itself.
func (s *Statement) HolderName() string {
	if s.Name != "" {
		return s.Name
	}
	if s.Partner != "" {
		return s.Partner
	}
	return strings.Join(s.IDs, ", ")
}
