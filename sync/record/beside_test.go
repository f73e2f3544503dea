package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

// TestALineReadWithItsRowSaysTheSame: as one that is read by its key, whatever its texts have
// in them, and whatever else the outbox has.
func TestALineReadWithItsRowSaysTheSame(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, statement := range []string{
		`insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor, status, reason, account_id, space_id, explanation, computed_at)
		select 'AA000' || n % 3 || '/space/s' || n || '/referral/2026-0' || 1 + n % 9, 'AA000' || n % 3, 'space', 's' || n, 'referral', '2026-0' || 1 + n % 9,
			case when n % 4 = 0 then 'JPY' else 'USD' end, n * 1000.50, 0.075, n * 37 - 5, 'accrued', case when n % 5 = 0 then E'it has \x1f in it' else '' end,
			case when n % 2 = 0 then '001000000000000AAA' else '' end, '', json_build_object('sentence', 'It is “' || n || '”.', 'facts', '[]'::json, 'arithmetic', json_build_array('1', n)),
			timestamptz '2026-02-03 04:05:06.789+02' + n * interval '1 second'
		from generate_series(1, 40) n`,
		`update ledger.line set explanation = '{"sentence": 5}' where key like '%/s7/%'`,
		`insert into outbox.record (object, key, parent, marked_at) select 'commission', key, payee_id, now() from ledger.line`,
		`insert into outbox.record (object, key, parent, marked_at) values
			('commission', 'AA0001/space/gone/referral/2026-01', 'AA0001', now()), ('commission', 'AA0002/space/s3/USD', 'AA0002', now())`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	to := mapping.Destination{Target: mapping.CommissionTarget, Object: "Partner_Commission__c", Key: "Commission_Key__c"}
	for _, name := range []string{"partner_id", "account_id", "regime", "slice", "period", "base", "rate", "amount", "currency", "status", "reason", "explanation", "computed_at"} {
		to.Fields = append(to.Fields, mapping.DestinationField{Name: name, Path: name + "__c"})
	}
	form := record.NewForm(to)
	withRows, byKey := record.NewReader(record.Shape{}, form), record.NewReader(record.Shape{}, form)
	rows, err := withRows.Next(t.Context(), db, outbox.Range{Object: outbox.Commission, Limit: 100}, time.Now())
	if err != nil || len(rows) != 42 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	if err := byKey.Read(t.Context(), db, keys); err != nil {
		t.Fatal(err)
	}
	known := 0
	for i, key := range keys {
		if i > 0 && (rows[i-1].Parent > rows[i].Parent || rows[i-1].Parent == rows[i].Parent && rows[i-1].Key >= key) {
			t.Errorf("%s comes before %s", rows[i-1].Key, key)
		}
		a, standing := filled(t, withRows, form, key)
		b, want := filled(t, byKey, form, key)
		if a != b || standing != want {
			t.Errorf("%s: %+v, %+v\n%s", key, standing, want, cmp.Diff(b, a))
		}
		if standing.IsKnown {
			known++
		}
	}
	if known != 41 {
		t.Errorf("%d are known", known)
	}
}

// filled is what a reader says of a key, as JSON.
func filled(t *testing.T, r *record.Reader, f *record.Form, key string) (string, record.Standing) {
	t.Helper()
	s := f.NewSheet()
	standing, err := r.Fill(key, s)
	if err != nil {
		t.Fatal(err)
	}
	if !standing.IsKnown || standing.Fault != "" {
		return "", standing
	}
	raw, err := s.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), standing
}
