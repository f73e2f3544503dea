package statement

import (
	"context"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
)

// Touched are statements that may say something else than when they were last taken.
type Touched struct {
	// Statements are keys, in order, with their holders.
	Statements []TouchedStatement
	// Lines are those that belong to another statement than before, because their payee
	// id has another holder: the keys of its lines of months that were open when they
	// were last taken.
	Lines []TouchedLine
}

// TouchedLine is a line's key and its payee.
type TouchedLine struct {
	Key     string `db:"key"`
	PayeeID string `db:"payee_id"`
}

// TouchedStatement is the key of a statement, and its holder's name in keys.
type TouchedStatement struct{ Key, Holder string }

// TakeTouched takes the statements that were touched since it was last called; they are
// taken when the transaction commits. A statement is touched by an entry of its month or
// an earlier one, by the closing of its month, by a merge of partners, and by the
// beginning of its month, if a balance is carried into it. through is the running month
// in the company zone. What was posted is found by comparing each payee's chain with
// how far it was taken, so the first call gives every statement that there is, and a
// call after which nothing happened reads a row for each payee and writes nothing.
func TakeTouched(ctx context.Context, tx *sqlx.Tx, through clock.Month) (_ Touched, err error) {
	defer errs.Wrap(&err, "take the statements that were touched")
	t := taking{tx: tx, through: through, keys: map[string]string{}}
	if err := t.lock(ctx); err != nil {
		return Touched{}, err
	}
	if err := t.read(ctx); err != nil {
		return Touched{}, err
	}
	if err := t.collect(ctx); err != nil {
		return Touched{}, err
	}
	if err := t.save(ctx); err != nil {
		return Touched{}, err
	}
	var out Touched
	if len(t.payees) > 0 {
		// A line's key begins with its payee.
		if err := tx.SelectContext(ctx, &out.Lines, `
			select l.key, l.payee_id from unnest($1::text[]) as p (payee_id)
			join ledger.line l on l.key > p.payee_id || '/' and l.key < p.payee_id || '0'
			where l.period > $2 order by l.key`, pq.Array(t.payees), t.given.Closed); err != nil {
			return Touched{}, err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(t.keys)) {
		out.Statements = append(out.Statements, TouchedStatement{k, t.keys[k]})
	}
	return out, nil
}

// taking is one call of TakeTouched.
type taking struct {
	tx      *sqlx.Tx
	through clock.Month
	given   struct {
		Closed  string `db:"closed"`
		Through string `db:"through"`
	}
	holders *holders
	chains  []chain
	keys    map[string]string // the holder of each statement that was touched
	payees  []string          // whose holder is another
	spans   []span
}

// chain is a payee's chain, and as far as its statements were taken.
type chain struct {
	Payee   string `db:"payee_id"`
	Seq     int64  `db:"seq"`
	Taken   int64  `db:"taken"`
	Partner string `db:"partner_key"` // whose it was when it was last taken
}

// span is the periods over which an account has entries or a balance, and the first of
// them in which it has entries that were not taken yet.
type span struct {
	Payee    string         `db:"payee_id"`
	Currency money.Currency `db:"currency"`
	First    clock.Month    `db:"first"`
	Last     clock.Month    `db:"last"`
	New      clock.Month    `db:"new"`   // none if all were taken
	Minor    int64          `db:"minor"` // of the account that holds most, without its sign
}

// lock lets one at a time take: two would take the same, which does no harm, and then
// wait for each other's rows in any order, which does.
func (t *taking) lock(ctx context.Context) error {
	if _, err := t.tx.ExecContext(ctx, `
		insert into ledger.statement_given (closed, through) values ('', '') on conflict (only_row) do nothing`); err != nil {
		return err
	}
	return t.tx.GetContext(ctx, &t.given, `select closed, through from ledger.statement_given for update`)
}

func (t *taking) read(ctx context.Context) error {
	if err := t.tx.SelectContext(ctx, &t.chains, `
		select c.payee_id, c.seq, coalesce(m.seq, 0) as taken, coalesce(m.partner_key, '') as partner_key
		from ledger.chain c left join ledger.statement_mark m on m.payee_id = c.payee_id
		where c.seq > 0 order by c.payee_id`); err != nil {
		return err
	}
	// Months that were taken as closed change no more; the last of them says whose
	// balances went into the first open one.
	var periods []clock.Month
	if err := t.tx.SelectContext(ctx, &periods, `select period from ledger.period_close where period >= $1`, t.given.Closed); err != nil {
		return err
	}
	var err error
	t.holders, err = readHolders(ctx, t.tx, append(periods, t.through), nil)
	return err
}

// collect finds the touched statements.
func (t *taking) collect(ctx context.Context) error {
	var payees []string
	var taken []int64
	closed := t.holders.closed()
	isAll := closed.String() != t.given.Closed || t.through.String() > t.given.Through
	moved := map[string]Holder{}
	for _, c := range t.chains {
		was := standing(c.Partner, c.Payee)
		isMoved := c.Taken > 0 && t.holders.today(c.Payee) != was
		if isMoved {
			moved[c.Payee] = was
			t.payees = append(t.payees, c.Payee)
		}
		if isAll || isMoved || c.Seq > c.Taken {
			payees, taken = append(payees, c.Payee), append(taken, c.Taken)
		}
	}
	if len(payees) == 0 {
		return nil
	}
	if err := t.tx.SelectContext(ctx, &t.spans, `
		select e.payee_id, e.currency, min(e.period) as first, max(e.period) as last,
			coalesce(min(e.period) filter (where e.seq > c.taken), '') as new, coalesce(max(b.minor), 0) as minor
		from unnest($1::text[], $2::bigint[]) as c (payee_id, taken)
		join ledger.entry e on e.payee_id = c.payee_id
		left join (
			select payee_id, currency, max(abs(minor)) as minor from ledger.balance
			where account = any($3) group by payee_id, currency) as b on b.payee_id = e.payee_id and b.currency = e.currency
		group by e.payee_id, e.currency`, pq.Array(payees), pq.Array(taken), pq.Array(book.Owed())); err != nil {
		return err
	}
	for _, s := range t.spans {
		t.touch(s, moved, closed)
	}
	return nil
}

// touch touches the statements of an account that may say something else than before:
// from some month on for what is carried on, and those of months that were closed.
func (t *taking) touch(s span, moved map[string]Holder, closed clock.Month) {
	last := t.through
	if last.Before(s.Last) {
		last = s.Last
	}
	from := last.Next() // the first month that is touched; this one is none
	begin := func(m clock.Month) {
		if m.Before(from) {
			from = m
		}
	}
	if !s.New.IsZero() {
		begin(s.New)
	}
	was, isMoved := moved[s.Payee]
	if isMoved {
		begin(closed.Next())
	}
	if given, err := clock.ParseMonth(t.given.Through); err == nil && s.Minor != 0 {
		begin(given.Next())
	}
	closedFrom := s.First
	if given, err := clock.ParseMonth(t.given.Closed); err == nil && closedFrom.Before(given.Next()) {
		closedFrom = given.Next()
	}
	for m := s.First; !last.Before(m); m = m.Next() {
		isClosing := !closed.IsZero() && !m.Before(closedFrom) && !closed.Before(m)
		if m.Before(from) && !isClosing {
			continue
		}
		t.add(t.holders.at(m, s.Payee), m, s.Currency)
		if s.First.Before(m) { // what goes away by a merge is stated once where it was
			t.add(t.holders.at(previous(m), s.Payee), m, s.Currency)
		}
		if isMoved { // of a month that closed since, too: it was given out as open
			t.add(was, m, s.Currency)
		}
	}
}

func (t *taking) add(h Holder, m clock.Month, c money.Currency) { t.keys[Key(h, m, c)] = h.String() }

// save keeps how far was taken.
func (t *taking) save(ctx context.Context) error {
	var payees, partners []string
	var seqs []int64
	for _, c := range t.chains {
		if now := t.holders.today(c.Payee).Partner; c.Seq != c.Taken || now != c.Partner {
			payees, partners, seqs = append(payees, c.Payee), append(partners, now), append(seqs, c.Seq)
		}
	}
	if len(payees) > 0 {
		if _, err := t.tx.ExecContext(ctx, `
			insert into ledger.statement_mark as m (payee_id, seq, partner_key)
			select * from unnest($1::text[], $2::bigint[], $3::text[])
			on conflict (payee_id) do update set seq = excluded.seq, partner_key = excluded.partner_key`,
			pq.Array(payees), pq.Array(seqs), pq.Array(partners)); err != nil {
			return err
		}
	}
	closed, through := t.holders.closed().String(), max(t.through.String(), t.given.Through)
	if closed == t.given.Closed && through == t.given.Through {
		return nil
	}
	_, err := t.tx.ExecContext(ctx, `update ledger.statement_given set closed = $1, through = $2`, closed, through)
	return err
}
