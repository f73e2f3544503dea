package accrue_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/stage"
)

// manyDeals gives a company with more opportunities than fit into two batches, all
// of them due.
func manyDeals(t *testing.T) *company {
	t.Helper()
	c := newCompany(t)
	c.space("a0S00000000000AAAA", "FG3877")
	for _, statement := range []string{
		`insert into ledger.opportunity (id, name, space_id, amount, currency, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		select '006' || lpad(i::text, 12, '0') || 'AAA', 'Deal ' || i, 'a0S00000000000AAAA', 100 + i, 'USD', '2026-05-05', true, true,
			'2026-04-01', false, '2026-05-05'
		from generate_series(1, 2468) as i`,
		`insert into ledger.due_source (source_id, marked_at) select id, '2026-05-06' from ledger.opportunity`,
	} {
		if _, err := c.db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *company) chain() []string {
	c.t.Helper()
	var out []string
	if err := c.db.Select(&out, `
		select concat_ws(' ', seq, line_key, nth, amount_minor, encode(hash, 'hex')) from ledger.entry order by payee_id, seq`); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// TestR8_3_BatchesComeIntoTheChainInTheSameOrderEveryTime: batches overlap, and
// write one after the other.
func TestR8_3_BatchesComeIntoTheChainInTheSameOrderEveryTime(t *testing.T) {
	t.Parallel()
	one, other := manyDeals(t), manyDeals(t)
	one.accrue()
	other.accrue()
	chain := one.chain()
	if len(chain) != 2468 || !strings.HasPrefix(chain[2467], "2468 FG3877/space/006000000002468AAA/") {
		t.Fatalf("%d entries; the last is %v", len(chain), chain[max(0, len(chain)-1):])
	}
	if d := cmp.Diff(chain, other.chain()); d != "" {
		t.Error(d)
	}
}

// TestASourceThatIsMarkedBehindThePassIsTakenInIt also when its batch is long over.
func TestASourceThatIsMarkedBehindThePassIsTakenInIt(t *testing.T) {
	t.Parallel()
	c := manyDeals(t)
	if _, err := c.db.Exec(`
		create function late() returns trigger language plpgsql as $$
		begin
			update ledger.opportunity set amount = 5000 where id = '006000000000001AAA';
			insert into ledger.due_source values ('006000000000001AAA', now());
			return null;
		end $$;
		create trigger late after delete on ledger.due_source for each row when (old.source_id = '006000000001400AAA') execute function late()`); err != nil {
		t.Fatal(err)
	}
	r, err := c.stage.Run(context.Background(), stage.Options{Actor: "test"})
	if err != nil || r.Get(accrue.CountSources) != 2469 || r.Get(accrue.CountEntries) != 2469 {
		t.Fatalf("%+v %v", r.Counts, err)
	}
	if !strings.Contains(strings.Join(c.chain(), "\n"), " FG3877/space/006000000000001AAA/referral/2026-05 2 ") {
		t.Error("the source that was marked behind the pass has no second entry")
	}
}

// TestABatchThatFailsLeavesThoseBeforeIt and those behind it are as if there had
// been no pass.
func TestABatchThatFailsLeavesThoseBeforeIt(t *testing.T) {
	t.Parallel()
	c := manyDeals(t)
	if _, err := c.db.Exec(`alter table ledger.line add constraint broken check (source_id <> '006000000001400AAA')`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.stage.Run(context.Background(), stage.Options{Actor: "test"}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Fatalf("got %v", err)
	}
	if n := len(c.chain()); n != 1000 {
		t.Errorf("%d entries are there", n)
	}
	if _, err := c.db.Exec(`alter table ledger.line drop constraint broken`); err != nil {
		t.Fatal(err)
	}
	c.accrue()
	fresh := manyDeals(t)
	fresh.accrue()
	if d := cmp.Diff(fresh.chain(), c.chain()); d != "" {
		t.Error(d)
	}
}
