package record

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/mapping"
)

// values are what records are made of.
func values() *rapid.Generator[any] {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a\u2028b", "<&>", "\x00\x1f\x7f\b\f", "\xff", "“Acme”\r\n\t\\\"", ",", "\""}))
	return rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }),
		rapid.Just[any](nil),
		rapid.Map(rapid.Int64(), func(n int64) any { return json.Number(strings.TrimSpace(json.Number(jsonInt(n)).String())) }),
		rapid.Map(text, func(s string) any { return map[string]any{"Far__c": s} }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	)
}

func jsonInt(n int64) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}

// TestARecordIsWrittenAsEncodingJSONWritesIt: what was confirmed is known by a hash of
// those bytes.
func TestARecordIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Record(rapid.MapOf(rapid.String(), values()).Draw(t, "record"))
		got, err := r.AppendJSON(nil, "skipped by nobody")
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%s\nis not\n%s", got, want)
		}
	})
}

// TestARecordAsCSVReadsBack: what is null is #N/A, what is absent is empty, and any text
// comes through.
func TestARecordAsCSVReadsBack(t *testing.T) {
	t.Parallel()
	to := mapping.Destination{Key: "Key__c", Fields: []mapping.DestinationField{
		{Path: "Text__c"}, {Path: "None__c"}, {Path: "Absent__c"}, {Path: "Far__r.Far__c"}, {Path: "Number__c"},
	}}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.StringN(1, -1, -1).Draw(t, "text"), "\r", "") // which encoding/csv changes as it reads
		if text == "" {
			text = "x"
		}
		r := Record{"Key__c": "k", "Text__c": text, "None__c": nil, "Far__r": map[string]any{"Far__c": "f,f"}, "Number__c": json.Number("1.50")}
		data, err := r.AppendCSV(AppendCSVHeader(nil, to), to)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		want := []string{"k", text, "#N/A", "", "f,f", "1.50"}
		if len(rows) != 2 || strings.Join(rows[1], "|") != strings.Join(want, "|") || strings.Join(rows[0], " ") != "Key__c Text__c None__c Absent__c Far__r.Far__c Number__c" {
			t.Fatalf("%q, not %q", rows, want)
		}
	})
	if _, err := (Record{"Key__c": []int{1}}).AppendCSV(nil, to); err == nil {
		t.Error("a list was written as CSV")
	}
}
