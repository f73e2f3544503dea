package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
)

// commissionTo has all that a commission can be written to.
func commissionTo(length int) mapping.Destination {
	to := mapping.Destination{Target: mapping.CommissionTarget, Object: "Partner_Commission__c", Key: "Commission_Key__c"}
	for f := range strings.FieldsSeq(`partner:Partner__r.Partner_ID__c partner_id opportunity_id space_id account_id regime slice period base rate amount
		currency record_currency:CurrencyIsoCode status reason explanation statement:Statement__r.Statement_Key__c computed_at`) {
		name, path, named := strings.Cut(f, ":")
		if !named {
			path = strings.ToUpper(name[:1]) + name[1:] + "__c"
		}
		to.Fields = append(to.Fields, mapping.DestinationField{Name: name, Path: path, Length: length})
	}
	return to
}

// TestASheetSaysWhatARecordSays: lines are written from their texts to the same bytes, and
// so the same hash, as by the general way.
func TestASheetSaysWhatARecordSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		to := commissionTo(rapid.SampledFrom([]int{0, 12, 255}).Draw(t, "length"))
		word := rapid.SampledFrom([]string{"", "on_hold", "space", "program", "a_b_c", "zero", "_", "Straße"})
		text := rapid.SampledFrom([]string{"", "006000000000000AAA", "006000000000000", "0065g00000XyZAbAAN", "“Acme”, a \"b\"\r\nc", "\u2028<&>", "x\ty"})
		e := map[string]any{"facts": []any{map[string]any{"name": "a]},\"\\", "n": 1.5}, nil, true}}
		if rapid.Bool().Draw(t, "told") {
			e["sentence"] = text.Draw(t, "sentence")
			e["arithmetic"] = rapid.SliceOf(text).Draw(t, "arithmetic")
		}
		explanation, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		l := book.Line{
			Key: "AA0001/space/x/y/2026-10", PayeeID: rapid.SampledFrom([]string{"AA0001", "BB0001"}).Draw(t, "payee"), Regime: word.Draw(t, "regime"),
			SourceID: text.Draw(t, "source"), Slice: text.Draw(t, "slice"), Period: clock.NewDate(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 1).Month(),
			Currency: money.Currency(rapid.SampledFrom([]string{"USD", "JPY", "KWD"}).Draw(t, "currency")),
			Base:     decimal.New(rapid.Int64().Draw(t, "base"), -rapid.Int32Range(0, 6).Draw(t, "scale")),
			Rate:     decimal.New(rapid.Int64Range(-5000, 5000).Draw(t, "rate"), -rapid.Int32Range(0, 5).Draw(t, "rate scale")), AmountMinor: rapid.Int64().Draw(t, "minor"),
			Status: word.Draw(t, "status"), Reason: text.Draw(t, "reason"), AccountID: text.Draw(t, "account"), SpaceID: text.Draw(t, "space"),
			Explanation: explanation, ComputedAt: time.UnixMilli(rapid.Int64Range(0, 1e13).Draw(t, "computed")),
		}
		state := commissionState(l, l.PayeeID == "AA0001")
		link := rapid.SampledFrom([]string{"", "P/2026-10/USD"}).Draw(t, "link")
		if link != "" {
			state.Values["statement"] = link
		}
		form := NewForm(to)
		r := NewReader(Shape{}, form)
		if err := r.keep(&book.Plain{
			Key: l.Key, PayeeID: l.PayeeID, Regime: l.Regime, SourceID: l.SourceID, Slice: l.Slice, Period: l.Period.String(), Currency: string(l.Currency),
			Base: l.Base.StringFixed(max(0, -l.Base.Exponent())), Rate: l.Rate.StringFixed(7), AmountMinor: l.AmountMinor, Status: l.Status, Reason: l.Reason,
			AccountID: l.AccountID, SpaceID: l.SpaceID, Explanation: explanation, ComputedAt: l.ComputedAt,
		}); err != nil {
			t.Fatal(err)
		}
		r.takeTold()
		r.links = links{issued: map[string]bool{"AA0001": true}, statements: map[place]string{{l.PayeeID, l.Period.String(), string(l.Currency)}: link}}
		fromTexts, fromValues := form.NewSheet(), form.NewSheet()
		if standing, err := r.Fill(l.Key, fromTexts); err != nil || standing != (Standing{IsKnown: true}) {
			t.Fatalf("%+v, %v", standing, err)
		}
		if err := fromValues.Fill(l.Key, state.Values); err != nil {
			t.Fatal(err)
		}
		for name, sheet := range map[string]*Sheet{"texts": fromTexts, "values": fromValues} {
			sameAs(t, name, sheet, Make(to, l.Key, state.Values))
		}
	})
}

