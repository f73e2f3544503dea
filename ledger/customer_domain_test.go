package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
)

// websites gives versions of an Account in the order of time, one a day.
func websites(domains []string) []ledger.Customer {
	cs := make([]ledger.Customer, len(domains))
	for i, d := range domains {
		cs[i] = ledger.Customer{AccountID: "C1", Domain: d, Modstamp: time.Date(2026, 1, 1+i, 12, 0, 0, 0, time.UTC)}
	}
	return cs
}

// wantDomains compares the table with what was seen: at every version's instant, the
// last row by then has its domain; blanks before anything was stated aside.
func wantDomains(t *rapid.T, db *sqlx.DB, seen []ledger.Customer) {
	t.Helper()
	for _, c := range seen {
		var got string
		if err := db.Get(&got, `select coalesce((
			select domain from ledger.customer_domain where account_id = 'C1' and at <= $1 order by at desc limit 1), '')`, c.Modstamp); err != nil {
			t.Fatal(err)
		}
		if got != c.Domain {
			t.Fatalf("on %s it is %q, was seen as %q", c.Modstamp.Format(time.DateOnly), got, c.Domain)
		}
	}
}

func keepWebsites(t *rapid.T, db *sqlx.DB, cs []ledger.Customer) {
	t.Helper()
	for _, c := range cs {
		if err := pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := ledger.SaveCustomers(ctx, tx, []ledger.Customer{c})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func cleanCustomers(t *rapid.T, db *sqlx.DB) {
	t.Helper()
	if _, err := db.Exec(`truncate ledger.customer, ledger.customer_domain`); err != nil {
		t.Fatal(err)
	}
}

// TestR1_4_DomainsAreDatedAsTheyWereSeen: whatever the versions, told in order and
// told again, each day has the domain that was seen then.
func TestR1_4_DomainsAreDatedAsTheyWereSeen(t *testing.T) {
	db := pgtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		cleanCustomers(rt, db)
		cs := websites(rapid.SliceOfN(rapid.SampledFrom([]string{"", "a.example", "b.example"}), 1, 8).Draw(rt, "domains"))
		keepWebsites(rt, db, cs)
		keepWebsites(rt, db, cs)
		wantDomains(rt, db, cs)
	})
}

// TestR7_7_DomainsInWhateverOrder: versions that come late find their place; no domain
// is in more than two, so that none leaves no row.
func TestR7_7_DomainsInWhateverOrder(t *testing.T) {
	db := pgtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		cleanCustomers(rt, db)
		domains := rapid.Permutation([]string{"", "", "a.example", "a.example", "b.example", "b.example"}).Draw(rt, "domains")
		cs := websites(domains[:rapid.IntRange(1, len(domains)).Draw(rt, "versions")])
		keepWebsites(rt, db, rapid.Permutation(cs).Draw(rt, "order"))
		wantDomains(rt, db, cs)
		var present, last string
		if err := db.Get(&present, `select domain from ledger.customer where account_id = 'C1'`); err != nil {
			rt.Fatal(err)
		}
		if err := db.Get(&last, `select coalesce((select domain from ledger.customer_domain order by at desc limit 1), '')`); err != nil || last != present {
			rt.Fatalf("the last row has %q, the customer %q (%v)", last, present, err)
		}
	})
}

// TestAnAccountThatIsOftenTouchedHasOneRow: what is touched every night and keeps its
// website does not grow.
func TestAnAccountThatIsOftenTouchedHasOneRow(t *testing.T) {
	db := pgtest.New(t)
	count := func(domain string, days ...int) string {
		t.Helper()
		for _, d := range days {
			if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
				_, err := ledger.SaveCustomers(ctx, tx, []ledger.Customer{{AccountID: "C1", Domain: domain, Modstamp: time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC)}})
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if err := db.Get(&n, `select count(*) from ledger.customer_domain`); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(n)
	}
	got := count("", 1, 2, 3) + count("a.example", 4, 5, 6, 7, 8) + count("b.example", 9, 10, 11)
	if got != "135" { // both ends of the blanks and of a, and the beginning of b
		t.Errorf("rows are %s, want 1, then 3, then 5", got)
	}
}
