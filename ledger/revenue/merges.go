package revenue

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// merges is what is known of the merges of some Accounts and their kin: of each
// Account that lost one, the survivor and the instant (R9.2). Accounts that were
// never merged are not in it.
type merges struct {
	lost map[string]merge
	// won lists the Accounts that an Account survived.
	won map[string][]string
}

type merge struct {
	survivor string
	at       time.Time
}

func readMerges(ctx context.Context, q sqlx.QueryerContext, accounts []string) (_ merges, err error) {
	defer errs.Wrap(&err, "read merges of customers")
	var rows []struct {
		Account  string    `db:"account_id"`
		Survivor string    `db:"master_account_id"`
		At       time.Time `db:"merged_at"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select c.account_id, c.master_account_id, c.merged_at
		from (select ledger.kin($1) as id) as k join ledger.customer c on c.account_id = k.id
		where c.master_account_id <> '' order by c.account_id`, pq.Array(accounts)); err != nil {
		return merges{}, err
	}
	m := merges{lost: map[string]merge{}, won: map[string][]string{}}
	for _, r := range rows {
		m.lost[r.Account] = merge{survivor: r.Survivor, at: r.At}
		m.won[r.Survivor] = append(m.won[r.Survivor], r.Account)
	}
	return m, nil
}

// lineage gives an Account and, one after the other, its survivors. It ends also
// if the merges went in a circle, which Salesforce cannot make.
func (m merges) lineage(account string) []string {
	out := []string{account}
	for {
		next, merged := m.lost[out[len(out)-1]]
		if !merged || slices.Contains(out, next.survivor) {
			return out
		}
		out = append(out, next.survivor)
	}
}

// kin gives all Accounts that are one customer with an Account, itself included.
func (m merges) kin(account string) []string {
	line := m.lineage(account)
	out := []string{line[len(line)-1]}
	for i := 0; i < len(out); i++ {
		for _, loser := range m.won[out[i]] {
			if !slices.Contains(out, loser) {
				out = append(out, loser)
			}
		}
	}
	return out
}

// accounts gives some Accounts with all their kin.
func (m merges) accounts(some []string) []string {
	out := slices.Clone(some)
	for loser, lost := range m.lost {
		out = append(out, loser, lost.survivor)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// met gives the instant at which two Accounts became one customer: the latest of
// the merges that lead both to the first survivor that they share. It is the zero
// Time for an Account and itself.
func (m merges) met(a, b string) time.Time {
	lineA, lineB := m.lineage(a), m.lineage(b)
	var at time.Time
	until := func(line []string, shared string) {
		for _, account := range line {
			if account == shared {
				return
			}
			if lost := m.lost[account]; lost.at.After(at) {
				at = lost.at
			}
		}
	}
	for _, shared := range lineA {
		if slices.Contains(lineB, shared) {
			until(lineA, shared)
			until(lineB, shared)
			return at
		}
	}
	return at
}
