package query

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
	orgpackage "github.com/partnersync/partnersync/salesforce/package"
)

// testStore gives a store of the default schema with its first records.
func testStore(t *testing.T, now time.Time) *store.Store {
	t.Helper()
	src, err := metadata.Declared(orgpackage.Source)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := schema.Build(src, schema.Options{Currencies: []string{"USD"}, SandboxField: schema.SandboxFlag})
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(sc, clock.NewManual(now))
	s.Seed("integration@acme.example", "USD")
	return s
}

// Whatever index a query walks, it gives what a look at every record would give,
// also while records are being changed, deleted and purged.
func TestIndexesAgreeWithLookingAtEverything(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	org := testStore(t, start)
	var ids []string
	instant := func() time.Time { return start.Add(time.Duration(rnd.IntN(20)) * time.Second) }
	literal := func() string { return instant().Format("2006-01-02T15:04:05Z") }
	condition := func() string {
		id := ids[rnd.IntN(len(ids))]
		ops := []string{"=", "<", "<=", ">", ">=", "!="}
		op := func() string { return ops[rnd.IntN(len(ops))] }
		x := literal()
		switch rnd.IntN(7) {
		case 0:
			return fmt.Sprintf("SystemModstamp %s %s", op(), x)
		case 1:
			return fmt.Sprintf("SystemModstamp < %s AND ((SystemModstamp = %s AND Id > '%s') OR SystemModstamp > %s)", literal(), x, id, x)
		case 2:
			return fmt.Sprintf("Id %s '%s'", op(), id)
		case 3:
			return fmt.Sprintf("Id IN ('%s', '%s') AND SystemModstamp > %s", id, ids[0], x)
		case 4:
			return fmt.Sprintf("NOT (SystemModstamp %s %s OR Id %s '%s')", op(), x, op(), id)
		case 5:
			return fmt.Sprintf("(SystemModstamp >= %s AND SystemModstamp <= %s) OR Id = '%s'", x, literal(), id)
		}
		return fmt.Sprintf("(Id > '%s' AND Id <= '%s') OR (SystemModstamp = %s AND Id < '%s')", id, ids[rnd.IntN(len(ids))], x, id)
	}
	orders := []string{"", "ORDER BY SystemModstamp, Id", "ORDER BY Id", "ORDER BY Id DESC", "ORDER BY SystemModstamp DESC, Id DESC", "ORDER BY SystemModstamp", "ORDER BY Name DESC"}
	tails := []string{"", "LIMIT 5", "LIMIT 3 OFFSET 2"}
	for step := range 2000 {
		switch n := rnd.IntN(10); {
		case n < 5 || len(ids) < 3:
			id, err := org.Insert("Account", map[string]any{"Name": fmt.Sprint(rnd.IntN(9)), "SystemModstamp": instant()})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		case n < 8:
			if err := org.Update("Account", ids[rnd.IntN(len(ids))], map[string]any{"Name": "x"}, instant()); err != nil && !strings.Contains(err.Error(), "no ") && !strings.Contains(err.Error(), "ENTITY_IS_DELETED") {
				t.Fatal(err)
			}
		case n < 9:
			_ = org.Delete("Account", ids[rnd.IntN(len(ids))])
		default:
			_ = org.Purge("Account", ids[rnd.IntN(len(ids))])
		}
		text := strings.TrimSpace("SELECT Id FROM Account WHERE " + condition() + " " + orders[rnd.IntN(len(orders))])
		tail := tails[rnd.IntN(len(tails))]
		p, err := New(org, text+" "+tail, rnd.IntN(2) == 0)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, want := func() ([]*store.Record, []*store.Record) {
			org.RLockTidy(p.Table)
			defer org.RUnlock()
			return p.Run(), everything(p)
		}()
		if len(p.order) == 0 && tail != "" {
			if len(got) > len(want) {
				t.Fatalf("step %d: %s %s: more records than fit", step, text, tail)
			}
			continue
		}
		if len(p.order) == 0 {
			byID := func(a, b *store.Record) int { return strings.Compare(a.ID, b.ID) }
			slices.SortFunc(got, byID)
			slices.SortFunc(want, byID)
		}
		if !slices.Equal(got, want) && !sameKeys(p, got, want) {
			t.Fatalf("step %d: %s %s: got %d records, want %d", step, text, tail, len(got), len(want))
		}
	}
}