// sameAs holds that a sheet and a record are written the same.
func sameAs(t interface{ Fatalf(string, ...any) }, name string, s *Sheet, r Record) {
	want, err := r.AppendJSON(nil, "")
	got, gotErr := s.AppendJSON(nil)
	if err != nil || gotErr != nil || !bytes.Equal(want, got) {
		t.Fatalf("%s: %v %v\n%s", name, err, gotErr, cmp.Diff(string(want), string(got)))
	}
	hash, err := r.Hash(s.to)
	sum, gotErr := s.Hash()
	if err != nil || gotErr != nil || !bytes.Equal(hash, sum[:]) {
		t.Fatalf("%s: the hashes differ: %v %v", name, err, gotErr)
	}
	want, err = r.AppendCSV(nil, s.to)
	got, gotErr = s.AppendCSV(nil)
	if fmt.Sprint(err) != fmt.Sprint(gotErr) || !bytes.Equal(want, got) {
		t.Fatalf("%s: %v %v\n%s", name, err, gotErr, cmp.Diff(string(want), string(got)))
	}
}

// TestFieldsThatMeetInAMemberAreWrittenAsBefore: such a mapping is odd, and is taken.
func TestFieldsThatMeetInAMemberAreWrittenAsBefore(t *testing.T) {
	t.Parallel()
	for _, paths := range [][2]string{{"Partner__r.A__c", "Partner__r.B__c"}, {"K__c", "Partner__r.B__c"}, {"Partner__r.A__c", "Partner__r"}} {
		to := mapping.Destination{Object: "X", Key: "K__c", Fields: []mapping.DestinationField{{Name: "a", Path: paths[0]}, {Name: "b", Path: paths[1]}}}
		values := map[string]any{"a": "1", "b": "2"}
		s := NewForm(to).NewSheet()
		if err := s.Fill("k", values); err != nil {
			t.Fatal(err)
		}
		sameAs(t, fmt.Sprint(paths), s, Make(to, "k", values))
	}
}

// TestAnExplanationIsToldTheQuickWayOrNotAtAll: whatever JSON it is.
func TestAnExplanationIsToldTheQuickWayOrNotAtAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		member := rapid.SampledFrom([]string{`"sentence":"a\"b"`, `"sentence": "\u00e9"`, `"sentence":null`, `"Sentence":"x"`, `"arithmetic":["a","b\\"]`, `"arithmetic" : []`,
			`"arithmetic":[1]`, `"x":{"sentence":"no","y":["]}"]}`, `"n":1.5e3`, `"s":"\\\""`, `"t": true `, `"s\"":1`, `"arithmetic":null`})
		raw := []byte("{" + strings.Join(rapid.SliceOfN(member, 0, 5).Draw(t, "members"), " , ") + "}")
		var e told
		err := json.Unmarshal(raw, &e)
		told, fault := appendTold([]byte("before"), raw)
		text, whole := strings.CutPrefix(string(told), "before")
		if !whole {
			t.Fatalf("%s: what was before became %q", raw, told)
		}
		if (err != nil) != (fault != "") || err == nil && text != tell(e) {
			t.Fatalf("%s: %q %q, want %q %v", raw, text, fault, tell(e), err)
		}
	})
}

func TestNumbersOfTheDatabaseAreWrittenAsBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64().Draw(t, "n"), -rapid.Int32Range(0, 8).Draw(t, "scale"))
		if got, err := plainNumber(d.StringFixed(8)); err != nil || got != d.String() {
			t.Fatalf("%s became %s, %v", d, got, err)
		}
		n := rapid.Int64().Draw(t, "minor")
		for _, c := range []money.Currency{"JPY", "USD", "KWD", "CLF"} {
			if got := minorText(n, int(c.Digits())); got != c.FromMinor(n).String() {
				t.Fatalf("%d %s became %s", n, c, got)
			}
		}
	})
	for _, s := range []string{"NaN", "Infinity", "1e5", "1-2"} {
		if got, err := plainNumber(s); err == nil {
			t.Errorf("%s became %s", s, got)
		}
	}
}