// everything answers a plan by looking at every record.
func everything(p *Plan) []*store.Record {
	var out []*store.Record
	for _, r := range p.Table.ByID {
		if p.fits(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *store.Record) int { return strings.Compare(a.ID, b.ID) })
	if len(p.order) == 0 {
		return out
	}
	p.sort(out)
	out = out[min(p.offset, len(out)):]
	if p.limit >= 0 && len(out) > p.limit {
		out = out[:p.limit]
	}
	return out
}

// sameKeys says whether two results are the same but for the order of records
// that ORDER BY leaves open.
func sameKeys(p *Plan, a, b []*store.Record) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		for _, o := range p.order {
			if o.col.get(a[i]) != o.col.get(b[i]) {
				return false
			}
		}
	}
	return true
}

// A value that has an index finds what a look at every record finds: LIKE without
// wildcards means the same as =, and has no index.
func TestKeysAgreeWithLookingAtEverything(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	org := testStore(t, start)
	emails := []string{"a@x.example", "A@x.example", "b@x.example", "c@x.example"}
	email := func() string { return emails[rnd.IntN(len(emails))] }
	var ids []string
	for step := range 600 {
		switch n := rnd.IntN(6); {
		case n < 3 || len(ids) == 0:
			id, err := org.Insert("Contact", map[string]any{"LastName": fmt.Sprint(step), "Email": email(), "SystemModstamp": start.Add(-time.Duration(rnd.IntN(50)) * time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		case n < 4:
			_ = org.Update("Contact", ids[rnd.IntN(len(ids))], map[string]any{"Email": email()}, start)
		case n < 5:
			_ = org.Delete("Contact", ids[rnd.IntN(len(ids))])
		default:
			_ = org.Undelete("Contact", ids[rnd.IntN(len(ids))])
		}
		x, y := email(), email()
		tail := []string{"", " ORDER BY SystemModstamp, Id LIMIT 3", " ORDER BY LastName DESC LIMIT 4 OFFSET 1", " ORDER BY Id DESC"}[rnd.IntN(4)]
		all := rnd.IntN(2) == 0
		got := run(t, org, fmt.Sprintf("SELECT Id FROM Contact WHERE Email IN ('%s', '%s') AND LastName != '7'%s", x, y, tail), all)
		want := run(t, org, fmt.Sprintf("SELECT Id FROM Contact WHERE (Email LIKE '%s' OR Email LIKE '%s') AND LastName != '7'%s", x, y, tail), all)
		if !slices.Equal(got, want) {
			t.Fatalf("step %d: %s, %s%s: got %d records, want %d", step, x, y, tail, len(got), len(want))
		}
	}
}

func run(t *testing.T, org *store.Store, text string, all bool) []*store.Record {
	t.Helper()
	p, err := New(org, text, all)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	p.RLock()
	defer p.RUnlock()
	return p.Run()
}

func TestNumberText(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0.0", "0.00": "0.0", "5": "5.0", "-5": "-5.0", "1200": "1200.0", "1200.50": "1200.5", "0.1": "0.1", "0.001": "0.001",
		"0.0001": "1.0E-4", "0.000125": "1.25E-4", "1234567": "1234567.0", "9999999.99": "9999999.99", "10000000": "1.0E7",
		"12345678": "1.2345678E7", "-12345678.905": "-1.2345678905E7", "1e3": "1000.0", "123456789012345.678": "1.23456789012345678E14",
	} {
		d, ok := schema.ParseNumber(in)
		if !ok {
			t.Errorf("%s cannot be read", in)
			continue
		}
		if got := schema.NumberText(d, schema.TypeCurrency); got != want {
			t.Errorf("%s prints as %s, want %s", in, got, want)
		}
		if back, ok := schema.ParseNumber(schema.NumberText(d, schema.TypeCurrency)); !ok || !back.Equal(d) {
			t.Errorf("%s does not come back: %s", in, back)
		}
	}
	if d, _ := schema.ParseNumber("42"); schema.NumberText(d, schema.TypeInt) != "42" {
		t.Error("an int prints with a point")
	}
}
